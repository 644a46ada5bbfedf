/** `fmt`: what it writes and prints, for people and for programs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("fmt");
const folder = mkdtempSync(path.join(tmpdir(), "tsnet-fmt-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.after(forgetCommand);

const UGLY = "container   a {}\n";
const [ugly, neat] = ["ugly.tsnet", "neat.tsnet"].map((name) => path.join(folder, name)) as [string, string];

function fmt(args: readonly string[], input = ""): { status: number | null; stdout: string; stderr: string } {
  const [node, ...words] = commandLine(["fmt", ...args]);
  return spawnSync(node, words, { encoding: "utf8", input });
}

test.before.each(() => {
  writeFileSync(ugly, UGLY);
  writeFileSync(neat, fmt(["-"], UGLY).stdout);
});

test("--json has each file and whether it changes, with --check as in place", () => {
  const files = [
    { file: ugly, changed: true },
    { file: neat, changed: false },
  ];
  const checked = fmt(["--check", "--json", ugly, neat]);
  assert.is(checked.status, 4, checked.stderr);
  assert.equal(JSON.parse(checked.stdout), { files });
  assert.is(readFileSync(ugly, "utf8"), UGLY);
  const formatted = fmt(["--json", ugly, neat]);
  assert.is(formatted.status, 0, formatted.stderr);
  assert.equal(JSON.parse(formatted.stdout), { files });
  assert.is(readFileSync(ugly, "utf8"), readFileSync(neat, "utf8"));
  assert.is(fmt(["--check", "--json", ugly, neat]).status, 0);
});

test("--json of standard input has the text, and of a faulty file the diagnostics", () => {
  const { status, stdout } = fmt(["--json", "-"], UGLY);
  assert.is(status, 0);
  assert.equal(JSON.parse(stdout), { files: [{ file: "-", changed: true, text: readFileSync(neat, "utf8") }] });
  const faulty = fmt(["--json", "-"], "container {\n");
  assert.is(faulty.status, 1);
  assert.ok((JSON.parse(faulty.stdout) as { diagnostics: unknown[] }).diagnostics.length > 0);
});

test("for people: what was formatted, or would be", () => {
  assert.is(fmt(["--check", ugly, neat]).stdout, `${ugly} would change\n`);
  assert.is(fmt([ugly, neat]).stdout, `formatted ${ugly}\n`);
  assert.is(fmt([ugly, neat]).stdout, "");
});

test.run();
