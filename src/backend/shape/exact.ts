/** Statements between few single addresses and ports, as columns of exact keys that all lanes share. */
import {
  DESTINATION,
  FIELDS,
  KIND,
  NAMED_DESTINATION,
  NAMED_SOURCE,
  PORT,
  SOURCE,
  VERB,
  VERBS,
} from "../../ast/plain-rules.js";
import type { Origins } from "../../ir/origins.js";
import type { PeerSet, Rule as PolicyRule } from "../../ir/policy.js";
import { portsOf, protocolOf, type RuleList, type RuleRun } from "../../ir/rule-list.js";
import type { Family } from "../../net/address.js";
import { OnePort, type PortSet, protocolIn } from "../../net/ports.js";
import { contains, EMPTY, equal, intersect, type Ranges, subtract } from "../../net/ranges.js";
import { domain, of, type Value, values } from "./lanes.js";
import { PlainExact } from "./plain-exact.js";
import { Tuples, type Way } from "./tuples.js";

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
export class ExactSets {
  /** Every protocol; protocols as a whole; single ports. */
  readonly pairs: Tuples;
  readonly protocols: Tuples;
  readonly ports: Tuples;
  private readonly family: Family;

  /** The three by the words that stand for them in the sets' names. */
  get byName(): Readonly<Record<"pair" | "protocol" | "port", Tuples>> {
    return { pair: this.pairs, protocol: this.protocols, port: this.ports };
  }

  constructor(family: Family, origins: Origins) {
    this.family = family;
    this.pairs = new Tuples(family, origins);
    this.protocols = new Tuples(family, origins);
    this.ports = new Tuples(family, origins);
  }

  /** Every pair, in the order of the sources. */
  add(way: Way, sources: readonly Value[], destinations: readonly Value[], ports: PortSet, from: number): void {
    for (let i = 0; i < sources.length; i++)
      for (let j = 0; j < destinations.length; j++)
        this.addPair(way, sources[i] as Value, destinations[j] as Value, ports, from);
  }

  private addPair(way: Way, source: Value, destination: Value, ports: PortSet, from: number): void {
    if (ports.all) return this.pairs.add(way, source, destination, 0, 0, from);
    if (ports instanceof OnePort) return this.ports.add(way, source, destination, ports.protocol, ports.port, from);
    for (const [number, set] of ports.protocols) {
      const protocol = protocolIn(this.family, number);
      if (set === null) this.protocols.add(way, source, destination, protocol, 0, from);
      else
        for (let i = 0; i < set.length; i += 2)
          this.ports.add(way, source, destination, protocol, set[i] as number, from);
    }
  }
}

/**
 * Puts the statements that can be exact tuples into sets, and leaves the rest to the classes. Both keep the statements'
 * order.
 */
export class Splitter {
  readonly exact: ExactSets;
  readonly rest: PolicyRule[] = [];
  private readonly family: Family;
  private readonly own: Ranges<Value>;
  private readonly list: RuleList;
  private known: Map<PeerSet, Side | undefined> | undefined;

  constructor(list: RuleList, family: Family, own: Ranges<Value>) {
    this.list = list;
    this.family = family;
    this.own = own;
    this.exact = new ExactSets(family, list.origins);
  }

  private side(peers: PeerSet): Side | undefined {
    const single = literalOf(peers, this.family, this.own);
    if (single !== undefined) return single;
    const known = (this.known ??= new Map());
    if (!known.has(peers)) known.set(peers, sideOf(peers, this.family, this.own));
    return known.get(peers);
  }

  add(statement: PolicyRule): void {
    const { from, to, ports, origin } = statement;
    if (!this.addExact(this.side(from), this.side(to), ports, origin.index)) this.rest.push(statement);
  }

  /** The rows of a run that are of this verb. */
  addRun(run: RuleRun, verb: PolicyRule["verb"]): void {
    const { plain, first, end, base, peers } = run;
    const { rows } = plain;
    const { family, own } = this;
    const { ports } = this.exact;
    const number = VERBS.indexOf(verb);
    const count = Math.min(plain.counts[number] as number, end - first);
    // An address in a row is IPv4's.
    if (count === 0 || (family === 6 && plain.pairsOfNames === 0)) return;
    const sides: (Side | null | undefined)[] = [];
    const named = (name: number): Side | undefined => {
      const known = sides[name];
      if (known !== undefined) return known ?? undefined;
      const side = this.side(peers[name] as PeerSet);
      sides[name] = side ?? null;
      return side;
    };
    const target = (name: number): number | undefined => {
      const side = named(name);
      return side?.own.length === 1 && side.other.length === 0 ? (side.own[0] as number) : undefined;
    };
    const bounds = [(own[0] ?? 1) as number, (own.at(-1) ?? 0) as number] as const;
    const plainly = PlainExact.of(ports, run, number, count, target, bounds);
    if (plainly === undefined && family === 4) ports.reserve(count);
    for (let row = first; row < end; row++) {
      if (plainly !== undefined && (row = plainly.add(row, end)) === end) break;
      const at = row * FIELDS;
      const kind = rows[at + KIND] as number;
      if ((kind & VERB) !== number) continue;
      const port = rows[at + PORT] as number;
      const from = rows[at + SOURCE] as number;
      const to = rows[at + DESTINATION] as number;
      const destination = (kind & NAMED_DESTINATION) === 0 ? this.literal(to) : named(to);
      const index = base + row - first;
      // By far the most common: an address that is nobody's, and a port of one container.
      if ((kind & NAMED_SOURCE) === 0 && port !== 0 && family === 4 && destination !== undefined) {
        const source = from >>> 0;
        if (destination.own.length === 1 && destination.other.length === 0 && !contains(own, source)) {
          ports.add("destination", source, destination.own[0] as Value, protocolOf(plain, row), port, index);
          continue;
        }
      }
      const source = (kind & NAMED_SOURCE) === 0 ? this.literal(from) : named(from);
      if (!this.addExact(source, destination, portsOf(plain, row), index)) this.rest.push(this.list.ruleOf(run, row));
    }
  }

  /** What an IPv4 address in a row is in this family. */
  private literal(bits: number): Side {
    if (this.family === 6) return NOBODY;
    const value = bits >>> 0;
    return contains(this.own, value) ? { own: [value], other: EMPTY } : { own: EMPTY, other: [value] };
  }

  private addExact(source: Side | undefined, destination: Side | undefined, ports: PortSet, from: number): boolean {
    const portCount = count(ports);
    if (source === undefined || destination === undefined || portCount === undefined) return false;
    const sources = source.own.length + source.other.length;
    const destinations = destination.own.length + destination.other.length;
    // A product that much outgrows its factors is cheaper as classes.
    if (sources * destinations * portCount > 4 * (sources + destinations + portCount) + 16) return false;
    this.exact.add("both", source.own, destination.own, ports, from);
    this.exact.add("source", source.own, destination.other, ports, from);
    this.exact.add("destination", source.other, destination.own, ports, from);
    return true;
  }
}

const NOBODY: Side = { own: EMPTY, other: EMPTY };
