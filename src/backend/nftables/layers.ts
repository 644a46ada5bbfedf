/**
 * The layers of a lane: what the statements of one verb say, as sets and verdict maps.
 *
 * A lane is a way a packet can take: container to container (cc), to the world (cw), to the host (ch), and from the
 * world (wc) or the host (hc) to a container. A layer is the union of its statements, so precedence between verbs is
 * the order of the layers and needs no resolving here.
 *
 * Statements between few single addresses and ports become elements of exact sets, shared by all lanes (an address
 * means the same in each). The rest is cut into classes: the container's side is looked up first and leads to a class
 * chain, which looks the other side up in disjoint intervals, which lead to a profile of ports. Groups therefore cost
 * their members, not their product, and overlapping groups at most their pairs.
 */
import type { Origin, PeerSet, Rule as PolicyRule, Zone } from "../../ir/policy.js";
import { type AddressSet, type Family, V4, V6 } from "../../net/address.js";
import { type PortSet, protocolIn, unionPorts } from "../../net/ports.js";
import { contains, type Domain, EMPTY, equal, intersect, type Ranges, subtract } from "../../net/ranges.js";
import { ACCEPT, DROP, goto, IN, jump, lookup, match, rule, type TableBuilder, then } from "./builder.js";
import type { Element, Key, Part, Rule, Target } from "./ruleset.js";

export type Lane = "cc" | "cw" | "ch" | "wc" | "hc";

export const LANES: Readonly<Record<Lane, { readonly source: Zone; readonly destination: Zone }>> = {
  cc: { source: "container", destination: "container" },
  cw: { source: "container", destination: "world" },
  ch: { source: "container", destination: "host" },
  wc: { source: "world", destination: "container" },
  hc: { source: "host", destination: "container" },
};

/** What a layer does with the packets that it covers. */
export type Action = "deny" | "reject" | "allow" | "log-deny" | "log-reject" | "log-allow";

type Value = number | bigint;

export interface Layers {
  /** The rules of an action in a lane; empty where no statement speaks there. */
  rules(action: Action, lane: Lane): Rule[];
}

/** Plans every layer of one family into `table`. */
export function planLayers(table: TableBuilder, family: Family, rules: readonly PolicyRule[], own: AddressSet): Layers {
  const mine = family === 4 ? own.v4 : own.v6;
  const shared = new Map<Action, Exact[]>();
  const general = new Map<Action, PolicyRule[]>();
  for (const verb of ["deny", "reject", "allow"] as const) {
    const statements = rules.filter((statement) => statement.verb === verb);
    const { exact, rest } = split(statements, family, mine);
    shared.set(verb, exactRules(table, verb, family, exact));
    general.set(verb, rest);
    general.set(`log-${verb}`, statements.filter((statement) => statement.log !== undefined));
  }
  return {
    rules(action, lane) {
      const classes = classRules(table, action, lane, family, general.get(action) ?? [], mine);
      const exact = (shared.get(action) ?? []).filter(({ ways }) => ways.has(WAYS[lane])).map((one) => one.rule);
      return [...exact, ...classes];
    },
  };
}

function targetOf(action: Action): Target {
  return action === "allow" ? ACCEPT : action === "deny" ? DROP : goto("refuse");
}

// Exact statements ---------------------------------------------------------------------------------------------------

/** Whether a tuple's addresses are containers': what lanes it can be met in. */
type Way = "both" | "source" | "destination";

const WAYS: Readonly<Record<Lane, Way>> = { cc: "both", cw: "source", ch: "source", wc: "destination", hc: "destination" };

/** A rule that looks an exact set up, and where that is worth it. */
interface Exact {
  readonly rule: Rule;
  readonly ways: ReadonlySet<Way>;
}

interface Tuple {
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

function of(set: AddressSet, family: Family): Ranges<Value> {
  return family === 4 ? set.v4 : set.v6;
}

function domain(family: Family): Domain<Value> {
  return (family === 4 ? V4 : V6) as Domain<Value>;
}

/** All values of a set that is known to be small. */
function values(set: Ranges<Value>, family: Family): Value[] {
  const out: Value[] = [];
  const { next } = domain(family);
  for (let i = 0; i < set.length; i += 2) {
    const end = set[i + 1] as Value;
    for (let value = set[i] as Value; ; value = next(value)) {
      out.push(value);
      if (value === end) break;
    }
  }
  return out;
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

function split(
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
        for (const b of destinations) for (const port of ports) exact.push({ way, source: a, destination: b, ...port, from });
    };
    add("both", source.own, destination.own);
    add("source", source.own, destination.other);
    add("destination", source.other, destination.own);
  }
  return { exact, rest };
}

/** Sets of exact tuples: every protocol, protocols without ports, and ports. Each is looked up only if it exists. */
function exactRules(table: TableBuilder, verb: "deny" | "reject" | "allow", family: Family, tuples: readonly Tuple[]): Exact[] {
  const pairs: Tuple[] = [];
  const protocols: Tuple[] = [];
  const ports: Tuple[] = [];
  for (const tuple of tuples) (tuple.protocol === undefined ? pairs : tuple.port === undefined ? protocols : ports).push(tuple);
  const { source, destination, type } = IN[family];
  const rules: Exact[] = [];
  const add = (name: string, list: readonly Tuple[], extra: readonly Key[], types: readonly ("inet_proto" | "inet_service")[]): void => {
    if (list.length === 0) return;
    const elements = merged(list, (tuple) => {
      const key: Part[] = [tuple.source, tuple.destination];
      if (tuple.protocol !== undefined) key.push(tuple.protocol);
      if (tuple.port !== undefined) key.push(tuple.port);
      return key;
    });
    table.set(`${name}${family}`, [type, type, ...types], elements, `${verb}: source, destination${types.length > 0 ? ", protocol" : ""}`);
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

// Classes ------------------------------------------------------------------------------------------------------------

interface Box {
  readonly statement: PolicyRule;
  readonly other: Ranges<Value>;
}

/** Intervals of the other side and the boxes that cover each; adjacent equal ones merged. */
interface Cell {
  readonly from: Value;
  readonly to: Value;
  readonly boxes: readonly Box[];
}

function classRules(
  table: TableBuilder,
  action: Action,
  lane: Lane,
  family: Family,
  statements: readonly PolicyRule[],
  own: Ranges<Value>,
): Rule[] {
  const { source, destination } = LANES[lane];
  const near = source === "container" ? "from" : "to";
  const byAddress = new Map<Value, number[]>();
  const boxes: Box[] = [];
  for (const statement of statements) {
    const nearSet = near === "from" ? statement.from : statement.to;
    const farSet = near === "from" ? of(statement.to[destination], family) : of(statement.from[source], family);
    const other = lane === "cc" ? intersect(farSet, own) : farSet;
    const mine = intersect(of(nearSet.container, family), own);
    if (other.length === 0 || mine.length === 0) continue;
    const index = boxes.push({ statement, other }) - 1;
    for (const value of values(mine, family)) {
      const known = byAddress.get(value);
      if (known === undefined) byAddress.set(value, [index]);
      else known.push(index);
    }
  }
  if (boxes.length === 0) return [];

  const keys = IN[family];
  const nearKey = near === "from" ? keys.source : keys.destination;
  const farKey = near === "from" ? keys.destination : keys.source;
  const name = `${action}-${lane}${family}`;
  const targets = new Map<string, { target: Target; from: Origin[] }>();
  const elements: Element[] = [];
  for (const [value, indices] of byAddress) {
    const signature = indices.join(",");
    let known = targets.get(signature);
    if (known === undefined) {
      const members = indices.map((index) => boxes[index] as Box);
      known = { target: classTarget(table, name, action, family, farKey, members), from: members.map((box) => box.statement.origin) };
      targets.set(signature, known);
    }
    elements.push({ key: [value], data: known.target, from: known.from });
  }
  table.map(name, [keys.type], "verdict", elements, `${action}: class of the container`);
  return [rule([{ kind: "vmap", keys: [nearKey], map: name }])];
}

/** What a class leads to: one verdict or profile where it has one cell of all addresses, else its own chain. */
function classTarget(
  table: TableBuilder,
  prefix: string,
  action: Action,
  family: Family,
  farKey: Key,
  boxes: readonly Box[],
): Target {
  const cells = cut(boxes, family);
  const [only] = cells;
  const { min, max } = domain(family);
  if (cells.length === 1 && only !== undefined && only.from === min && only.to === max)
    return cellTarget(table, action, family, only.boxes, "jump");
  const elements = cells.map(
    (cell): Element => ({
      key: [cell.from === cell.to ? cell.from : { from: cell.from, to: cell.to }],
      data: cellTarget(table, action, family, cell.boxes, "goto"),
      from: unique(cell.boxes.map((box) => box.statement.origin)),
    }),
  );
  const content = elements.map((e) => `${partText(e.key[0] as Part)} ${dataText(e.data as Target)}`).join(";");
  return jump(
    table.generate(prefix, content, (name) => {
      table.map(name, [IN[family].type], "verdict", elements, `${action}: other side of a class`);
      return [rule([{ kind: "vmap", keys: [farKey], map: name }])];
    }),
  );
}

function partText(part: Part): string {
  return typeof part === "object" ? `${part.from}-${part.to}` : String(part);
}

function dataText(target: Target): string {
  return "chain" in target ? `${target.verdict} ${target.chain}` : target.verdict;
}

function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}

/** Cuts the address space at every boundary of the boxes; cells that no box covers are left out. */
function cut(boxes: readonly Box[], family: Family): Cell[] {
  const { next, previous, max } = domain(family);
  const starts = new Map<Value, Box[]>();
  const ends = new Map<Value, Box[]>();
  const push = (map: Map<Value, Box[]>, at: Value, box: Box): void => {
    const list = map.get(at);
    if (list === undefined) map.set(at, [box]);
    else list.push(box);
  };
  for (const box of boxes)
    for (let i = 0; i < box.other.length; i += 2) {
      push(starts, box.other[i] as Value, box);
      const end = box.other[i + 1] as Value;
      if (end !== max) push(ends, next(end), box);
    }
  const points = [...new Set([...starts.keys(), ...ends.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const active = new Set<Box>();
  const cells: Cell[] = [];
  points.forEach((point, i) => {
    for (const box of ends.get(point) ?? []) active.delete(box);
    for (const box of starts.get(point) ?? []) active.add(box);
    if (active.size === 0) return;
    const after = points[i + 1];
    const to = after === undefined ? max : previous(after);
    const last = cells[cells.length - 1];
    if (last !== undefined && next(last.to) === point && last.boxes.length === active.size && last.boxes.every((box) => active.has(box)))
      cells[cells.length - 1] = { ...last, to };
    else cells.push({ from: point, to, boxes: boxes.filter((box) => active.has(box)) });
  });
  return cells;
}

/** What a cell leads to: the action itself, or the profile of ports that limits it. */
function cellTarget(table: TableBuilder, action: Action, family: Family, boxes: readonly Box[], how: "jump" | "goto"): Target {
  const verb = action.startsWith("log-") ? undefined : action;
  if (verb === undefined) return { verdict: how, chain: logChain(table, action, family, boxes) };
  let ports: PortSet | undefined;
  for (const box of boxes) ports = ports === undefined ? box.statement.ports : unionPorts(ports, box.statement.ports);
  if (ports === undefined || ports.all) return verb === "reject" ? { verdict: how, chain: "refuse" } : targetOf(action);
  return { verdict: how, chain: profile(table, `${verb}-ports${family}`, family, ports, targetOf(action)) };
}

/** Rules that apply `target` to the packets of a port set. ICMP has no port, and a load of one would end the rule. */
export function portRules(
  table: TableBuilder,
  setName: string,
  family: Family,
  ports: Extract<PortSet, { all: false }>,
  target: Target,
  from: readonly Origin[],
): Rule[] {
  const bare: number[] = [];
  const elements: Element[] = [];
  for (const [number, set] of ports.protocols) {
    const protocol = protocolIn(family, number);
    if (set === null) bare.push(protocol);
    else
      for (let i = 0; i < set.length; i += 2)
        elements.push({ key: [protocol, set[i] === set[i + 1] ? (set[i] as number) : { from: set[i] as number, to: set[i + 1] as number }], from: [] });
  }
  const rules: Rule[] = [];
  if (bare.length > 0)
    rules.push(
      rule([bare.length === 1 ? match("meta l4proto", bare[0] as number) : { kind: "among", key: "meta l4proto", values: bare }, then(target)], undefined, from),
    );
  const [first] = elements;
  if (elements.length === 1 && first !== undefined)
    rules.push(rule([match("meta l4proto", first.key[0] as number), match("th dport", first.key[1] as Part), then(target)], undefined, from));
  else if (elements.length > 1) {
    table.set(setName, ["inet_proto", "inet_service"], elements, "profile of ports");
    rules.push(rule([lookup(setName, "meta l4proto", "th dport"), then(target)], undefined, from));
  }
  return rules;
}

function portsText(ports: Extract<PortSet, { all: false }>): string {
  return [...ports.protocols]
    .sort((a, b) => a[0] - b[0])
    .map(([protocol, set]) => `${protocol}:${set === null ? "*" : set.join("-")}`)
    .join(" ");
}

/** A chain that applies the target to the packets of a port set; equal sets share one. */
function profile(table: TableBuilder, prefix: string, family: Family, ports: Extract<PortSet, { all: false }>, target: Target): string {
  return table.generate(prefix, portsText(ports), (name) => portRules(table, name, family, ports, target, []));
}

/** A chain that logs for each of the statements whose ports cover the packet, and returns. */
function logChain(table: TableBuilder, action: Action, family: Family, boxes: readonly Box[]): string {
  const statements = unique(boxes.map((box) => box.statement));
  const content = statements.map((statement) => statement.origin.id).join("\n");
  return table.generate(`${action}${family}`, content, () =>
    statements.flatMap((statement) => {
      const writer = logWriter(table, action, statement);
      if (statement.ports.all) return [rule([then(jump(writer))], undefined, [statement.origin])];
      const name = `${action}-ports${family}`;
      const inner = profile(table, `${name}-${writer}`, family, statement.ports, jump(writer));
      return [rule([then(jump(inner))], undefined, [statement.origin])];
    }),
  );
}

/** Writes one statement's log line: of an allowed connection its first packet, of a denied one each. */
function logWriter(table: TableBuilder, action: Action, statement: PolicyRule): string {
  const { log, origin } = statement;
  return table.generate("log", `${action}\n${origin.id}`, () => [
    rule(
      [
        ...(action === "log-allow" ? [match("ct state", "new")] : []),
        ...(log?.limit === undefined ? [] : [{ kind: "limit" as const, ...log.limit }]),
        { kind: "log", prefix: log === undefined || log.prefix === "" ? "tsnet: " : log.prefix.endsWith(" ") ? log.prefix : `${log.prefix} ` },
      ],
      origin.text,
      [origin],
    ),
  ]);
}
