/**
 * Killed or failing at any point, an apply leaves nothing half made. TSNET_SWEEP=1 sweeps every single step; the suite
 * takes a sample.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { bundle, forgetCommand, takeDataplane } from "../support/command.js";
import type { Sweep } from "../support/sweep.js";

const test = suite("transaction: sweeps");
const MODULE = import.meta.resolve("../support/sweep.ts");
const STRIDE = Number(process.env["TSNET_SWEEP"] ?? 71);
const TIMES = Number(process.env["TSNET_KILLS"] ?? 1);
const PAIRS = Number(process.env["TSNET_PAIRS"] ?? 3);
const swept = await bundle("test/support/swept.ts", "swept.cjs");
await takeDataplane();

async function swap(name: string, work: () => Promise<Sweep>): Promise<void> {
  const { steps, tried, wrong } = await work();
  assert.equal(wrong, []);
  assert.ok(tried > 0, "nothing was tried");
  console.log(`${name}: ${tried} of ${steps === 0 ? tried : steps}`);
}

for (const scenario of ["apply", "re-apply", "edit", "update", "remove"] as const) {
  test(`${scenario}: killed at a step, the next apply makes it whole`, () =>
    lab((host) => swap(`${scenario} killed`, () => host.call<Sweep>(MODULE, "sweepKills", swept, scenario, STRIDE))));
  if (scenario === "update") continue;
  test(`${scenario}: killed at any time, the next apply makes it whole`, () =>
    lab((host) => swap(`${scenario} killed`, () => host.call<Sweep>(MODULE, "sweepTimes", swept, scenario, TIMES, 7))));
  if (scenario !== "remove")
    test(`${scenario}: where anything fails, what stood before stands`, () =>
      lab((host) =>
        swap(`${scenario} failing`, () => host.call<Sweep>(MODULE, "sweepFaults", swept, scenario, STRIDE)),
      ));
}

test("a switch of backends: killed at a step, the next apply leaves one of them", () =>
  lab((host) => swap("switch killed", () => host.call<Sweep>(MODULE, "sweepSwitch", swept, STRIDE > 1 ? 61 : 1))));

test("told to end at a step, an apply is taken back or done", () =>
  lab((host) => swap("told to end", () => host.call<Sweep>(MODULE, "sweepSignals", swept, STRIDE > 1 ? 61 : 1))));

test("a command about another policy puts a killed one back", () =>
  lab(async (host) => {
    const { wrong, said } = await host.call<{ wrong: string[]; said: string }>(MODULE, "recovered", swept);
    assert.equal(wrong, []);
    assert.match(said, "cut off at step");
  }));

test("of two applies at the same time one stands, whole", () =>
  lab(async (host) => {
    const { tried, wrong, steps } = await host.call<Sweep>(MODULE, "race", swept, PAIRS);
    assert.equal(wrong, []);
    console.log(`${tried} pairs; the rarer winner won ${steps} times`);
  }));

test("the command is forgotten", forgetCommand);
test.run();
