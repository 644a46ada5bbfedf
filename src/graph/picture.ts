/**
 * What is drawn: containers in boxes of their networks, and an arrow for what a statement says. Defaults are not drawn:
 * they would be an arrow between almost any two ends. Pure.
 *
 * A node is a group of containers that nothing tells apart. Where those are too many for one picture, groups that play
 * the same part are one node; and where these are still too many, a node is all that are on the same networks. So a
 * picture stays legible whatever the policy's size.
 */
import { type Arrow, coloursOf, networkClasses } from "./alike.js";
import { arrowsOf, type Saying } from "./arrows.js";
import type { EndGroup, Graph } from "./model.js";

export type Style = "allow" | "publish" | "deny";

export interface Node {
  readonly id: string;
  readonly zone: EndGroup["zone"];
  /** Names of containers, or `host`, or `world`. */
  readonly names: readonly string[];
  /** What statements allow between its containers; empty for nothing. */
  readonly within: string;
  /** Positions in the graph's `groups`. */
  readonly groups: readonly number[];
}

/** The nodes on the same networks. */
export interface Cluster {
  readonly id: string;
  /** For each of their networks, those that it stands for; none where the nodes are on networks of all kinds. */
  readonly networks: readonly (readonly string[])[];
  readonly nodes: readonly Node[];
}

export interface Edge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly style: Style;
  readonly label: string;
  /** Pairs of groups that it stands for. */
  readonly pairs: readonly (readonly [from: number, to: number])[];
}

/** `groups`: each arrow holds for all containers of its nodes. `parts`: for one or more of those that it leads to. */
export type Detail = "groups" | "parts" | "networks";

export interface Picture {
  readonly clusters: readonly Cluster[];
  /** The world and the host, each twice: on the left as who asks, on the right as who is asked. */
  readonly outside: readonly Node[];
  readonly edges: readonly Edge[];
  readonly detail: Detail;
}

/** More than this is not a picture any more. */
const MOST_NODES = 48;
const MOST_EDGES = 140;

/** How groups come together: those with the same key are one node, and nodes with the same place one cluster. */
interface Grouping {
  readonly detail: Detail;
  readonly key: (position: number) => string;
  readonly place: (position: number) => string;
}

export function pictureOf(graph: Graph): Picture {
  const said = arrowsOf(graph);
  const networks = (position: number) => JSON.stringify(graph.groups[position]?.networks);
  const groups: Grouping = { detail: "groups", key: (position) => String(position), place: networks };
  for (const grouping of [groups, partsOf(graph, said)]) {
    const picture = drawn(graph, said, grouping);
    if (nodesIn(picture) <= MOST_NODES && picture.edges.length <= MOST_EDGES) return picture;
  }
  const places = [...new Set(graph.groups.flatMap(({ zone }, i) => (zone === "container" ? [networks(i)] : [])))];
  const kept = new Set(places.length <= MOST_NODES ? places : places.slice(0, MOST_NODES - 1));
  const place = (position: number) => (kept.has(networks(position)) ? networks(position) : "others");
  return drawn(graph, said, { detail: "networks", key: place, place });
}

function nodesIn({ clusters }: Picture): number {
  return clusters.reduce((sum, { nodes }) => sum + nodes.length, 0);
}

function partsOf(graph: Graph, said: readonly Saying[]): Grouping {
  const arrows = said.map(({ from, to, style, word, inner }): Arrow => ({
    from,
    to,
    words: `${style} ${inner ?? word}`,
  }));
  const colours = coloursOf(graph, arrows);
  const classes = networkClasses(graph, colours);
  const place = (position: number) => JSON.stringify(graph.groups[position]?.networks.map((name) => classes.get(name)));
  return { detail: "parts", key: (position) => `${colours[position]} ${place(position)}`, place };
}

function drawn(graph: Graph, said: readonly Saying[], grouping: Grouping): Picture {
  const nodes = nodesOf(graph, grouping);
  const nodeOf = new Map(nodes.flatMap((node) => node.groups.map((group) => [group, node.id] as const)));
  const { edges, within } = edgesOf(graph, said, nodeOf, grouping.detail);
  const clusters = new Map<string, { id: string; networks: readonly (readonly string[])[]; nodes: Node[] }>();
  for (const node of nodes) {
    const place = grouping.place(node.groups[0] ?? -1);
    const cluster = clusters.get(place) ?? { id: `c${clusters.size}`, networks: [], nodes: [] };
    clusters.set(place, cluster);
    cluster.nodes.push({ ...node, within: labelOf(within.get(node.id) ?? new Set()) });
  }
  return {
    clusters: [...clusters.values()].map((cluster) => ({ ...cluster, networks: networksOf(graph, cluster.nodes) })),
    outside: outsideOf(graph, edges),
    edges,
    detail: grouping.detail,
  };
}

/** The networks of all these nodes, in the order of a container's; none where they are on different numbers of them. */
function networksOf({ groups }: Graph, nodes: readonly Node[]): string[][] {
  const all = nodes.flatMap((node) => node.groups.map((group) => groups[group]?.networks ?? []));
  const length = all[0]?.length ?? 0;
  if (all.some((own) => own.length !== length)) return [];
  return Array.from({ length }, (_, i) => [...new Set(all.map((own) => own[i] ?? ""))]);
}

function nodesOf({ groups }: Graph, { key }: Grouping): Node[] {
  const nodes = new Map<string, { names: string[]; groups: number[] }>();
  groups.forEach((group, position) => {
    if (group.zone !== "container") return;
    const own = key(position);
    const node = nodes.get(own) ?? { names: [], groups: [] };
    nodes.set(own, node);
    node.names.push(...group.names);
    node.groups.push(position);
  });
  return [...nodes.values()].map((node, i) => ({ id: `n${i}`, zone: "container", within: "", ...node }));
}

function outsideOf({ groups }: Graph, edges: readonly Edge[]): Node[] {
  return groups.flatMap(({ zone, names }, position) =>
    zone === "container"
      ? []
      : (["from", "to"] as const)
          .map((side): Node => ({ id: `${zone}-${side}`, zone, names, within: "", groups: [position] }))
          .filter(({ id }) => edges.some((edge) => edge.from === id || edge.to === id)),
  );
}

// Edges --------------------------------------------------------------------------------------------------------------

interface Drawn {
  readonly edge: Pick<Edge, "from" | "to" | "style">;
  readonly words: Set<string>;
  readonly pairs: Map<string, readonly [number, number]>;
}

function edgesOf(
  { groups }: Graph,
  said: readonly Saying[],
  nodeOf: ReadonlyMap<number, string>,
  detail: Detail,
): { edges: Edge[]; within: Map<string, Set<string>> } {
  const edges = new Map<string, Drawn>();
  const within = new Map<string, Set<string>>();
  const node = (position: number, side: string) => nodeOf.get(position) ?? `${groups[position]?.zone}-${side}`;
  for (const { from, to, style, word, inner } of said) {
    const [a, b] = [node(from, "from"), node(to, "to")];
    if (a === b) {
      if (style !== "deny") within.set(a, (within.get(a) ?? new Set()).add(word));
      continue;
    }
    const key = `${a} ${b} ${style}`;
    const known = edges.get(key) ?? { edge: { from: a, to: b, style }, words: new Set(), pairs: new Map() };
    edges.set(key, known);
    known.words.add(detail === "groups" ? word : (inner ?? word));
    known.pairs.set(`${from} ${to}`, [from, to]);
  }
  const list = [...edges.values()].map(({ edge, words, pairs }, i): Edge => {
    return { id: `e${i}`, ...edge, label: labelOf(words), pairs: [...pairs.values()] };
  });
  return { edges: list, within };
}

/** Words of a label before the others are counted. */
const MOST_WORDS = 3;

function labelOf(words: ReadonlySet<string>): string {
  const all = [...words];
  if (all.length <= MOST_WORDS) return all.join(", ");
  return `${all.slice(0, MOST_WORDS - 1).join(", ")} +${all.length - MOST_WORDS + 1}`;
}
