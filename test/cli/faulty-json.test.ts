/** What programs read of a command whose policy is wrong: the diagnostics, from every command in the same object. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../src/system/run.js";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("--json of a faulty policy");
const folder = await mkdtemp(join(tmpdir(), "tsnet-faulty-"));
const file = join(folder, "wrong.tsnet");
await writeFile(file, "container a { }\nallow a -> nobody:22\n");
test.after(async () => {
  await rm(folder, { recursive: true, force: true });
  await forgetCommand();
});

const COMMANDS: readonly (readonly string[])[] = [
  ["check", file],
  ["compile", file],
  ["plan", file],
  ["try", file],
  ["graph", file],
  ["audit", file],
  ["diff", file, file],
  ["diff", "--live", file],
  ["explain", file, "a -> nobody:22"],
  ["stats", file],
  ["remove", file],
];

for (const words of COMMANDS)
  test(`tsnet ${words[0]} ${words.length > 2 ? "…" : ""}`, async () => {
    const [program, ...args] = commandLine([...words, "--json"]);
    const { stdout, stderr, exitCode } = await run(program, args, { accept: "any" });
    assert.is(exitCode, 1, stderr);
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; line: number }[] };
    assert.equal(diagnostics.filter(({ code }) => code === "unknown-name").length, 1, stdout);
    assert.not.match(stderr, "unknown-name");
    // For people there is nothing on standard output.
    const plain = commandLine(words);
    const said = await run(plain[0], plain.slice(1), { accept: "any" });
    assert.equal([said.exitCode, said.stdout], [1, ""]);
    assert.match(said.stderr, "unknown-name");
  });

test.run();
