/** Lets that are made of lets. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile, compileFiles } from "../../src/ir/compile.js";
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

test("a let of the same peers or ports many times over is as large as they are", () => {
  const doubled = (name: string): string[] =>
    Array.from({ length: 50 }, (_, i) => `let ${name}${i} = {${name}${i + 1}, ${name}${i + 1}}`);
  assert.equal(said([...doubled("x"), "let x50 = {a, 192.0.2.1}"]), reached);
  assert.equal(said([...doubled("x"), "let x50 = a", ...doubled("p"), "let p50 = 80", "allow x0 -> b:p0"]), reached);
  // Where no container is declared, too; a let of ports declares none, however deep the port is.
  const more = Array.from({ length: 500 }, (_, i) => `let y${i} = {y${i + 1}, y${i + 1}, 192.0.2.${i % 250}}`);
  const text = [...more, "let y500 = c", ...doubled("q"), "let q50 = 80", "allow y0 -> d:q0"].join("\n");
  assert.equal(
    compile(text).policy.containers.map(({ name }) => name),
    ["c", "d"],
  );
});

test("a list of addresses or ports may be as long as they like", () => {
  const addresses = Array.from({ length: 60_000 }, (_, i) => `10.${i >> 15}.${(i >> 7) & 255}.${(2 * i) & 255}`);
  const ports = Array.from({ length: 30_000 }, (_, i) => 2 * i + 1);
  const lines = [`let x0 = {${addresses.join()}}`, `let many = {${ports.join()}}`, "allow a -> b:many"];
  assert.equal(said(lines), reached);
});

test("a circle of any length is one error", () => {
  assert.equal(said([...chain.slice(0, 1000), "let x1000 = {a, x5}"]), ["let-cycle"]);
});

test("what a let lacks is told once, where it stands", () => {
  const lines = ["let x0 = {x1, x2}", "let x1 = x3", "let x2 = x3", "let x3 = nobody"];
  assert.equal(said(lines), ["unknown-name"]);
});

test.run();
