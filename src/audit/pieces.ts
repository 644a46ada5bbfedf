/** What a judge knows of rules and ends, and how it cuts boxes by them. For judge.ts. */
import { type Box, type BoxOutcome, cutPorts, type RulePlace } from "../backend/nftables/box.js";
import type { Decision, End, Packet } from "../ir/evaluate.js";
import { hasPeer } from "../ir/peers.js";
import type { PeerSet, Publish, Rule } from "../ir/policy.js";
import type { Address } from "../net/address.js";
import { addBit, type Bits, bitsOf, both, noBits, without } from "../net/bits.js";

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
}

/** A rule, seen from a universe. */
export interface Seen {
  readonly rule: Rule;
  readonly sources: Bits;
  readonly destinations: Bits;
  /** Undefined: every port. */
  readonly ports: readonly (readonly [number, number])[] | undefined;
  /** The lowest and the highest of them. */
  readonly from: number;
  readonly to: number;
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

/** Rules are told apart by who they are: two of somebody's may say the same. */
const numbers = new WeakMap<object, number>();
let count = 0;

/** A number for a rule, the same each time. */
export function numberOf(rule: object): number {
  let number = numbers.get(rule);
  if (number === undefined) numbers.set(rule, (number = ++count));
  return number;
}

const known = new WeakMap<readonly End[], Map<PeerSet, Bits>>();

/** Which of the ends a peer set has; found once for a list. */
export function endsIn(list: readonly End[], peers: PeerSet): Bits {
  let sets = known.get(list);
  if (sets === undefined) known.set(list, (sets = new Map()));
  let bits = sets.get(peers);
  if (bits === undefined) {
    bits = noBits(list.length);
    for (let i = 0; i < list.length; i++) {
      const { zone, address } = list[i] as End;
      if (hasPeer(peers, zone, address)) addBit(bits, i);
    }
    sets.set(peers, bits);
  }
  return bits;
}

export function pairsOf(flat: readonly number[]): [number, number][] {
  const out: [number, number][] = [];
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i] as number, flat[i + 1] as number]);
  return out;
}

export function groups(list: readonly End[], name: (end: End) => string): Bits[] {
  const found = new Map<string, number[]>();
  list.forEach((end, i) => {
    const key = name(end);
    const known = found.get(key);
    if (known === undefined) found.set(key, [i]);
    else known.push(i);
  });
  return [...found.values()].map((group) => bitsOf(list.length, group));
}

/** Cuts a piece into what a rule covers and the rest. */
export function cut(piece: Box, { sources, destinations, ports }: Seen, way: Way | undefined): Box[] {
  const from = both(piece.sources, sources);
  const to = way === undefined ? both(piece.destinations, destinations) : piece.destinations;
  if (from === undefined || to === undefined) return [piece];
  const out: Box[] = [];
  const others = without(piece.sources, sources);
  if (others !== undefined) out.push({ ...piece, sources: others });
  const beyond = way === undefined ? without(piece.destinations, destinations) : undefined;
  if (beyond !== undefined) out.push({ ...piece, sources: from, destinations: beyond });
  const inside = { ...piece, sources: from, destinations: to };
  if (ports === undefined) out.push(inside);
  else {
    const shift = way?.shift ?? 0;
    cutPorts(
      inside,
      ports.map(([lo, hi]) => [lo - shift, hi - shift] as const),
      out,
      out,
    );
  }
  return out;
}
