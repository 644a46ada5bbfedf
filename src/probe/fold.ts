/** Many pairs of names as few lines: `c1, c2 -> world`, `c1, c2, c3 -> each other`. Pure. */

/** Names that a list shows before it counts the others. */
const MOST_NAMES = 6;

export type NamePair = readonly [from: string, to: string, ...unknown[]];

export interface Group<P extends NamePair> {
  readonly text: string;
  readonly pairs: readonly P[];
}

/** One group for all sources that have the same destinations. */
export function foldPairs<P extends NamePair>(pairs: readonly P[]): Group<P>[] {
  const sources = [...groupBy(pairs, ([from]) => from)].map(([from, list]): Source<P> => ({
    from,
    to: [...new Set(list.map(([, to]) => to))],
    pairs: list,
  }));
  const plain = [...groupBy(sources, ({ to }) => keyOf(to)).values()].map(plainGroup);
  const mutual = [...groupBy(sources, ({ from, to }) => keyOf([...to, from])).values()].flatMap(mutualGroups);
  return mutual.length < plain.length ? mutual : plain;
}

interface Source<P> {
  readonly from: string;
  readonly to: readonly string[];
  readonly pairs: readonly P[];
}

function plainGroup<P extends NamePair>(sources: readonly Source<P>[]): Group<P> {
  const text = `${listed(sources.map(({ from }) => from))} -> ${listed(sources[0]?.to ?? [])}`;
  return { text, pairs: sources.flatMap((source) => source.pairs) };
}

/** Sources that have each other and else the same are one group, although none has itself. */
function mutualGroups<P extends NamePair>(sources: readonly Source<P>[]): Group<P>[] {
  const names = sources.map(({ from }) => from);
  if (names.length < 2 || sources.some(({ from, to }) => to.includes(from))) {
    return [...groupBy(sources, ({ to }) => keyOf(to)).values()].map(plainGroup);
  }
  const others = (sources[0]?.to ?? []).filter((name) => !names.includes(name));
  const to = ["each other", ...(others.length > 0 ? [listed(others)] : [])].join(", ");
  return [{ text: `${listed(names)} -> ${to}`, pairs: sources.flatMap((source) => source.pairs) }];
}

function keyOf(list: readonly string[]): string {
  return [...new Set(list)].sort().join("\0");
}

export function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const own = key(item);
    const group = groups.get(own);
    if (group === undefined) groups.set(own, [item]);
    else group.push(item);
  }
  return groups;
}

/** `world (192.0.2.1)` and `world (192.0.2.9)` become `world (192.0.2.1, 192.0.2.9)`. */
function listed(list: readonly string[]): string {
  const names = groupBy(list, (name) => name.replace(/ \([^()]*\)$/, ""));
  const texts = [...names].map(([name, members]) => {
    const details = members.flatMap((member) => / \(([^()]*)\)$/.exec(member)?.[1] ?? []);
    return details.length === 0 ? name : `${name} (${shortened(details)})`;
  });
  return shortened(texts);
}

function shortened(list: readonly string[]): string {
  if (list.length <= MOST_NAMES) return list.join(", ");
  return `${list.slice(0, MOST_NAMES - 1).join(", ")} and ${list.length - MOST_NAMES + 1} others`;
}
