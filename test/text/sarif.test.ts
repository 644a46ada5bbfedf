/** `check --sarif` against the schema of SARIF 2.1.0, which @microsoft/jest-sarif carries. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import Ajv from "ajv";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import { toSarif } from "../../src/text/render.js";
import { compilePolicy, policiesIn } from "../support/policies.js";

const test = suite("SARIF");
const require = createRequire(import.meta.url);
const json = (path: string): object => JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, "")) as object;

// The schema is of draft 4, whose own schema ajv keeps beside its code.
const ajv = new Ajv({ schemaId: "auto", allErrors: true, unknownFormats: "ignore" });
ajv.addMetaSchema(json(join(dirname(require.resolve("ajv/package.json")), "lib/refs/json-schema-draft-04.json")));
const valid = ajv.compile(
  json(join(dirname(require.resolve("@microsoft/jest-sarif/package.json")), "lib/schemas/sarif-2.1.0-rtm.5.json")),
);

function problems(sarif: object): string[] {
  const ok = valid(JSON.parse(JSON.stringify(sarif)));
  return ok === true ? [] : (valid.errors ?? []).map(({ dataPath, message }) => `${dataPath} ${message}`);
}

test("what is wrong with every wrong policy is said as the schema wants it", () => {
  const names = policiesIn("invalid");
  assert.ok(names.length > 100);
  let results = 0;
  for (const name of names) {
    const { diagnostics, silenced } = compilePolicy(name);
    const sarif = toSarif(diagnostics, { version: "0.1.0", silenced });
    results += diagnostics.length;
    assert.equal(problems(sarif), [], name);
  }
  assert.ok(results >= names.length);
});

test("so is what was silenced; and what the schema doesn't want is found", () => {
  const text = "let unused = 22/tcp # tsnet: ignore unused-let kept for later\nallow c2 -> c1:22\n";
  const { diagnostics, silenced } = compile(text, { file: "shop.tsnet" });
  assert.is(silenced.length, 1);
  const sarif = JSON.parse(JSON.stringify(toSarif(diagnostics, { version: "0.1.0", silenced }))) as {
    runs: { results: { suppressions?: unknown; level: string }[] }[];
  };
  assert.equal(problems(sarif), []);
  const suppressed = sarif.runs[0]?.results.find(({ suppressions }) => suppressions !== undefined);
  assert.ok(suppressed !== undefined);
  suppressed.level = "fatal";
  assert.match(problems(sarif).join(), "level");
});

test.run();
