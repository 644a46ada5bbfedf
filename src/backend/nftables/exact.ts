/** Statements between few single addresses and ports, as elements of exact sets that all lanes share. */
import type { Origin, PeerSet, Rule as PolicyRule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { OnePort, type PortSet, protocolIn } from "../../net/ports.js";
import { contains, EMPTY, equal, intersect, type Ranges, subtract } from "../../net/ranges.js";
import { IN, lookup, rule, type TableBuilder, then } from "./builder.js";
import { domain, type Lane, of, targetOf, type Value, values } from "./lanes.js";
import type { Key, Rule } from "./ruleset.js";
import { Tuples } from "./tuples.js";

/** Whether a tuple's addresses are containers': what lanes it can be met in. */
export type Way = "both" | "source" | "destination";

export const WAYS: Readonly<Record<Lane, Way>> = {
  cc: "both",
  cw: "source",
  ch: "source",
  wc: "destination",
  hc: "destination",
};

/** A rule that looks an exact set up, and where that is worth it. */
export interface Exact {
  readonly rule: Rule;
  readonly ways: ReadonlySet<Way>;
}

interface Side {
  readonly own: readonly Value[];
  readonly other: readonly Value[];
}

/** One literal address, by far the most common peer of large policies. */
function literalOf(peers: PeerSet, family: Family, own: Ranges<Value>): Side | undefined {
  if (peers.container !== peers.host || peers.host !== peers.world) return undefined;
  const set = of(peers.world, family);
  if (set.length !== 2 || set[0] !== set[1]) return undefined;
  const value = [set[0] as Value];
  return contains(own, set[0] as Value) ? { own: value, other: EMPTY } : { own: EMPTY, other: value };
}

/** A side as single addresses, where it is nothing else and means the same in every zone. */
function sideOf(peers: PeerSet, family: Family, own: Ranges<Value>): Side | undefined {
  const host = of(peers.host, family);
  const world = of(peers.world, family);
  if (!equal(host, world)) return undefined;
  const other = host.length === 0 ? EMPTY : subtract(host, own, domain(family));
  const singles: Value[] = [];
  for (let i = 0; i < other.length; i += 2) {
    if (other[i] !== other[i + 1]) return undefined;
    singles.push(other[i] as Value);
  }
  return { own: values(intersect(of(peers.container, family), own), family), other: singles };
}

/** How many single ports, and protocols as a whole, a port set is; undefined when one of them is a range. */
function count(ports: PortSet): number | undefined {
  if (ports.all || ports instanceof OnePort) return 1;
  let count = 0;
  for (const set of ports.protocols.values()) {
    if (set === null) count++;
    else {
      for (let i = 0; i < set.length; i += 2) if (set[i] !== set[i + 1]) return undefined;
      count += set.length / 2;
    }
  }
  return count;
}

/** What the statements of one verb say between single addresses, in one family. */
class ExactSets {
  /** Every protocol; protocols as a whole; single ports. */
  readonly pairs = new ExactSet();
  readonly protocols = new ExactSet();
  readonly ports = new ExactSet();
  private readonly family: Family;

  constructor(family: Family) {
    this.family = family;
  }

  /** Every pair, in the order of the sources. */
  add(way: Way, sources: readonly Value[], destinations: readonly Value[], ports: PortSet, from: [Origin]): void {
    for (let i = 0; i < sources.length; i++)
      for (let j = 0; j < destinations.length; j++)
        this.addPair(way, sources[i] as Value, destinations[j] as Value, ports, from);
  }

  private addPair(way: Way, source: Value, destination: Value, ports: PortSet, from: [Origin]): void {
    if (ports.all) return this.pairs.add(way, source, destination, undefined, undefined, from);
    if (ports instanceof OnePort) return this.ports.add(way, source, destination, ports.protocol, ports.port, from);
    for (const [number, set] of ports.protocols) {
      const protocol = protocolIn(this.family, number);
      if (set === null) this.protocols.add(way, source, destination, protocol, undefined, from);
      else
        for (let i = 0; i < set.length; i += 2)
          this.ports.add(way, source, destination, protocol, set[i] as number, from);
    }
  }
}

/** One set, and the ways that its tuples go. */
class ExactSet {
  readonly tuples = new Tuples();
  readonly ways = new Set<Way>();
  private last: Way | undefined;

  add(
    way: Way,
    source: Value,
    destination: Value,
    protocol: number | undefined,
    port: number | undefined,
    from: [Origin],
  ): void {
    if (way !== this.last) {
      this.ways.add(way);
      this.last = way;
    }
    this.tuples.add(source, destination, protocol, port, from);
  }
}

/** Which statements become exact tuples, and which are left to the classes. */
export function split(
  statements: readonly PolicyRule[],
  family: Family,
  own: Ranges<Value>,
): { exact: ExactSets; rest: PolicyRule[] } {
  const exact = new ExactSets(family);
  const rest: PolicyRule[] = [];
  const known = new Map<PeerSet, Side | undefined>();
  const side = (peers: PeerSet): Side | undefined => {
    const single = literalOf(peers, family, own);
    if (single !== undefined) return single;
    if (!known.has(peers)) known.set(peers, sideOf(peers, family, own));
    return known.get(peers);
  };
  for (const statement of statements) {
    const source = side(statement.from);
    const destination = side(statement.to);
    const { ports } = statement;
    const portCount = count(ports);
    if (source === undefined || destination === undefined || portCount === undefined) {
      rest.push(statement);
      continue;
    }
    const sources = source.own.length + source.other.length;
    const destinations = destination.own.length + destination.other.length;
    // A product that much outgrows its factors is cheaper as classes.
    if (sources * destinations * portCount > 4 * (sources + destinations + portCount) + 16) {
      rest.push(statement);
      continue;
    }
    const from: [Origin] = [statement.origin];
    exact.add("both", source.own, destination.own, ports, from);
    exact.add("source", source.own, destination.other, ports, from);
    exact.add("destination", source.other, destination.own, ports, from);
  }
  return { exact, rest };
}

/** Sets of exact tuples: every protocol, protocols without ports, and ports. Each is looked up only if it exists. */
export function exactRules(
  table: TableBuilder,
  verb: "deny" | "reject" | "allow",
  family: Family,
  sets: ExactSets,
): Exact[] {
  const { source, destination, type } = IN[family];
  const rules: Exact[] = [];
  const add = (
    name: string,
    { tuples, ways }: ExactSet,
    extra: readonly Key[],
    types: readonly ("inet_proto" | "inet_service")[],
  ): void => {
    const { elements } = tuples;
    if (elements.length === 0) return;
    const comment = `${verb}: source, destination${types.length > 0 ? ", protocol" : ""}`;
    table.exact(`${name}${family}`, [type, type, ...types], elements, comment);
    rules.push({
      rule: rule([lookup(`${name}${family}`, source, destination, ...extra), then(targetOf(verb))]),
      ways,
    });
  };
  add(`${verb}-pair`, sets.pairs, [], []);
  add(`${verb}-protocol`, sets.protocols, ["meta l4proto"], ["inet_proto"]);
  add(`${verb}-port`, sets.ports, ["meta l4proto", "th dport"], ["inet_proto", "inet_service"]);
  return rules;
}
