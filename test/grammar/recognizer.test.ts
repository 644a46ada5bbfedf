/** The recognizer takes every text as Chevrotain's parser does by the same rules: statements, recovery and diagnostics. */
import { readdirSync, readFileSync } from "node:fs";
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ChevrotainParser } from "../../grammar/analysis.js";
import { PolicyParser } from "../../grammar/parser.js";
import { Recognizer } from "../../grammar/recognizer.js";
import { Scanner } from "../../grammar/scanner.js";
import * as T from "../../grammar/tokens.js";
import { format } from "../../src/ast/format.js";
import type { Statement } from "../../src/ast/nodes.js";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { SourceFile } from "../../src/text/source.js";
import { fragments } from "../support/fragments.js";
import { statements as someStatements, treeOf } from "../support/syntax-arbitrary.js";

const test = suite("recognizer");

const own = new PolicyParser();
const refereed = new PolicyParser();
const chevrotain = new ChevrotainParser(refereed);

function parsedBy(parser: PolicyParser, text: string): { statements: string; diagnostics: string } {
  const file = new SourceFile("test", text);
  const diagnostics = new Diagnostics();
  const statements: Statement[] = [];
  for (const scanner = new Scanner(file); !scanner.done;)
    parser.parse(file, scanner.next(), (statement) => statements.push(statement), diagnostics);
  return { statements: JSON.stringify(statements), diagnostics: JSON.stringify(diagnostics.sorted()) };
}

let wrong = 0;
let right = 0;

function check(text: string): void {
  const expected = parsedBy(refereed, text);
  assert.equal(parsedBy(own, text), expected, JSON.stringify(text));
  if (expected.diagnostics === "[]") right++;
  else wrong++;
}

test("parses the examples, right and wrong, as Chevrotain does", () => {
  for (const directory of ["../../policies/", "../../policies/invalid/", "../../policies/tests/"])
    for (const name of readdirSync(new URL(directory, import.meta.url)).filter((one) => one.endsWith(".tsnet")))
      check(readFileSync(new URL(`${directory}${name}`, import.meta.url), "utf8"));
  check(readFileSync(new URL("../../grammar/examples.tsnet", import.meta.url), "utf8"));
  assert.ok(right > 50 && wrong > 50, `${right} right and ${wrong} wrong ones`);
});

test("parses random texts as Chevrotain does", () => {
  [right, wrong] = [0, 0];
  fc.assert(fc.property(fragments, check), { numRuns: 2000 });
  fc.assert(
    fc.property(someStatements, (list) => check(format(treeOf(list)))),
    { numRuns: 300 },
  );
  assert.ok(right > 100 && wrong > 500, `${right} right and ${wrong} wrong ones`);
});

test("Chevrotain itself carries out the grammar of the referee", () => {
  const refused = (): never => {
    throw new Error("Chevrotain was asked");
  };
  Object.defineProperty(chevrotain, "CONSUME", { value: refused });
  assert.throws(() => parsedBy(refereed, "icc on"), "Chevrotain was asked");
});

test("a grammar that one token doesn't decide is refused", () => {
  class Ambiguous extends Recognizer {
    readonly either = this.RULE("either", () =>
      this.OR([{ ALT: () => this.CONSUME(T.Name) }, { ALT: () => this.CONSUME(T.AnyName) }]),
    );
  }
  assert.throws(() => new ChevrotainParser(new Ambiguous()), /Ambiguous Alternatives/);
});

test.run();
