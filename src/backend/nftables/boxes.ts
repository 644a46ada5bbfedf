/**
 * Runs every packet at once through a ruleset: interpret.ts over sets of packets.
 *
 * A box is a set of sources, a set of destinations and an interval of ports. Each rule and look-up splits the boxes
 * that it tells apart and leaves the others whole, so the work grows with what the ruleset distinguishes and not with
 * the packets. What comes out is a partition of all packets with a verdict for each part. It follows the first packet
 * of a connection, as the interpreter does, and must agree with it on every packet; a test holds that.
 */
import { allOf, both, indexSet, type IndexSet, without } from "../../net/index-set.js";
import type { Chain, Data, Expression, Hook, Key, Part, Ruleset, Set, Table, Target } from "./ruleset.js";
import {
  type Box,
  type BoxOutcome,
  cutPorts,
  type Observer,
  packetsIn,
  type Reading,
  type RulePlace,
  within,
} from "./box.js";
import { accepts, matters } from "./box-chains.js";
import { keyRoles, type Role, Universe, type Value } from "./universe.js";
import { type Finder, SetIndex } from "./box-index.js";

interface Place {
  readonly table: Table;
  readonly sets: Map<string, Set>;
  readonly chains: Map<string, Chain>;
}

/** Is told what becomes of a part of the packets. */
type Done = (outcome: BoxOutcome) => void;

/** What leaves a chain. */
interface Exits {
  /** Accepted: this base chain is done with it. */
  readonly accepted: Box[];
  readonly done: Done;
}

interface Onward {
  /** To the next rule. */
  readonly next: Box[];
  /** To where the chain was called from. */
  readonly left: Box[];
}

export class BoxInterpreter {
  private readonly places: Place[];
  private indices = new Map<string, SetIndex>();
  private finders = new Map<string, Finder>();
  private universe: Universe;

  private readonly reading: Reading;
  private readonly observe: Observer | undefined;

  constructor(ruleset: Pick<Ruleset, "tables">, reading: Reading = "lenient", observe?: Observer) {
    this.reading = reading;
    this.observe = observe;
    this.places = ruleset.tables
      .filter((table) => table.family !== "arp")
      .map((table) => ({
        table,
        sets: new Map(table.sets.map((set) => [set.name, set])),
        chains: new Map(table.chains.map((chain) => [chain.name, chain])),
      }));
    this.universe = Universe.EMPTY;
  }

  /**
   * Tells what becomes of all packets of a universe, part by part, so that nobody has to hold them all. Throws where the
   * ruleset has something that the interpreter doesn't know.
   */
  run(universe: Universe, told: Done): void {
    this.universe = universe;
    this.indices = new Map();
    this.finders = new Map();
    const { sources, destinations, ported } = universe;
    if (sources.length === 0 || destinations.length === 0) return;
    const all: Box = {
      sources: allOf(sources.length),
      destinations: allOf(destinations.length),
      from: 0,
      to: ported ? 65535 : 0,
    };
    let count = 0;
    this.flow(all, (outcome) => {
      if (outcome.box.again !== true) count += packetsIn(outcome.box);
      told(outcome);
    });
    // A packet that got lost on the way would go unproved.
    if (count !== packetsIn(all)) throw new Error(`of ${packetsIn(all)} packets ${count} came out`);
  }

  private flow(all: Box, done: Done): void {
    const { universe } = this;
    const pass = (boxes: readonly Box[]): void => {
      for (const box of boxes) done({ box, verdict: "allow" });
    };
    if (universe.entry === "host") {
      pass(this.hook("postrouting", this.hook("output", [all], done), done));
      return;
    }
    const here: Box[] = [];
    const onward: Box[] = [];
    for (const box of this.hook("prerouting", [all], done)) {
      if (box.target !== undefined) {
        (universe.hosts.has(box.target.address) ? here : onward).push(box);
        continue;
      }
      const local = both(box.destinations, universe.local);
      const other = without(box.destinations, universe.local);
      if (local !== undefined) here.push({ ...box, destinations: local });
      if (other !== undefined) onward.push({ ...box, destinations: other });
    }
    pass(this.hook("input", here, done));
    pass(this.hook("postrouting", this.hook("forward", onward, done), done));
  }

  private hook(hook: Hook["hook"], boxes: readonly Box[], done: Done): readonly Box[] {
    const families = ["inet", this.universe.family === 4 ? "ip" : "ip6"];
    const bases = this.places.flatMap((place) =>
      (families.includes(place.table.family) ? place.table.chains : [])
        .filter((chain) => chain.hook?.hook === hook)
        // What only gives packets another source decides nothing any more, and would cut boxes for nothing.
        .filter((chain) => hook !== "postrouting" || matters(place.chains, chain))
        .map((chain) => ({ place, chain })),
    );
    bases.sort((a, b) => (a.chain.hook?.priority ?? 0) - (b.chain.hook?.priority ?? 0));
    let here = boxes;
    for (const { place, chain } of bases) {
      const exits: Exits = { accepted: [], done };
      here = [...this.chain(place, chain, here, exits, 0), ...exits.accepted];
    }
    return here;
  }

  /** Returns what no rule of the chain decided. */
  private chain(place: Place, chain: Chain, boxes: readonly Box[], exits: Exits, depth: number): Box[] {
    if (depth > 16) throw new Error(`jumps are nested too deeply in ${chain.name}`);
    const left: Box[] = [];
    let here = boxes;
    for (const rule of chain.rules) {
      if (here.length === 0) break;
      const next: Box[] = [];
      const at = { table: place.table, chain: chain.name, rule };
      for (const box of here) this.rule(place, at, box, exits, { next, left }, depth);
      here = next;
    }
    return [...left, ...here];
  }

  private rule(place: Place, at: RulePlace, box: Box, exits: Exits, onward: Onward, depth: number): void {
    let inside: readonly Box[] = [box];
    for (const e of at.rule.expressions) {
      if (inside.length === 0) return;
      if (TERMINAL.has(e.kind)) {
        for (const one of inside) this.observe?.(at, one);
        if (at.rule.uncertain === true && !this.taken(place, e)) {
          const saved = e.kind === "verdict" && "chain" in e.target && accepts(place.chains, e.target.chain);
          (saved && this.reading === "lenient" ? exits.accepted : onward.next).push(...inside);
          return;
        }
      }
      switch (e.kind) {
        case "verdict":
          for (const one of inside) this.follow(place, e.target, one, exits, onward, depth, at);
          return;
        case "vmap":
          for (const one of inside)
            this.lookUp(place, e.map, e.keys, one, (part, data) => {
              if (data === undefined) onward.next.push(part);
              else this.follow(place, data as Target, part, exits, onward, depth, at);
            });
          return;
        case "reject":
          for (const one of inside) exits.done({ box: one, verdict: "reject", by: at });
          return;
        case "dnat":
        case "spread":
          for (const one of inside) this.translate(place, e, one, exits, onward, at);
          return;
        case "snat":
          exits.accepted.push(...inside);
          return;
        case "log":
        case "limit":
        case "count":
        case "masquerade":
          break;
        default:
          inside = this.split(place, e, inside, onward.next);
      }
    }
    for (const one of inside) this.observe?.(at, one);
    onward.next.push(...inside);
  }

  /** Whether an uncertain rule is taken to hold. */
  private taken(place: Place, e: Expression): boolean {
    const lenient = this.reading === "lenient";
    if (e.kind === "reject") return !lenient;
    if (e.kind !== "verdict") return false;
    if (!("chain" in e.target)) return (e.target.verdict === "accept") === lenient && e.target.verdict !== "return";
    return !lenient && !accepts(place.chains, e.target.chain);
  }

  private follow(
    place: Place,
    target: Target,
    box: Box,
    exits: Exits,
    onward: Onward,
    depth: number,
    at: RulePlace,
  ): void {
    if (!("chain" in target)) {
      if (target.verdict === "accept") exits.accepted.push(box);
      else if (target.verdict === "drop") exits.done({ box, verdict: "deny", by: at });
      else onward.left.push(box);
      return;
    }
    const chain = place.chains.get(target.chain);
    if (chain === undefined) throw new Error(`no chain ${target.chain}`);
    const after = this.chain(place, chain, [box], exits, depth + 1);
    (target.verdict === "goto" ? onward.left : onward.next).push(...after);
  }

  private translate(
    place: Place,
    e: Extract<Expression, { kind: "dnat" | "spread" }>,
    box: Box,
    { accepted }: Exits,
    { next }: Onward,
    translator: RulePlace,
  ): void {
    // A connection is translated once.
    if (e.family !== this.universe.family || box.target !== undefined) {
      next.push(box);
      return;
    }
    if (e.kind === "spread") {
      [...new Set(e.targets)].forEach((address, i) => {
        const again = i === 0 ? {} : { again: true as const };
        accepted.push({ ...box, ...again, target: { address, port: e.port }, translator });
      });
      return;
    }
    this.lookUp(place, e.address, e.keys, box, (part, address) => {
      if (address === undefined) next.push(part);
      else if (e.port === undefined)
        accepted.push({ ...part, target: { address: address as Value, port: undefined }, translator });
      else
        this.lookUp(place, e.port, e.keys, part, (inner, port) => {
          if (port === undefined) next.push(inner);
          else accepted.push({ ...inner, target: { address: address as Value, port: port as number }, translator });
        });
    });
  }

  // Splitting --------------------------------------------------------------------------------------------------------

  /** What a condition holds of; the rest goes to `out`. */
  private split(place: Place, e: Expression, boxes: readonly Box[], out: Box[]): Box[] {
    const inside: Box[] = [];
    for (const box of boxes)
      switch (e.kind) {
        case "match":
          this.compare(e.key, [e.value], e.not === true, box, inside, out);
          break;
        case "among":
          this.compare(e.key, e.values, false, box, inside, out);
          break;
        case "flags": {
          const set = ["syn"].filter((flag) => e.mask.includes(flag));
          (this.universe.protocol === 6 && (set.join() === e.value.join()) !== e.not ? inside : out).push(box);
          break;
        }
        case "lookup":
          this.lookUp(place, e.set, e.keys, box, (part, data) => {
            ((data !== undefined) !== (e.not ?? false) ? inside : out).push(part);
          });
          break;
        default:
          throw new Error(`the interpreter doesn't know '${e.kind}'`);
      }
    return inside;
  }

  private compare(key: Key, values: readonly Part[], not: boolean, box: Box, inside: Box[], out: Box[]): void {
    const [hit, miss] = not ? [out, inside] : [inside, out];
    const role = keyRoles(this.universe, key, box.target);
    if (role.kind === "constant") {
      // A key that the packet doesn't have ends the rule, whatever the operator.
      if (role.value === undefined) out.push(box);
      else (values.some((value) => within(role.value as never, value)) ? hit : miss).push(box);
      return;
    }
    if (role.kind === "port") {
      const cuts = values.map((part) =>
        typeof part === "object" ? [Number(part.from), Number(part.to)] : [part, part],
      );
      cutPorts(box, cuts as [number, number][], hit, miss);
      return;
    }
    const ends = this.endsWith(role, values);
    const side = role.kind === "source" ? "sources" : "destinations";
    const found = both(box[side], ends);
    const rest = without(box[side], ends);
    if (found !== undefined) hit.push({ ...box, [side]: found });
    if (rest !== undefined) miss.push({ ...box, [side]: rest });
  }

  private endsWith(role: Extract<Role, { kind: "source" | "destination" }>, values: readonly Part[]): IndexSet {
    return indexSet(role.values.flatMap((value, i) => (values.some((part) => within(value, part)) ? [i] : [])));
  }

  /** Tells each part of a box what a set has for it: `undefined` where nothing. */
  private lookUp(
    place: Place,
    name: string,
    keys: readonly Key[],
    box: Box,
    each: (part: Box, data: Data | true | undefined) => void,
  ): void {
    const set = place.sets.get(name);
    if (set === undefined) throw new Error(`no set ${name}`);
    const roles = keys.map((key) => keyRoles(this.universe, key, box.target));
    if (roles.some((role) => role.kind === "constant" && role.value === undefined)) {
      // The rule ends here: as if the look-up failed, and so is `!=`, which is asked of addresses alone.
      each(box, undefined);
      return;
    }
    const shape = `${place.table.name} ${name} ${keys.join(" . ")} ${roles.map((role) => role.kind).join()}`;
    let index = this.indices.get(shape);
    if (index === undefined)
      this.indices.set(shape, (index = new SetIndex(set, keys, roles, this.universe, this.finders)));
    index.look(box, roles, each);
  }
}

/** Expressions that end a rule. */
const TERMINAL: ReadonlySet<Expression["kind"]> = new Set(["verdict", "vmap", "reject", "dnat", "spread", "snat"]);
