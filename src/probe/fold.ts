/** Many pairs of names as few lines: `c1, c2 -> world`, `c1, c2, c3 -> each other`. Pure. */

/** Names that a list shows before it counts the others. */
const MOST_NAMES = 6;

/** One line for each group of sources that have the same destinations. */
export function foldPairs(pairs: readonly (readonly [string, string])[]): string[] {
  const to = new Map<string, Set<string>>();
  for (const [from, destination] of pairs) {
    const known = to.get(from);
    if (known === undefined) to.set(from, new Set([destination]));
    else known.add(destination);
  }
  // Sources that have each other and else the same are one group, although none has itself.
  const mutual = groupBy([...to], ([from, destinations]) => keyOf([...destinations, from]));
  const lines: string[] = [];
  for (const group of mutual.values()) {
    const sources = group.map(([from]) => from);
    const everyone = group.flatMap(([from, destinations]) => [from, ...destinations]);
    const others = [...new Set(everyone)].filter((name) => !sources.includes(name));
    if (sources.length > 1 && group.every(([from, destinations]) => !destinations.has(from))) {
      lines.push(`${names(sources)} -> ${["each other", ...(others.length > 0 ? [names(others)] : [])].join(", ")}`);
      continue;
    }
    for (const same of groupBy(group, ([, destinations]) => keyOf([...destinations])).values()) {
      lines.push(`${names(same.map(([from]) => from))} -> ${names([...(same[0]?.[1] ?? [])])}`);
    }
  }
  return merged(lines, to);
}

/** Sources that have nothing to do with each other but the same destinations: the grouping above keeps them apart. */
function merged(lines: string[], to: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const plain = groupBy([...to], ([, destinations]) => keyOf([...destinations]));
  if (plain.size > lines.length) return lines;
  return [...plain.values()].map(
    (group) => `${names(group.map(([from]) => from))} -> ${names([...(group[0]?.[1] ?? [])])}`,
  );
}

function keyOf(list: readonly string[]): string {
  return [...new Set(list)].sort().join("\0");
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

function names(list: readonly string[]): string {
  if (list.length <= MOST_NAMES) return list.join(", ");
  return `${list.slice(0, MOST_NAMES - 1).join(", ")} and ${list.length - MOST_NAMES + 1} others`;
}
