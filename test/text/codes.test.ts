import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { catalogue } from "../../src/text/codes.js";
import type { Severity } from "../../src/text/diagnostic.js";
import { toSarif } from "../../src/text/render.js";
import { semanticCodes } from "../../src/text/semantic-codes.js";
import { SourceFile } from "../../src/text/source.js";
import { syntaxCodes } from "../../src/text/syntax-codes.js";
import { root } from "../support/policies.js";

const test = suite("codes");

const sources = ["src", "grammar"].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => path.posix.join(folder, name))
    // What an audit finds is of a machine, not of a text: its codes aren't diagnostics'.
    .filter((name) => name.endsWith(".ts") && !/^(grammar\/generated|src\/audit)\//.test(name))
    .map((name) => ({ name, text: readFileSync(path.join(root, name), "utf8") })),
);

interface Use {
  readonly where: string;
  readonly code: string;
  readonly severity: Severity;
}

/** How sources name a code, and what it is reported with there. The code's argument may choose between several. */
const REPORTS: readonly [RegExp, Severity | undefined][] = [
  [/\bdiagnostics\.(error|warning|info)\(\s*(?<argument>[^,]*),/g, undefined],
  [/\bnew SyntaxProblem\(\s*(?<argument>[^,]*),/g, "error"],
  [/\b(?:bad|fail)\(\s*(?<argument>"[^,]*),/g, "error"],
  [/\brequireWord\("\w+", (?<argument>[^,]*),/g, "error"],
  [/\bcode: (?<argument>"[a-z0-9-]+"),\s*severity: "(error|warning|info)"/g, undefined],
];

/** Arguments that hand on a code from elsewhere. */
const HANDED_ON = ["code", "problem.code"];

const uses = sources.flatMap(({ name, text }) =>
  REPORTS.flatMap(([pattern, severity]) =>
    [...text.matchAll(pattern)].flatMap((match): Use[] => {
      const argument = match.groups?.["argument"] as string;
      const codes = [...argument.matchAll(/"([a-z0-9-]+)"/g)].map((quoted) => quoted[1] as string);
      const line = text.slice(0, match.index).split("\n").length;
      if (codes.length === 0 && !HANDED_ON.includes(argument)) throw new Error(`${name}:${line}: what is ${argument}?`);
      const found = severity ?? (match.slice(1).find((group) => /^(error|warning|info)$/.test(group)) as Severity);
      return codes.map((code) => ({ where: `${name}:${line}`, code, severity: found }));
    }),
  ),
);

test("every code in the sources is in the catalogue, with the severity that it is reported with", () => {
  assert.ok(uses.length > 150, "the sources are not where this test looks");
  const wrong = uses.filter(({ code, severity }) => catalogue()[code]?.severity !== severity);
  assert.equal(wrong, []);
});

test("every code of the catalogue is in the sources", () => {
  const used = new Set(uses.map(({ code }) => code));
  assert.equal(
    Object.keys(catalogue()).filter((code) => !used.has(code)),
    [],
  );
});

test("a code stands in one part of the catalogue, and says something", () => {
  const semantic = Object.keys(semanticCodes());
  assert.equal(
    semantic.filter((code) => code in syntaxCodes()),
    [],
  );
  for (const [code, { title, explanation }] of Object.entries(catalogue())) {
    assert.match(title, /[^.]$/, code);
    assert.match(explanation, /\.$/, code);
  }
});

test("SARIF's rules are the catalogue's entries", () => {
  for (const [code, { severity, title, explanation }] of Object.entries(catalogue())) {
    const span = { file: new SourceFile("a.tsnet", "icc off"), start: 0, end: 3 };
    const sarif = JSON.parse(JSON.stringify(toSarif([{ code, severity, span, message: "x" }])));
    const [{ help, ...rule }] = sarif.runs[0].tool.driver.rules;
    assert.equal(rule, {
      id: code,
      shortDescription: { text: title },
      fullDescription: { text: explanation },
      defaultConfiguration: { level: severity === "info" ? "note" : severity },
    });
    assert.ok(help.text.startsWith(explanation), help.text);
    // What can't be silenced must not be offered to be.
    assert.is(help.text.includes(`# tsnet: ignore ${code}`), severity !== "error");
  }
});

test.run();
