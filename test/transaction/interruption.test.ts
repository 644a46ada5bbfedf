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

test("one that comes while nothing takes a turn is not lost, however busy the program is afterwards", () => {
  const script = `
    import { withoutInterruption } from "./src/transaction/interruption.ts";
    // A step that heeds nothing and blocks, as a system call does; in between no turn of the event loop.
    for (let i = 0; i < 200; i++) {
      await withoutInterruption(async () => {
        if (i === 50) process.kill(process.pid, "SIGTERM");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
      });
      if (i % 20 === 19) await new Promise(setImmediate);
    }
    console.log("nothing came");`;
  const argv = ["--import", "tsx", "--input-type=module", "-e", script];
  const { signal, stdout } = spawnSync(process.execPath, argv, { cwd: root, encoding: "utf8" });
  assert.equal([signal, stdout], ["SIGTERM", ""]);
});

test("a program that begins to listen keeps what it hears to itself", () => {
  const script = `
    import { withoutInterruption } from "./src/transaction/interruption.ts";
    await withoutInterruption(async () => undefined);
    process.on("SIGTERM", () => console.log("mine"));
    const work = async (heed) => { process.kill(process.pid, "SIGTERM"); await heed(); return "done"; };
    console.log(await withoutInterruption(work));`;
  const argv = ["--import", "tsx", "--input-type=module", "-e", script];
  const { status, stdout } = spawnSync(process.execPath, argv, { cwd: root, encoding: "utf8" });
  assert.equal([status, stdout.trim().split("\n").sort()], [0, ["done", "mine"]]);
});

test.run();
