/** The lock where its file can't be written. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";

const test = suite("lock");
const it = await when(test, "namespaces");
const LOCK = import.meta.resolve("../../src/transaction/lock.ts");

it("where there is no space for it, nothing of it stays", () =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/tsnet"]);
    await host.run("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", "/run/tsnet"]);
    await host.run("dd", ["of=/run/tsnet/full", "bs=4096", "status=none"], { input: "x".repeat(4096) });
    await host.call(LOCK, "acquire").then(
      () => assert.unreachable("the lock was to be refused"),
      (error: Error) => assert.match(error.message, /ENOSPC/),
    );
    assert.is((await host.run("ls", ["/run/tsnet"])).stdout, "full\n");
  }));

it("what a killed taker has left goes with the next, and what a living one is about to put there stays", () =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/tsnet"]);
    // No process has the one number, and one always has the other.
    await host.run("touch", ["/run/tsnet/lock.4194304", "/run/tsnet/lock.1"]);
    await host.call(LOCK, "tidy");
    assert.is((await host.run("ls", ["/run/tsnet"])).stdout, "lock.1\n");
  }));

test.run();
