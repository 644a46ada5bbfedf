/** The forms that a graph is printed in: text, DOT, SVG; what they show, and that no name breaks out of its place. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildGraph } from "../../src/graph/build.js";
import { renderDot } from "../../src/graph/dot.js";
import { draw } from "../../src/graph/draw.js";
import { escaped, scriptJson } from "../../src/graph/markup.js";
import type { Graph } from "../../src/graph/model.js";
import { DARK, LIGHT, type Palette, type Role } from "../../src/graph/palette.js";
import { pictureOf } from "../../src/graph/picture.js";
import { standalone } from "../../src/graph/svg.js";
import { renderText } from "../../src/graph/text.js";
import { compile } from "../../src/ir/compile.js";
import { when } from "../kernel/features.js";
import { Chromium } from "../support/browser.js";
import { fleet } from "../support/fleet.js";
import { readPolicy, root } from "../support/policies.js";

const test = suite("forms of a graph");
const withDot = await when(test, "dot");
const withChromium = await when(test, "chromium");

function graphOf(text: string): Graph {
  const compiled = compile(text);
  if (compiled.failed) throw new Error(compiled.diagnostics.map(({ message }) => message).join("; "));
  return buildGraph(compiled);
}

const SHOP = graphOf(readPolicy("04-shop.tsnet"));
const PLAIN = { width: 80, color: false };

/** Names that mean something in HTML, XML, DOT, CSS and to a terminal. */
const EVIL = ['<b>&amp;"', "]]></style><script>alert(1)</script>", "a\\nb\\", '}; x -> y [label="z', "-->{|}<>"];
const quoted = (name: string) => `"${name.replace(/[\\"]/g, "\\$&")}"`;
const HOSTILE = graphOf(
  [
    "icc off",
    ...EVIL.map((name) => `container ${quoted(name)} { }`),
    ...EVIL.map((name, i) => `allow ${quoted(name)} -> ${quoted(EVIL[(i + 1) % EVIL.length] ?? "")}:${i + 1}`),
  ].join("\n"),
);

// Text ---------------------------------------------------------------------------------------------------------------

test("a small policy is a matrix with its services, and the statements behind it", () => {
  assert.is(
    renderText(SHOP, PLAIN),
    `from \\ to   proxy  app1, app2  db    host  world
proxy       -      8080        ·     all   all
app1, app2  :8443  ·           5432  all   all
db          ·      ·           -     ·     ·
host        all    all         all   -     -
world       :8443  ·           ·     -     -

  22, 53/udp    these TCP and UDP ports
  all           every protocol and port
  :8080         through this port of the host, published
  ·             nothing, by default
  -             itself, or not a matter of this policy

line 12: container proxy publish 8443 -> 443
  app1, app2, host, world -> proxy: allow 8443 -> 443
line 17: allow proxy -> apps:8080
  proxy -> app1, app2: allow 8080
line 18: allow apps -> db:postgres
  app1, app2 -> db: allow 5432`,
  );
});

test("thirty containers, each different, are a matrix of letters within 80 columns", () => {
  const names = Array.from({ length: 30 }, (_, i) => `service-number-${i}`);
  const rules = names.map((name, i) => `allow ${name} -> ${names[(i + 1) % 30]}:${8000 + (i % 3)}`);
  const lines = renderText(graphOf(`icc off\n${rules.join("\n")}`), PLAIN).split("\n");
  const matrix = lines.slice(0, lines.indexOf(""));
  assert.is(matrix.length, 2 + 32);
  assert.ok(
    matrix.every((line) => line.length <= 80),
    String(Math.max(...matrix.map((line) => line.length))),
  );
  assert.match(matrix[2] ?? "", /^ 1 \S+ +- a · · /);
  assert.ok(lines.includes("  a  8000") && lines.includes("  c  8002"));
  const letters = matrix.slice(2).map((line) => line.slice(-63).replace(/[- ·]/g, ""));
  assert.is(letters[0], "a##");
});

test("too many ends for a matrix are lists", () => {
  const names = Array.from({ length: 60 }, (_, i) => `c${i}`);
  const rules = names.map((name, i) => `allow ${name} -> ${names[(i + 1) % 60]}:${8000 + i}`);
  const text = renderText(graphOf(`icc off\n${rules.join("\n")}`), PLAIN);
  assert.ok(text.includes("\nc7\n  8007 -> c8\n  all -> host, world\n"));
});

test("text for people holds nothing that a terminal would obey", () => {
  const graph = {
    ...SHOP,
    groups: SHOP.groups.map((group) => ({ ...group, names: group.names.map((name) => `${name}\u001b[2J\u202e`) })),
  };
  // eslint-disable-next-line no-control-regex
  assert.not.match(renderText(graph, PLAIN), /[\u001b\u202e]/);
});

// The picture --------------------------------------------------------------------------------------------------------

test("the picture shows what statements say, and a published port once", () => {
  const picture = pictureOf(SHOP);
  assert.equal(
    picture.clusters.map(({ networks, nodes }) => [
      networks.flat().join("+"),
      ...nodes.map(({ names }) => names.join()),
    ]),
    [
      ["front", "proxy"],
      ["front+back", "app1,app2"],
      ["back", "db"],
    ],
  );
  assert.equal(
    picture.edges.map(({ from, to, style, label }) => `${from} ${to} ${style} ${label}`),
    ["n0 n1 allow 8080", "n1 n2 allow 5432", "world-from n0 publish 8443→443"],
  );
});

test("a denial is drawn where something would pass without it", () => {
  const picture = pictureOf(
    graphOf("container a { }\ncontainer b { }\nnetwork n { }\ncontainer c { network n }\ndeny a -> {b, c}"),
  );
  assert.equal(
    picture.edges.map(({ from, to, style, label }) => `${from} ${to} ${style} ${label}`),
    ["n0 n1 deny all"],
  );
});

test("many containers are drawn by the parts that they play", () => {
  const graph = graphOf(fleet(500));
  const picture = pictureOf(graph);
  const nodes = picture.clusters.flatMap((cluster) => cluster.nodes);
  assert.is(picture.detail, "parts");
  assert.ok(nodes.length <= 48 && picture.edges.length <= 140);
  assert.is(
    nodes.reduce((sum, { names }) => sum + names.length, 0),
    500,
  );
  // Team 2 is like 7: icc off, not internal, published for everybody; 1 is published for some, 0 has icc on.
  const with2 = nodes.find(({ names }) => names.includes("team2-gateway"))?.names ?? [];
  assert.ok(with2.includes("team7-gateway"));
  assert.not.ok(with2.includes("team1-gateway") || with2.includes("team0-gateway"));
});

test("containers that nothing makes alike are drawn by their networks", () => {
  const lines = Array.from(
    { length: 80 },
    (_, i) => `container c${i} { network n${i % 4} }\nallow c${i} -> c${(i + 4) % 80}:${8000 + i}`,
  );
  const networks = Array.from({ length: 4 }, (_, i) => `network n${i} { icc off }`);
  const picture = pictureOf(graphOf([...networks, ...lines].join("\n")));
  assert.is(picture.detail, "networks");
  assert.is(picture.clusters.length, 4);
});

// DOT ----------------------------------------------------------------------------------------------------------------

/** Nodes' labels and edges' labels as Graphviz understands them. */
function understood(source: string): { problems: string; labels: string[] } {
  const { stdout, stderr, status } = spawnSync("dot", ["-Tjson"], { input: source, encoding: "utf8" });
  assert.is(status, 0, stderr);
  const { objects = [], edges = [] } = JSON.parse(stdout) as Record<string, { label?: string }[]>;
  return { problems: stderr, labels: [...objects, ...edges].map(({ label }) => label ?? "") };
}

withDot("Graphviz takes the DOT, of small policies and large ones", () => {
  const { problems, labels } = understood(renderDot(SHOP));
  assert.is(problems, "");
  for (const label of ["proxy", "app1\\napp2", "5432", "8443→443", "back: 10.201.2.0/24, icc off, internal"])
    assert.ok(labels.includes(label), label);
  assert.is(understood(renderDot(graphOf(fleet(500)))).problems, "");
});

withDot("a name is a label to Graphviz, whatever it says", () => {
  const { labels } = understood(renderDot(HOSTILE));
  for (const name of EVIL)
    assert.ok(
      labels.includes(name.replaceAll("&", "&amp;").replaceAll("\\", "\\\\")),
      `${name} in ${labels.join(" | ")}`,
    );
  assert.is(labels.length, EVIL.length + 1 + EVIL.length);
});

// SVG ----------------------------------------------------------------------------------------------------------------

withChromium("the SVG is well-formed, asks for nothing, and shows names as they are", async () => {
  const chromium = await Chromium.start();
  try {
    const svg = standalone(await draw(HOSTILE));
    const { page, faults } = await chromium.open(svg, "picture.svg");
    assert.is(await page.evaluate("document.documentElement.localName"), "svg");
    const texts = await page.locator(".g-node text").allTextContents();
    assert.equal(
      texts,
      EVIL.map((name) => (name.length <= 30 ? name : `${name.slice(0, 15)}…${name.slice(-14)}`)),
    );
    assert.is(await page.locator("script, b, style:not(:first-of-type)").count(), 0);
    assert.equal(faults, []);
    // Nothing overlaps: no two boxes of containers, no box and a label.
    const overlaps = await page.evaluate(OVERLAPS);
    assert.equal(overlaps, []);
  } finally {
    await chromium.end();
  }
});

const OVERLAPS = `(() => {
  const boxes = [...document.querySelectorAll(".g-node rect, .g-halo")].map((one) => one.getBoundingClientRect());
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => meet(a, b)).map((b) => [a.x, a.y, b.x, b.y].join()));
})()`;

test("the README's picture is the shop's: npx tsnet graph policies/04-shop.tsnet --format svg -o docs/shop.svg", async () => {
  assert.is(readFileSync(path.join(root, "docs/shop.svg"), "utf8"), standalone(await draw(SHOP)));
});

test("a drawing is a function of the text", async () => {
  const again = graphOf(readPolicy("04-shop.tsnet"));
  assert.is(standalone(await draw(again)), standalone(await draw(SHOP)));
});

// Markup and colours -------------------------------------------------------------------------------------------------

test("text in markup", () => {
  assert.is(
    escaped(`<a href='x' title="y">&\u0000\ud800`),
    "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;\ufffd\ufffd",
  );
  assert.is(scriptJson({ a: "</script><!--\u2028&" }), '{"a":"\\u003c/script\\u003e\\u003c!--\\u2028\\u0026"}');
});

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const luminance = (colour: string) => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const PAIRS: readonly [Role, Role][] = [
  ...(["page", "panel", "box", "mark"] as const).flatMap((ground): [Role, Role][] => [
    ["text", ground],
    ["muted", ground],
  ]),
  ...(["allow", "publish", "deny", "some"] as const).flatMap((role): [Role, Role][] => [
    [role, "panel"],
    [role, `${role}-soft`],
  ]),
  ["allow", "box"],
  ["publish", "box"],
  ["deny", "box"],
  ["publish", "mark"],
  ["panel", "text"],
];

for (const [name, palette] of Object.entries({ light: LIGHT, dark: DARK } as Record<string, Palette>))
  test(`${name} text stands out from its ground`, () => {
    const weak = PAIRS.filter(([text, ground]) => contrast(palette[text], palette[ground]) < 4.5);
    assert.equal(weak, []);
  });

test.run();
