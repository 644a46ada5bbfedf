/**
 * The same promises by eBPF, whose rules hang on devices: a sample. TSNET_BACKEND=ebpf holds the whole of
 * sweep.kernel.test.ts to it.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { bundle, forgetCommand, takeDataplane } from "../support/command.js";
import type { Sweep } from "../support/sweep.js";

// Before a lab begins: what runs there asks for it.
process.env["TSNET_BACKEND"] = "ebpf";

const test = suite("transaction by eBPF: sweeps");
const it = await when(test, "namespaces", "nf_tables", "ebpf");
const MODULE = import.meta.resolve("../support/sweep.ts");
const swept = await bundle("test/support/swept.ts", "swept.cjs");
await takeDataplane();

for (const [name, scenario, stride] of [
  ["sweepKills", "re-apply", 61],
  ["sweepFaults", "re-apply", 47],
  ["sweepKills", "update", 83],
] as const)
  it(`${scenario}: ${name === "sweepKills" ? "killed" : "failing"} at a step`, () =>
    lab(async (host) => {
      const { tried, wrong } = await host.call<Sweep>(MODULE, name, swept, scenario, stride);
      assert.equal(wrong, []);
      assert.ok(tried > 1);
    }));

test("the command is forgotten", forgetCommand);
test.run();
