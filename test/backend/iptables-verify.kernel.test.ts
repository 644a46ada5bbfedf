/** What is read back after a commit by iptables: a change by somebody else is found, and a look at the chains suffices where there is none. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { write } from "../support/history.js";

const test = suite("iptables: verify");
const MODULE = import.meta.resolve("../support/readback-iptables.ts");
/** Somebody else's rule. */
const FOREIGN = ["-s", "203.0.113.9/32", "-j", "ACCEPT"];
const VARIANT = import.meta.resolve("../support/variant.ts");

const TEXT = `policy shop
network n { subnet 10.87.1.0/24; subnet fd87:1::/64 }
container a { network n ip 10.87.1.2 ip fd87:1::2 }
allow 192.0.2.1 -> a:80
reject 192.0.2.0/24 -> a:80
`;

for (const variant of ["nft", "legacy"] as const) {
  const it = await when(test, "namespaces", `iptables-${variant}`);

  it(`${variant}: what somebody else takes away, adds or puts in a rule's place is found`, () =>
    lab(async (host) => {
      await host.call(VARIANT, "usual", variant);
      assert.is(await verified(host, TEXT), "as committed");
      const { stdout } = await host.run("iptables-save");
      const rule = stdout.split("\n").find((line) => line.includes("--dport 80 ") && line.includes("192.0.2.1/32"));
      const chain = rule?.split(" ")[1] ?? "";
      assert.match(chain, /^TSNET-/);
      // The text is another each time, or there were nothing to commit and to verify.
      const next = (i: number): string => `${TEXT}allow 198.51.100.${i} -> a:81\n`;
      const found = /aren't as they were committed/;
      const hook = ["FORWARD", "1"];
      assert.match(await verified(host, next(1), "iptables", "-D", ...hook), found);
      assert.match(await verified(host, next(2), "ip6tables", "-D", ...hook), found);
      const prefix = chain.split("-").slice(0, 2).join("-");
      assert.match(await verified(host, next(3), "iptables", "-A", `${prefix}-input`, "-j", "ACCEPT"), found);
      assert.match(await verified(host, next(4), "iptables", "-R", `${prefix}-input`, "1", "-j", "ACCEPT"), found);
      assert.is(await verified(host, next(5), "iptables", "-N", "THEIRS"), "as committed");
    }));

  it(`${variant}: a rule that comes before ours meanwhile has ours go first again, what denies before what accepts`, () =>
    lab(async (host) => {
      await host.call(VARIANT, "usual", variant);
      const other = TEXT.replace("shop", "other").replaceAll("10.87", "10.88").replaceAll("fd87", "fd88");
      assert.is(await verified(host, other), "as committed");
      assert.is(await verified(host, TEXT, "iptables", "-I", "FORWARD", ...FOREIGN), "as committed");
      const { stdout } = await host.run("iptables", ["-S", "FORWARD"]);
      const words = stdout.split("\n").flatMap((line) => /-j (?:TSNET-\w+-)?(\w+)$/.exec(line)?.[1] ?? []);
      assert.equal(words, ["forward", "forward", "accept", "ACCEPT", "accept"]);
    }));

  it(`${variant}: one that comes before ours each time that somebody looks is told`, () =>
    lab(async (host) => {
      await host.call(VARIANT, "usual", variant);
      const lines = `#!/bin/sh\niptables -w -I FORWARD ${FOREIGN.join(" ")}\nexec /usr/sbin/iptables-${variant}-save "$@"\n`;
      await host.run("mkdir", ["/run/lab/tools"]);
      await host.run("chmod", ["755", await write(host, "tools/iptables-save", lines)]);
      const said = await host.call<string>(
        MODULE,
        "verifiedAfter",
        TEXT,
        ["iptables", "-N", "THEIRS"],
        "/run/lab/tools",
      );
      assert.match(said, /FORWARD.*somebody else puts rules before them again and again/);
    }));
}

const it = await when(test, "namespaces", "iptables-nft");
it("nft: the chains and their numbers of rules say that a policy stands, and that another doesn't", () =>
  lab(async (host) => {
    assert.is(await verified(host, TEXT), "as committed");
    const { stdout } = await host.run("iptables-save");
    const prefix = /TSNET-\w+-/.exec(stdout)?.[0] ?? "";
    assert.is(await host.call(MODULE, "isTold", TEXT, prefix), true);
    assert.is(await host.call(MODULE, "isTold", `${TEXT}allow 198.51.100.1 -> a:81\n`, prefix), false);
    await host.run("ip6tables", ["-A", `${prefix}input`, "-j", "ACCEPT"]);
    assert.is(await host.call(MODULE, "isTold", TEXT, prefix), false);
  }));

function verified(host: Host, text: string, ...words: string[]): Promise<string> {
  return host.call(MODULE, "verifiedAfter", text, words);
}

test.run();
