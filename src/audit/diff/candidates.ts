/** The names that words are made of, found by what they mean: most are single addresses, of which few matter to a box. */
import { FAMILIES, type Family } from "../../net/address.js";
import type { Ranges } from "../../net/ranges.js";
import { rangesOf } from "../../ir/classes.js";
import { type Group, inFamilies, isEmpty, within } from "./group.js";
import type { Named, Names } from "./names.js";

type Value = number | bigint;

export interface Candidate extends Named {
  /** In the families of the packets. */
  readonly part: Group;
  /** Of equally good ones the lowest is taken. */
  readonly rank: number;
}

/** One that means an interval of addresses outside. */
interface Interval {
  readonly first: Value;
  readonly last: Value;
  readonly candidate: Candidate;
}

export class Candidates {
  readonly everyone: Group;
  private readonly others: Candidate[] = [];
  /** By family, ascending. */
  private readonly intervals: Readonly<Record<Family, Interval[]>> = { 4: [], 6: [] };

  constructor({ ends }: Names, families: ReadonlySet<Family>) {
    const all = ends.map((one, rank): Candidate => ({ ...one, part: inFamilies(one.group, families), rank }));
    this.everyone = (all[0] as Candidate).part;
    for (const candidate of all) {
      if (isEmpty(candidate.part)) continue;
      const family = intervalIn(candidate.part);
      if (family === undefined) this.others.push(candidate);
      else {
        const [first, last] = rangesOf(candidate.part.host, family) as [Value, Value];
        this.intervals[family].push({ first, last, candidate });
      }
    }
    for (const family of FAMILIES) this.intervals[family].sort((a, b) => (a.first < b.first ? -1 : 1));
  }

  /** Those that mean nothing else than what may be. */
  inside(may: Group): Candidate[] {
    const near = FAMILIES.flatMap((family) => {
      const [list, ranges] = [this.intervals[family], rangesOf(may.host, family)];
      const out: Candidate[] = [];
      for (let i = 0; i < ranges.length; i += 2)
        for (let at = firstFrom(list, ranges[i] as Value); at < list.length; at++) {
          const { first, last, candidate } = list[at] as Interval;
          if (first > (ranges[i + 1] as Value)) break;
          if (last <= (ranges[i + 1] as Value)) out.push(candidate);
        }
      return out;
    });
    return [...this.others, ...near].filter(({ part }) => within(part, may));
  }

  /** Those that mean all that must be, the first ones first. */
  around(must: Group): Candidate[] {
    const near = FAMILIES.flatMap((family) => {
      if (must.places.size > 0) return [];
      const hulls = [must.host, must.world].map((set) => rangesOf(set, family)).filter(({ length }) => length > 0);
      const holds = ({ first, last }: Interval): boolean =>
        hulls.every((ranges: Ranges<Value>) => first <= (ranges[0] as Value) && last >= (ranges.at(-1) as Value));
      return this.intervals[family].filter(holds).map(({ candidate }) => candidate);
    });
    return [...this.others, ...near].filter(({ part }) => within(must, part)).sort((a, b) => a.rank - b.rank);
  }
}

/** The family in which a group is one interval of the host's addresses, and perhaps the world's, and nothing else. */
function intervalIn({ places, host, world }: Group): Family | undefined {
  if (places.size > 0) return undefined;
  const isOnly = (ranges: Ranges<Value>, others: readonly Ranges<Value>[]): boolean =>
    ranges.length === 2 && others.every(({ length }) => length === 0);
  if (isOnly(host.v4, [host.v6, world.v6])) return 4;
  return isOnly(host.v6, [host.v4, world.v4]) ? 6 : undefined;
}

function firstFrom(list: readonly Interval[], value: Value): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Interval).first < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
