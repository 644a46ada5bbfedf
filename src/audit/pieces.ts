/** What a judge knows of rules and ends, and how it cuts boxes by them. For judge.ts. */
import type { Box, BoxOutcome, RulePlace } from "../backend/nftables/box.js";
import { type Decision, type End, endpointAt, type Packet } from "../ir/evaluate.js";
import { rangesOf } from "../ir/classes.js";
import { type PeerSet, type Policy, type Publish, type Rule, type Zone, ZONES } from "../ir/policy.js";
import type { Address } from "../net/address.js";
import { both, type IndexSet, indexSetOf, sizeOf } from "../net/index-set.js";
import { firstFrom } from "../net/intervals.js";

export interface Difference {
  /** As the policy sees it; for one that is translated nowhere, as it is. */
  readonly packet: Packet;
  readonly expected: Decision;
  readonly actual: "allow" | "deny" | "reject";
  /** What is wrong where it isn't the verdict. */
  readonly translation?: string;
  /** The rule that dropped, rejected or translated it. */
  readonly by?: RulePlace;
  /** The rule that translated it, before whatever became of it. */
  readonly translator?: RulePlace;
  /** Where it was led to, where it was translated. */
  readonly target?: NonNullable<Box["target"]>;
  /** Whether it is so can't be told: the rule asks for something that isn't interpreted. */
  readonly perhaps?: boolean;
  /** What the packet, which is denied, has become and gets through as; or itself, of which a copy does. */
  readonly becomes?: Packet;
}

/** A rule, seen from a universe. */
export interface Seen {
  readonly rule: Rule;
  readonly sources: IndexSet;
  readonly destinations: IndexSet;
  readonly ports: IndexSet;
}

/** What a piece is about besides the box: the way through a publish, with the container's address and port. */
export interface Way {
  readonly via: Publish;
  readonly target: Address;
  /** The container's port for the host's port 0: so it is, added to a port, when the port is kept or moved. */
  readonly shift: number;
}

/** What is to be judged; `perhaps`: it may also be otherwise. */
export interface Judged extends BoxOutcome {
  readonly perhaps?: boolean;
}

/** What a container sends to itself meets no rule. */
export function isOfOne(policy: Policy, source: End, destination: End): boolean {
  if (source.zone !== "container" || destination.zone !== "container") return false;
  return endpointAt(policy, source.address)?.container === endpointAt(policy, destination.address)?.container;
}

/** Rules are told apart by who they are: two of somebody's may say the same. */
const numbers = new WeakMap<object, number>();
let count = 0;

/** A number for a rule, the same each time. */
export function numberOf(rule: object): number {
  let number = numbers.get(rule);
  if (number === undefined) numbers.set(rule, (number = ++count));
  return number;
}

/** The ends of a list by zone and address, all of one family. */
class EndIndex {
  private readonly zones = new Map<Zone, { readonly values: (number | bigint)[]; readonly places: number[] }>();
  private readonly known = new Map<PeerSet, IndexSet>();
  private readonly list: readonly End[];

  constructor(list: readonly End[]) {
    this.list = list;
    for (const zone of ZONES) {
      const places = [...list.keys()].filter((at) => list[at]?.zone === zone);
      const valueAt = (at: number): number | bigint => (list[at] as End).address.value;
      places.sort((a, b) => (valueAt(a) < valueAt(b) ? -1 : valueAt(a) > valueAt(b) ? 1 : 0));
      this.zones.set(zone, { values: places.map(valueAt), places });
    }
  }

  of(peers: PeerSet): IndexSet {
    let found = this.known.get(peers);
    if (found === undefined) this.known.set(peers, (found = indexSetOf(this.collect(peers))));
    return found;
  }

  private *collect(peers: PeerSet): Generator<number> {
    const family = this.list[0]?.address.family ?? 4;
    for (const [zone, { values, places }] of this.zones) {
      const ranges = rangesOf(peers[zone], family);
      for (let i = 0; i < ranges.length; i += 2)
        for (let at = firstFrom(values, ranges[i] as number); at < values.length; at++) {
          if ((values[at] as number) > (ranges[i + 1] as number)) break;
          yield places[at] as number;
        }
    }
  }
}

const known = new WeakMap<readonly End[], EndIndex>();

/** Which of the ends, all of one family, a peer set has; found once for a list. */
export function endsIn(list: readonly End[], peers: PeerSet): IndexSet {
  let index = known.get(list);
  if (index === undefined) known.set(list, (index = new EndIndex(list)));
  return index.of(peers);
}

/** Places that the same rules speak of, and those rules. */
export interface Alike {
  readonly places: IndexSet;
  readonly rules: readonly Seen[];
}

/**
 * Cuts places wherever a rule's begin or end, and puts those together that the same rules cover. Costs as much as the
 * rules have pieces: what covers few places is never held against the others.
 */
export function alike(within: IndexSet, rules: readonly Seen[], of: (rule: Seen) => IndexSet): readonly Alike[] {
  const parts = rules.map((rule) => both(of(rule), within) ?? []);
  const size = sizeOf(within);
  if (parts.every((part) => sizeOf(part) === size)) return [{ places: within, rules }];
  const starts = ascending([within, ...parts]);
  const covering = starts.map((): number[] => []);
  parts.forEach((part, rule) => {
    for (const at of segments(starts, part)) covering[at]?.push(rule);
  });
  const found = new Map<string, { places: number[]; rules: readonly number[] }>();
  for (const at of segments(starts, within)) {
    const rulesHere = covering[at] as number[];
    const name = rulesHere.join();
    const [from, to] = [starts[at] as number, (starts[at + 1] as number) - 1];
    const known = found.get(name);
    if (known === undefined) found.set(name, { places: [from, to], rules: rulesHere });
    else if (known.places[known.places.length - 1] === from - 1) known.places[known.places.length - 1] = to;
    else known.places.push(from, to);
  }
  return [...found.values()].map(({ places, rules: numbers }) => ({
    places,
    rules: numbers.map((rule) => rules[rule] as Seen),
  }));
}

/** Where the sets begin, and where they have ended. */
function ascending(sets: readonly IndexSet[]): number[] {
  const points = new Set<number>();
  for (const set of sets) set.forEach((place, i) => points.add(i % 2 === 0 ? place : place + 1));
  return [...points].sort((a, b) => a - b);
}

/** Which of the stretches between the starts a set has. It begins and ends with one, wherever it does. */
function* segments(starts: readonly number[], set: IndexSet): Generator<number> {
  for (let i = 0; i < set.length; i += 2)
    for (let at = firstFrom(starts, set[i] as number); (starts[at] as number) <= (set[i + 1] as number); at++) yield at;
}
