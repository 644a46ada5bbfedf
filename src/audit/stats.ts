/** What each statement of a policy has decided, from what the rules counted. Pure. */
import { type Counter } from "../backend/nftables/counters.js";
import { counterOf, defaultNumber, statementNumber, TALLY } from "../backend/nftables/counting.js";
import type { Ruleset, Set as NftSet } from "../backend/nftables/ruleset.js";
import { type Decision, type DEFAULTS, endpointAt, evaluate, type Packet, translate } from "../ir/evaluate.js";
import { RuleIndex } from "../ir/rule-index.js";
import type { Origin, Policy, Rule } from "../ir/policy.js";
import { type Address, format4, format6, formatAddress, parseAddress } from "../net/address.js";

/** A connection that is open, and the bytes of both its directions so far. */
export interface Flow {
  readonly packet: Packet;
  readonly bytes: number;
}

export type Kind = Rule["verb"] | "publish" | "link" | "icc";

export interface StatementCount {
  readonly origin: Origin;
  readonly kind: Kind;
  packets: number;
  /** Of the flows that are open. */
  bytes: number;
}

export interface DefaultCount {
  readonly name: keyof typeof DEFAULTS;
  /** Of `icc`: whose containers it is about. */
  readonly network: string | undefined;
  readonly verdict: "allow" | "deny";
  packets: number;
  bytes: number;
}

export interface Stats {
  /** Of every statement that can decide packets, in the order of the text. */
  readonly statements: readonly StatementCount[];
  /** Of every default that no statement set. */
  readonly defaults: readonly DefaultCount[];
}

export function statsOf(policy: Policy, ruleset: Ruleset, counters: readonly Counter[], flows: readonly Flow[]): Stats {
  const sums = new Sums(policy);
  const numbered = sums.byNumber();
  const sets = new Map(
    ruleset.tables.flatMap(({ sets: all }) => all.map((set) => [counterOf(set.name), set] as const)),
  );
  for (const { set, key, packets } of counters)
    if (set === TALLY) for (const count of numbered.get(Number(key[0])) ?? []) count.packets += packets;
    else
      for (const origin of tupleOrigins(policy, sets.get(set), key) ?? publishOrigins(policy, key)) {
        const count = sums.statements.get(origin);
        if (count !== undefined) count.packets += packets;
      }
  const rules = new RuleIndex(policy.rules, policy);
  for (const { packet, bytes } of flows) {
    const mine = packet.destination.zone === "container" ? rules.to([packet.destination.address]) : policy.rules;
    for (const count of sums.of(packet, evaluate(policy, packet, mine))) count.bytes += bytes;
  }
  return { statements: inOrder([...sums.statements.values()]), defaults: [...sums.defaults.values()] };
}

/** By file, in the order of their first statements, and place. */
function inOrder(counts: readonly StatementCount[]): StatementCount[] {
  const files = [...new Set(counts.map(({ origin }) => origin.span.file))];
  return files.flatMap((file) =>
    counts.filter(({ origin }) => origin.span.file === file).sort((a, b) => a.origin.span.start - b.origin.span.start),
  );
}

/** The statements that say a tuple; undefined where the counters are of another kind of set. */
function tupleOrigins(policy: Policy, set: NftSet | undefined, key: Counter["key"]): readonly Origin[] | undefined {
  const tuples = set?.tuples;
  if (tuples === undefined) return undefined;
  const [source, destination, protocol, port] = key;
  const at = tuples.find(source ?? 0, destination ?? 0, Number(protocol ?? 0), Number(port ?? 0));
  // A statement that is gone may have left its counter.
  return at === -1 ? [] : tuples.originsOf(at).map((index) => policy.ruleList.origins.at(index));
}

/** Of a counter behind a published port: see `publishDecides`. */
function publishOrigins(policy: Policy, [asked, address, protocol, hostPort, port]: Counter["key"]): readonly Origin[] {
  if (asked === undefined || address === undefined || hostPort === undefined) return [];
  const inner = formatAddress(toAddress(address));
  const ways = translate(policy, toAddress(asked), Number(protocol), Number(hostPort));
  return ways
    .filter((way) => formatAddress(way.address) === inner && way.port === Number(port))
    .map(({ publish }) => publish.origin);
}

const toAddress = (value: number | bigint): Address =>
  parseAddress(typeof value === "number" ? format4(value) : format6(value)) as Address;

const keyOf = (name: string | null, network: string | undefined): string => `${name} ${network ?? ""}`;

/** The counts, at zero. */
class Sums {
  readonly statements = new Map<Origin, StatementCount>();
  /** By name and network. */
  readonly defaults = new Map<string, DefaultCount>();
  private readonly icc = new Map<string, StatementCount>();
  private readonly policy: Policy;
  private readonly rules: readonly Origin[];

  constructor(policy: Policy) {
    this.policy = policy;
    const links = new Set(policy.links.map(({ origin }) => origin));
    for (const { verb, origin } of policy.rules) this.statement(origin, links.has(origin) ? "link" : verb);
    this.rules = [...this.statements.keys()];
    for (const { origin } of policy.publishes) this.statement(origin, "publish");
    for (const { name, icc, iccOrigin } of policy.networks)
      if (iccOrigin !== undefined) this.icc.set(name, this.statement(iccOrigin, "icc"));
      else this.default("icc", icc ? "allow" : "deny", name);
    for (const name of ["out", "fromHost"] as const) this.default(name, "allow");
    for (const name of ["apart", "fromWorld"] as const) this.default(name, "deny");
    if (policy.networks.some(({ internal }) => internal)) this.default("internal", "deny");
  }

  private statement(origin: Origin, kind: Kind): StatementCount {
    const known = this.statements.get(origin);
    if (known !== undefined) return known;
    const count = { origin, kind, packets: 0, bytes: 0 };
    this.statements.set(origin, count);
    return count;
  }

  private default(name: DefaultCount["name"], verdict: DefaultCount["verdict"], network?: string): void {
    this.defaults.set(keyOf(name, network), { name, network, verdict, packets: 0, bytes: 0 });
  }

  /** What a number of the tally stands for. */
  byNumber(): Map<number, (StatementCount | DefaultCount)[]> {
    const found = new Map<number, (StatementCount | DefaultCount)[]>();
    const add = (number: number, count: StatementCount | DefaultCount): void => {
      found.set(number, [...(found.get(number) ?? []), count]);
    };
    for (const origin of this.rules) add(statementNumber(origin.id), this.statements.get(origin) as StatementCount);
    for (const [network, count] of this.icc) add(defaultNumber("icc", network), count);
    for (const count of this.defaults.values()) add(defaultNumber(count.name, count.network), count);
    return found;
  }

  /** What a decision counts for. */
  of({ destination }: Packet, { by, default: name }: Decision): (StatementCount | DefaultCount)[] {
    if (by.length > 0) return by.flatMap((origin) => this.statements.get(origin) ?? []);
    const network = name === "icc" ? endpointAt(this.policy, destination.address)?.network.name : undefined;
    return [this.defaults.get(keyOf(name, network))].filter((count) => count !== undefined);
  }
}
