/** Builds the graph of a policy. Pure. */
import type { Compiled } from "../ir/compile.js";
import { type Container, isInternal, type PeerSet, type Policy, type Publish, type Rule } from "../ir/policy.js";
import { isEmptySet } from "../net/address.js";
import { formatPrefix } from "../net/prefix.js";
import { flowOf } from "./flow.js";
import { type Kind, kindsOf } from "./kinds.js";
import type { EndGroup, Flow, Graph, GraphStatement } from "./model.js";
import { containerRegions, type Region, zoneRegions } from "./regions.js";

/** An end as the flows need it. */
interface End {
  readonly zone: "container" | "host" | "world";
  readonly kind: Kind | undefined;
  readonly from: readonly number[];
  readonly to: ReadonlySet<number>;
  readonly shape: string;
  /** As a destination where no rule speaks. */
  readonly bare: string;
  /** As a source where no rule speaks, but for the networks that it shares with the destination. */
  readonly origin: string;
}

export function buildGraph({ policy, files }: Pick<Compiled, "policy" | "files">): Graph {
  const kinds = kindsOf(policy);
  const ends = [...kinds.map((kind) => kindEnd(policy, kind)), zoneEnd(policy, "host"), zoneEnd(policy, "world")];
  const flows = new Flows(policy);
  return {
    policy: policy.name,
    networks: policy.networks.map((network) => ({
      name: network.name,
      subnets: network.subnets.map(formatPrefix),
      icc: network.icc,
      internal: network.internal,
      masquerade: network.masquerade,
    })),
    groups: ends.map(groupOf),
    matrix: ends.map((from) => ends.map((to) => flows.between(from, to))),
    self: ends.map((end) => flows.toSelf(end)),
    flows: flows.list,
    statements: statementsOf(policy, files),
    files: files.map(({ name, text }) => ({ name, text })),
    others: policy.containers.filter(({ endpoints }) => endpoints.length === 0).map(otherOf),
  };
}

function kindEnd(policy: Policy, kind: Kind): End {
  const families = kind.members[0]?.endpoints.map(({ addresses }) => addresses.map(({ family }) => family).join(""));
  const bare = JSON.stringify([kind.networks, families]);
  const internal = kind.members.some((member) => isInternal(policy, member));
  return {
    zone: "container",
    kind,
    from: kind.named.from,
    to: new Set(kind.named.to),
    shape: kind.shape,
    bare,
    origin: JSON.stringify([internal, families]),
  };
}

function zoneEnd({ rules }: Policy, zone: "host" | "world"): End {
  const naming = (side: (rule: Rule) => PeerSet) =>
    rules.flatMap((rule, position) => (isEmptySet(side(rule)[zone]) ? [] : [position]));
  return {
    zone,
    kind: undefined,
    from: naming((rule) => rule.from),
    to: new Set(naming((rule) => rule.to)),
    shape: zone,
    bare: zone,
    origin: zone,
  };
}

function groupOf({ zone, kind }: End): EndGroup {
  return {
    zone,
    names: kind === undefined ? [zone] : kind.members.map(({ name }) => name),
    networks: kind?.networks ?? [],
    addresses: kind === undefined ? [] : kind.members.map((one) => containerRegions(one).map(({ text }) => text)),
  };
}

function otherOf({ name, sandbox }: Container): { name: string; what: string } {
  if (sandbox.kind === "host") return { name, what: "the host's own network: see host" };
  if (sandbox.kind === "container") return { name, what: `in the sandbox of ${sandbox.other}: see there` };
  return { name, what: "loopback only" };
}

/** Which of the destination's networks the source is on. */
function shared({ kind: from }: End, { kind: to }: End): string {
  return (to?.networks ?? []).map((name) => (from?.networks.includes(name) === true ? "1" : "0")).join("");
}

/** The distinct flows of a policy. What the same statements say of ends alike is worked out once. */
class Flows {
  readonly list: Flow[] = [];
  private readonly byText = new Map<string, number>();
  private readonly byQuestion = new Map<string, number>();

  constructor(private readonly policy: Policy) {}

  between(from: End, to: End): number {
    if (from.zone !== "container" && to.zone !== "container") return -1;
    if (from === to && from.kind?.members.length === 1) return -1;
    const rules = from.from.filter((position) => to.to.has(position));
    const published = to.kind?.published ?? [];
    const admitted = published.length === 0 ? "" : from.kind?.admitted;
    const ends = rules.length === 0 ? [from.origin, shared(from, to), to.bare] : [from.shape, to.shape];
    const key = [...ends, admitted, rules.join(), published.join()].join("|");
    // A flow that names addresses of an end is of that end alone.
    const alone = (end: End, text: string) => `${key}|${text} ${end.kind?.members[0]?.name ?? end.zone}`;
    const known =
      this.byQuestion.get(key) ?? this.byQuestion.get(alone(to, "to")) ?? this.byQuestion.get(alone(from, "from"));
    if (known !== undefined) return known;
    const [one, other] = from === to ? [0, 1] : [0, 0];
    const flow = this.flow(from, to, rules, published, one, other, true);
    const index = this.add(flow);
    const names = (text: "from" | "to") => flow.cases.some((entry) => entry[text] !== undefined);
    if (!names("from")) this.byQuestion.set(names("to") ? alone(to, "to") : key, index);
    else if (!names("to")) this.byQuestion.set(alone(from, "from"), index);
    return index;
  }

  /** What a container's packets to its own published ports come to. */
  toSelf(end: End): number {
    const published = end.kind?.published ?? [];
    if (published.length === 0) return -1;
    const rules = end.from.filter((position) => end.to.has(position));
    const flow = this.flow(end, end, rules, published, 0, 0, false);
    return flow.cases.length === 0 ? -1 : this.add(flow);
  }

  private flow(
    from: End,
    to: End,
    rules: readonly number[],
    published: readonly number[],
    one: number,
    other: number,
    direct: boolean,
  ): Flow {
    const { policy } = this;
    const speaking = rules.map((position) => policy.rules[position] as Rule);
    const publishes = published.map((position) => policy.publishes[position] as Publish);
    const sources = [...speaking.map((rule) => rule.from), ...publishes.flatMap((publish) => publish.from ?? [])];
    const question = {
      from: this.regions(from, one, sources),
      to: this.regions(
        to,
        other,
        speaking.map((rule) => rule.to),
      ),
      rules: speaking,
      publishes,
    };
    return flowOf(policy, question, direct);
  }

  private regions({ zone, kind }: End, member: number, peers: readonly PeerSet[]): Region[] {
    if (zone !== "container") return zoneRegions(this.policy, zone, peers);
    return containerRegions(kind?.members[member] as Container);
  }

  private add(flow: Flow): number {
    const text = JSON.stringify(flow);
    let index = this.byText.get(text);
    if (index === undefined) {
      index = this.list.push(flow) - 1;
      this.byText.set(text, index);
    }
    return index;
  }
}

function statementsOf({ origins }: Policy, files: Compiled["files"]): GraphStatement[] {
  return origins.map(({ text, span: { file, start, end } }) => {
    const { line, column } = file.position(start);
    return { text, file: files.indexOf(file), line, column, endLine: file.position(Math.max(start, end - 1)).line };
  });
}
