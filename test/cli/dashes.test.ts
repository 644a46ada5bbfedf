/** `--` ends the options: what follows are files, or the command that is to be run. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("after --");
const folder = mkdtempSync(path.join(tmpdir(), "tsnet-dashes-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.after(forgetCommand);
for (const name of ["-x.tsnet", "y.tsnet"]) writeFileSync(path.join(folder, name), "container a {}\ncontainer b {}\n");

function tsnet(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const [node, ...words] = commandLine(args);
  return spawnSync(node, words, { cwd: folder, encoding: "utf8" });
}

for (const words of [
  ["check", "--", "-x.tsnet"],
  ["check", "--strict", "--", "-x.tsnet"],
  ["compile", "--", "-x.tsnet"],
  ["diff", "y.tsnet", "--", "-x.tsnet"],
  ["explain", "--json", "--", "-x.tsnet", "a -> b:22"],
])
  test(`tsnet ${words.join(" ")}`, () => {
    const { status, stderr } = tsnet(words);
    assert.is(status, 0, stderr);
  });

test("what looks like an option is a file", () => {
  assert.match(tsnet(["check", "--", "--json"]).stderr, "can't read --json: there is no such file");
});

test("exec and try take a command there", () => {
  assert.match(tsnet(["exec", "a", "--"]).stderr, "exec needs a command after '--'");
  assert.match(tsnet(["try", "--", "-x.tsnet"]).stderr, "missing required argument 'file'");
});

test.run();
