/** Real packets through iptables, in both variants of the tools: what `try` measures is what the policy says. */
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../../src/system/run.js";
import { when } from "../kernel/features.js";

const root = join(import.meta.dirname, "../..");
const tsnet = join(root, "dist/tsnet.js");
const test = suite("try: iptables");

/** `TSNET_TRY=all` takes every example; random policies are test/backend/equality.kernel.test.ts's. */
const every = process.env["TSNET_TRY"] === "all";
const examples = every
  ? readdirSync(join(root, "policies")).filter((name) => name.endsWith(".tsnet"))
  : ["10-spread.tsnet", "13-two-endpoints.tsnet"];

interface Cell {
  readonly measured: string | null;
  readonly expected: string;
}

/** Cells that measured otherwise, and how many were measured. */
async function measured(variant: string, file: string): Promise<{ wrong: Cell[]; count: number }> {
  const folder = mkdtempSync(join(tmpdir(), "tsnet-try-"));
  try {
    for (const name of ["iptables", "ip6tables"])
      for (const verb of ["", "-save", "-restore"])
        symlinkSync(`/usr/sbin/xtables-${variant}-multi`, join(folder, `${name}${verb}`));
    const env = { PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    const words = ["PATH=" + env.PATH, process.execPath, tsnet, "try", "--json", "--backend", "iptables", file];
    const { stdout, stderr } = await run("env", words, { accept: "any", timeout: 240_000 });
    assert.match(stdout, /^\{/, stderr);
    const cells = (JSON.parse(stdout) as { cells: Cell[] }).cells.filter((cell) => cell.measured !== null);
    const wrong = cells.filter((cell) => cell.expected !== "mixed" && cell.measured !== cell.expected);
    return { wrong, count: cells.length };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const variant of ["nft", "legacy"] as const) {
  const it = await when(test, "namespaces", "ip", `iptables-${variant}`);
  for (const name of examples)
    it(`${variant}: ${name}`, async () => {
      const { wrong, count } = await measured(variant, join(root, "policies", name));
      assert.equal(wrong, []);
      assert.ok(count > 0);
    });
}

test.run();
