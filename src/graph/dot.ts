/** The picture for Graphviz: https://graphviz.org/doc/info/lang.html. Pure. */
import { safe } from "../text/display.js";
import { networkText } from "./captions.js";
import type { Graph } from "./model.js";
import { type Cluster, type Edge, type Node, type Picture, pictureOf, type Style } from "./picture.js";

const EDGE: Readonly<Record<Style, string>> = {
  allow: 'color="#0b6b4f" fontcolor="#0b6b4f"',
  publish: 'color="#1d4ed8" fontcolor="#1d4ed8" style=bold',
  deny: 'color="#b42318" fontcolor="#b42318" style=dashed arrowhead=tee',
};

export function renderDot(graph: Graph): string {
  const picture: Picture = pictureOf(graph);
  return [
    `digraph ${quoted(graph.policy)} {`,
    '  graph [rankdir=LR fontname="Helvetica" fontsize=11 nodesep=0.35 ranksep=0.9];',
    '  node [shape=box style="rounded,filled" fillcolor=white fontname="Courier" fontsize=11];',
    '  edge [fontname="Courier" fontsize=10 arrowsize=0.7];',
    ...picture.clusters.flatMap((cluster) => clusterLines(graph, cluster)),
    ...picture.outside.map((node) => `  ${nodeText(node)}`),
    ...picture.edges.map(edgeText),
    "}",
    "",
  ].join("\n");
}

function clusterLines(graph: Graph, { id, networks, nodes }: Cluster): string[] {
  const networksText =
    networks.length === 0 ? "other networks" : networks.map((names) => textOf(graph, names)).join("\n");
  return [
    `  subgraph ${quoted(`cluster_${id}`)} {`,
    `    label=${quoted(networksText)} labeljust=l style="rounded" color="#8a94a0";`,
    ...nodes.map((node) => `    ${nodeText(node)}`),
    "  }",
  ];
}

function textOf(graph: Graph, [name = "", ...others]: readonly string[]): string {
  return `${networkText(graph, name)}${others.length === 0 ? "" : ` and ${others.length} more like it`}`;
}

function nodeText({ id, zone, names, within }: Node): string {
  const lines = within === "" ? names : [...names, `between them: ${within}`];
  const shape = zone === "container" ? "" : ' shape=box style="filled" fillcolor="#eef1f4"';
  return `${quoted(id)} [label=${quoted(lines.join("\n"))}${shape}];`;
}

function edgeText({ from, to, style, label }: Edge): string {
  return `  ${quoted(from)} -> ${quoted(to)} [label=${quoted(label)} ${EDGE[style]}];`;
}

/**
 * A quoted string that shows just these words. Within quotes only `"` ends a string; in labels `\` begins an escape, and
 * `&` an HTML entity.
 */
function quoted(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => safe(line).replace(/&/g, "&amp;").replace(/\\/g, "\\\\").replace(/"/g, '\\"'));
  return `"${lines.join("\\n")}"`;
}
