/** How packets between two classes fare in both policies: the kinds of change, each known by a number. */
import { FAMILIES, type Family } from "../../net/address.js";
import type { Policy, Rule } from "../../ir/policy.js";
import type { Axes, Class } from "./axes.js";
import { endsIn } from "./line.js";
import { ABSENT, differs, Meaning, type Outcome, sameness } from "./outcome.js";
import type { Service } from "./services.js";

/** How services fare that fare alike between two classes, in one family, where they change. */
export interface Fate {
  readonly kind: number;
  readonly services: readonly number[];
  readonly family: Family;
  readonly outcomes: readonly [Outcome, Outcome];
  /** Among those of a pair, the lower comes first. */
  readonly rank: number;
}

/** Services that fare alike between two classes. Only where they change are they listed. */
export interface Alike {
  readonly first: number;
  readonly all: () => readonly number[];
  readonly rank: number;
}

export const just = (z: number, rank: number): Alike => ({ first: z, all: () => [z], rank });

export class Fates {
  /** How many packets were evaluated, in both policies. */
  evaluations = 0;
  readonly meanings: readonly [Meaning, Meaning];
  private readonly axes: Axes;
  private readonly kinds = new Map<string, number>();

  constructor(before: Policy, after: Policy, axes: Axes) {
    this.axes = axes;
    this.meanings = [new Meaning(before), new Meaning(after)];
  }

  /** What changes of these services; undefined where the families disagree. */
  of(x: number, y: number, rules: readonly number[], lists: readonly Alike[]): Fate[] | undefined {
    const { axes } = this;
    const [source, destination] = [axes.sources[x] as Class, axes.destinations[y] as Class];
    const some: readonly Rule[][] = [[], []];
    for (const r of rules) {
      const { rule, policy } = axes.rules[r] as Axes["rules"][number];
      some[policy]?.push(rule);
    }
    const out: Fate[] = [];
    const agreed: number[] = [];
    for (const family of FAMILIES) {
      const ends = endsIn(family, source, destination);
      if (ends === undefined) continue;
      for (const [i, { first, all, rank }] of lists.entries()) {
        const { protocol, port } = axes.services[first] as Service;
        const [before, after] = this.meanings.map((meaning, at) => {
          const pair = ends[at];
          if (pair === undefined) return ABSENT;
          this.evaluations++;
          return meaning.of({ source: pair[0], destination: pair[1], protocol, port }, some[at] as Rule[]);
        });
        const outcomes = [before as Outcome, after as Outcome] as const;
        const kind = this.kindOf(outcomes);
        if ((agreed[i] ??= kind) !== kind) return undefined;
        if (kind > 0) out.push({ kind, services: all(), family, outcomes, rank });
      }
    }
    return out;
  }

  /** 0 is no change, and every other number a kind of change. */
  private kindOf([before, after]: readonly [Outcome, Outcome]): number {
    if (!differs(before, after)) return 0;
    const key = `${sameness(before)} > ${sameness(after)}`;
    let kind = this.kinds.get(key);
    if (kind === undefined) this.kinds.set(key, (kind = this.kinds.size + 1));
    return kind;
  }
}
