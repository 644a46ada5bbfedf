/** Commands whose output can't be written after they have taken effect: the failure mustn't read as if they had not. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { commandLine, forgetCommand } from "../support/command.js";
import { applied, done, live, shop } from "../support/history.js";

const test = suite("a full disk where the output goes");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

/** What the command says whose standard output is a disk that is full. */
async function full(host: Host, ...words: string[]): Promise<string> {
  const args = ["-c", '"$@" > /dev/full', "sh", ...commandLine(words)];
  const { stderr, exitCode } = await host.run("sh", args, { accept: "any" });
  assert.is(exitCode, 3, stderr);
  const [first, ...others] = stderr.trimEnd().split("\n");
  assert.match(first ?? "", /^tsnet: can't write the output: ENOSPC/);
  return others.join("\n").trim();
}

it("says what stays applied, gone back to, confirmed, removed", async () => {
  await lab(async (host) => {
    const file = "/run/lab/policy.tsnet";
    await applied(host, shop(22));
    assert.is(await full(host, "compile", file, "--apply"), "");
    await applied(host, shop(23));
    await host.run("sed", ["-i", "s/server:23/server:24/", file]);
    assert.is(await full(host, "compile", file, "--apply", "--dry-run"), "");
    assert.is(await full(host, "compile", file, "--apply"), "what was applied stays applied");
    assert.is(await full(host, "rollback", "--json"), "what it has gone back to stays live");
    const trial = await full(host, "compile", file, "--apply", "--confirm", "600");
    assert.is(trial, "what was applied is on trial all the same");
    assert.is(await full(host, "confirm"), "it is confirmed all the same");
    await host.run("nft", ["delete", "table", "inet", "tsnet-shop"]);
    assert.is(await full(host, "audit", "--fix"), "what was mended stays mended");
    await host.run("nft", ["delete", "table", "inet", "tsnet-shop"]);
    assert.is(await full(host, "restore"), "what was restored stays live");
    assert.is(await full(host, "ls"), "");
    assert.is(await full(host, "remove"), "what was removed stays removed");
    assert.equal(await live(host), []);
    await done(host, "audit");
  });
});

test.run();
