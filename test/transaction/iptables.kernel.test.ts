/** A policy carried by iptables: all or nothing, beside what others have there, in both variants of the tools. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab, WORLD } from "../kernel/lab.js";
import { apply, at, remove } from "../support/live.js";
import { savedBy } from "../support/saved.js";

const test = suite("iptables: apply");
const VARIANT = import.meta.resolve("../support/variant.ts");

/** Of both families. */
async function saved(host: Host): Promise<string[]> {
  return [...(await savedBy(host, "iptables-save")), ...(await savedBy(host, "ip6tables-save"))];
}

/** The rules of a built-in chain, in their order. */
async function rulesOf(host: Host, chain: string): Promise<string[]> {
  const { stdout } = await host.run("iptables", ["-S", chain]);
  return stdout.split("\n").filter((line) => line.startsWith("-A "));
}

const OPEN =
  "network n { subnet 10.91.0.0/24 }, container a { network n ip 10.91.0.2 }, container b { network n ip 10.91.0.3 }\n";

for (const variant of ["nft", "legacy"] as const) {
  const it = await when(test, "namespaces", "ip", `iptables-${variant}`);

  /** A lab whose iptables has rules of somebody else's. */
  const inLab = (body: (host: Host) => Promise<void>): Promise<void> =>
    lab(async (host) => {
      await host.call(VARIANT, "usual", variant);
      await host.run("iptables-restore", [], {
        input: "*filter\n:THEIRS - [0:0]\n-A FORWARD -j THEIRS\n-A THEIRS -s 192.0.2.1/32 -j DROP\nCOMMIT\n",
      });
      await body(host);
    });

  it(`${variant}: what others have stays, ours comes first, and goes without a trace`, () =>
    inLab(async (host) => {
      const theirs = (lines: string[]): string[] => lines.filter((line) => /THEIRS/.test(line));
      const before = await saved(host);
      assert.is((await apply(host, `${OPEN}publish 80 -> a\n`, "iptables")).changed, true);
      assert.is((await apply(host, `${OPEN}publish 80 -> a\n`)).changed, false);
      assert.equal(theirs(await saved(host)), theirs(before));
      // As Docker does when it starts.
      await host.run("iptables", ["-I", "FORWARD", "-j", "ACCEPT"]);
      assert.is((await apply(host, `${OPEN}publish 80 -> a\n`)).changed, true);
      const [first, second, ...others] = await rulesOf(host, "FORWARD");
      assert.match(`${first} ${second}`, /-forward -A FORWARD -j TSNET-\w+-accept$/);
      assert.equal(others, ["-A FORWARD -j ACCEPT", "-A FORWARD -j THEIRS"]);
      await host.run("iptables", ["-D", "FORWARD", "-j", "ACCEPT"]);
      await remove(host);
      assert.equal(
        (await saved(host)).filter((line) => /TSNET|THEIRS/.test(line)),
        theirs(before),
      );
    }));

  it(`${variant}: where one table is refused, all stay as they were`, () =>
    inLab(async (host) => {
      await apply(host, `${OPEN}publish 80 -> a\n`, "iptables");
      const chain =
        (await saved(host))
          .find((line) => /^:TSNET-\w+-pub-/.test(line))
          ?.slice(1)
          .split(" ")[0] ?? "";
      // Somebody leads to a chain of ours, so it can't go; and the table that has it is the last.
      await host.run("iptables", ["-t", "nat", "-A", "PREROUTING", "-d", "192.0.2.9/32", "-j", chain]);
      const before = await saved(host);
      const edited = `${OPEN}publish 81 -> b, deny a -> b\n`;
      await apply(host, edited).then(
        () => assert.unreachable("the apply was to be refused"),
        (error: Error) => assert.match(error.message, /the kernel refused the rules/),
      );
      assert.equal((await saved(host)).sort(), before.sort());
      await host.run("iptables", ["-t", "nat", "-D", "PREROUTING", "-d", "192.0.2.9/32", "-j", chain]);
      assert.is((await apply(host, edited)).changed, true);
      assert.ok(!(await saved(host)).some((line) => line.startsWith(`:${chain} `)));
    }));

  it(`${variant}: what somebody takes out of our chains is put back, and only that`, () =>
    inLab(async (host) => {
      await apply(host, `${OPEN}deny a -> b:22\n`, "iptables");
      const whole = await saved(host);
      const rule = whole.find((line) => line.includes('"deny a -> b:22"')) ?? "";
      await host.run("iptables-restore", ["--noflush"], { input: `*filter\n${rule.replace("-A", "-D")}\nCOMMIT\n` });
      assert.ok(!(await saved(host)).includes(rule));
      assert.is((await apply(host, `${OPEN}deny a -> b:22\n`)).changed, true);
      assert.equal((await saved(host)).sort(), whole.sort());
    }));

  it(`${variant}: what one policy denies another doesn't open, whichever came first`, () =>
    inLab(async (host) => {
      const one = `policy one\n${OPEN}`;
      const two = `policy two\n${OPEN.replaceAll("10.91", "10.92")}deny 10.91.0.2 -> a, allow 10.91.0.3 -> a:80\n`;
      for (const order of [
        [one, two],
        [two, one],
      ]) {
        for (const text of order) await apply(host, text, "iptables");
        await host.listen(at("a", "two"), "tcp", 80);
        const ask = (from: string) => host.tcp(at(from, "one"), "10.92.0.2", 80);
        assert.equal([await ask("a"), await ask("b")], ["timeout", "open"]);
        assert.is(await host.tcp(WORLD, "10.92.0.2", 80), "timeout");
        await remove(host, "one");
        await remove(host, "two");
      }
    }));
}

test.run();
