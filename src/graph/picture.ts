/**
 * What is drawn: containers in boxes of their networks, and an arrow for what a statement says. Defaults are not drawn:
 * they would be an arrow between almost any two ends. Pure.
 *
 * A node is a group of containers that nothing tells apart. Where those are too many for one picture, a node is all that
 * are on the same networks. So a picture stays legible whatever the policy's size.
 */
import type { Case, EndGroup, Flow, Graph } from "./model.js";
import { isPartial, SOME_ADDRESSES } from "./summary.js";
import { type Services, serviceWords } from "./services.js";

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

/** The nodes on the same networks; none of them where `networks` is empty. */
export interface Cluster {
  readonly id: string;
  readonly networks: readonly string[];
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

export interface Picture {
  readonly clusters: readonly Cluster[];
  /** The world and the host, each twice: on the left as who asks, on the right as who is asked. */
  readonly outside: readonly Node[];
  readonly edges: readonly Edge[];
  /** Whether a node is all the containers of its networks, though something tells them apart. */
  readonly coarse: boolean;
}

/** More than this is not a picture any more. */
const MOST_NODES = 48;
const MOST_EDGES = 140;

export function pictureOf(graph: Graph): Picture {
  const fine = drawn(graph, (group, position) => `${setKey(group)} ${position}`, false);
  const nodes = fine.clusters.reduce((sum, cluster) => sum + cluster.nodes.length, 0);
  if (nodes <= MOST_NODES && fine.edges.length <= MOST_EDGES) return fine;
  const coarse = drawn(graph, setKey, true);
  if (coarse.clusters.length <= MOST_NODES) return coarse;
  const kept = new Set(coarse.clusters.slice(0, MOST_NODES - 1).map(({ networks }) => JSON.stringify(networks)));
  return drawn(graph, (group) => (kept.has(setKey(group)) ? setKey(group) : "others"), true);
}

function setKey({ networks }: EndGroup): string {
  return JSON.stringify(networks);
}

function drawn(graph: Graph, keyOf: (group: EndGroup, position: number) => string, coarse: boolean): Picture {
  const nodes = nodesOf(graph, keyOf);
  const nodeOf = new Map(nodes.flatMap((node) => node.groups.map((group) => [group, node.id] as const)));
  const { edges, within } = edgesOf(graph, nodeOf);
  const clusters = new Map<string, { id: string; networks: readonly string[]; nodes: Node[] }>();
  for (const node of nodes) {
    const sets = new Set(node.groups.map((group) => setKey(graph.groups[group] as EndGroup)));
    const networks = sets.size === 1 ? (graph.groups[node.groups[0] ?? -1]?.networks ?? []) : [];
    const key = sets.size === 1 ? ([...sets][0] ?? "") : "";
    const cluster = clusters.get(key) ?? { id: `c${clusters.size}`, networks, nodes: [] };
    clusters.set(key, cluster);
    cluster.nodes.push({ ...node, within: [...(within.get(node.id) ?? [])].join(", ") });
  }
  return { clusters: [...clusters.values()], outside: outsideOf(graph, edges), edges, coarse };
}

function nodesOf({ groups }: Graph, keyOf: (group: EndGroup, position: number) => string): Node[] {
  const nodes = new Map<string, { names: string[]; groups: number[] }>();
  groups.forEach((group, position) => {
    if (group.zone !== "container") return;
    const key = keyOf(group, position);
    const node = nodes.get(key) ?? { names: [], groups: [] };
    nodes.set(key, node);
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

function edgesOf(
  { groups, matrix, flows }: Graph,
  nodeOf: ReadonlyMap<number, string>,
): { edges: Edge[]; within: Map<string, Set<string>> } {
  const edges = new Map<string, { edge: Omit<Edge, "id" | "label">; words: Set<string>; pairs: [number, number][] }>();
  const within = new Map<string, Set<string>>();
  const world = groups.findIndex(({ zone }) => zone === "world");
  const host = groups.findIndex(({ zone }) => zone === "host");
  const node = (position: number, side: "from" | "to") => nodeOf.get(position) ?? `${groups[position]?.zone}-${side}`;
  const opened = (from: number, to: number, statement: number) =>
    flows[matrix[from]?.[to] ?? -1]?.cases.some((one) => one.via?.statement === statement && one.verdict === "allow") ===
    true;
  groups.forEach((_, i) =>
    groups.forEach((_, j) => {
      const isDrawn = (statement: number) => {
        // A published port is open to almost everybody: one arrow says it, from the farthest who may.
        if (i === world) return true;
        if (opened(world, j, statement)) return false;
        return i === host || !opened(host, j, statement);
      };
      for (const [style, word] of wordsOf(flows[matrix[i]?.[j] ?? -1], isDrawn)) {
        const [from, to] = [node(i, "from"), node(j, "to")];
        if (from === to) {
          if (style !== "deny") within.set(from, (within.get(from) ?? new Set()).add(word));
          continue;
        }
        const key = `${from} ${to} ${style}`;
        const known = edges.get(key) ?? { edge: { from, to, style, pairs: [] }, words: new Set(), pairs: [] };
        edges.set(key, known);
        known.words.add(word);
        if (!known.pairs.some(([a, b]) => a === i && b === j)) known.pairs.push([i, j]);
      }
    }),
  );
  return {
    edges: [...edges.values()].map(({ edge, words, pairs }, i) => ({ ...edge, id: `e${i}`, label: labelOf(words), pairs })),
    within,
  };
}

/** Words of a label before the others are counted. */
const MOST_WORDS = 3;

function labelOf(words: ReadonlySet<string>): string {
  const all = [...words];
  if (all.length <= MOST_WORDS) return all.join(", ");
  return `${all.slice(0, MOST_WORDS - 1).join(", ")} +${all.length - MOST_WORDS + 1}`;
}

/** What statements say of a flow, each with its style. */
function wordsOf(flow: Flow | undefined, isDrawn: (statement: number) => boolean): [Style, string][] {
  return (flow?.cases ?? []).flatMap((one): [Style, string][] => {
    if (one.default !== undefined || (one.verdict !== "allow" && !one.cuts)) return [];
    if (one.via !== undefined && !isDrawn(one.via.statement)) return [];
    const style = one.verdict !== "allow" ? "deny" : one.via === undefined ? "allow" : "publish";
    return wordsIn(one).map((word) => [style, isPartial(one) ? `${word}${SOME_ADDRESSES}` : word]);
  });
}

function wordsIn({ via, rest, services, ports, verdict }: Case): string[] {
  if (via !== undefined) return verdict === "allow" ? via.ways.map((way) => way.replace(" -> ", "→")) : serviceWords(ports as Services).map((word) => `:${word}`);
  return rest ? ["all"] : [...services];
}
