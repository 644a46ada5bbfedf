/** Where a process may make no code (`node --jitless`, systemd's MemoryDenyWriteExecute), WebAssembly isn't there. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("without WebAssembly");

const TSNET = fileURLToPath(new URL("../../dist/tsnet.js", import.meta.url));

const RULES = Array.from({ length: 600 }, (_, i) => `allow 192.0.2.${i % 250} -> c1:${1 + i}\n`).join("");
const POLICY = `container c1 {}\ncontainer c2 {}\n${RULES}deny c2 -> c1:22\nallow c2 -> c1\n`;

test("large policies compile to the same", () => {
  const compiled = (...flags: string[]): string => {
    const args = [...flags, TSNET, "compile", "-", "--format", "text"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { input: POLICY, encoding: "utf8" });
    assert.is(status, 0, stderr);
    return stdout;
  };
  const usual = compiled();
  assert.ok(usual.length > 600 * 40);
  assert.is(compiled("--jitless"), usual);
});

test.run();
