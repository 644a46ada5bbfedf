/** Shell completion, by a real shell: what readline makes of half a word, and what the command then gets to see. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../src/system/run.js";
import { isInstalled } from "../../src/system/tools.js";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("completion");
test.after(forgetCommand);

async function script(shell: string): Promise<string> {
  const [command, ...args] = commandLine(["completion", shell]);
  return (await run(command, args)).stdout;
}

function isThere(shell: string): boolean {
  return isInstalled(shell);
}

/** A directory with a `tsnet` that notes its words, and files to complete; removed afterwards. */
async function scene<T>(body: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), "tsnet-completion-"));
  try {
    await mkdir(join(directory, "more policies"));
    for (const name of ["shop.tsnet", "notes.txt", "more policies/db.tsnet"])
      await writeFile(join(directory, name), "");
    const stub = join(directory, "tsnet");
    await writeFile(
      stub,
      `#!/bin/sh
if [ "$1" = __names ]; then
  [ "$2" = policies ] && echo shop || { echo server; echo office/user; }
else
  for word in "$@"; do printf '%s|' "$word"; done >> ${directory}/said
  echo >> ${directory}/said
fi
`,
    );
    await chmod(stub, 0o755);
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What `tsnet` gets when somebody types these lines into bash; `\t` is the key that completes. */
async function typed(lines: readonly string[]): Promise<string[]> {
  return scene(async (directory) => {
    const rc = join(directory, "rc");
    await writeFile(rc, await script("bash"));
    const keys = [`source ${rc}`, `PATH=${directory}:$PATH`, `cd ${directory}`, ...lines, "exit"]
      .map((line) => `${line}\n`)
      .join("");
    await run("script", ["-qec", "bash --norc --noprofile -i", "/dev/null"], {
      input: keys,
      accept: "any",
      env: { INPUTRC: "/dev/null", TERM: "dumb", HISTFILE: "" },
    });
    return (await readFile(join(directory, "said"), "utf8")).trim().split("\n");
  });
}

const bash = isThere("script") && isThere("bash") ? test : test.skip;

bash("bash completes commands, options, values, files and live names", async () => {
  const cases: [string, string][] = [
    ["tsnet expl\tsh\t", "explain|shop.tsnet|"],
    ["tsnet compile --for\tte\tsh\t", "compile|--format|text|shop.tsnet|"],
    ["tsnet compile --transport=netl\t", "compile|--transport=netlink|"],
    ["tsnet plan --backend au\tsh\t", "plan|--backend|auto|shop.tsnet|"],
    ["tsnet compile --backend=au\t", "compile|--backend=auto|"],
    ["tsnet fmt mo\tdb\t", "fmt|more policies/db.tsnet|"],
    // Not a policy: nothing is offered.
    ["tsnet check no\t", "check|no|"],
    ["tsnet test --policy-f\tsh\t", "test|--policy-file|shop.tsnet|"],
    ["tsnet test --junit no\t", "test|--junit|notes.txt|"],
    ["tsnet inspect ser\t", "inspect|server|"],
    ["tsnet exec off\t-- ec\t", "exec|office/user|--|ec|"],
    ["tsnet remove --pol\tsh\t", "remove|--policy|shop|"],
    ["tsnet completion fi\t", "completion|fish|"],
    ["tsnet help tra\t", "help|trace|"],
    ["tsnet --vers\t", "--version|"],
    // Hidden commands aren't offered.
    ["tsnet __na\t", "__na|"],
  ];
  const said = await typed(cases.map(([line]) => line));
  assert.equal(
    said.slice(0, cases.length),
    cases.map(([, words]) => words),
  );
});

const KNOWN = ["check", "compile", "explain", "test", "stats", "trace", "completion"];

for (const shell of ["bash", "zsh", "fish"] as const)
  test(`${shell}: the script has every command, and the shell reads it`, async () => {
    const text = await script(shell);
    for (const name of KNOWN) assert.ok(text.includes(name), name);
    if (!isThere(shell)) return console.log(`${shell} is not installed: its syntax is not checked`);
    await scene(async (directory) => {
      const path = join(directory, "script");
      await writeFile(path, text);
      const { stderr, exitCode } = await run(shell, ["-n", path], { accept: "any" });
      assert.equal([exitCode, stderr], [0, ""]);
    });
  });

test.run();
