/** Lets that are made of lets. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compileFiles } from "../../src/ir/compile.js";
import { SourceFile } from "../../src/text/source.js";

const test = suite("lets");

const DEPTH = 20_000;

/** As `check` does: every warning and note. */
function said(lines: readonly string[]): string[] {
  const text = ["icc off", "container a {}", "container b {}", ...lines, "allow x0 -> b:22"].join("\n");
  const { diagnostics } = compileFiles([new SourceFile("p.tsnet", text)], undefined, { full: true });
  return diagnostics.map(({ code }) => code);
}

const chain = Array.from({ length: DEPTH }, (_, i) => `let x${i} = x${i + 1}`);
const reached = ["container-unreached"];

test("they may be as deep as they like, in any order", () => {
  const lines = [...chain, `let x${DEPTH} = a`];
  assert.equal(said(lines), reached);
  assert.equal(said([...lines].reverse()), reached);
});

test("a circle of any length is one error", () => {
  assert.equal(said([...chain.slice(0, 1000), "let x1000 = {a, x5}"]), ["let-cycle"]);
});

test("what a let lacks is told once, where it stands", () => {
  const lines = ["let x0 = {x1, x2}", "let x1 = x3", "let x2 = x3", "let x3 = nobody"];
  assert.equal(said(lines), ["unknown-name"]);
});

test.run();
