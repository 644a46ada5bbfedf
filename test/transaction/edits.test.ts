import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { applyEdits, type Update } from "../../src/transaction/edits.js";
import { Diagnostics } from "../../src/text/diagnostic.js";

const test = suite("edits of texts");

const BASE = ["network n { subnet 10.9.0.0/24 }", "container a { network n }", "container b { network n }"];
/** As it is written, and as the same statement may be written too. */
const LINES = [
  ["allow a -> b:1", "allow  a->b:1"],
  ["allow a -> b:2/udp", "allow a -> b:2/udp # why"],
  ["deny b -> a", "deny b -> a;"],
  ["deny b -> {\n  a }", "deny b -> { a }"],
  ["allow a -> b:1, allow b -> a:3", "allow a -> b:1\nallow b -> a:3"],
] as const;

const one = fc.tuple(fc.nat({ max: LINES.length - 1 }), fc.nat({ max: 1 })).map(([i, k]) => LINES[i]?.[k] as string);
const updates = fc.array(
  fc.oneof(
    one.map((add): Update => ({ add })),
    one.map((remove): Update => ({ remove })),
    fc.tuple(one, one).map(([add, remove]): Update => ({ add, remove })),
  ),
  { maxLength: 12 },
);

/** The statements of a text by the simplest of means: these have neither strings nor comments with commas. */
function statements(text: string): string[] {
  return text
    .replace(/#[^\n]*/g, "")
    .split(/[\n;,](?![^{]*\})/)
    .map((part) => part.replace(/\s+/g, ""))
    .filter((part) => part !== "");
}

test("what is added is there, what is removed isn't, and everything else stays on its line", () => {
  let removed = 0;
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), updates, (given, list) => {
      const text = [...BASE, ...given].join("\n");
      const expected = statements(text);
      const missing: string[] = [];
      for (const { add = "", remove = "" } of list) {
        for (const statement of statements(remove)) {
          const at = expected.lastIndexOf(statement);
          if (at === -1) missing.push(statement);
          else expected.splice(at, 1);
          removed++;
        }
        expected.push(...statements(add));
      }
      const diagnostics = new Diagnostics();
      const after = applyEdits({ files: [{ name: "p", text }], roots: ["p"] }, list, diagnostics).files[0]?.text ?? "";
      if (missing.length > 0) return assert.ok(diagnostics.hasErrors);
      assert.not(diagnostics.hasErrors);
      assert.equal(statements(after).sort(), expected.sort());
      // Of what was given each line is as it was, or blank where a statement of it is gone.
      const [old, now] = [text.split("\n"), after.split("\n")];
      old.forEach((line, i) => assert.is(now[i]?.length, line.length, `line ${i + 1}`));
      old.forEach((line, i) => assert.ok([...line].every((c, k) => now[i]?.[k] === c || now[i]?.[k] === " ")));
    }),
    { numRuns: 300 },
  );
  assert.ok(removed > 100);
});

/** What is left of a text without a statement, or what is said. */
function without(text: string, remove: string): string {
  const diagnostics = new Diagnostics();
  const { files } = applyEdits({ files: [{ name: "p", text }], roots: ["p"] }, [{ remove }], diagnostics);
  const [wrong] = diagnostics.sorted();
  return wrong === undefined ? (files[0]?.text ?? "").trim() : `${wrong.message}; ${wrong.help}`;
}

test("a network or container is removed by all that it says, in whatever order", () => {
  const text = "container d { env A=1; publish 9027 -> 80; network n; network m }";
  for (const same of [
    text,
    "container d {\n  publish 9027->80/tcp # why\n network n, network m\n env A=1 }",
    'container "d" { network n; env "A"=1; network m; publish 9027->80 }',
  ])
    assert.is(without(text, same), "", same);
  for (const [other, block] of [
    ["container d { }", "{ }"],
    ["container d { mode none; env B=2 }", "{ env B=2; mode none }"],
    [
      "container d { env A=1; publish 9027 -> 80; network m; network n }",
      "{ network m; network n; env A=1; publish 9027 -> 80 }",
    ],
  ] as const)
    assert.is(
      without(text, other),
      `the policy has no statement 'container d ${block}'; remove statements as they are in the policy: ` +
        "container d { network n; network m; env A=1; publish 9027 -> 80 }",
    );
  assert.is(without("network n { internal }", "network n { internal }"), "");
  assert.match(
    without("network n { internal }", "network n { subnet 10.9.0.0/24; internal }"),
    /network n { internal }$/,
  );
});

test.run();
