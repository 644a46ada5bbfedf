/**
 * What an open handle knows of the published ports that it committed, so that a publish more or less costs its own
 * elements.
 *
 * As in mirror.ts everything is the plan's doing: the elements are what translation.ts makes of the publishes that come
 * or go. What would change more than elements (the first publish of a container, whose device then takes packets from
 * the host's loopback; the last one; a map that comes or goes) is not for here: it says so, and the whole policy is
 * planned anew.
 */
import type { PlainPublish } from "../../ast/plain-publish.js";
import type { Policy, Publish } from "../../ir/policy.js";
import { FAMILIES, isEmptySet } from "../../net/address.js";
import { TCP } from "../../net/ports.js";
import type { Covered, Edit } from "../backend.js";
import { waysOf } from "../shape/ways.js";
import { TableBuilder } from "./builder.js";
import type { Set as NftSet, Table } from "./ruleset.js";
import { planPublish, planPublished } from "./translation.js";
import { sizeOf } from "./values.js";
import type { Change, Transaction } from "./wire/changes.js";
import { encodeElements } from "./wire/elements.js";
import type { TableName } from "./wire/encode.js";

/** The maps of translation.ts, and its sets in the filter, which accept what was translated. */
const OURS = /^publish/;
const ACCEPTS = /^published/;

/** What an edit comes to. */
export class PublishChange implements Edit {
  readonly table: TableName;
  readonly removed: readonly Publish[];
  readonly added: readonly Publish[];
  /** The elements that go and come, by their maps. */
  readonly gone: readonly NftSet[];
  readonly come: readonly NftSet[];

  constructor(table: TableName, removed: readonly Publish[], added: readonly Publish[]) {
    this.table = table;
    this.removed = removed;
    this.added = added;
    this.gone = mapsOf(removed);
    this.come = mapsOf(added);
  }

  /**
   * A packet asks where it goes first, and in the filter whether that was by a publish of ours; what it finds at the first
   * it finds at the second, too, as all that comes is there at once. What goes is first no longer translated, and then,
   * when no translated packet is under way, no longer accepted.
   */
  get transactions(): Transaction[] {
    const { gone, come } = this;
    const [filter, translation] = [true, false].map((accepts) =>
      gone.filter(({ name }) => ACCEPTS.test(name) === accepts).map((set) => this.changeOf("delete elements", set)),
    ) as [Change[], Change[]];
    // Deletions first: a full map takes additions only then.
    const first = [...translation, ...come.map((set) => this.changeOf("add elements", set))];
    return [
      { changes: first, settle: false },
      { changes: filter, settle: true },
    ].filter(({ changes }) => changes.length > 0);
  }

  private changeOf(kind: "add elements" | "delete elements", set: NftSet): Change {
    return { kind, table: this.table, set: set.name, elements: encodeElements(set) };
  }

  get tightened(): Covered[] {
    return this.removed.flatMap(({ targets, port }) =>
      targets.flatMap(({ addresses }) =>
        addresses.map(({ value }) => ({ source: undefined, destination: value, protocol: TCP, port })),
      ),
    );
  }

  /** By how much it changes how many elements each map has, and how many publishes each container. */
  get steps(): ReadonlyMap<string, number> {
    const steps = new Map<string, number>();
    const add = (name: string, step: number): void => void steps.set(name, (steps.get(name) ?? 0) + step);
    for (const publish of this.removed) add(tallyOf(publish), -1);
    for (const publish of this.added) add(tallyOf(publish), 1);
    for (const { name, elements } of this.gone) add(name, -elements.length);
    for (const { name, elements } of this.come) add(name, elements.length);
    return steps;
  }

  get operations(): number {
    return [...this.gone, ...this.come].reduce((sum, { elements }) => sum + elements.length, 0);
  }

  get place(): string {
    return `the ruleset inet ${this.table.name}`;
  }
}

/** The maps that a plan makes of these publishes alone. */
function mapsOf(publishes: readonly Publish[]): NftSet[] {
  if (publishes.length === 0) return [];
  const table = new TableBuilder();
  for (const family of FAMILIES) {
    const ways = waysOf({ publishes }, family);
    planPublish(table, ways, family);
    planPublished(table, ways, family);
  }
  return table.sets.filter(({ counts }) => counts !== true);
}

/** A map's elements, or a container's plain publishes. */
interface Tally {
  readonly most: number;
  count: number;
}

export class PublishMirror {
  private readonly table: TableName;
  private readonly tallies = new Map<string, Tally>();
  /** Plain publishes by their texts. */
  private readonly standing = new Map<string, Publish>();
  /** One of each container that has any. */
  private readonly models = new Map<string, Publish>();
  /** TCP ports of the host. */
  private readonly taken = new Set<number>();
  private readonly ranges: (readonly [number, number])[] = [];
  /** Without a publish such a rule may be wrong, which takes the whole policy to find out. */
  private readonly hasHostRules: boolean;

  private constructor(policy: Policy, table: Table) {
    this.table = { family: "inet", name: table.name };
    for (const set of table.sets)
      if (OURS.test(set.name) && !set.interval)
        this.tallies.set(set.name, { most: sizeOf(set) ?? 0, count: set.elements.length });
    for (const publish of policy.publishes) {
      this.add(publish);
      if (!isPlain(publish)) continue;
      const tally = this.tallies.get(tallyOf(publish));
      if (tally === undefined) this.tallies.set(tallyOf(publish), { most: Infinity, count: 1 });
      else tally.count++;
    }
    const onHost = policy.ruleList.pick(
      (_, to, isPorted) => isPorted && typeof to !== "number" && !isEmptySet(to.host),
    );
    this.hasHostRules = onHost.length > 0;
  }

  /** Of a policy that a mirror is made of; undefined where a publish more or less may change others. */
  static of(policy: Policy, table: Table): PublishMirror | undefined {
    const numbers = policy.publishes.some(({ origin }) => /\bpublish all\b/.test(origin.text));
    return numbers ? undefined : new PublishMirror(policy, table);
  }

  /** Undefined where the whole policy must be planned, be it to say what is wrong. */
  change(removed: readonly PlainPublish[], added: readonly PlainPublish[]): PublishChange | undefined {
    const [gone, come] = [new Map<string, Publish>(), new Map<number, Publish>()];
    if (removed.length > 0 && this.hasHostRules) return undefined;
    for (const { text } of removed) {
      const publish = this.standing.get(text);
      if (publish === undefined || gone.has(text)) return undefined;
      gone.set(text, publish);
    }
    for (const { hostPort, container, containerPort, text, span } of added) {
      const model = this.models.get(container);
      // One that goes in the same breath holds its port, too: a packet could meet the one's container and the other's port.
      if (model === undefined || this.isTaken(hostPort) || come.has(hostPort)) return undefined;
      const origin = { index: -1, id: text, text, span };
      come.set(hostPort, { ...model, hostPorts: [hostPort, hostPort], port: containerPort, origin });
    }
    const change = new PublishChange(this.table, [...gone.values()], [...come.values()]);
    return this.holds(change) ? change : undefined;
  }

  note({ removed, added, steps }: PublishChange): void {
    for (const { origin, hostPorts } of removed) {
      this.standing.delete(origin.text);
      this.taken.delete(hostPorts[0]);
    }
    for (const publish of added) this.add(publish);
    for (const [name, step] of steps) (this.tallies.get(name) as Tally).count += step;
  }

  private add(publish: Publish): void {
    const { protocol, hostPorts } = publish;
    if (protocol === TCP) {
      if (hostPorts[0] === hostPorts[1]) this.taken.add(hostPorts[0]);
      else this.ranges.push(hostPorts);
    }
    if (!isPlain(publish)) return;
    this.standing.set(publish.origin.text, publish);
    this.models.set(containerOf(publish), publish);
  }

  private isTaken(port: number): boolean {
    return this.taken.has(port) || this.ranges.some(([from, to]) => from <= port && port <= to);
  }

  /**
   * Whether every map is still what the plan would declare: there, not empty, and not full; and every container keeps a
   * publish.
   */
  private holds({ steps }: PublishChange): boolean {
    return [...steps].every(([name, step]) => {
      const { count, most } = this.tallies.get(name) ?? { count: 0, most: 0 };
      return count > 0 && count + step > 0 && count + step <= most;
    });
  }
}

/** Whether it is what `publish PORT -> NAME:PORT` says of a container by its own name. */
function isPlain(publish: Publish): boolean {
  const { hostPorts, port, origin } = publish;
  return origin.text === `publish ${hostPorts[0]} -> ${containerOf(publish)}:${port}`;
}

/** Of a plain publish: the container that it leads to. */
function containerOf({ targets }: Publish): string {
  return targets[0]?.container as string;
}

/** No map's name has a space. */
function tallyOf(publish: Publish): string {
  return `container ${containerOf(publish)}`;
}
