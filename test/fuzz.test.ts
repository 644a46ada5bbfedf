import { suite } from "uvu";
import * as assert from "uvu/assert";
import { plan } from "../src/backend/nftables/plan.js";
import { toJson } from "../src/backend/nftables/json.js";
import { toText } from "../src/backend/nftables/text.js";
import { compile } from "../src/ir/compile.js";
import { renderDiagnostic } from "../src/text/render.js";
import { planTopology } from "../src/topology/plan.js";
import { corpus, mutate, random } from "./support/mutate.js";

const test = suite("fuzz");
const COUNT = Number(process.env["TSNET_FUZZ"] ?? 3000);
const SEED = Number(process.env["TSNET_FUZZ_SEED"] ?? 1);

test(`${COUNT} mutated policies: never an exception, never over a second`, () => {
  const draw = random(SEED);
  const texts = corpus();
  let slowest = 0;
  let valid = 0;
  for (let i = 0; i < COUNT; i++) {
    const text = mutate(texts, draw);
    const started = process.cpuUsage().user;
    try {
      const { policy, diagnostics, failed } = compile(text);
      for (const diagnostic of diagnostics) renderDiagnostic(diagnostic, { color: false });
      if (!failed) {
        valid++;
        const ruleset = plan(policy);
        toText(ruleset);
        JSON.stringify(toJson(ruleset));
        planTopology(policy);
      }
    } catch (error) {
      throw new Error(`${(error as Error).stack}\non ${JSON.stringify(text)}`, { cause: error });
    }
    const seconds = (process.cpuUsage().user - started) / 1e6;
    slowest = Math.max(slowest, seconds);
    assert.ok(seconds < 1, `${seconds} s on ${JSON.stringify(text)}`);
  }
  assert.ok(valid > COUNT / 100, `${valid} of ${COUNT} valid`);
  console.log(`${COUNT} texts, ${valid} of them valid, slowest ${slowest.toFixed(3)} s of processor time`);
});

test.run();
