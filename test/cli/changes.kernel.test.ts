/** How many changes an apply and a restore say that they have made, and that the README says the same. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { forgetCommand } from "../support/command.js";
import { done } from "../support/history.js";

const test = suite("number of changes");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "netlink", "util-linux");
test.after(forgetCommand);

const root = path.dirname(path.dirname(import.meta.dirname));
const untimed = (text: string): string => text.replace(/in \d+ ms/g, "in N ms");

it("many are the README's, and one is one", async () => {
  await lab(async (host) => {
    const file = path.join(root, "policies/01-one-line.tsnet");
    const [last = ""] = untimed(await done(host, "compile", file, "--apply"))
      .trimEnd()
      .split("\n")
      .slice(-1);
    assert.match(last, /^tsnet: applied, \d+ changes in N ms$/);
    assert.match(untimed(readFileSync(path.join(root, "README.md"), "utf8")), `    ${last}\n`);
    const forget = ["delete", "element", "inet", "tsnet-tsnet", "allow-port4"];
    const element = "{ 10.83.211.102 . 10.83.28.122 . tcp . 22 }";
    await host.run("nft", [...forget, element]);
    assert.match(untimed(await done(host, "compile", file, "--apply")), "tsnet: applied, 1 change in N ms");
    await host.run("nft", [...forget, element]);
    assert.match(await done(host, "restore"), "tsnet: restored, 1 change\n");
  });
});

it("a plan whose record is lost says that all of it is there", async () => {
  await lab(async (host) => {
    const file = path.join(root, "policies/01-one-line.tsnet");
    await done(host, "compile", file, "--apply");
    await host.run("rm", ["/run/tsnet/applied/tsnet.record"]);
    assert.match(
      await done(host, "plan", file),
      /^tsnet isn't on record as applied, but all of it is there; an apply puts it on record\ntsnet: nothing to change\n$/,
    );
    const told = JSON.parse(await done(host, "plan", file, "--json")) as {
      changed: boolean;
      difference: { same: boolean };
    };
    assert.equal([told.changed, told.difference.same], [false, true]);
    assert.is(await done(host, "compile", file, "--apply"), "tsnet: nothing to change\n");
    assert.is(await done(host, "plan", file), "tsnet: nothing to change\n");
  });
});

test.run();
