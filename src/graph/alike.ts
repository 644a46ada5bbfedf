/**
 * Groups of containers that play the same part: fifty teams built the same way are one team in the picture.
 *
 * Colours are refined until nothing changes (Paige and Tarjan, "Three partition refinement algorithms", 1987, in its
 * simple quadratic form): at first groups differ by their networks' properties, then by the colours that their arrows lead
 * to and come from. So an arrow between two colours means that each member of the one reaches a member of the other, and
 * each of these is reached by one of those. Pure.
 */
import type { Graph } from "./model.js";

/** What a statement says between two groups, in words that two arrows share if they are alike. */
export interface Arrow {
  readonly from: number;
  readonly to: number;
  readonly words: string;
}

/** For each group its colour: a number that groups alike share. */
export function coloursOf(graph: Graph, arrows: readonly Arrow[]): number[] {
  const { groups, networks } = graph;
  const properties = new Map(
    networks.map(({ name, icc, internal, masquerade }) => [name, [icc, internal, masquerade].join()]),
  );
  const first = groups.map(({ zone, networks: own }) => [zone, ...own.map((name) => properties.get(name))].join("|"));
  let colours = numbered(first);
  for (let count = 0, before = -1; count !== before;) {
    before = new Set(colours).size;
    const seen = groups.map(() => new Set<string>());
    for (const { from, to, words } of arrows) {
      seen[from]?.add(`> ${words} ${colours[to]}`);
      seen[to]?.add(`< ${words} ${colours[from]}`);
    }
    colours = numbered(seen.map((set, i) => `${colours[i]}|${[...set].sort().join("|")}`));
    count = new Set(colours).size;
  }
  return colours;
}

function numbered(keys: readonly string[]): number[] {
  const numbers = new Map<string, number>();
  return keys.map((key) => {
    const known = numbers.get(key) ?? numbers.size;
    numbers.set(key, known);
    return known;
  });
}

/** Networks that have the same properties and whose groups have the same colours are of one class, by their names. */
export function networkClasses({ groups, networks }: Graph, colours: readonly number[]): Map<string, number> {
  const members = new Map<string, Set<number>>();
  groups.forEach(({ networks: own }, i) => {
    for (const name of own) members.set(name, (members.get(name) ?? new Set()).add(colours[i] ?? -1));
  });
  const keys = networks.map(({ name, icc, internal, masquerade }) => {
    return [icc, internal, masquerade, ...[...(members.get(name) ?? [])].sort((a, b) => a - b)].join();
  });
  const numbers = numbered(keys);
  return new Map(networks.map(({ name }, i) => [name, numbers[i] ?? -1]));
}
