/**
 * What each example compiles to, written down: the IR, the ruleset in both forms, the topology and the diagnostics.
 *
 * A golden that differs is either a mistake or a change to look at: `npm run golden` writes them anew, and the review
 * reads the difference. Goldens that belong to no example fail too.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { toText as mapsText } from "../src/backend/ebpf/json.js";
import { plan as planMaps } from "../src/backend/ebpf/plan.js";
import { plan as planRules } from "../src/backend/iptables/plan.js";
import { toText as rulesText } from "../src/backend/iptables/text.js";
import { toJson } from "../src/backend/nftables/json.js";
import { plan } from "../src/backend/nftables/plan.js";
import type { Ruleset } from "../src/backend/nftables/ruleset.js";
import { toText } from "../src/backend/nftables/text.js";
import type { Rules } from "../src/backend/iptables/ruleset.js";
import type { Compiled } from "../src/ir/compile.js";
import { renderDiagnostic } from "../src/text/render.js";
import { formatTopology } from "../src/topology/format.js";
import { planTopology } from "../src/topology/plan.js";
import { compilePolicy, policiesIn, root } from "./support/policies.js";
import { printIr } from "./support/print-ir.js";

const folder = path.join(root, "test", "golden");
const update = process.env["UPDATE_GOLDEN"] === "1";

/** The goldens of a policy, by their paths below test/golden/. */
type Goldens = Record<string, string>;

function diagnosticsOf({ diagnostics }: Compiled): string {
  return diagnostics.map((diagnostic) => `${renderDiagnostic(diagnostic, { color: false })}\n`).join("\n");
}

/** The document with one object a line, so that a difference shows which. */
function jsonOf(ruleset: Ruleset): string {
  const lines = toJson(ruleset).nftables.map((object) => JSON.stringify(object));
  return `{"nftables": [\n${lines.join(",\n")}\n]}\n`;
}

/** A family without an address has nothing to load, and no golden. */
function iptables(own: string, families: readonly Rules[]): Goldens {
  const goldens: Goldens = {};
  for (const rules of families)
    if (rules.tables.length > 0) goldens[`${own}/iptables.${rules.family}`] = rulesText(rules, { locations: true });
  return goldens;
}

function valid(name: string): Goldens {
  const compiled = compilePolicy(name);
  const ruleset = plan(compiled.policy);
  const own = name.replace(/\.tsnet$/, "");
  return {
    [`${own}/diagnostics.txt`]: diagnosticsOf(compiled),
    [`${own}/ebpf.json`]: mapsText(planMaps(compiled.policy)),
    ...iptables(own, planRules(compiled.policy).families),
    [`${own}/ir.json`]: printIr(compiled.policy),
    [`${own}/nft.json`]: jsonOf(ruleset),
    [`${own}/nft.nft`]: toText(ruleset, { locations: true }),
    [`${own}/topology.txt`]: formatTopology(planTopology(compiled.policy)),
  };
}

function invalid(name: string): Goldens {
  return { [name.replace(/\.tsnet$/, ".txt")]: diagnosticsOf(compilePolicy(name)) };
}

const makers = new Map<string, () => Goldens>();
for (const name of [...policiesIn("."), ...policiesIn("adopt")]) makers.set(name, () => valid(name));
for (const name of policiesIn("invalid")) makers.set(name, () => invalid(name));

const expected = new Set<string>();

function hold(file: string, text: string): void {
  const place = path.join(folder, file);
  if (update) {
    mkdirSync(path.dirname(place), { recursive: true });
    if (!existsSync(place) || readFileSync(place, "utf8") !== text) writeFileSync(place, text);
    return;
  }
  assert.ok(existsSync(place), `test/golden/${file} is missing: run npm run golden`);
  assert.fixture(text, readFileSync(place, "utf8"), `test/golden/${file} differs: look, then run npm run golden`);
}

for (const [name, make] of makers)
  test(`policies/${name} compiles to what is written down`, () => {
    const goldens = Object.entries(make());
    for (const [file] of goldens) expected.add(file);
    for (const [file, text] of goldens) hold(file, text);
  });

test("compiling is a pure function: twice the same bytes", () => {
  for (const make of makers.values()) assert.equal(make(), make());
});

test("every golden belongs to an example", () => {
  assert.ok(existsSync(folder), "test/golden/ is missing: run npm run golden");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const strays = files
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .filter((file) => !expected.has(file));
  if (update) for (const file of strays) rmSync(path.join(folder, file));
  else assert.equal(strays, [], "no example has these: run npm run golden");
});

test.run();
