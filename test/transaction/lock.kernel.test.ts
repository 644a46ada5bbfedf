/** The lock where its file can't be written. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("lock");
const it = await when(test, "namespaces");
test.after(forgetCommand);
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

it("a read-only /run is told as that, with advice, whether or not tsnet has been there", () =>
  lab(async (host) => {
    for (const before of ["true", "mkdir /run/tsnet"]) {
      const script = `mount -t tmpfs tmpfs /run && ${before} && mount -o remount,ro /run && exec "$@"`;
      const words = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", ...commandLine(["audit"])];
      const { stderr, exitCode } = await host.run("unshare", words, { accept: "any" });
      assert.is(exitCode, 3, stderr);
      assert.match(stderr, /^tsnet: EROFS: read-only file system, .*'\/run\/tsnet.*'\n +\/run must be writable/);
    }
  }));

it("what a killed taker has left goes with the next, and what a living one is about to put there stays", () =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/tsnet"]);
    const space = (await host.run("readlink", ["/proc/self/ns/pid"])).stdout.replace(/\D/g, "");
    // No process has the one number, and one always has the other. In another namespace both say nothing.
    await host.run(
      "touch",
      [`${space}.4194304`, `${space}.1`, "1.4194304"].map((name) => `/run/tsnet/lock.${name}`),
    );
    await host.call(LOCK, "tidy");
    assert.is(
      (await host.run("ls", ["/run/tsnet"])).stdout,
      ["1.4194304", `${space}.1`].map((name) => `lock.${name}\n`).join(""),
    );
  }));

it("a dead holder's lock is passed over, and that of one in another process id namespace isn't", () =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/tsnet"]);
    const namespace = (await host.run("readlink", ["/proc/self/ns/pid"])).stdout.trim();
    const hold = (of: string) => {
      const holder = { pid: 4194304, namespace: of, started: "1", command: "compile --apply" };
      return host.run("tee", ["/run/tsnet/lock"], { input: JSON.stringify(holder) });
    };
    await hold(namespace);
    assert.is(await host.call(LOCK, "isHeld"), false);
    await hold("pid:[1]");
    assert.is(await host.call(LOCK, "isHeld"), true);
    await host.call(LOCK, "acquire", { patience: 0 }).then(
      () => assert.unreachable("the lock was to be refused"),
      (error: Error) =>
        assert.match(
          error.message,
          "process 4194304 of another process id namespace (compile --apply) is changing this host's policies",
        ),
    );
  }));

test.run();
