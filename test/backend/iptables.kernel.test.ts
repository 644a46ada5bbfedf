import { suite } from "uvu";
import * as assert from "uvu/assert";
import { plan } from "../../src/backend/iptables/plan.js";
import { toText } from "../../src/backend/iptables/text.js";
import { lab } from "../kernel/lab.js";
import { when } from "../kernel/features.js";
import { compilePolicy, policiesIn } from "../support/policies.js";

const test = suite("iptables by the kernel");

/** Lines that stand in the kernel's tables, apart from counters and what is always there. */
function rulesIn(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("-A TSNET-") || line.startsWith(":TSNET-"));
}

for (const variant of ["nft", "legacy"] as const) {
  const it = await when(test, "namespaces", `iptables-${variant}`);
  it(`iptables-${variant}-save gives back what iptables-${variant}-restore was given, of every policy`, () =>
    lab(async (host) => {
      let loaded = 0;
      for (const name of policiesIn("."))
        for (const rules of plan(compilePolicy(name).policy).families) {
          if (rules.tables.length === 0) continue;
          const tool = rules.family === 4 ? `iptables-${variant}` : `ip6tables-${variant}`;
          const text = toText(rules, { locations: true });
          await host.run(`${tool}-restore`, [], { input: text });
          const { stdout } = await host.run(`${tool}-save`);
          const wanted = rulesIn(text);
          assert.equal(rulesIn(stdout).sort(), wanted.sort(), `${name}, IPv${rules.family}`);
          loaded += wanted.length;
        }
      assert.ok(loaded > 1000, `${loaded} lines`);
    }));
}

test.run();
