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
import { isSelfContained } from "../../ir/self-contained.js";
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

/** `publish PORT -> NAME:PORT`, in canonical text. */
const PLAIN = /^publish \d+ -> [^\s:]+:\d+$/;

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

interface KnownMap {
  readonly size: number;
  count: number;
}

export class PublishMirror {
  private readonly table: TableName;
  private readonly maps = new Map<string, KnownMap>();
  /** Plain publishes by their texts. */
  private readonly standing = new Map<string, Publish>();
  /** One of each container that has any, and how many it has. */
  private readonly models = new Map<string, Publish>();
  private readonly counts = new Map<string, number>();
  /** TCP ports of the host. */
  private readonly taken = new Set<number>();
  private readonly ranges: (readonly [number, number])[] = [];
  /** Without a publish such a rule may be wrong, which takes the whole policy to find out. */
  private readonly hasHostRules: boolean;

  private constructor(policy: Policy, table: Table) {
    this.table = { family: "inet", name: table.name };
    for (const set of table.sets)
      if (OURS.test(set.name) && !set.interval)
        this.maps.set(set.name, { size: sizeOf(set) ?? 0, count: set.elements.length });
    for (const publish of policy.publishes) this.add(publish);
    const onHost = policy.ruleList.pick(
      (_, to, isPorted) => isPorted && typeof to !== "number" && !isEmptySet(to.host),
    );
    this.hasHostRules = onHost.length > 0;
  }

  /** Undefined for a policy of which a publish more or less may change others, or what is asserted. */
  static of(policy: Policy, table: Table): PublishMirror | undefined {
    const isAlone = isSelfContained(policy) && policy.assertions.length === 0;
    const numbers = policy.publishes.some(({ origin }) => /\bpublish all\b/.test(origin.text));
    return isAlone && !numbers ? new PublishMirror(policy, table) : undefined;
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
    return this.keepsContainers(change) && this.holds(change) ? change : undefined;
  }

  note({ removed, added, gone, come }: PublishChange): void {
    for (const publish of removed) {
      const name = containerOf(publish);
      this.standing.delete(publish.origin.text);
      this.taken.delete(publish.hostPorts[0]);
      this.counts.set(name, (this.counts.get(name) as number) - 1);
    }
    for (const publish of added) this.add(publish);
    for (const { name, elements } of gone) (this.maps.get(name) as KnownMap).count -= elements.length;
    for (const { name, elements } of come) (this.maps.get(name) as KnownMap).count += elements.length;
  }

  private add(publish: Publish): void {
    const { protocol, hostPorts, origin } = publish;
    if (protocol === TCP) {
      if (hostPorts[0] === hostPorts[1]) this.taken.add(hostPorts[0]);
      else this.ranges.push(hostPorts);
    }
    if (publish.targets.length !== 1 || !PLAIN.test(origin.text)) return;
    const name = containerOf(publish);
    this.standing.set(origin.text, publish);
    this.models.set(name, publish);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  private isTaken(port: number): boolean {
    return this.taken.has(port) || this.ranges.some(([from, to]) => from <= port && port <= to);
  }

  /** Whether every container keeps a publish. */
  private keepsContainers({ removed, added }: PublishChange): boolean {
    const left = new Map<string, number>();
    for (const [publishes, step] of [
      [removed, -1],
      [added, 1],
    ] as const)
      for (const publish of publishes) {
        const name = containerOf(publish);
        left.set(name, (left.get(name) ?? (this.counts.get(name) as number)) + step);
      }
    return [...left.values()].every((count) => count > 0);
  }

  /** Whether every map is still what the plan would declare: there, not empty, and not full. */
  private holds({ gone, come }: PublishChange): boolean {
    const counts = new Map<string, number>();
    for (const [sets, step] of [
      [gone, -1],
      [come, 1],
    ] as const)
      for (const { name, elements } of sets) {
        const known = this.maps.get(name);
        if (known === undefined) return false;
        counts.set(name, (counts.get(name) ?? known.count) + step * elements.length);
      }
    return [...counts].every(([name, count]) => count > 0 && count <= (this.maps.get(name) as KnownMap).size);
  }
}

/** Of a plain publish: the container that it leads to. */
function containerOf({ targets }: Publish): string {
  return targets[0]?.container as string;
}
