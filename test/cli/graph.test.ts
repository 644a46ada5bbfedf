/** `tsnet graph` as a command: its forms, its JSON, its exit statuses. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { everyCell, planCells } from "../../src/probe/cells.js";
import { planPlace } from "../../src/probe/place.js";
import { policyOf } from "../probe/text.js";
import { bundle, commandLine, forgetCommand } from "../support/command.js";
import { fleet } from "../support/fleet.js";
import { root } from "../support/policies.js";

const test = suite("graph, the command");

const folder = mkdtempSync(path.join(tmpdir(), "tsnet-graph-"));
test.after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await forgetCommand();
});

// The command looks for them beside itself.
await bundle("src/page/main.ts", "graph-page.js");
await bundle("src/page/page.css", "graph-page.css");

function tsnet(...words: string[]): { out: string; err: string; status: number | null } {
  const [node, ...argv] = commandLine(words);
  const { stdout, stderr, status } = spawnSync(node, argv, { cwd: root, encoding: "utf8" });
  return { out: stdout, err: stderr, status };
}

const LINE = "policies/01-one-line.tsnet";

test("--json has the cells of `try --json`, with nothing measured", () => {
  const { out, status } = tsnet("graph", LINE, "--json");
  assert.is(status, 0);
  const { cells, ...others } = JSON.parse(out) as { cells: Record<string, unknown>[] };
  assert.equal(others, {});
  const said = (from: string, to: string, port: number | null, proto = "tcp") => [
    ...new Set(
      cells
        .filter((one) => one["from"] === from && one["to"] === to && one["port"] === port && one["proto"] === proto)
        .map(({ expected, measured }) => `${String(expected)} ${String(measured)}`),
    ),
  ];
  assert.equal(said("c2", "c1", 22), ["allow null"]);
  assert.equal(said("c2", "c1", 22, "udp"), ["deny null"]);
  assert.equal(said("c1", "c2", 22), ["deny null"]);
  assert.equal(said("c1", "c2", null, "icmp"), ["deny null"]);
  assert.equal(said("world", "host", 49153), ["allow null"]);
  assert.equal(said("world", "c1", 8080), ["deny null"]);
  assert.equal(said("c1", "world", 443), []);
  for (const cell of cells)
    for (const key of ["from", "to", "port", "proto", "expected", "measured"]) assert.ok(key in cell, key);
});

test("the cells are those that are probed; of many containers, all", () => {
  const small = policyOf("allow c2 -> c1:22, icc off, publish 49153->8080");
  assert.equal([...everyCell(small, planPlace(small))], planCells(small, planPlace(small)).cells);
  const large = policyOf(fleet(60));
  const names = new Set([...everyCell(large, planPlace(large))].map(({ from }) => from));
  assert.is(names.size, 60 + 2);
});

test("each form, to standard output and to a file", () => {
  for (const [format, first] of [
    ["text", "from \\ to"],
    ["dot", 'digraph "tsnet" {'],
    ["svg", "<svg xmlns="],
    ["html", "<!doctype html>"],
  ] as const) {
    const { out, status, err } = tsnet("graph", LINE, "--format", format);
    assert.is(status, 0, err);
    assert.ok(out.startsWith(first), out.slice(0, 80));
    const file = path.join(folder, format);
    assert.equal(tsnet("graph", LINE, "--format", format, "-o", file), { out: "", err: "", status: 0 });
    assert.is(readFileSync(file, "utf8"), out);
  }
});

test("exit statuses: a wrong policy 1, a wrong command line 2, a file that can't be written 3", () => {
  const wrong = path.join(folder, "wrong.tsnet");
  writeFileSync(wrong, "container a { }\nallow a -> b:22\n");
  const target = path.join(folder, "nothing");
  const policy = tsnet("graph", wrong, "-o", target);
  assert.is(policy.status, 1);
  assert.match(policy.err, /wrong\.tsnet:2:12/);
  assert.not.ok(existsSync(target));
  assert.is(tsnet("graph", wrong, "--json").status, 1);
  assert.is(tsnet("graph", path.join(folder, "missing.tsnet")).status, 2);
  assert.is(tsnet("graph", LINE, "--format", "png").status, 2);
  assert.is(tsnet("graph", LINE, "--format", "dot", "--json").status, 2);
  const unwritable = tsnet("graph", LINE, "-o", path.join(folder, "no/such/folder"));
  assert.is(unwritable.status, 3);
  assert.match(unwritable.err, /can't write .*no such file or directory/);
  assert.not.match(unwritable.err, /\n {4}at /);
});

test.run();
