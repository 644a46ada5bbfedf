/** README.md's samples are what the commands print: those marked `$`, which need no root. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "./support/command.js";

const test = suite("README");
test.after(forgetCommand);

const root = path.dirname(import.meta.dirname);
const readme = readFileSync(path.join(root, "README.md"), "utf8");

interface Sample {
  readonly command: string;
  readonly lines: readonly string[];
}

/** A command and the indented lines behind it. */
function samples(sign: string): Sample[] {
  const found: { command: string; lines: string[] }[] = [];
  let last: string[] | undefined;
  for (const line of readme.split("\n")) {
    const text = line.startsWith("    ") ? line.slice(4) : undefined;
    if (text?.startsWith(`${sign} `)) found.push({ command: text.slice(2), lines: (last = []) });
    else if (text !== undefined || line === "") last?.push(text ?? "");
    else last = undefined;
  }
  return found.map(({ command, lines }) => ({ command, lines: lines.join("\n").trimEnd().split("\n") }));
}

/** Whether these lines begin as the sample does, where `…` stands for lines that it leaves out, or for a line's end. */
function fits(printed: readonly string[], sample: readonly string[]): boolean {
  const [first, ...rest] = sample;
  if (first === undefined) return true;
  if (first === "…") return printed.some((_, at) => fits(printed.slice(at), rest));
  const [line, ...more] = printed;
  if (line === undefined) return false;
  const same = first.endsWith("…") ? line.startsWith(first.slice(0, -1)) : line === first;
  return same && fits(more, rest);
}

const pure = samples("$").filter(({ command }) => !command.includes("tsnet try"));

test("there are samples", () => assert.ok(pure.length >= 6));

for (const { command, lines } of pure)
  test(command, () => {
    const words = commandLine([]).map((word) => `'${word}'`);
    const shell = `( ${command.replaceAll("npx tsnet", words.join(" "))} ) 2>&1`;
    const { stdout } = spawnSync("bash", ["-c", shell], { cwd: root, encoding: "utf8" });
    const printed = stdout.split("\n");
    assert.ok(fits(printed, lines), `it prints:\n${printed.slice(0, 40).join("\n")}`);
  });

test.run();
