/** The rules of a policy: plain ones as rows, all others as objects. */
import {
  DESTINATION,
  FIELDS,
  KIND,
  type PlainRules,
  PORT,
  PROTOCOL_SHIFT,
  SOURCE,
  VERB,
  VERBS,
} from "../ast/plain-rules.js";
import { NAMED_DESTINATION, NAMED_SOURCE } from "../ast/plain-rules.js";
import { ALL_PORTS, OnePort, PROTOCOLS, type PortSet, TCP } from "../net/ports.js";
import { EMPTY } from "../net/ranges.js";
import type { Origins } from "./origins.js";
import { anywhere } from "./peers.js";
import type { PeerSet, Rule } from "./policy.js";

/** Rows that follow each other, each without anything to report; their origins follow each other too. */
export interface RuleRun {
  readonly plain: PlainRules;
  /** From this row to the one before `end`. */
  readonly first: number;
  readonly end: number;
  /** The index of the first row's origin. */
  readonly base: number;
  /** What names stand for, by their numbers. */
  readonly peers: readonly (PeerSet | undefined)[];
}

/**
 * Rules in the order of their statements. `rules` makes an object of each, once; plans and whatever else meets
 * all of a large policy go through `parts`.
 */
export class RuleList {
  readonly parts: readonly (Rule | RuleRun)[];
  readonly origins: Origins;
  readonly length: number;
  private all: readonly Rule[] | undefined;

  constructor(parts: readonly (Rule | RuleRun)[], origins: Origins) {
    this.parts = parts;
    this.origins = origins;
    this.length = parts.reduce((sum, part) => sum + (isRun(part) ? part.end - part.first : 1), 0);
  }

  get rules(): readonly Rule[] {
    this.all ??= this.parts.flatMap((part) =>
      isRun(part) ? Array.from({ length: part.end - part.first }, (_, i) => this.ruleOf(part, part.first + i)) : [part],
    );
    return this.all;
  }

  /**
   * The rules that `wants` wants, in their order, by their verb, what they lead to (of a row between literal addresses
   * the IPv4 address as its integer) and whether they speak of ports. Only rows that are wanted become objects.
   */
  pick(wants: (verb: Rule["verb"], to: PeerSet | number, isPorted: boolean) => boolean): Rule[] {
    const out: Rule[] = [];
    for (const part of this.parts) {
      if (!isRun(part)) {
        if (wants(part.verb, part.to, !part.ports.all)) out.push(part);
        continue;
      }
      const { rows } = part.plain;
      for (let row = part.first; row < part.end; row++) {
        const at = row * FIELDS;
        const kind = rows[at + KIND] as number;
        const value = rows[at + DESTINATION] as number;
        const to = (kind & NAMED_DESTINATION) === 0 ? value >>> 0 : (part.peers[value] as PeerSet);
        if (wants(VERBS[kind & VERB] as Rule["verb"], to, rows[at + PORT] !== 0)) out.push(this.ruleOf(part, row));
      }
    }
    return out;
  }

  /** One row as an object. Equal names have one set, as lowering gives them. */
  ruleOf(run: RuleRun, row: number): Rule {
    const { rows } = run.plain;
    const at = row * FIELDS;
    const kind = rows[at + KIND] as number;
    const side = (field: number, named: number): PeerSet => {
      const value = rows[at + field] as number;
      if ((kind & named) !== 0) return run.peers[value] as PeerSet;
      return anywhere({ v4: [value >>> 0, value >>> 0], v6: EMPTY });
    };
    return {
      verb: VERBS[kind & VERB] as Rule["verb"],
      from: side(SOURCE, NAMED_SOURCE),
      to: side(DESTINATION, NAMED_DESTINATION),
      ports: portsOf(run.plain, row),
      log: undefined,
      origin: this.origins.at(run.base + row - run.first),
    };
  }
}

export function isRun(part: Rule | RuleRun): part is RuleRun {
  return "plain" in part;
}

/** The number of a row's protocol, TCP where it says none. */
export function protocolOf({ rows, names }: PlainRules, row: number): number {
  const name = (rows[row * FIELDS + KIND] as number) >> PROTOCOL_SHIFT;
  return name === 0 ? TCP : (PROTOCOLS.get(names[name - 1] as string) as number);
}

/** The ports of a row. */
export function portsOf(plain: PlainRules, row: number): PortSet {
  const port = plain.rows[row * FIELDS + PORT] as number;
  return port === 0 ? ALL_PORTS : new OnePort(protocolOf(plain, row), port);
}
