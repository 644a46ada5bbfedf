/** `fmt`: what it writes and prints, for people and for programs. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
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

test("a file keeps its owner, its mode and its other names, and nothing else is touched", () => {
  const neatText = readFileSync(neat, "utf8");
  const [victim, beside] = [path.join(folder, "victim"), `${ugly}.tsnet-fmt`];
  writeFileSync(victim, "secret\n");
  symlinkSync(victim, beside);
  chownSync(ugly, 1234, 1235);
  chmodSync(ugly, 0o640);
  const link = path.join(folder, "link.tsnet");
  symlinkSync("ugly.tsnet", link);
  assert.is(fmt([link]).status, 0);
  assert.is(readFileSync(ugly, "utf8"), neatText);
  const { uid, gid, mode } = statSync(ugly);
  assert.equal([uid, gid, mode & 0o7777], [1234, 1235, 0o640]);
  assert.is(readlinkSync(link), "ugly.tsnet");
  assert.is(lstatSync(ugly).isFile(), true);
  assert.is(readFileSync(victim, "utf8"), "secret\n");
  for (const name of [victim, beside, link]) rmSync(name);

  const other = path.join(folder, "other.tsnet");
  writeFileSync(ugly, UGLY);
  linkSync(ugly, other);
  assert.is(fmt([ugly]).status, 0);
  assert.is(readFileSync(other, "utf8"), neatText);
  rmSync(other);
  assert.equal(readdirSync(folder).sort(), ["neat.tsnet", "ugly.tsnet"]);
});

test("what is no file stays what it is", () => {
  const fifo = path.join(folder, "fifo");
  spawnSync("mkfifo", [fifo]);
  const [node, ...words] = commandLine(["fmt", fifo]);
  const shell = 'printf %s "$1" > "$2" & shift 2; exec "$@"';
  const { status, stderr } = spawnSync("bash", ["-c", shell, "bash", UGLY, fifo, node, ...words], { encoding: "utf8" });
  assert.is(status, 2, stderr);
  assert.match(stderr, "is no file that could be changed\n       print it formatted: tsnet fmt - < FILE");
  assert.ok(lstatSync(fifo).isFIFO());
  rmSync(fifo);
});

test("who may write a file, in a directory that isn't theirs, formats it; who may not is told", () => {
  const own = path.join(folder, "own");
  mkdirSync(own);
  chownSync(own, 1234, 1234);
  const [theirs, closed] = ["theirs.tsnet", "closed.tsnet"].map((name) => path.join(own, name)) as [string, string];
  for (const [file, mode] of [
    [theirs, 0o666],
    [closed, 0o644],
  ] as const) {
    writeFileSync(file, UGLY);
    chmodSync(file, mode);
    chownSync(file, 1234, 1234);
  }
  // Root without what lifts it above the modes of files.
  const bounded = ["chown", "dac_override", "dac_read_search", "fowner"].map((name) => `-${name}`).join();
  const other = (file: string): ReturnType<typeof fmt> => {
    const words = ["--bounding-set", bounded, "--inh-caps", bounded, ...commandLine(["fmt", file])];
    return spawnSync("setpriv", words, { encoding: "utf8" });
  };
  const done = other(theirs);
  assert.is(done.status, 0, done.stderr);
  assert.is(readFileSync(theirs, "utf8"), readFileSync(neat, "utf8"));
  const refused = other(closed);
  assert.is(refused.status, 3);
  assert.match(refused.stderr, /^tsnet: can't write .*closed\.tsnet: EACCES.*\n {7}make it writable/);
  assert.is(readFileSync(closed, "utf8"), UGLY);
  rmSync(own, { recursive: true });
});

test.run();
