/** The picture as SVG: on its own, or within the page. Pure. */
import { DETAIL, NOT_DRAWN, networkText } from "./captions.js";
import type { Box, Layout, Point } from "./layout.js";
import { escaped } from "./markup.js";
import { FONT, LINE, moreText, nodeText, PAD, shortened } from "./measure.js";
import type { Graph } from "./model.js";
import { DARK, LIGHT, type Palette } from "./palette.js";
import type { Cluster, Edge, Node, Picture, Style } from "./picture.js";
import { SOME_ADDRESSES } from "./summary.js";

export interface Drawing {
  readonly graph: Graph;
  readonly picture: Picture;
  readonly layout: Layout;
  readonly titles: ReadonlyMap<string, string>;
}

const STYLES: readonly Style[] = ["allow", "publish", "deny"];
export const STYLE_WORDS: Readonly<Record<Style, string>> = {
  allow: "a statement allows it",
  publish: "through a published port of the host: host port→container port",
  deny: "a statement denies what would pass",
};

/** Each cluster's title, by its id. */
export function titlesOf(graph: Graph, { clusters }: Picture): Map<string, string> {
  return new Map(
    clusters.map(({ id, networks }) => {
      const words = networks.map((names) => networkTitle(graph, names));
      return [id, words.length === 0 ? "other networks" : words.join(" + ")];
    }),
  );
}

/** A network, or the first of those that it stands for. */
function networkTitle({ networks }: Graph, [name = "", ...others]: readonly string[]): string {
  const network = networks.find((one) => one.name === name);
  const marks = [...(network?.icc ? ["talk freely"] : []), ...(network?.internal ? ["internal"] : [])];
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return `${shortened(name, 30)}${more}${marks.length === 0 ? "" : ` (${marks.join(", ")})`}`;
}

/** How it looks: `colour` gives a role's colour, or the custom property that has it. */
export function pictureCss(colour: (role: keyof Palette) => string): string {
  const sans = 'system-ui,-apple-system,"Segoe UI",Inter,Roboto,"Liberation Sans",sans-serif';
  const mono = 'ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace';
  const perStyle = STYLES.map(
    (style) =>
      `.g-${style} path{stroke:${colour(style)}}.g-${style} text{fill:${colour(style)}}.g-head-${style}{fill:${colour(style)}}`,
  );
  return [
    `.g-ground{fill:${colour("panel")}}`,
    `.g-cluster rect{fill:${colour("box")};stroke:${colour("rule")}}`,
    `.g-cluster text{fill:${colour("muted")};font:600 ${FONT.title}px ${sans}}`,
    `.g-node rect{fill:${colour("panel")};stroke:${colour("muted")}}`,
    `.g-node text{fill:${colour("text")};font:${FONT.name}px ${mono}}`,
    `.g-node .g-more{fill:${colour("muted")}}`,
    `.g-node .g-within{fill:${colour("allow")}}`,
    `.g-outside rect{fill:${colour("text")};stroke:${colour("text")}}`,
    `.g-outside text{fill:${colour("panel")};font-weight:600}`,
    `.g-edge path{fill:none;stroke-width:1.5}`,
    `.g-edge .g-hit{stroke:transparent;stroke-width:14}`,
    `.g-publish path{stroke-width:2}.g-deny path{stroke-dasharray:5 4}`,
    `.g-edge text{font:${FONT.label}px ${mono}}`,
    `.g-edge .g-halo{fill:${colour("panel")}}`,
    `.g-legend text{fill:${colour("muted")};font:${FONT.title}px ${sans}}`,
    ...perStyle,
  ].join("\n");
}

/** A whole file. Colours follow the reader's scheme; nothing is fetched. */
export function standalone(drawing: Drawing): string {
  const { graph, layout } = drawing;
  const legend = legendOf(drawing);
  const width = Math.max(layout.width, 640);
  const height = layout.height + legend.height;
  const title = `${graph.policy}: who may talk to whom`;
  const css = `${pictureCss((role) => LIGHT[role])}\n@media (prefers-color-scheme:dark){${pictureCss((role) => DARK[role])}}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="g-title g-desc">`,
    `<title id="g-title">${escaped(title)}</title>`,
    `<desc id="g-desc">${escaped(described(drawing))}</desc>`,
    `<style>${css.replace(/&/g, "&amp;").replace(/</g, "&lt;")}</style>`,
    `<rect class="g-ground" width="${width}" height="${height}"/>`,
    contents(drawing, false),
    `<g class="g-legend" transform="translate(0 ${layout.height})">${legend.text}</g>`,
    "</svg>",
    "",
  ].join("\n");
}

/** The picture in words: an arrow a sentence. */
export function described({ picture }: Drawing): string {
  const nodes = new Map(
    [...picture.clusters.flatMap(({ nodes: own }) => own), ...picture.outside].map((node) => [node.id, node]),
  );
  const words = (id: string) => namesText(nodes.get(id));
  const lines = picture.edges.map(({ from, to, style, label }) => `${words(from)} to ${words(to)}: ${style} ${label}`);
  return lines.length === 0 ? "No statement allows or denies anything." : `${lines.join(". ")}.`;
}

export function namesText(node: Node | undefined): string {
  const names = node?.names ?? [];
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;
}

// Parts --------------------------------------------------------------------------------------------------------------

/** `active`: nodes and edges can be reached by keyboard and chosen. */
export function contents({ picture, layout, titles }: Drawing, active: boolean): string {
  const box = (id: string): Box => layout.boxes.get(id) ?? { x: 0, y: 0, width: 0, height: 0 };
  const names = new Map(
    [...picture.clusters.flatMap(({ nodes }) => nodes), ...picture.outside].map((node) => [node.id, namesText(node)]),
  );
  return [
    `<defs>${STYLES.map(head).join("")}</defs>`,
    ...picture.clusters.map((cluster) => clusterMarkup(cluster, box(cluster.id), titles.get(cluster.id) ?? "")),
    ...picture.edges.map((edge) => edgeMarkup(edge, layout, names, active)),
    ...picture.clusters.flatMap(({ nodes }) => nodes.map((node) => nodeMarkup(node, box(node.id), active))),
    ...picture.outside.map((node) => nodeMarkup(node, box(node.id), active)),
  ].join("\n");
}

function head(style: Style): string {
  const shape = style === "deny" ? "M7 1V9H9V1Z" : "M1 1L9 5L1 9Z";
  return `<marker id="g-head-${style}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="10" markerHeight="10" markerUnits="userSpaceOnUse" orient="auto"><path class="g-head-${style}" d="${shape}"/></marker>`;
}

function clusterMarkup(_: Cluster, { x, y, width, height }: Box, title: string): string {
  return `<g class="g-cluster"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/><text x="${x + 18}" y="${y + 26}">${escaped(title)}</text></g>`;
}

function nodeMarkup(node: Node, { x, y, width, height }: Box, active: boolean): string {
  const { lines, more, within } = nodeText(node);
  const texts = [
    ...lines.map((line) => ["", line]),
    ...(more > 0 ? [["g-more", moreText(more)]] : []),
    ...(within === "" ? [] : [["g-within", within]]),
  ];
  const outside = node.zone !== "container";
  const spans = texts.map(([name, text], i) => {
    const place = outside ? `x="${x + width / 2}" text-anchor="middle"` : `x="${x + PAD.x}"`;
    return `<text${name === "" ? "" : ` class="${name}"`} ${place} y="${y + PAD.y + i * LINE + 14.5}">${escaped(text ?? "")}</text>`;
  });
  const title = `<title>${escaped(node.names.slice(0, 60).join(", "))}</title>`;
  const label = `${namesText(node)}: whom it reaches, and who reaches it`;
  const action = active
    ? ` id="g-${node.id}" data-node="${node.id}" tabindex="0" role="button" aria-label="${escaped(label)}"`
    : "";
  return `<g class="g-node${outside ? " g-outside" : ""}"${action}>${title}<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="${outside ? 17 : 7}"/>${spans.join("")}</g>`;
}

function edgeMarkup(edge: Edge, layout: Layout, names: ReadonlyMap<string, string>, active: boolean): string {
  const line = layout.lines.get(edge.id);
  const path = rounded(line?.points ?? []);
  const label = line?.label;
  const words = `${names.get(edge.from)} to ${names.get(edge.to)}: ${edge.style === "deny" ? "denied" : "allowed"} ${edge.label}`;
  const action = active
    ? ` id="g-${edge.id}" data-edge="${edge.id}" tabindex="0" role="button" aria-label="${escaped(`${words}: explain`)}"`
    : "";
  const text =
    label === undefined
      ? ""
      : `<rect class="g-halo" x="${label.x}" y="${label.y}" width="${label.width}" height="${label.height}" rx="3"/><text x="${label.x + label.width / 2}" y="${label.y + FONT.label + 1}" text-anchor="middle">${escaped(edge.label)}</text>`;
  const hit = active ? `<path class="g-hit" d="${path}"/>` : "";
  return `<g class="g-edge g-${edge.style}"${action}><title>${escaped(words)}</title>${hit}<path d="${path}" marker-end="url(#g-head-${edge.style})"/>${text}</g>`;
}

const RADIUS = 7;

/** A path through these points with rounded corners. */
function rounded(points: readonly Point[]): string {
  const [first, ...others] = points;
  if (first === undefined) return "";
  const parts = [`M${n(first.x)} ${n(first.y)}`];
  others.forEach((point, i) => {
    const before = points[i] as Point;
    const after = others[i + 1];
    if (after === undefined) return void parts.push(`L${n(point.x)} ${n(point.y)}`);
    const start = towards(point, before);
    const end = towards(point, after);
    parts.push(`L${n(start.x)} ${n(start.y)}Q${n(point.x)} ${n(point.y)} ${n(end.x)} ${n(end.y)}`);
  });
  return parts.join("");
}

/** The point at most a radius from `from` on the way to `to`, and never beyond the middle. */
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const part = length === 0 ? 0 : Math.min(RADIUS, length / 2) / length;
  return { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part };
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

// Legend -------------------------------------------------------------------------------------------------------------

function legendOf({ graph, picture }: Drawing): { text: string; height: number } {
  const rows: string[] = [];
  const row = (mark: string, words: string) => {
    const y = 26 + rows.length * LINE;
    rows.push(
      mark.replaceAll("{y}", String(y - 4)) + `<text x="${mark === "" ? 16 : 72}" y="${y}">${escaped(words)}</text>`,
    );
  };
  for (const style of STYLES)
    if (picture.edges.some((edge) => edge.style === style))
      row(
        `<g class="g-edge g-${style}"><path d="M16 {y}H58" marker-end="url(#g-head-${style})"/></g>`,
        STYLE_WORDS[style],
      );
  const used = new Set(picture.clusters.flatMap(({ networks }) => networks.flat()));
  const shown = [...used].slice(0, 12);
  for (const name of shown) row("", shortened(networkText(graph, name), 100));
  if (used.size > shown.length) row("", `and ${used.size - shown.length} more networks`);
  row("", NOT_DRAWN.replace(/: .*/, ": what the defaults allow."));
  if (DETAIL[picture.detail] !== "") row("", DETAIL[picture.detail]);
  if (picture.edges.some(({ label }) => label.includes(SOME_ADDRESSES)))
    row("", `${SOME_ADDRESSES} for some addresses only`);
  return { text: rows.join(""), height: rows.length * LINE + 28 };
}
