/** What an audit says of rules of others, beside what real packets do. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HOST4, type Host, lab, WORLD } from "../kernel/lab.js";
import type { Audited } from "../support/audited.js";
import { apply, at } from "../support/live.js";

const test = suite("audit: packets that meet foreign rules");
const HERE = import.meta.resolve("../support/audited.ts");

const POLICY = `policy lab
network front { subnet 10.90.1.0/24; icc off }
container c1 { network front ip 10.90.1.11 }
container c2 { network front ip 10.90.1.12 }
allow c2 -> c1:22
publish 49153 -> c1:8080
`;

interface Case {
  readonly what: string;
  readonly rules: string | readonly string[];
  /** Of the direct way, and through the published port. */
  readonly states: readonly [string, string];
  /** Severities that the audit tells it with. */
  readonly told: readonly string[];
}

const CASES: readonly Case[] = [
  { what: "nothing", rules: "", states: ["open", "open"], told: [] },
  {
    what: "a drop where packets leave",
    rules: "table ip f { chain c { type filter hook postrouting priority 0; tcp dport 22 drop; }; }",
    states: ["timeout", "open"],
    told: ["drops error"],
  },
  {
    what: "a policy of drop where packets leave",
    rules:
      "table ip f { chain c { type filter hook postrouting priority 0; policy drop; tcp dport 8080 accept; tcp sport 8080 accept; }; }",
    states: ["timeout", "open"],
    told: ["drops error"],
  },
  {
    // What goes to the world is another packet too, as with a proxy: that is information.
    what: "ports written behind our rules, so that what is denied answers",
    rules: `table ip f { chain c { type filter hook forward priority 500; tcp dport 22 tcp dport set 23; };
      chain d { type filter hook prerouting priority -500; tcp sport 23 tcp sport set 22; }; }`,
    states: ["open", "open"],
    told: ["translates error", "translates info"],
  },
  {
    what: "an address written before our rules",
    rules:
      "table ip f { chain c { type filter hook prerouting priority -500; tcp dport 49153 ip daddr set 10.90.1.12; }; }",
    states: ["open", "timeout"],
    told: ["translates error", "translates info"],
  },
  {
    what: "a published port taken, and led to what our rules drop",
    rules:
      "table ip f { chain c { type nat hook prerouting priority -150; tcp dport 49153 dnat to 10.90.1.12:9999; }; }",
    states: ["open", "timeout"],
    told: ["translates error"],
  },
  {
    what: "iptables that drops what is translated",
    rules: ["-A FORWARD -m conntrack --ctstate DNAT -j DROP"],
    states: ["open", "timeout"],
    told: ["drops error"],
  },
  {
    what: "a threshold that is far away",
    rules: "table ip f { chain c { type filter hook forward priority -5; ct count over 1000 drop; }; }",
    states: ["open", "open"],
    told: ["unclear info"],
  },
];

/** Both ways are asked; what answers on port 23 is what the policy denies. */
const ask = async (host: Host): Promise<string[]> => [
  await host.tcp(at("c2", "lab"), "10.90.1.11", 22),
  await host.tcp(WORLD, HOST4, 49153),
];

test(`${CASES.length} rulesets of others do to packets what is said of them`, () =>
  lab(async (host) => {
    await apply(host, POLICY);
    for (const port of [22, 23, 8080]) await host.listen(at("c1", "lab"), "tcp", port);
    const wrong: string[] = [];
    for (const { what, rules, states, told } of CASES) {
      if (typeof rules === "string") await host.nft(rules);
      else for (const line of rules) await host.run("iptables-nft", line.split(" "));
      const got = await ask(host);
      const { foreign } = await host.call<Audited>(HERE, "auditLive");
      const said = [...new Set(foreign.map(({ effect, severity }) => `${effect} ${severity}`))].sort();
      if (got.join() !== states.join() || said.join() !== told.join())
        wrong.push(`${what}: ${got.join()}, said ${said.join()}\n${foreign.map(({ message }) => message).join("\n")}`);
      if (rules !== "") await host.run("nft", ["delete", "table", "ip", typeof rules === "string" ? "f" : "filter"]);
    }
    assert.is(wrong.join("\n\n"), "");
  }));

test("chains of hooks that aren't interpreted are information", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    await host.listen(at("c1", "lab"), "tcp", 22);
    const links = await host.run("ip", ["-br", "link"]);
    const device = /^tsv-[^@\s]+/m.exec(links.stdout)?.[0];
    await host.nft(
      `table inet f { chain i { type filter hook ingress device "${device}" priority 0; policy drop; }; chain c { tcp dport 1 drop; }; }`,
    );
    assert.is(await host.tcp(at("c2", "lab"), "10.90.1.11", 22), "timeout");
    const { findings, foreign } = await host.call<Audited>(HERE, "auditLive");
    assert.equal(foreign, []);
    const told = findings.filter(({ code }) => code === "foreign-unclear");
    assert.is(told.length, 1);
    assert.match(told[0]?.message ?? "", /the chain i of the table inet f .*the hook ingress isn't interpreted/);
  }));

test.run();
