/** What `tsnet install` writes, and what `--confirm` takes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseSeconds } from "../../src/cli/confirmation.js";
import { MARKER, quoted, units } from "../../src/cli/units.js";

const test = suite("units");

test("paths keep their meaning in a unit", () => {
  assert.is(quoted("/usr/bin/node"), "/usr/bin/node");
  assert.is(quoted("/opt/my node"), '"/opt/my node"');
  assert.is(quoted('/a"b\\c'), '"/a\\"b\\\\c"');
  assert.is(quoted("/100%/$HOME"), "/100%%/$$HOME");
  assert.throws(() => quoted("/a\nExecStart=/bin/sh"), /no unit can name/);
});

test("the restoring unit comes before the network and after whatever flushes", () => {
  const [unit = "", late = ""] = units(["/usr/bin/node", "/opt/tsnet.js", "restore"]).map(({ text }) => text);
  assert.ok(unit.startsWith(MARKER) && late.startsWith(MARKER));
  assert.match(unit, /^Before=network-pre\.target/m);
  assert.match(unit, /^Wants=network-pre\.target/m);
  assert.match(unit, /^After=nftables\.service/m);
  assert.match(unit, /^ExecStart=\/usr\/bin\/node \/opt\/tsnet\.js restore$/m);
  assert.match(late, /^After=tsnet\.service network\.target/m);
});

const verifier = spawnSync("systemd-analyze", ["--version"]).status === 0;
if (!verifier) console.log("SKIP systemd-analyze is not installed");
(verifier ? test : test.skip)("systemd finds nothing wrong with them", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "tsnet-units-"));
  try {
    const files = units([process.execPath, "/100%/my tsnet.js", "restore"]).map(({ name, text }) => {
      writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    });
    const { stderr, status } = spawnSync("systemd-analyze", ["verify", "--man=no", ...files], { encoding: "utf8" });
    const ours = stderr.split("\n").filter((line) => line.includes("tsnet"));
    assert.is(ours.join("\n"), "");
    assert.is(status, 0, stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("--confirm takes whole seconds up to a day", () => {
  for (const [text, value] of [
    ["1", 1],
    ["60", 60],
    ["86400", 86_400],
    ["007", 7],
  ] as const)
    assert.is(parseSeconds(text), value);
  for (const text of ["", "0", "-1", "1.5", "1e3", "86401", "60s", " 60", "0x10", "999999999999"])
    assert.is(parseSeconds(text), undefined, JSON.stringify(text));
});

test.run();
