import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("commands that read nftables' objects");

for (const command of ["audit", "stats", "trace"])
  test(`${command} --help says what it doesn't do for other backends`, () => {
    const [node, ...args] = commandLine([command, "--help"]);
    const { stdout } = spawnSync(node, args, { encoding: "utf8" });
    assert.match(stdout, /only where nftables carries the policy: exits with 3 where iptables or eBPF does\.$/im);
  });

test.after(forgetCommand);
test.run();
