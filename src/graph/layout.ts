/**
 * Where everything in the picture stands. The Eclipse Layout Kernel does the work (npm elkjs: layers from left to right,
 * boxes within boxes, lines with right angles and room for their labels). It is 1.6 MB, so it is loaded here and not
 * before, from node_modules and not from the bundle.
 */
import { createRequire } from "node:module";
import type { ELK, ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import { labelSize, nodeSize, titleWidth } from "./measure.js";
import type { Cluster, Edge, Node, Picture } from "./picture.js";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** By the ids of nodes and clusters. */
  readonly boxes: ReadonlyMap<string, Box>;
  /** By the ids of edges. */
  readonly lines: ReadonlyMap<string, { readonly points: readonly Point[]; readonly label: Box | undefined }>;
}

/** https://eclipse.dev/elk/reference/options.html */
const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "RIGHT",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.padding": "[top=8,left=8,bottom=8,right=8]",
  "elk.spacing.nodeNode": "24",
  "elk.spacing.edgeNode": "16",
  "elk.spacing.edgeEdge": "12",
  "elk.spacing.edgeLabel": "4",
  "elk.spacing.componentComponent": "28",
  "elk.layered.spacing.nodeNodeBetweenLayers": "48",
  "elk.layered.spacing.edgeNodeBetweenLayers": "18",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "12",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.considerModelOrder.strategy": "PREFER_NODES",
} as const;

export async function layOut(picture: Picture, titles: ReadonlyMap<string, string>): Promise<Layout> {
  const Elk = createRequire(import.meta.url)("elkjs/lib/elk.bundled.js") as new () => ELK;
  const drawn = await new Elk().layout({
    id: "root",
    layoutOptions: OPTIONS,
    children: [
      ...picture.clusters.map((cluster) => clusterNode(cluster, titles.get(cluster.id) ?? "")),
      ...picture.outside.map(outsideNode),
    ],
    edges: picture.edges.map(edgeOf),
  });
  return layoutOf(drawn, picture);
}

function clusterNode({ id, nodes }: Cluster, title: string): ElkNode {
  return {
    id,
    layoutOptions: {
      "elk.padding": "[top=44,left=18,bottom=18,right=18]",
      "elk.nodeSize.constraints": "MINIMUM_SIZE",
      "elk.nodeSize.minimum": `(${titleWidth(title) + 36}, 60)`,
    },
    children: nodes.map((node) => ({ id: node.id, ...nodeSize(node) })),
  };
}

function outsideNode(node: Node): ElkNode {
  const layer = node.id.endsWith("-from") ? "FIRST" : "LAST";
  return { id: node.id, ...nodeSize(node), layoutOptions: { "elk.layered.layering.layerConstraint": layer } };
}

function edgeOf({ id, from, to, label }: Edge): ElkExtendedEdge {
  return {
    id,
    sources: [from],
    targets: [to],
    labels: [{ text: label, ...labelSize(label), layoutOptions: { "elk.edgeLabels.inline": "true" } }],
  };
}

function layoutOf(root: ElkNode, picture: Picture): Layout {
  const boxes = new Map<string, Box>();
  const visit = (node: ElkNode) => {
    boxes.set(node.id, boxOf(node));
    node.children?.forEach(visit);
  };
  root.children?.forEach(visit);
  const lines = new Map<string, { points: readonly Point[]; label: Box | undefined }>();
  for (const edge of root.edges ?? []) {
    const [section] = edge.sections ?? [];
    if (section === undefined) throw new Error(`the layout left out the edge ${edge.id}`);
    const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
    const [label] = edge.labels ?? [];
    lines.set(edge.id, { points, label: label && boxOf(label) });
  }
  if (lines.size !== picture.edges.length) throw new Error("the layout left out an edge");
  return { width: Math.ceil(root.width ?? 0), height: Math.ceil(root.height ?? 0), boxes, lines };
}

function boxOf({ x = 0, y = 0, width = 0, height = 0 }: Partial<Box>): Box {
  return { x, y, width, height };
}
