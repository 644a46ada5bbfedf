import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "../support/command.js";
import { root } from "../support/policies.js";

const test = suite("where output goes");

const folder = mkdtempSync(path.join(tmpdir(), "tsnet-sink-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Its cells are more than a pipe holds. */
const file = path.join(folder, "many.tsnet");
writeFileSync(file, Array.from({ length: 30 }, (_, i) => `allow a${i} -> b:${1000 + i}\n`).join(""));

const tsnet = commandLine([]).join(" ");
test.after(forgetCommand);

function sh(script: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync("bash", ["-o", "pipefail", "-c", script], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
}

test("all of it arrives in a pipe, also in one that doesn't block", () => {
  const whole = sh(`${tsnet} graph ${file} --json`);
  assert.is(whole.status, 0, whole.stderr);
  assert.ok(whole.stdout.length > 1 << 17, `${whole.stdout.length} bytes`);
  // The writer's end never waits, and nobody reads before it is full.
  const script = `use Fcntl; use IO::Select; pipe(my $from, my $to);
    fcntl($to, F_SETFL, fcntl($to, F_GETFL, 0) | O_NONBLOCK);
    my $id = fork; if (!$id) { open(STDOUT, ">&", $to); exec(@ARGV) }
    while (IO::Select->new($to)->can_write(0)) { exit 9 if waitpid($id, 1) }
    close $to; local $/; print scalar <$from>; waitpid($id, 0); exit($? >> 8)`;
  const slow = spawnSync("perl", ["-e", script, ...tsnet.split(" "), "graph", file, "--json"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  assert.is(slow.status, 0, slow.stderr);
  assert.is(slow.stdout.length, whole.stdout.length);
  assert.is(slow.stdout, whole.stdout);
});

test("who has read enough hears no complaint, and the status is the true one", () => {
  const { stdout, stderr, status } = sh(`${tsnet} graph ${file} --json | head -c 10`);
  assert.is(stdout.length, 10);
  assert.is(stderr, "");
  assert.is(status, 0);
  // More than a pipe holds, too.
  const faulty = path.join(folder, "faulty.tsnet");
  writeFileSync(faulty, "allow a -> b:99999\n".repeat(1000));
  const wrong = sh(`${tsnet} check --json ${faulty} | head -c 10`);
  assert.is(wrong.stderr, "");
  assert.is(wrong.status, 1);
});

test("a disk that is full is an error of the system", () => {
  for (const words of [`graph ${file} --json`, "--help"]) {
    const { stderr, status } = sh(`${tsnet} ${words} > /dev/full`);
    assert.match(stderr, /^tsnet: can't write the output: ENOSPC/);
    assert.is(status, 3);
  }
});

test.run();
