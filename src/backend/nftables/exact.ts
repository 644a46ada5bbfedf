/** Statements between few single addresses and ports, as elements of exact sets that all lanes share. */
import type { Origin, PeerSet, Rule as PolicyRule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { type PortSet, protocolIn } from "../../net/ports.js";
import { contains, EMPTY, equal, intersect, type Ranges, subtract } from "../../net/ranges.js";
import { IN, lookup, rule, type TableBuilder, then } from "./builder.js";
import { domain, type Lane, of, targetOf, type Value, values } from "./lanes.js";
import type { Element, Key, Part, Rule } from "./ruleset.js";

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

export interface Tuple {
  readonly way: Way;
  readonly source: Value;
  readonly destination: Value;
  /** Undefined: every protocol. */
  readonly protocol?: number;
  readonly port?: number;
  readonly from: readonly Origin[];
}

interface Side {
  readonly own: readonly Value[];
  readonly other: readonly Value[];
}

/** A side as single addresses, where it is nothing else and means the same in every zone. */
function sideOf(peers: PeerSet, family: Family, own: Ranges<Value>): Side | undefined {
  if (peers.container === peers.host && peers.host === peers.world) {
    const set = of(peers.world, family);
    // One literal address: by far the most common peer of large policies.
    if (set.length === 2 && set[0] === set[1]) {
      const value = [set[0] as Value];
      return contains(own, set[0] as Value) ? { own: value, other: EMPTY } : { own: EMPTY, other: value };
    }
  }
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

/** The protocols and single ports of a port set, as they are in this family; undefined when one is a range. */
function exactPorts(ports: PortSet, family: Family): { protocol?: number; port?: number }[] | undefined {
  if (ports.all) return [{}];
  const out: { protocol?: number; port?: number }[] = [];
  for (const [number, set] of ports.protocols) {
    const protocol = protocolIn(family, number);
    if (set === null) out.push({ protocol });
    else
      for (let i = 0; i < set.length; i += 2) {
        if (set[i] !== set[i + 1]) return undefined;
        out.push({ protocol, port: set[i] as number });
      }
  }
  return out;
}

/** Which statements become exact tuples, and which are left to the classes. */
export function split(
  statements: readonly PolicyRule[],
  family: Family,
  own: Ranges<Value>,
): { exact: Tuple[]; rest: PolicyRule[] } {
  const exact: Tuple[] = [];
  const rest: PolicyRule[] = [];
  const known = new Map<PeerSet, Side | undefined>();
  const side = (peers: PeerSet): Side | undefined => {
    if (!known.has(peers)) known.set(peers, sideOf(peers, family, own));
    return known.get(peers);
  };
  for (const statement of statements) {
    const source = side(statement.from);
    const destination = side(statement.to);
    const ports = exactPorts(statement.ports, family);
    if (source === undefined || destination === undefined || ports === undefined) {
      rest.push(statement);
      continue;
    }
    const sources = source.own.length + source.other.length;
    const destinations = destination.own.length + destination.other.length;
    // A product that much outgrows its factors is cheaper as classes.
    if (sources * destinations * ports.length > 4 * (sources + destinations + ports.length) + 16) {
      rest.push(statement);
      continue;
    }
    const from = [statement.origin];
    const add = (way: Way, sources: readonly Value[], destinations: readonly Value[]): void => {
      for (const a of sources)
        for (const b of destinations)
          for (const port of ports) exact.push({ way, source: a, destination: b, ...port, from });
    };
    add("both", source.own, destination.own);
    add("source", source.own, destination.other);
    add("destination", source.other, destination.own);
  }
  return { exact, rest };
}

/** Sets of exact tuples: every protocol, protocols without ports, and ports. Each is looked up only if it exists. */
export function exactRules(
  table: TableBuilder,
  verb: "deny" | "reject" | "allow",
  family: Family,
  tuples: readonly Tuple[],
): Exact[] {
  const pairs: Tuple[] = [];
  const protocols: Tuple[] = [];
  const ports: Tuple[] = [];
  for (const tuple of tuples)
    (tuple.protocol === undefined ? pairs : tuple.port === undefined ? protocols : ports).push(tuple);
  const { source, destination, type } = IN[family];
  const rules: Exact[] = [];
  const add = (
    name: string,
    list: readonly Tuple[],
    extra: readonly Key[],
    types: readonly ("inet_proto" | "inet_service")[],
  ): void => {
    if (list.length === 0) return;
    const elements = merged(list, (tuple) => {
      const key: Part[] = [tuple.source, tuple.destination];
      if (tuple.protocol !== undefined) key.push(tuple.protocol);
      if (tuple.port !== undefined) key.push(tuple.port);
      return key;
    });
    table.set(
      `${name}${family}`,
      [type, type, ...types],
      elements,
      `${verb}: source, destination${types.length > 0 ? ", protocol" : ""}`,
    );
    rules.push({
      rule: rule([lookup(`${name}${family}`, source, destination, ...extra), then(targetOf(verb))]),
      ways: new Set(list.map((tuple) => tuple.way)),
    });
  };
  add(`${verb}-pair`, pairs, [], []);
  add(`${verb}-protocol`, protocols, ["meta l4proto"], ["inet_proto"]);
  add(`${verb}-port`, ports, ["meta l4proto", "th dport"], ["inet_proto", "inet_service"]);
  return rules;
}

/** One element for each key; equal keys of several statements become one that comes from all of them. */
function merged(tuples: readonly Tuple[], keyOf: (tuple: Tuple) => Part[]): Element[] {
  const byKey = new Map<string, { key: Part[]; from: Origin[] }>();
  for (const tuple of tuples) {
    const key = keyOf(tuple);
    const text = key.join(" ");
    const known = byKey.get(text);
    if (known === undefined) byKey.set(text, { key, from: [...tuple.from] });
    else for (const origin of tuple.from) if (!known.from.includes(origin)) known.from.push(origin);
  }
  return [...byKey.values()];
}
