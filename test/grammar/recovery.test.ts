import { readFileSync } from "node:fs";
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { format } from "../../src/ast/format.js";
import { catalogue } from "../../src/text/codes.js";
import { fragments } from "../support/fragments.js";
import { problemsOf, read, withoutSpans } from "../support/syntax.js";
import { statements, treeOf } from "../support/syntax-arbitrary.js";

const test = suite("recovery");

const kinds = (text: string) => read(text).tree.statements.map(({ kind }) => kind);

test("finds all problems of a file in one run, and keeps the other statements", () => {
  const text = `alow a -> b
allow a -> b:22
publsh 80 -> c1
contaner x { publish 80; env A=b
  expose 80 }
icc of
network n { drivr bridge; subnet 10.0.0.0/8; mtu x
  gateway 10.0.0.1 }
deny a -> {b; c}, icc off
`;
  assert.equal(problemsOf(text), [
    "unknown-statement 'alow'",
    "unknown-statement 'publsh'",
    "unknown-statement 'contaner'",
    "not-a-switch 'of'",
    "unknown-property 'drivr'",
    "unexpected-token 'x'",
    "semicolon-in-braces ';'",
  ]);
  assert.equal(kinds(text), ["rule", "network", "icc"]);
  const network = read(text).tree.statements[1];
  if (network?.kind !== "network") throw new Error("no network");
  assert.equal(
    network.properties.map(({ kind }) => kind),
    ["subnet", "gateway"],
  );
});

test("an unclosed brace costs one statement", () => {
  assert.equal(problemsOf("allow a -> {b, c\nallow c -> d\nicc off"), ["unclosed-brace '{'"]);
  assert.equal(kinds("allow a -> {b, c\nallow c -> d\nicc off"), ["rule", "icc"]);
  assert.equal(problemsOf("network n {\n  icc off\nallow c -> d\nicc on"), ["unclosed-brace '{'"]);
  assert.equal(kinds("network n {\n  icc off\nallow c -> d\nicc on"), ["network", "rule", "icc"]);
  assert.equal(problemsOf("container c {\n  publish 80\nnetwork n {\n}\nicc on"), ["unclosed-brace '{'"]);
  assert.equal(kinds("container c {\n  publish 80\nnetwork n {\n}\nicc on"), ["container", "network", "icc"]);
  assert.equal(problemsOf("container c {\n expose {80, 443\n env A=b\n}\nicc on"), ["unclosed-brace '{'"]);
});

test("what belongs to a broken statement causes no error of its own", () => {
  for (const [text, problem] of [
    ["allow a, b, c -> d\nicc off", "comma-outside-braces ','"],
    ["allow a ->\n  b:22\nicc off", "split-statement ''"],
    ["allow a\n  -> b\nicc off", "split-statement ''"],
    ["network n\n{\n icc on\n}\nicc off", "brace-on-next-line '{'"],
    ["networc n { icc on; x { y } }\nicc off", "unknown-statement 'networc'"],
  ] as const) {
    assert.equal(problemsOf(text), [problem], text);
    assert.equal(kinds(text), ["icc"], text);
  }
});

/** Reading must end, must not throw, and every problem must be printable and known. */
function check(text: string): void {
  const { tree, problems } = read(text);
  for (const { code, span, why, help, severity } of problems) {
    assert.is(catalogue()[code]?.severity, severity, code);
    assert.ok(why !== undefined && help !== undefined, code);
    assert.ok(span.start >= 0 && span.start <= span.end && span.end <= text.length, `${code} ${JSON.stringify(text)}`);
  }
  for (const { span } of tree.statements) assert.ok(span.start < span.end && span.end <= text.length);
}

test("never throws on any text", () => {
  fc.assert(fc.property(fragments, check), { numRuns: 10_000 });
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 100 }), check), { numRuns: 3000 });
  const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array).toString("latin1"));
  fc.assert(fc.property(bytes, check), { numRuns: 3000 });
});

test("never throws on a valid policy with something changed", () => {
  const change = fc.record({
    list: statements,
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 0, max: 5 }),
    insert: fc.constantFrom("", "{", "}", ",", ";", "\n", ":", '"', "->", " ", "x", "0", "\\", "#", "[", "é"),
  });
  fc.assert(
    fc.property(change, ({ list, at, length, insert }) => {
      const text = format(treeOf(list));
      const place = Math.floor(at * text.length);
      check(text.slice(0, place) + insert + text.slice(place + length));
    }),
    { numRuns: 5000 },
  );
});

test("a broken line doesn't change what the other lines say", () => {
  const lines = fc.array(fc.constantFrom("allow a -> b:22", "deny a -> {b,\n c}", "network n { mtu 5 }", "icc off"), {
    maxLength: 5,
  });
  const broken = fc.constantFrom(
    "alow a -> b",
    "allow a -> :22",
    "publish 80:80",
    "icc true",
    'allow "a',
    "allow a -> b c",
  );
  fc.assert(
    fc.property(lines, broken, lines, (before, bad, after) => {
      const whole = read([...before, bad, ...after].join("\n"));
      const good = read([...before, ...after].join("\n"));
      assert.is(whole.problems.length, 1, `${before.join("\n")}\n${bad}\n${after.join("\n")}`);
      assert.equal(withoutSpans(whole.tree.statements), withoutSpans(good.tree.statements));
    }),
    { numRuns: 1000 },
  );
});

test("time grows with the length of the text, not with its square", () => {
  const repeated = [
    ...["{", "}", "a:", "a-", "a.", "::", ":", "1-", "1.", '"', '"\n', "\\", "(", "é", "a é", "-", "->", "[", "=", "/"],
    ...[
      "allow ",
      "allow {",
      "allow a -> {b\n",
      "network n {\n",
      "x {",
      "a,",
      "a\n",
      "# \n",
      "env A=",
      "\n",
      "{a ",
      "aé-",
    ],
    ...["allow a -> b c\n", "network n { x\n", "fd00::", "1:2:", "0a", "allow a\n{", ", {", "a b"],
  ];
  for (const piece of repeated) {
    const text = piece.repeat(Math.ceil(50_000 / piece.length));
    const began = process.cpuUsage().user;
    read(text);
    const seconds = (process.cpuUsage().user - began) / 1e6;
    assert.ok(seconds < 3, `${JSON.stringify(piece)} took ${seconds} s`);
  }
});

test("every example of the contract reads without a problem", () => {
  const text = readFileSync(new URL("../../grammar/examples.tsnet", import.meta.url), "utf8");
  assert.equal(read(text).problems, []);
  assert.ok(read(text).tree.statements.length > 30);
});

test.run();
