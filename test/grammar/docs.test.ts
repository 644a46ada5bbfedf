import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { STARTS } from "../../grammar/tokens.js";
import { ASSEMBLIES, assembled } from "../../scripts/assembly.js";
import { grammarDocs } from "../../scripts/grammar-docs.js";

const test = suite("generated grammar");

test("is what the parser says today (npx tsx scripts/grammar-docs.ts writes it anew)", () => {
  for (const [name, content] of grammarDocs()) {
    assert.ok(readFileSync(new URL(`../../${name}`, import.meta.url), "utf8") === content, `${name} is out of date`);
  }
});

test("WebAssembly is what its sources say today (npx tsx scripts/assembly.ts compiles it anew)", async () => {
  for (const [source, target] of ASSEMBLIES)
    assert.ok(readFileSync(new URL(`../../${target}`, import.meta.url), "utf8") === (await assembled(source)), target);
});

test("has every keyword, and defines every symbol that it uses", () => {
  const ebnf = grammarDocs().get("grammar/generated/grammar.ebnf") ?? "";
  for (const word of STARTS.keys()) assert.ok(ebnf.includes(`"${word}"`), word);
  // A regular expression stands behind "= " or "(", a literal in quotes; neither has symbols.
  const rules = ebnf
    .replace(/\(\*[^]*?\*\)/g, "")
    .replace(/(?<=^\w+ = )\/.*\/(?= ;$)|\/\[.*?\]\*\//gm, "")
    .replace(/"[^"]*"/g, "");
  const defined = new Set([...rules.matchAll(/^(\w+) =/gm)].map(([, name]) => name));
  for (const [name] of rules.matchAll(/\b[A-Za-z_]+\b/g)) {
    assert.ok(defined.has(name) || ["newline", "IP"].includes(name), name);
  }
});

test("draws its diagrams without scripts and without a network", () => {
  const html = grammarDocs().get("grammar/generated/railroad.html") ?? "";
  assert.not.match(html, /<script|https?:\/\/(?!www\.w3\.org)/);
  assert.match(html, /<svg/);
});

test("gives editors patterns that compile", () => {
  const text = grammarDocs().get("grammar/generated/tsnet.tmLanguage.json") ?? "{}";
  const { patterns } = JSON.parse(text) as { patterns: { match?: string }[] };
  for (const { match } of patterns) if (match !== undefined) new RegExp(match, "u");
  const statement = new RegExp(patterns.find(({ match }) => match?.includes("allow"))?.match ?? "never", "m");
  assert.match("allow a -> b", statement);
  assert.match("icc off, deny a -> b", statement);
  assert.not.match("x allow a", statement);
});

test.run();
