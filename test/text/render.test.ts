import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Diagnostic } from "../../src/text/diagnostic.js";
import { renderDiagnostic, toJson, toSarif } from "../../src/text/render.js";
import { SourceFile } from "../../src/text/source.js";

const test = suite("rendering");

function problem(text: string, start: number, end: number, more: Partial<Diagnostic> = {}): Diagnostic {
  const span = { file: new SourceFile("shop.tsnet", text), start, end };
  return { code: "bad-port", severity: "error", span, message: "0 is no port", ...more };
}

const plain = (diagnostic: Diagnostic) => renderDiagnostic(diagnostic, { color: false });

test("shows a frame with the place underlined, why and help", () => {
  const diagnostic = problem("icc off\nallow a -> b:0 # x\n", 21, 22, {
    why: "ports go from 1 to 65535",
    help: "leave it out",
  });
  assert.is(
    plain(diagnostic),
    `error[bad-port]: 0 is no port
 --> shop.tsnet:2:14
  |
2 | allow a -> b:0 # x
  |              ^
why: ports go from 1 to 65535
help: leave it out`,
  );
});

test("a byte order mark is no column, and isn't shown", () => {
  const [head, place, , line, marks] = plain(problem("\ufeffallow a -> b:0", 14, 15)).split("\n");
  assert.equal(
    [head, place, line, marks],
    ["error[bad-port]: 0 is no port", " --> shop.tsnet:1:14", "1 | allow a -> b:0", "  |              ^"],
  );
  assert.equal(new SourceFile("empty", "\ufeff").position(0), { line: 1, column: 1 });
});

test("shows related places, and spans over several lines", () => {
  const text = "network a { }\n\n\nnetwork a {\n  icc on\n}\n";
  const span = { file: new SourceFile("a.tsnet", text), start: 0, end: 9 };
  const diagnostic = problem(text, 16, 38, { severity: "warning", related: [{ span, message: "first given here" }] });
  assert.is(
    plain(diagnostic),
    `warning[bad-port]: 0 is no port
 --> shop.tsnet:4:1
  |
4 | network a {
  | ^^^^^^^^^^^
5 |   icc on
  | ^^^^^^^^
6 | }
  | ^
note: first given here
 --> a.tsnet:1:1
  |
1 | network a { }
  | ---------`,
  );
  const long = `{\n${"x\n".repeat(20)}}`;
  assert.is(
    plain(problem(long, 0, long.length)),
    `error[bad-port]: 0 is no port
  --> shop.tsnet:1:1
   |
 1 | {
   | ^
...
22 | }
   | ^`,
  );
});

test("points behind the end of a line and of a file", () => {
  assert.is(
    plain(problem("allow a", 7, 7))
      .split("\n")
      .slice(-2)
      .join("\n"),
    "1 | allow a\n  |        ^",
  );
  assert.is(
    plain(problem("", 0, 0))
      .split("\n")
      .slice(-2)
      .join("\n"),
    "1 |\n  | ^",
  );
  assert.is(
    plain(problem("a\n", 1, 2))
      .split("\n")
      .slice(-2)
      .join("\n"),
    "1 | a\n  |  ^",
  );
});

test("counts the columns that a terminal uses", () => {
  const underline = (text: string, start: number, end: number) =>
    plain(problem(text, start, end))
      .split("\n")
      .slice(-2);
  assert.equal(underline("\ta b", 3, 4), ["1 |     a b", "  |       ^"]);
  assert.equal(underline("ab\tc d", 3, 4), ["1 | ab  c d", "  |     ^"]);
  assert.equal(underline('"日本" x', 1, 3), ['1 | "日本" x', "  |  ^^^^"]);
  assert.equal(underline("e\u0301 x", 3, 4), ["1 | e\u0301 x", "  |   ^"]);
  assert.equal(underline("😀 x", 3, 4), ["1 | 😀 x", "  |    ^"]);
  assert.equal(underline("a\u0000b x", 4, 5), ["1 | a\\x00b x", "  |        ^"]);
});

test("lets nothing reach the terminal that it would obey", () => {
  const text = 'policy "\u001b[31m\u202e\u009b\u200b\ud800\u2028"';
  const rendered = plain(problem(text, 7, 10, { message: "\u001b]0;x\u0007\n", help: "\u202e", why: "\r" }));
  assert.match(rendered, '"\\x1b[31m\\u{202e}\\x9b\\u{200b}\\u{d800}\\u{2028}"');
  // eslint-disable-next-line no-control-regex -- control characters are what must be absent
  const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;
  assert.not.match(rendered, obeyed);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 50 }), fc.nat(50), fc.nat(50), (body, one, other) => {
      const [start, end] = [Math.min(one, other, body.length), Math.min(Math.max(one, other), body.length)];
      assert.not.match(plain(problem(body, start, end, { message: body, help: body, why: body })), obeyed);
    }),
    { numRuns: 2000 },
  );
});

test("cuts long lines around the span", () => {
  const text = `${"a".repeat(500)}!${"b".repeat(500)}`;
  const [line, marks] = plain(problem(text, 500, 501))
    .split("\n")
    .slice(-2) as [string, string];
  assert.is(line, `1 | …${"a".repeat(40)}!${"b".repeat(79)}…`);
  assert.is(marks, `  | ${" ".repeat(41)}^`);
  const whole = plain(problem("x".repeat(1_000_000), 10, 999_999));
  assert.ok(whole.length < 400);
});

test("colours only when asked", () => {
  const rendered = renderDiagnostic(problem("x", 0, 1, { help: "h" }), { color: true });
  assert.ok(rendered.startsWith("\u001b[1;31merror[bad-port]\u001b[0m"));
  assert.match(rendered, "\u001b[31m^\u001b[0m");
  assert.not.match(plain(problem("x", 0, 1)), "\u001b");
});

test("gives programs the place in lines and columns from 1", () => {
  const diagnostic = problem("icc off\nallow a -> b:0\n", 21, 22, { help: "leave it out" });
  assert.equal(toJson(diagnostic), {
    code: "bad-port",
    severity: "error",
    message: "0 is no port",
    file: "shop.tsnet",
    line: 2,
    column: 14,
    endLine: 2,
    endColumn: 15,
    help: "leave it out",
    why: null,
    related: [],
  });
});

interface SarifResult {
  readonly partialFingerprints: { readonly "tsnetStatement/v1": string };
  readonly suppressions?: unknown;
}

test("gives code hosts SARIF", () => {
  const span = { file: new SourceFile("b c#.tsnet", "x"), start: 0, end: 1 };
  const log = toSarif([
    problem("x\ny", 2, 3, { why: "w", help: "h", related: [{ span, message: "there" }] }),
    problem("x", 0, 1, { severity: "info", code: "unknown-code" }),
  ]) as { runs: [{ tool: { driver: { rules: { id: string }[] } }; results: SarifResult[] }]; version: string };
  assert.is(log.version, "2.1.0");
  const [run] = log.runs;
  assert.equal(
    run.tool.driver.rules.map(({ id }) => id),
    ["bad-port", "unknown-code"],
  );
  const marks = run.results.map(({ partialFingerprints: { "tsnetStatement/v1": mark } }) => mark);
  assert.ok(
    marks.every((mark) => /^[0-9a-f]{16}:1$/.test(mark)),
    marks.join(),
  );
  assert.is(new Set(marks).size, 2);
  assert.equal(
    run.results.map(({ partialFingerprints: _, ...result }) => result),
    [
      {
        ruleId: "bad-port",
        ruleIndex: 0,
        level: "error",
        message: { text: "0 is no port\nWhy: w\nHelp: h" },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: "shop.tsnet" },
              region: { startLine: 2, startColumn: 1, endLine: 2, endColumn: 2 },
            },
          },
        ],
        relatedLocations: [
          {
            id: 0,
            message: { text: "there" },
            physicalLocation: {
              artifactLocation: { uri: "b%20c%23.tsnet" },
              region: { startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 },
            },
          },
        ],
      },
      {
        ruleId: "unknown-code",
        ruleIndex: 1,
        level: "note",
        message: { text: "0 is no port" },
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: "shop.tsnet" },
              region: { startLine: 1, startColumn: 1, endLine: 1, endColumn: 2 },
            },
          },
        ],
        relatedLocations: [],
      },
    ],
  );
});

test("SARIF says what the text silences, and a finding keeps its fingerprint when lines come before it", () => {
  const results = (list: readonly Diagnostic[], silenced: { diagnostic: Diagnostic; reason: string }[] = []) => {
    const { runs } = toSarif(list, { version: "9.9", silenced }) as {
      runs: [{ tool: { driver: { version: string } }; results: SarifResult[] }];
    };
    assert.is(runs[0].tool.driver.version, "9.9");
    return runs[0].results;
  };
  const [plainly, silent] = results([problem("x", 0, 1)], [{ diagnostic: problem("y", 0, 1), reason: "it is meant" }]);
  assert.is(plainly?.suppressions, undefined);
  assert.equal(silent?.suppressions, [{ kind: "inSource", justification: "it is meant" }]);
  const mark = (text: string, at: number) => results([problem(text, at, at + 1)])[0]?.partialFingerprints;
  assert.equal(mark("x y", 2), mark("# more\nx y", 9));
  assert.not.equal(mark("x y", 2), mark("x z", 2));
  const twice = results([problem("y y", 0, 1), problem("y y", 2, 3)]).map(
    (one) => one.partialFingerprints["tsnetStatement/v1"],
  );
  assert.is(new Set(twice).size, 2);
});

test.run();
