/** Which policy `tsnet remove` takes away, and when none. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { commandLine, forgetCommand, tsnet } from "../support/command.js";
import { applied, done, fails, live, shop, write } from "../support/history.js";
import { at } from "../support/live.js";

const test = suite("remove");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

const TEXT = "network n { subnet 172.18.0.0/16 }\ncontainer a { network n }\n";

it("a file with errors, or whose include can't be read, takes nothing away", () =>
  lab(async (host) => {
    // Without a line that names it, a policy is `tsnet`.
    await applied(host, TEXT);
    const before = await live(host);
    for (const [text, said] of [
      ["polcy shop\ncontainer a { }\n", /error\[/],
      ['include "none.tsnet"\n', /none\.tsnet/],
      [`${TEXT}allow a -> nobody:1\n`, /unknown-name/],
    ] as const) {
      const path = await write(host, "wrong.tsnet", text);
      assert.match(await fails(host, 1, "remove", path), said, text);
      const { exitCode } = await tsnet(host, ["remove", path, "--json"]);
      assert.is(exitCode, 1, text);
      assert.equal(await live(host), before, text);
    }
    await done(host, "remove", await write(host, "right.tsnet", TEXT));
    assert.equal(await live(host), []);
  }));

it("a text without a statement takes nothing away, unless it names its policy", () =>
  lab(async (host) => {
    const empty = await write(host, "empty.tsnet", "\n# nothing # is left\n ; ,\n");
    // Nothing is what there is.
    await done(host, "compile", empty, "--apply");
    await applied(host, TEXT);
    const before = await live(host);
    for (const more of [[], ["--dry-run"]]) {
      const said = await fails(host, 1, "compile", empty, "--apply", ...more);
      assert.match(said, "the text has no statement, and the policy 'tsnet' is live: nothing was changed");
      assert.match(said, "tsnet remove --policy tsnet");
    }
    assert.equal(await live(host), before);
    await done(host, "compile", await write(host, "named.tsnet", "policy tsnet\n"), "--apply");
    assert.match((await host.run("ip", ["-o", "link"])).stdout, /^(?!.*tsv-)/s);
  }));

/** An `ip` that deletes nothing. */
const STUBBORN = (ip: string): string => `#!/bin/sh
lines=$(cat)
case $lines in
*"link delete group"*) echo "RTNETLINK answers: Operation not supported" >&2; echo "Command failed -:1" >&2; exit 1;;
esac
printf '%s\\n' "$lines" | ${ip} "$@"
`;

it("where a device can't be deleted, the rules and the record stay until it can", () =>
  lab(async (host) => {
    await applied(host, shop(80));
    // Somebody in there keeps the namespace, and so the device, alive.
    await host.spawn(at("server", "shop"), "sleep", ["1000"]);
    const { stdout: ip } = await host.run("sh", ["-c", "command -v ip"]);
    await host.run("mkdir", ["/run/lab/bin"]);
    await host.run("chmod", ["755", await write(host, "bin/ip", STUBBORN(ip.trim()))]);
    const env = ["TSNET_TRANSPORT=nft", `PATH=/run/lab/bin:${process.env["PATH"] ?? ""}`];
    const refused = await host.run("env", [...env, ...commandLine(["remove"])], { accept: "any" });
    assert.is(refused.exitCode, 3, refused.stdout + refused.stderr);
    assert.match(refused.stderr, /tsv-\S+.* of 'shop' couldn't be deleted .*Operation not supported/);
    assert.match(refused.stderr, "its rules and its record stay");
    assert.match(refused.stderr, "tsnet remove --policy shop");
    assert.match((await host.run("nft", ["list", "tables"])).stdout, "inet tsnet-shop");
    const devices = (await host.run("ip", ["-o", "link", "show", "type", "veth"])).stdout;
    assert.match(devices, "tsv-");
    assert.not.match(devices, /tsv-.*[<,]UP[,>]/);
    assert.equal(
      (await live(host)).map(({ name }) => name),
      ["shop"],
    );
    assert.match(await done(host, "ls"), "the remove of 'shop'");
    await done(host, "remove");
    assert.not.match((await host.run("ip", ["-o", "link", "show"])).stdout, /ts[vb]-/);
    assert.match(await done(host, "ls"), /^nothing is live here\n$/);
  }));

test.run();
