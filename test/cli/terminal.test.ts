import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { note, print, printExactly, printJson, shown } from "../../src/cli/output.js";
import { type Sink, standardError, standardOutput } from "../../src/cli/sink.js";
import { compile } from "../../src/ir/compile.js";
import { planCells } from "../../src/probe/cells.js";
import { renderMatrix } from "../../src/probe/matrix.js";
import { planPlace } from "../../src/probe/place.js";
import { unnamedPorts } from "../../src/probe/services.js";
import { commandLine, forgetCommand } from "../support/command.js";
import { root } from "../support/policies.js";

const test = suite("what reaches a terminal");

const EVIL = "a\u001b[31m\u202eb\u009b2J";
const MILD = "a\\x1b[31m\\u{202e}b\\x9b2J";
/** Names must be visible; paths of files and sandboxes need not be. */
const POLICY = `container c1 { netns "/run/netns/${EVIL}" }\ncontainer c2 { }\nicc off\nallow c2 -> c1:22\n`;

/** What `print` and its like write to a stream. */
function written(stream: Sink, act: () => void): string {
  const { write } = stream;
  let text = "";
  stream.write = (chunk: string) => {
    text += chunk;
    return true;
  };
  try {
    act();
  } finally {
    stream.write = write;
  }
  return text;
}

const folder = mkdtempSync(path.join(tmpdir(), "tsnet-terminal-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.after(forgetCommand);

function tsnet(...words: string[]): { out: string; err: string } {
  const [command, ...args] = commandLine(words);
  const { stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  return { out: stdout, err: stderr };
}

test("lines for people hold nothing that a terminal would obey, and keep their layout", () => {
  assert.is(
    written(standardOutput, () => print(`\n  ${EVIL}\tb`)),
    `\n  ${MILD}\tb\n`,
  );
  assert.is(
    written(standardError, () => note(EVIL)),
    `${MILD}\n`,
  );
  assert.is(shown("two\nlines\tand a tab"), "two\\x0alines\\x09and a tab");
});

test("what programs read stays exact", () => {
  assert.is(
    written(standardOutput, () => printExactly(EVIL)),
    `${EVIL}\n`,
  );
  assert.is(JSON.parse(written(standardOutput, () => printJson({ name: EVIL }))).name, EVIL);
});

test("names in the output of commands", () => {
  const file = path.join(folder, "evil\u001b[32m\n.tsnet");
  writeFileSync(file, POLICY);
  const ugly = path.join(folder, "ugly\u001b[32m\n.tsnet");
  writeFileSync(ugly, "  icc   off, allow a -> b");
  const wrong = path.join(folder, "wrong\u001b[32m\n.tsnet");
  writeFileSync(wrong, `policy "${EVIL}"\nallow a -> "${EVIL}"\n`);
  const runs: readonly [string, ...string[]][] = [
    ["evil\\x1b[32m\\x0a.tsnet:4:1  allow", "explain", file, "c2 -> c1:22"],
    [`'c2 -> ${MILD}' can't be read`, "explain", file, `c2 -> ${EVIL}`],
    ["ugly\\x1b[32m\\x0a.tsnet would change", "fmt", "--check", ugly],
    ["evil\\x1b[32m\\x0a.tsnet?: there is no such file", "check", `${file}?`],
    ["wrong\\x1b[32m\\x0a.tsnet:1:8", "check", wrong],
    [`policy "${MILD}"`, "check", wrong],
    ["# container c1", "compile", "--topology", file],
  ];
  for (const [says, ...run] of runs) {
    const { out, err } = tsnet(...run);
    assert.not.match(out + err, /[^\n\t\P{Cc}]|\u202e/u, run.join(" "));
    assert.ok((out + err).includes(says), `${run.join(" ")}: ${out}${err}`);
  }
  const json = JSON.parse(tsnet("compile", "--topology", "--json", file).out);
  assert.ok(JSON.stringify(json).includes(JSON.stringify(EVIL).slice(1, -1)));
  assert.ok(tsnet("compile", "--format", "text", file).out.includes("evil"));
});

test("names in the matrix of try, and the matrix's own colours", () => {
  const { policy } = compile("icc off, allow c2 -> c1:22", { file: EVIL });
  const place = planPlace(policy);
  const results = planCells(policy, place).cells.map((cell) => ({
    cell,
    measured: "deny" as const,
    agrees: cell.expected === "deny",
    unproven: false,
    remark: undefined,
    answer: undefined,
  }));
  const unnamed = unnamedPorts(policy);
  const plain = renderMatrix(results, { color: false, unnamed });
  assert.ok(plain.includes(MILD) && plain.includes("DIFFERS"));
  assert.not.match(plain, /[^\n\P{Cc}]|\u202e/u);
  const coloured = renderMatrix(results, { color: true, unnamed });
  assert.ok(coloured.includes("\u001b[31;1mDIFFERS\u001b[0m"));
  assert.not.match(coloured, "\u001b[31m");
});

test("a query for the host's loopback says whose it is", () => {
  const file = path.join(folder, "loopback.tsnet");
  writeFileSync(file, "network default { subnet 10.83.0.0/16; subnet fd83::/64 }\npublish [::1]:9090 -> c1:80\n");
  for (const query of ["world -> [::1]:9090", "c1 -> 127.0.0.1:9090"]) {
    const { err } = tsnet("explain", file, query);
    assert.match(err, "the host's loopback is for the host alone");
    assert.match(err, `'host ${query.slice(query.indexOf("->"))}'`);
  }
  assert.match(tsnet("explain", file, "host -> [::1]:9090").out, "host -> [::1]:9090: allow");
});

test.run();
