/** Examples measured by `tsnet try` through the eBPF dataplane; `TSNET_TRY=all` takes every one of policies/. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { policiesIn, root } from "../support/policies.js";

const test = suite("ebpf try");
const it = await when(test, "namespaces", "nf_tables", "ebpf");
const FEW = ["12-reject-and-log.tsnet", "15-icmp.tsnet"];

for (const name of process.env["TSNET_TRY"] === "all" ? policiesIn(".") : FEW)
  it(`policies/${name} is measured as the policy says`, async () => {
    const args = ["src/cli/main.ts", "try", path.join("policies", name), "--backend", "ebpf", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", ...args], {
      cwd: root,
      maxBuffer: 1 << 26,
    });
    const { cells } = JSON.parse(stdout) as { cells: { measured: string | null; agrees: boolean | null }[] };
    assert.ok(cells.length > 20);
    assert.equal(
      // Not measured: protocols that nobody here has sockets of.
      cells.filter(({ measured, agrees }) => measured !== null && agrees !== true),
      [],
    );
  });

test.run();
