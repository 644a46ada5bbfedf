/**
 * One page that needs nothing else: no network, no fonts, no files. Its policy (CSP) lets nothing be fetched and only
 * this script and this style run, so that even a name that broke out of its place could do nothing. Pure.
 */
import { createHash } from "node:crypto";
import { plural } from "../text/display.js";
import { DETAIL, NOT_DRAWN } from "./captions.js";
import { escaped, scriptJson } from "./markup.js";
import type { Graph } from "./model.js";
import { encodeRows, type PageData } from "./page-data.js";
import { DARK, LIGHT, properties } from "./palette.js";
import { SOME_ADDRESSES } from "./summary.js";
import { contents, described, type Drawing, pictureCss, STYLE_WORDS } from "./svg.js";

/** The page's own script and style, built from src/page/. */
export interface Assets {
  readonly script: string;
  readonly style: string;
}

export function renderPage(drawing: Drawing, assets: Assets): string {
  const { graph } = drawing;
  const style = [
    `:root{${properties(LIGHT)}color-scheme:light}`,
    `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${properties(DARK)}color-scheme:dark}}`,
    `:root[data-theme=dark]{${properties(DARK)}color-scheme:dark}`,
    pictureCss((role) => `var(--${role})`),
    assets.style.trim(),
  ].join("\n");
  const script = assets.script.trim().replaceAll("</script", "<\\/script");
  const allowed = [
    "default-src 'none'",
    `script-src '${digest(script)}'`,
    `style-src '${digest(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(allowed)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(graph.policy)}: who may talk to whom</title>
<style>${style}</style>
</head>
<body>
${body(drawing)}
<script type="application/json" id="data">${scriptJson(dataOf(drawing))}</script>
<script>${script}</script>
</body>
</html>
`;
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

function dataOf({ graph, picture }: Drawing): PageData {
  const { matrix, ...others } = graph;
  const nodes = [...picture.clusters.flatMap((cluster) => cluster.nodes), ...picture.outside];
  return {
    ...others,
    ...encodeRows(matrix),
    nodes: Object.fromEntries(nodes.map(({ id, groups }) => [id, groups])),
    edges: Object.fromEntries(picture.edges.map(({ id, pairs }) => [id, pairs])),
  };
}

function countText(graph: Graph): string {
  const containers = graph.groups.reduce((sum, { zone, names }) => sum + (zone === "container" ? names.length : 0), 0);
  return `${plural(containers, "container")} on ${plural(graph.networks.length, "network")}`;
}

function body(drawing: Drawing): string {
  const { graph, picture, layout } = drawing;
  const files = graph.files.map(({ name }) => name).join(", ");
  const note = [NOT_DRAWN, DETAIL[picture.detail]].join(" ").trim();
  return `<a class="skip" href="#grid">Skip to the matrix</a>
<header>
<h1>${escaped(graph.policy)}</h1>
<p>${escaped(countText(graph))}, from <span class="file">${escaped(files)}</span></p>
<button type="button" id="theme" aria-pressed="false">Dark</button>
</header>
<main>
<section class="picture" aria-labelledby="picture-title">
<div class="bar"><h2 id="picture-title">Picture</h2>
<ul class="legend">${legend(drawing)}</ul>
<div class="zoom" role="group" aria-label="Size of the picture"><button type="button" id="zoom-out" aria-label="Smaller">−</button><button type="button" id="zoom-fit">Fit</button><button type="button" id="zoom-in" aria-label="Larger">+</button></div></div>
<div class="canvas" id="canvas" tabindex="0" role="group" aria-label="Networks, containers and what statements say of them">
<svg id="picture" viewBox="0 0 ${layout.width} ${layout.height}" width="${layout.width}" height="${layout.height}" role="group" aria-describedby="picture-words">
${contents(drawing, true)}
</svg></div>
<p class="note" id="picture-note">${escaped(note)}</p>
<p class="hidden" id="picture-words">${escaped(described(drawing).slice(0, 4000))}</p>
</section>
<section class="matrix" aria-labelledby="matrix-title">
<div class="bar"><h2 id="matrix-title">Matrix</h2><ul class="legend" id="matrix-legend"></ul></div>
<form class="filters" id="filters" role="search" aria-label="Filter the matrix">
<label>From <input type="search" id="filter-from" placeholder="name" autocomplete="off" spellcheck="false"></label>
<label>To <input type="search" id="filter-to" placeholder="name" autocomplete="off" spellcheck="false"></label>
<label>Service <input type="search" id="filter-service" placeholder="443, 53/udp" autocomplete="off" spellcheck="false"></label>
<label>Show <select id="filter-show"><option value="every">every pair</option><option value="open">what is allowed</option><option value="said">decided by statements</option><option value="published">published ports</option><option value="refused">denied by statements</option></select></label>
<button type="button" id="filter-reset">Clear</button>
</form>
<p class="count" id="count" role="status" aria-live="polite"></p>
<div id="grid" class="grid" role="grid" tabindex="0" aria-labelledby="matrix-title" aria-describedby="grid-help" aria-readonly="true"></div>
<p class="note" id="grid-help">Rows ask, columns are asked. Arrow keys move, Enter explains a cell, a name shows all of one end.</p>
</section>
<section class="side">
<section class="panel" aria-labelledby="panel-title"><div class="bar"><h2 id="panel-title" tabindex="-1">Explanation</h2><button type="button" id="back" hidden>Back</button></div><div id="panel" aria-live="polite"></div></section>
<section class="source" aria-labelledby="source-title"><div class="bar"><h2 id="source-title">Policy</h2></div><div id="source" tabindex="0" role="group" aria-labelledby="source-title"></div></section>
</section>
</main>`;
}

function legend({ picture }: Drawing): string {
  const styles = (["allow", "publish", "deny"] as const)
    .filter((style) => picture.edges.some((edge) => edge.style === style))
    .map((style) => {
      const line = `<path d="M2 6H34" marker-end="url(#g-head-${style})"/>`;
      return `<svg class="g-edge g-${style}" width="38" height="12" aria-hidden="true">${line}</svg>${escaped(STYLE_WORDS[style])}`;
    });
  const partial = picture.edges.some(({ label }) => label.includes(SOME_ADDRESSES));
  return [...styles, ...(partial ? [escaped(`${SOME_ADDRESSES} for some addresses only`)] : [])]
    .map((item) => `<li>${item}</li>`)
    .join("");
}
