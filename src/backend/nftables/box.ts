/** Sets of packets, and what becomes of them: for boxes.ts and who reads what it says. */
import { type IndexSet, sizeOf } from "../../net/index-set.js";
import type { Part, Rule, Table } from "./ruleset.js";
import type { Value } from "./universe.js";

/** A set of packets of a universe: every source with every destination and port. Ports are those before translation. */
export interface Box {
  readonly sources: IndexSet;
  readonly destinations: IndexSet;
  readonly from: number;
  readonly to: number;
  /** Where it was translated to; `port` undefined: the port is kept. */
  readonly target?: { readonly address: Value; readonly port: number | undefined };
  /** One of several targets in turn, and not the first: the same packets as another box's. */
  readonly again?: true;
  /** The rule that translated it. */
  readonly translator?: RulePlace;
}

export interface BoxOutcome {
  readonly box: Box;
  readonly verdict: "allow" | "deny" | "reject";
  /** The rule that dropped or rejected it. */
  readonly by?: RulePlace;
}

export interface RulePlace {
  readonly table: Pick<Table, "family" | "name">;
  readonly chain: string;
  readonly rule: PerhapsRule;
}

/** A rule that may ask for more than its expressions say (see from-json.ts). */
export interface PerhapsRule extends Rule {
  readonly uncertain?: boolean;
  /** It writes addresses, ports or zones into the packets that it meets (see from-json.ts). */
  readonly rewrites?: boolean;
  /** It sends copies of the packets that it meets to this address, by a way of their own (see from-json.ts). */
  readonly copies?: string;
}

/**
 * How an uncertain rule is taken: `lenient` as it lets most pass, so that what is dropped is dropped for certain;
 * `strict` as it drops most. Plans have none.
 */
export type Reading = "lenient" | "strict";

/** Is told of the boxes that meet a rule's known conditions. */
export type Observer = (place: RulePlace, box: Box) => void;

export function packetsIn({ sources, destinations, from, to }: Box): number {
  return sizeOf(sources) * sizeOf(destinations) * (to - from + 1);
}

/** Cuts a box by intervals of ports, which don't overlap. */
export function cutPorts(box: Box, intervals: readonly (readonly [number, number])[], hit: Box[], miss: Box[]): void {
  let at = box.from;
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const [lo, hi] = [Math.max(from, at), Math.min(to, box.to)];
    if (lo > hi) continue;
    if (lo > at) miss.push({ ...box, from: at, to: lo - 1 });
    hit.push({ ...box, from: lo, to: hi });
    at = hi + 1;
  }
  if (at <= box.to) miss.push({ ...box, from: at, to: box.to });
}

/** Whether a key's value is one that a rule or an element asks for. */
export function within(value: Value | string, part: Part): boolean {
  // A device's name that ends in an asterisk stands for all that begin so.
  if (typeof part === "string" && part.endsWith("*")) return String(value).startsWith(part.slice(0, -1));
  if (typeof part !== "object") return value === part;
  return typeof value !== "string" && value >= part.from && value <= part.to;
}
