/** `restore` after a reboot or a flush of the rules, and what `install` leaves for the boot. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RunResult } from "../../src/system/run.js";
import { type Host, lab } from "../kernel/lab.js";
import { commandLine, forgetCommand, tsnet } from "../support/command.js";
import { applied, comes, done, entries, fails, live, owned, reachable, shop } from "../support/history.js";

const test = suite("restore");
test.after(forgetCommand);

const OTHER = "policy other\nnetwork o { subnet 172.19.0.0/16 }\ncontainer x { network o }\n";

/** What a reboot leaves: the disk. Its sysctls are the kernel's own. */
async function reboot(host: Host): Promise<void> {
  await host.run("nft", ["flush", "ruleset"]);
  const { stdout } = await host.run("find", ["/run/tsnet/netns", "-type", "f"], { accept: "any" });
  for (const path of stdout.split("\n").filter((line) => line !== "")) await host.run("umount", [path]);
  const links = (await host.run("ip", ["-o", "link"])).stdout.match(/ts[bv]-\w+/g) ?? [];
  for (const link of new Set(links)) await host.run("ip", ["link", "del", "dev", link], { accept: "any" });
  await host.run("rm", ["-rf", "/run/tsnet"]);
  for (const path of ["ipv4/conf/up0/forwarding", "ipv6/conf/up0/force_forwarding"])
    if ((await host.sysctl(path)) !== undefined) await host.sysctl(path, "0");
  // A namespace that is given up takes its ends of the devices along a little later.
  await comes("the devices are gone", async () => (await owned(host)) === "");
}

test("after a reboot all confirmed policies come back, and nothing else", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    await applied(host, OTHER);
    await applied(host, "policy gone\ncontainer c { mode none }\n");
    await done(host, "remove", "--policy", "gone");
    const before = await owned(host);
    const past = await entries(host);
    await applied(host, shop(80, "container more { network n }"), "--confirm", "600");
    await reboot(host);
    assert.equal(await live(host), []);
    const said = JSON.parse(await done(host, "restore", "--json")) as { policies: unknown[] };
    assert.is(said.policies.length, 2);
    assert.is(await owned(host), before);
    assert.equal(await reachable(host, 22, 80), [22], "not what was only on trial");
    assert.is((await live(host)).find(({ name }) => name === "shop")?.hash, a);
    assert.equal(await entries(host), past, "restoring is no entry");
    assert.match(await done(host, "restore"), /other: live already\nshop: live already/);
  });
});

test("after somebody's flush an apply and a restore both notice that the tables are gone", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const before = await owned(host);
    assert.match(before, /tsnet_guard/);
    for (const again of ["apply", "restore"]) {
      await host.run("nft", ["flush", "ruleset"]);
      assert.equal(await reachable(host, 22, 80), [22, 80], "without rules all is open");
      if (again === "restore") await done(host, "restore");
      else assert.is(await applied(host, shop(22)), a);
      assert.is(await owned(host), before, again);
      assert.equal(await reachable(host, 22, 80), [22], again);
    }
  });
});

test("a policy that can't be restored isn't there at all; the others are", async () => {
  await lab(async (host) => {
    await applied(host, shop(22).replace("{ subnet", '{ bridge "br-shop"; subnet'));
    await applied(host, OTHER);
    await reboot(host);
    await host.run("ip", ["link", "del", "dev", "br-shop"], { accept: "any" });
    await host.run("ip", ["link", "add", "name", "br-shop", "type", "veth"]);
    const said = await fails(host, 3, "restore");
    assert.match(said, /shop couldn't be restored: .*br-shop[^]*1 of 2 policies/);
    assert.equal(
      (await live(host)).map(({ name }) => name),
      ["other"],
    );
    assert.not.match(await owned(host), /shop/);
    await host.run("ip", ["link", "del", "dev", "br-shop"]);
    await done(host, "restore");
    assert.equal(await reachable(host, 22, 80), [22]);
  });
});

test("a damaged record is named, and the others are restored", async () => {
  await lab(async (host) => {
    await applied(host, shop(22));
    await applied(host, OTHER);
    await reboot(host);
    await host.run("dd", ["of=/var/lib/tsnet/confirmed/shop.record", "status=none"], { input: '{"version":1,"pol' });
    assert.match(await fails(host, 3, "restore"), /confirmed\/shop\.record couldn't be restored/);
    assert.match(await owned(host), /tsnet-other/);
  });
});

test("where nothing is confirmed there is nothing to restore", async () => {
  await lab(async (host) => {
    assert.match(await done(host, "restore"), /nothing is confirmed here/);
    await applied(host, shop(22));
    await done(host, "remove");
    assert.match(await done(host, "restore"), /nothing is confirmed here/);
    assert.is(await owned(host), "");
  });
});

// Install --------------------------------------------------------------------------------------------------------------

const UNIT = "/etc/systemd/system/tsnet.service";

/** A machine where systemd seems to run: its directories, and a systemctl that writes down what it is asked. */
async function withSystemd(host: Host): Promise<(...args: string[]) => Promise<RunResult>> {
  await host.run("mount", ["-t", "tmpfs", "tmpfs", "/etc/systemd/system"]);
  await host.run("mkdir", ["-p", "/run/systemd/system", "/run/lab/bin"]);
  const script = '#!/bin/sh\necho "$@" >> /run/lab/asked\n';
  await host.run("dd", ["of=/run/lab/bin/systemctl", "status=none"], { input: script });
  await host.run("chmod", ["755", "/run/lab/bin/systemctl"]);
  const path = `PATH=/run/lab/bin:${process.env["PATH"] ?? ""}`;
  return (...args) => host.run("env", [path, ...commandLine(args)], { accept: "any" });
}

test("install writes and enables units whose command restores, and takes them away again", async () => {
  await lab(async (host) => {
    const booted = await withSystemd(host);
    await applied(host, shop(22));
    const { exitCode, stderr } = await booted("install");
    assert.is(exitCode, 0, stderr);
    const unit = (await host.read(UNIT)) ?? "";
    assert.ok((await done(host, "install", "--print")).includes(unit));
    assert.match(
      (await host.read("/run/lab/asked")) ?? "",
      /^daemon-reload\nenable tsnet\.service tsnet-uplinks\.service$/,
    );
    await reboot(host);
    const [command = "", ...args] = (/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? "").split(" ");
    await host.run(command, args);
    assert.equal(await reachable(host, 22, 80), [22]);
    assert.is((await booted("install")).exitCode, 0, "again");
    const removed = await booted("install", "--remove", "--json");
    assert.is((JSON.parse(removed.stdout) as { changed: boolean }).changed, true);
    assert.is(await host.read(UNIT), undefined);
    assert.match(
      (await host.read("/run/lab/asked")) ?? "",
      /disable tsnet\.service tsnet-uplinks\.service\ndaemon-reload$/,
    );
    assert.is((await booted("install", "--remove")).exitCode, 0, "twice");
  });
});

test("a unit that somebody else wrote stays", async () => {
  await lab(async (host) => {
    const booted = await withSystemd(host);
    await host.run("dd", [`of=${UNIT}`, "status=none"], { input: "[Unit]\n" });
    for (const args of [["install"], ["install", "--remove"]]) {
      const { exitCode, stderr } = await booted(...args);
      assert.is(exitCode, 3);
      assert.match(stderr, /tsnet\.service is there already/);
    }
    assert.is(await host.read(UNIT), "[Unit]");
  });
});

test("without systemd install says what to add where, and that nothing was installed", async () => {
  await lab(async (host) => {
    const { stdout, stderr, exitCode } = await tsnet(host, ["install"]);
    assert.is(exitCode, 3);
    assert.match(stdout, / restore\n[^]*OpenRC/);
    assert.match(stderr, /nothing was installed: systemd doesn't run here/);
    assert.match(await done(host, "install", "--print"), /^# \/etc\/systemd\/system\/tsnet\.service\n# Written by/);
    await fails(host, 2, "install", "--print", "--remove");
  });
});

test.run();
