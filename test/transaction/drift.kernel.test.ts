/** What somebody else has changed of a live policy: the next apply of the same text puts it right. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { at } from "../support/live.js";
import { alive, Traffic } from "../support/traffic.js";

const test = suite("drift");

const POLICY = `
network n { subnet 10.90.1.0/24 }
container a { network n ip 10.90.1.11 }
container b { network n ip 10.90.1.12; publish 8080 -> 80 }
deny a -> b
`;
const TABLE = "inet tsnet-tsnet";

/** Each is one command; afterwards a reaches b, or the policy is otherwise not what it says. */
const CHANGES: readonly (readonly [string, readonly string[]])[] = [
  ["the table is put to sleep", ["add", "table", ...TABLE.split(" "), "{ flags dormant; }"]],
  ["the ruleset is flushed", ["flush", "ruleset"]],
  ["a chain is flushed", ["flush", "chain", ...TABLE.split(" "), "cc4"]],
  ["an element is deleted", ["delete", "element", ...TABLE.split(" "), "deny-pair4", "{ 10.90.1.11 . 10.90.1.12 }"]],
  ["a rule is inserted", ["insert", "rule", ...TABLE.split(" "), "forward", "accept"]],
];

for (const transport of ["netlink", "nft"] as const)
  test(`${transport}: what was changed in our tables is put right, and only what was changed`, () =>
    lab(async (host) => {
      const apply = (): Promise<{ stdout: string; stderr: string; exitCode: number }> =>
        tsnet(host, ["compile", "-", "--apply", "--transport", transport], { input: POLICY });
      assert.is((await apply()).exitCode, 0);
      await host.listen(at("b"), "tcp", 80);
      const traffic = new Traffic(host);
      for (const [i, [what, command]] of CHANGES.entries()) {
        assert.is(await host.tcp(at("a"), "10.90.1.12", 80), "timeout", what);
        await host.run("nft", command);
        assert.is(await host.tcp(at("a"), "10.90.1.12", 80), "open", `${what}: it makes no difference`);
        const stray = await traffic.open("tcp", at("a"), at("b"), "10.90.1.12", 8100 + i);
        const { stdout, stderr, exitCode } = await apply();
        assert.is(exitCode, 0, stderr);
        assert.not.match(stdout, "nothing to change", what);
        assert.is(await host.tcp(at("a"), "10.90.1.12", 80), "timeout", `${what}: it was not put right`);
        // What had got in meanwhile is cut: the rules alone judge no replies.
        const { client, server, ends } = stray;
        const before = (await client.look(ends.client)).received;
        await server.send(ends.server);
        await alive([await traffic.open("tcp", at("b"), at("a"), "10.90.1.11", 8200 + i)]);
        assert.is((await client.look(ends.client)).received, before, `${what}: a connection was not cut`);
        assert.match((await apply()).stdout, "nothing to change", what);
      }
    }));

for (const transport of ["netlink", "nft"] as const)
  test(`${transport}: a table that the policy no longer has goes with the change, and comes back`, () =>
    lab(async (host) => {
      const apply = async (input: string, ...more: string[]): Promise<string> => {
        const args = ["compile", "-", "--apply", "--transport", transport, ...more];
        const { stdout, stderr, exitCode } = await tsnet(host, args, { input });
        assert.is(exitCode, 0, stderr);
        return stdout;
      };
      const tables = async (): Promise<string> => (await host.run("nft", ["list", "tables"])).stdout;
      const bare = "container a { mode none }\n";
      await apply("container a { }\n");
      assert.match(await tables(), "arp tsnet-tsnet");
      assert.not.match(await apply(bare, "--dry-run"), "nothing to change");
      await apply(bare);
      assert.not.match(await tables(), "arp");
      assert.match(await apply(bare), "nothing to change");
      await host.run("nft", ["add", "table", "arp", "tsnet-tsnet"]);
      assert.not.match(await apply(bare), "nothing to change");
      assert.not.match(await tables(), "arp");
    }));

test("an apply that mends forwarding or its guard, and nothing else, says so", () =>
  lab(async (host) => {
    const apply = async (): Promise<string> => {
      const { stdout } = await tsnet(host, ["compile", "-", "--apply", "--json"], { input: POLICY });
      const { changed, operations } = JSON.parse(stdout) as { changed: boolean; operations: number };
      return `${changed} ${operations}`;
    };
    const guard = async (): Promise<string> => (await host.run("nft", ["list", "tables"])).stdout;
    await apply();
    assert.match(await guard(), "tsnet_guard");
    assert.is(await apply(), "false 0");
    await host.run("nft", ["delete", "table", "inet", "tsnet_guard"]);
    const plan = await tsnet(host, ["plan", "-"], { input: POLICY });
    assert.is(plan.exitCode, 4);
    assert.match(plan.stdout, "would add table inet tsnet_guard");
    assert.is(await apply(), "true 1");
    assert.match(await guard(), "tsnet_guard");
    await host.sysctl("ipv4/conf/up0/forwarding", "0");
    assert.is(await apply(), "true 1");
    assert.is(await host.sysctl("ipv4/conf/up0/forwarding"), "1");
    assert.is(await apply(), "false 0");
    // Once the administrator makes the host a router, the guard goes; until then it stops what is between others.
    await host.sysctl("ipv4/ip_forward", "1");
    const audit = await tsnet(host, ["audit"]);
    assert.is(audit.exitCode, 4);
    assert.match(audit.stdout, /tsnet_guard guards devices[^]*packets between others are dropped/);
    assert.is(await apply(), "true 1");
    assert.not.match(await guard(), "tsnet_guard");
    assert.is(await apply(), "false 0");
  }));

test("what somebody adds to the guard is found and taken out again", () =>
  lab(async (host) => {
    // No directory but its own is needed for it.
    const env = { TMPDIR: "/nonexistent" };
    const run = (...args: string[]): ReturnType<typeof tsnet> => tsnet(host, args, { input: POLICY, env });
    const apply = async (): Promise<string> => (await run("compile", "-", "--apply")).stdout;
    const guard = async (): Promise<string> => {
      const { stdout } = await host.run("nft", ["list", "table", "inet", "tsnet_guard"]);
      return stdout.replace(/packets \d+ bytes \d+/g, "");
    };
    await apply();
    const before = await guard();
    assert.match(before, "up0");
    for (const change of [
      "insert rule inet tsnet_guard forward accept",
      "add rule inet tsnet_guard forward drop",
      "add chain inet tsnet_guard forward { policy drop; }",
      "add chain inet tsnet_guard more { type filter hook forward priority 0; policy drop; }",
      "add table inet tsnet_guard { flags dormant; }",
      "flush chain inet tsnet_guard forward",
    ]) {
      await host.nft(`${change}\n`);
      assert.is((await run("audit")).exitCode, 4, change);
      assert.match((await run("plan", "-")).stdout, "would change table inet tsnet_guard", change);
      assert.match(await apply(), "the guard against strangers' packets", change);
      assert.is(await guard(), before, change);
      assert.match(await apply(), "nothing to change", change);
    }
    assert.is((await run("remove")).exitCode, 0);
    assert.is((await host.run("nft", ["list", "tables"])).stdout, "");
  }));

test("the command is forgotten", forgetCommand);
test.run();
