/** Tools of iptables that hang, say nothing or aren't there: which one it is is told, and what stood before stands. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { bundle, forgetCommand } from "../support/command.js";
import { write } from "../support/history.js";
import { savedBy } from "../support/saved.js";

const test = suite("iptables: tools");
const it = await when(test, "namespaces", "ip", "iptables-nft");
const command = await bundle("test/support/swept.ts", "swept.cjs");
test.after(forgetCommand);

/** With more statements rules are on their way to the tools while others are planned. */
const text = (port: number, more = 0): string => `policy shop
network n { subnet 10.86.2.0/24; subnet fd86:2::/64 }
container a { network n ip 10.86.2.2 ip fd86:2::2 }
allow world -> a:${port}
${Array.from({ length: more }, (_, i) => `allow 203.0.${i >> 8}.${i & 255} -> a:${port + 1 + i}`).join("\n")}
`;

/** By tools of ours, where there are some. */
async function compile(host: Host, policy: string): Promise<{ exitCode: number; stderr: string }> {
  const path = await write(host, "shop.tsnet", policy);
  const words = [process.execPath, command, "compile", path, "--apply", "--backend", "iptables"];
  const folders = "PATH=/run/lab/tools:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return host.run("env", [folders, ...words], { accept: "any" });
}

async function saved(host: Host): Promise<string[]> {
  return [...(await savedBy(host, "iptables-save")), ...(await savedBy(host, "ip6tables-save"))].sort();
}

/** A lab where a first policy is live, and what stands of it. */
const inLab = (body: (host: Host, before: readonly string[]) => Promise<void>): Promise<void> =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/lab/tools"]);
    const { exitCode, stderr } = await compile(host, text(80));
    assert.is(exitCode, 0, stderr);
    await body(host, await saved(host));
  });

async function tool(host: Host, name: string, lines: string): Promise<string> {
  const path = await write(host, `tools/${name}`, `#!/bin/sh\n${lines}`);
  await host.run("chmod", ["755", path]);
  return path;
}

async function isNothingUnderWay(host: Host): Promise<boolean> {
  const { stdout } = await host.run(process.execPath, [command, "ls", "--json"]);
  return (JSON.parse(stdout) as { cutOff: unknown }).cutOff === null;
}

for (const [name, signal, status] of [
  ["iptables-save", "INT", 130],
  ["ip6tables-save", "TERM", 143],
  ["iptables-restore", "TERM", 143],
  ["ip6tables-restore", "HUP", 129],
] as const)
  it(`a command that is told to end doesn't wait for an ${name} that hangs`, () =>
    inLab(async (host, before) => {
      for (const more of [0, 2000]) {
        // It tells us to end once it hangs. Which variant it is may be asked before there is anything to take back.
        const lines = `test "$1" = --version && exec /usr/sbin/${name} "$@"\necho $$ > $0.pid; kill -${signal} $PPID; exec sleep 3000\n`;
        const path = await tool(host, name, lines);
        const { exitCode, stderr } = await compile(host, text(81, more));
        assert.is(exitCode, status, stderr);
        assert.match(stderr, `interrupted by SIG${signal}: what was begun was taken back\n`);
        const pid = (await host.read(`${path}.pid`)) ?? "";
        assert.is((await host.run("test", ["-d", `/proc/${pid}`], { accept: [1] })).exitCode, 1, "it runs on");
        await host.run("rm", [path]);
        assert.equal(await saved(host), before);
        assert.ok(await isNothingUnderWay(host));
      }
    }));

it("one that prints no rules where the kernel has some is told", () =>
  inLab(async (host, before) => {
    for (const name of ["iptables-save", "ip6tables-save"]) {
      const path = await tool(host, name, "exit 0\n");
      const { exitCode, stderr } = await compile(host, text(81));
      assert.is(exitCode, 3, stderr);
      assert.match(stderr, `tsnet: ${name} prints no rules, though the kernel has some`);
      await host.run("rm", [path]);
      assert.equal(await saved(host), before);
      assert.ok(await isNothingUnderWay(host));
    }
  }));

it("one that isn't installed is told by an apply, and by a removal that needs it", () =>
  inLab(async (host, before) => {
    const script = `
      mkdir /run/lab/real /run/lab/sbin
      mount --bind /usr/sbin /run/lab/real
      ln -s /run/lab/real/* /run/lab/sbin
      rm /run/lab/sbin/iptables-save
      mount --bind /run/lab/sbin /usr/sbin`;
    await host.run("sh", ["-e", "-c", script]);
    const { exitCode, stderr } = await compile(host, text(81));
    assert.is(exitCode, 3, stderr);
    assert.match(stderr, "tsnet: iptables-save is not installed");
    const removal = await host.run(process.execPath, [command, "remove"], { accept: "any" });
    assert.match(removal.stderr, "iptables-save is not installed");
    await host.run("umount", ["/usr/sbin"]);
    assert.equal(await saved(host), before);
  }));

test.run();
