import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../support/policies.js";

const test = suite("interruption");

/** A transaction of one step that tells itself to hang up; `before` runs first. Returns how the process ended, and what it said. */
function hungUp(before: string): { status: number | null; said: string } {
  const script = `
    import { withoutInterruption } from "./src/transaction/interruption.ts";
    ${before}
    const work = async (heed) => { process.kill(process.pid, "SIGHUP"); await heed(); return "done"; };
    withoutInterruption(work).then(console.log, (error) => { console.log(error.name); process.exitCode = error.status; });`;
  const argv = ["--import", "tsx", "--input-type=module", "-e", script];
  const { status, stdout } = spawnSync(process.execPath, argv, { cwd: root, encoding: "utf8" });
  return { status, said: stdout.trim() };
}

test("a signal that would end the process is heeded between steps", () => {
  assert.equal(hungUp(""), { status: 129, said: "Interrupted" });
});

test("one that somebody listens to is let alone", () => {
  assert.equal(hungUp('process.on("SIGHUP", () => undefined);'), { status: 0, said: "done" });
});

test.run();
