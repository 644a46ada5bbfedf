/** Which sets of peers have which ends: found by the sets' intervals, since most sets have few of many ends. */
import { FAMILIES } from "../../net/address.js";
import type { End } from "../../ir/evaluate.js";
import { rangesOf } from "../../ir/classes.js";
import { type PeerSet, ZONES } from "../../ir/policy.js";

/** Of each end, the indices of the sets that have it, ascending; none of an end that isn't there. */
export function coverage(ends: readonly (End | undefined)[], sets: readonly PeerSet[]): number[][] {
  const out = ends.map((): number[] => []);
  for (const zone of ZONES)
    for (const family of FAMILIES) {
      const mine = ends
        .flatMap((end, i) =>
          end?.zone === zone && end.address.family === family ? [[end.address.value, i] as const] : [],
        )
        .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      if (mine.length === 0) continue;
      sets.forEach((set, at) => {
        const ranges = rangesOf(set[zone], family);
        for (let i = 0; i < ranges.length; i += 2) {
          const [first, last] = [ranges[i] as number | bigint, ranges[i + 1] as number | bigint];
          let [low, high] = [0, mine.length];
          while (low < high) {
            const middle = (low + high) >> 1;
            if ((mine[middle] as (typeof mine)[number])[0] < first) low = middle + 1;
            else high = middle;
          }
          for (let one = mine[low]; one !== undefined && one[0] <= last; one = mine[++low]) out[one[1]]?.push(at);
        }
      });
    }
  return out;
}

/** The other way round: of each of `count` sets, the indices of what has it in its list. */
export function inverted(lists: readonly (readonly number[])[], count: number): number[][] {
  const out = Array.from({ length: count }, (): number[] => []);
  lists.forEach((list, i) => list.forEach((at) => out[at]?.push(i)));
  return out;
}
