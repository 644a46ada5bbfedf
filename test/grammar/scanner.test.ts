import { Lexer } from "chevrotain";
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { chevrotainType } from "../../grammar/analysis.js";
import { Scanner } from "../../grammar/scanner.js";
import { SCANNED } from "../../grammar/tokens.js";
import { SourceFile } from "../../src/text/source.js";
import { fragments } from "../support/fragments.js";

const test = suite("scanner");

interface Found {
  readonly at: number;
  readonly image: string;
}

function scan(text: string): { tokens: (Found & { readonly type: string })[]; comments: Found[] } {
  const scanner = new Scanner(new SourceFile("test", text));
  const tokens = [];
  while (!scanner.done) {
    for (const { startOffset, image, tokenType } of scanner.next().tokens) {
      tokens.push({ at: startOffset, image, type: tokenType.name });
    }
  }
  return { tokens, comments: scanner.comments.map(({ text: image, span }) => ({ at: span.start, image })) };
}

const types = (text: string) => scan(text).tokens.map(({ type, image }) => `${type} ${image}`);

test("tells names, numbers, addresses and arrows apart without spaces", () => {
  assert.equal(types("allow c2->c1:22"), ["Allow allow", "Name c2", "Arrow ->", "Name c1", "Colon :", "Number 22"]);
  assert.equal(types("publish 49153->8080").slice(1), ["Number 49153", "Arrow ->", "Number 8080"]);
  assert.equal(types("allow 10.0.0.1->c1").slice(1), ["Address 10.0.0.1", "Arrow ->", "Name c1"]);
  assert.equal(types("allow a-b.c_d->e").slice(1), ["Name a-b.c_d", "Arrow ->", "Name e"]);
  assert.equal(types("deny x -> 10.0.0.0/8:22").slice(3), ["Address 10.0.0.0/8", "Colon :", "Number 22"]);
  assert.equal(types("deny x -> 8000-8010").slice(3), ["NumberRange 8000-8010"]);
  assert.equal(types("allow face:80").slice(1), ["Name face", "Colon :", "Number 80"]);
  assert.equal(types("allow face::80").slice(1), ["Address face::80"]);
  assert.equal(types("allow fd00::1-fd00::9").slice(1), ["Address fd00::1-fd00::9"]);
  assert.equal(types("allow 2001:db8::/32:443").slice(1), ["Address 2001:db8::/32", "Colon :", "Number 443"]);
  assert.equal(types("allow fd00::5:{").slice(1), ["Address fd00::5", "Colon :", "ListOpen {"]);
  assert.equal(types("a 1:2:3:4:5:6:7:8 1:2:3"), [
    ...["Name a", "Address 1:2:3:4:5:6:7:8", "Number 1", "Colon :", "Number 2", "Colon :", "Number 3"],
  ]);
  assert.equal(types("a 02:42:ac:11:00:05"), ["Name a", "Mac 02:42:ac:11:00:05"]);
  assert.equal(types("a 0afe24ab86b8 3com 22-"), [
    "Name a",
    "DigitWord 0afe24ab86b8",
    "DigitWord 3com",
    "DigitWord 22-",
  ]);
});

test("makes keywords of words in their place only", () => {
  assert.equal(types('allow log -> log log "x" limit 1/day'), [
    ...["Allow allow", "Name log", "Arrow ->", "Name log", "Log log", 'Quoted "x"', "Limit limit"],
    ...["Number 1", "Slash /", "Name day"],
  ]);
  assert.equal(types("network n { network ip ip 1.2.3.4; icc on }"), [
    ...["Network network", "Name n", "BlockOpen {", "Network network", "Name ip", "Ip ip", "Address 1.2.3.4"],
    ...["Separator ;", "Icc icc", "On on", "BlockClose }"],
  ]);
  assert.equal(types("allow {icc\non} -> b"), [
    ...["Allow allow", "ListOpen {", "Name icc", "ItemSeparator \n", "Name on", "ListClose }", "Arrow ->", "Name b"],
  ]);
});

test("reads as Chevrotain's lexer does from the same token definitions", () => {
  const lexer = new Lexer(SCANNED.map(chevrotainType), { positionTracking: "onlyOffset", ensureOptimizations: true });
  const check = (text: string): void => {
    const { tokens, groups, errors } = lexer.tokenize(text);
    const ours = scan(text);
    assert.equal(errors, []);
    assert.equal(
      ours.tokens.map(({ at, image }) => ({ at, image })),
      tokens.map(({ startOffset, image }) => ({ at: startOffset, image })),
      JSON.stringify(text),
    );
    assert.equal(
      ours.comments,
      (groups["comments"] ?? []).map(({ startOffset, image }) => ({ at: startOffset, image: image.trimEnd() })),
    );
  };
  fc.assert(fc.property(fragments, check), { numRuns: 3000 });
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), check), { numRuns: 3000 });
  const syntax = fc.constantFrom(...'ac1:.-/>"\\#{},;=[] \n\té\ufeff');
  fc.assert(fc.property(fc.string({ unit: syntax, maxLength: 40 }), check), { numRuns: 5000 });
});

test.run();
