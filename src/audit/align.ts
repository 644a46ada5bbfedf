/** Two lists of texts, aligned: what both have in the same order, what the first has alone, and the second. */
export interface Alignment {
  /** Places in the first and in the second. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly lost: readonly number[];
  readonly added: readonly number[];
}

/** A longest common subsequence, by dynamic programming between the common beginning and end. */
export function align(first: readonly string[], second: readonly string[]): Alignment {
  let head = 0;
  while (head < first.length && head < second.length && first[head] === second[head]) head++;
  let tail = 0;
  const most = Math.min(first.length, second.length) - head;
  while (tail < most && first[first.length - 1 - tail] === second[second.length - 1 - tail]) tail++;
  const [n, m] = [first.length - head - tail, second.length - head - tail];
  // Lengths of the longest common subsequences of what is left from each place.
  const lengths = Array.from({ length: n + 1 }, () => new Array<number>(m + 1).fill(0));
  const at = (i: number, k: number): number => lengths[i]?.[k] ?? 0;
  for (let i = n - 1; i >= 0; i--)
    for (let k = m - 1; k >= 0; k--)
      (lengths[i] as number[])[k] =
        first[head + i] === second[head + k] ? at(i + 1, k + 1) + 1 : Math.max(at(i + 1, k), at(i, k + 1));
  const pairs: [number, number][] = Array.from({ length: head }, (_, i) => [i, i]);
  const [lost, added]: [number[], number[]] = [[], []];
  let [i, k] = [0, 0];
  while (i < n || k < m)
    if (i < n && k < m && first[head + i] === second[head + k]) pairs.push([head + i++, head + k++]);
    else if (k === m || (i < n && at(i + 1, k) >= at(i, k + 1))) lost.push(head + i++);
    else added.push(head + k++);
  for (let j = tail; j > 0; j--) pairs.push([first.length - j, second.length - j]);
  return { pairs, lost, added };
}
