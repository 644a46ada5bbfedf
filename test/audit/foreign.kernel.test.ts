/** Rules of others: what takes away what the policy allows is told, and nothing else. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Host, lab } from "../kernel/lab.js";
import type { Audited } from "../support/audited.js";
import { POLICY } from "../support/drifting.js";
import { DEVICES } from "../support/mutations.js";
import { apply } from "../support/live.js";

const test = suite("audit: foreign rules");
const HERE = import.meta.resolve("../support/audited.ts");

interface Case {
  readonly what: string;
  readonly make: string | ((host: Host) => Promise<unknown>);
  /** `effect severity line` of each that is found; the line of the policy, `*` for any. */
  readonly found: readonly string[];
  /** What some message has. */
  readonly says?: RegExp;
}

const iptables = async (host: Host, ...lines: string[]): Promise<void> => {
  for (const line of lines) await host.run("iptables-nft", line.split(" "));
};

/** What line 8 of the policy allows. */
const APP_TO_DB = "ip saddr 10.90.1.13 ip daddr 10.90.2.12 tcp dport 5432";

const CASES: readonly Case[] = [
  {
    what: "an accept is no drop",
    make: "table inet mine { chain f { type filter hook forward priority -5; tcp dport 22 accept; }; }",
    found: [],
  },
  {
    what: "other devices",
    make: 'table ip mine { chain f { type filter hook forward priority 0; policy accept; iifname "docker0" drop; oifname { "virbr0", "lxc*" } drop; }; }',
    found: [],
  },
  {
    what: "other addresses",
    make: "table ip mine { set s { type ipv4_addr; flags interval; elements = { 172.17.0.0/16 }; }; chain f { type filter hook forward priority 5; ip saddr @s drop; ip daddr @s reject; }; }",
    found: ["drops error 4", "drops error 15", "rejects error *"],
  },
  {
    what: "what the policy denies too",
    make: "table ip mine { chain f { type filter hook forward priority 5; ip saddr 10.90.1.14 ip daddr 10.90.1.11 tcp dport 22 drop; }; }",
    found: [],
  },
  {
    what: "masquerade, marks and counters",
    make: 'table ip mine { chain p { type nat hook postrouting priority 100; ip saddr 172.17.0.0/16 masquerade; }; chain m { type filter hook prerouting priority -150; meta mark set 7; ct mark set 3; counter; log prefix "x"; }; }',
    found: [],
  },
  {
    what: "what TCP begins with",
    make: `table ip mine { chain f { type filter hook forward priority 5; ${APP_TO_DB} tcp flags syn,rst drop; }; }`,
    found: ["drops error 8"],
  },
  {
    what: "what TCP begins with, and no other flag",
    make: `table ip mine { chain f { type filter hook forward priority 5; ${APP_TO_DB} tcp flags == syn reject; }; }`,
    found: ["rejects error 8"],
  },
  {
    what: "replies only",
    make: "table inet mine { chain f { type filter hook forward priority -5; ct state invalid drop; ct state established,related accept; }; }",
    found: [],
  },
  {
    what: "a sleeping table",
    make: "table inet mine { flags dormant; chain f { type filter hook forward priority 0; policy drop; }; }",
    found: [],
  },
  {
    what: "one port is dropped",
    make: "table inet mine { chain f { type filter hook forward priority 10; tcp dport 5432 ip daddr 10.90.2.12 ip saddr 10.90.1.13 drop; }; }",
    found: ["drops error 8"],
    says: /rule 'tcp dport 5432 ip daddr 10\.90\.2\.12 ip saddr 10\.90\.1\.13 drop' of chain f of table inet mine .*5432\/tcp/,
  },
  {
    what: "in a chain that is called",
    make: "table ip mine { chain g { ip daddr 10.90.2.12 reject; }; chain f { type filter hook forward priority -5; ip saddr 10.90.1.11 jump g; }; }",
    found: ["rejects error 11"],
  },
  {
    what: "a verdict map",
    make: "table ip mine { chain f { type filter hook forward priority -5; ip saddr . ip daddr vmap { 10.90.1.11 . 10.90.2.12 : drop, 10.90.1.12 . 10.90.2.12 : drop }; }; }",
    found: ["drops error 11"],
  },
  {
    what: "a published port",
    make: "table inet mine { chain f { type filter hook forward priority -5; ip daddr 10.90.1.11 tcp dport 70 drop; }; }",
    found: ["drops error 2", "drops error 15"],
  },
  {
    what: "a published port, before translation",
    make: "table inet mine { chain f { type filter hook prerouting priority -150; tcp dport 8080 fib daddr type local drop; }; }",
    found: ["drops error 4"],
  },
  {
    what: "IPv6 alone",
    make: "table ip6 mine { chain f { type filter hook forward priority -5; tcp dport 9 ip6 daddr fd90:1::11 drop; }; }",
    found: ["drops error 2"],
  },
  {
    what: "the host's services",
    make: "table inet mine { chain i { type filter hook input priority 0; policy drop; ct state established,related accept; iifname lo accept; tcp dport 22 accept; }; }",
    found: ["drops error *"],
  },
  {
    what: "a policy of drop that lets us through",
    make: 'table inet mine { chain f { type filter hook forward priority 0; policy drop; iifname "tsv-*" accept; oifname "tsv-*" accept; }; }',
    found: [],
  },
  {
    what: "somebody takes a published port",
    make: "table ip mine { chain n { type nat hook prerouting priority -110; tcp dport 8080 fib daddr type local dnat to 10.90.1.14:99; }; }",
    // From the other container it gets there, from the world it doesn't.
    found: ["translates error 4", "translates error 4"],
  },
  {
    what: "somebody takes a published port of IPv6 alone, whose table says the family for all of its rules",
    make: "table ip6 mine { chain n { type nat hook prerouting priority -110; tcp dport 8080 fib daddr type local dnat to [fd90:1::14]:99; }; chain o { type nat hook output priority -110; tcp dport 8080 dnat to fd90:1::14; }; }",
    found: ["translates error 4", "translates error 4", "translates error 4", "translates error 4"],
  },
  {
    what: "a port that leads to what is denied",
    make: "table ip mine { chain n { type nat hook prerouting priority -110; tcp dport 2222 fib daddr type local dnat to 10.90.1.11:22; }; }",
    // That port of the host is somebody else's now, for a container that may ask the host for anything.
    found: ["translates warning 7"],
    says: /2222\/tcp, which the policy allows by default: it is led to 10\.90\.1\.11, port 22, and denied on its way there/,
  },
  {
    what: "a proxy that isn't asked for",
    make: "table ip mine { chain n { type nat hook prerouting priority -110; ip saddr 10.90.1.13 tcp dport 80 ip daddr != 10.0.0.0/8 redirect to :3128; }; }",
    found: ["translates error 13", "translates info *"],
  },
  {
    what: "no connection tracking",
    make: "table ip mine { chain r { type filter hook prerouting priority -300; ip daddr 10.90.2.12 notrack; }; }",
    found: ["untracks error 8", "untracks error 11", "untracks error 12"],
  },
  {
    what: "what isn't interpreted",
    make: "table ip mine { chain f { type filter hook forward priority -5; meta mark 7 ip daddr 10.90.2.12 drop; }; }",
    found: ["unclear info *"],
  },
  {
    what: "what isn't interpreted, and no concern of ours",
    make: "table ip mine { chain f { type filter hook forward priority -5; meta mark 7 iifname docker0 drop; meta mark 8 accept; }; }",
    found: [],
  },
  {
    what: "perhaps saved",
    make: "table ip mine { chain f { type filter hook forward priority -5; policy drop; meta mark 7 accept; }; }",
    found: ["unclear info *"],
  },
  {
    what: "where packets leave",
    make: `table ip mine { chain c { type filter hook postrouting priority 0; ${APP_TO_DB} drop; }; }`,
    found: ["drops error 8"],
    says: /hook postrouting/,
  },
  {
    what: "by the device where they leave",
    make: `table ip mine { chain c { type filter hook postrouting priority 200; ip daddr 10.90.2.12 tcp dport 5432 oifname "${DEVICES.db}" iifname "${DEVICES.app}" drop; }; }`,
    found: ["drops error 8"],
  },
  {
    what: "another port written into packets",
    make: `table ip mine { chain c { type filter hook forward priority 500; ${APP_TO_DB} tcp dport set 23; }; }`,
    found: ["translates error 8"],
    says: /is another packet from there on/,
  },
  {
    what: "raw bytes written into packets, where it can't be told of which",
    make: `table ip mine { chain c { type filter hook prerouting priority -500; meta mark 7 ${APP_TO_DB} @th,16,16 set 23; }; }`,
    found: ["unclear info 8"],
  },
  {
    what: "a source that could be admitted",
    make: "table ip mine { chain c { type filter hook prerouting priority -500; ip saddr 203.0.113.9 ip daddr 10.90.1.11 tcp dport 443 ip saddr set 198.51.100.9; }; }",
    found: ["translates error *"],
    says: /lets world \(203\.0\.113\.9\) -> web .*:443\/tcp through, which the policy denies by default: it makes world \(198\.51\.100\.9\) -> web/,
  },
  {
    what: "a source that is worked out",
    make: "table ip mine { chain c { type filter hook prerouting priority -500; ip saddr 203.0.113.9 ip daddr 10.90.1.11 tcp dport 443 ip saddr set ip saddr map { 203.0.113.9 : 198.51.100.9 }; }; }",
    found: ["unclear info *"],
    says: /which the policy denies( by default)?: whether that gets through/,
  },
  {
    what: "a container in another's name",
    make: "table ip mine { chain c { type filter hook forward priority -5; ip saddr 10.90.2.12 ip daddr 10.90.2.13 tcp dport 8005 ip saddr set 10.90.2.11; }; }",
    found: [],
  },
  {
    what: "a container that speaks for one that may",
    make: "table ip mine { chain c { type filter hook prerouting priority -150; ip saddr 10.90.2.13 ip daddr 10.90.2.12 ip saddr set 10.90.2.11; }; }",
    found: ["translates error 8", "translates error 12", "translates error 3"],
    says: /lets app \(10\.90\.2\.13\) -> db \(10\.90\.2\.12\).* through, which the policy denies by default: it makes web \(10\.90\.2\.11\) -> db/,
  },
  {
    what: "what is denied is led to an address of this host that the policy doesn't name",
    make: "table ip mine { chain c { type filter hook prerouting priority -300; ip saddr 10.90.1.13 ip daddr 203.0.113.9 ip daddr set 198.51.100.1; }; }",
    // Which addresses are this host's is asked of what a packet becomes only: this one could be published on, too.
    found: ["translates error 4", "translates error 15", "translates error 13"],
    says: /it makes app \(10\.90\.1\.13\) -> host \(198\.51\.100\.1\)/,
  },
  {
    what: "a port is another, for this host and the world",
    make: "table ip mine { chain c { type filter hook prerouting priority -300; ip saddr 10.90.1.14 udp dport 700 udp dport set 701; }; }",
    found: ["translates error *", "translates error *", "translates info *"],
    says: /ops \(10\.90\.1\.14\) -> host /,
  },
  {
    what: "copies of what is denied, to where it was going",
    make: "table ip mine { chain c { type filter hook prerouting priority -150; ip saddr 10.90.1.14 dup to 10.90.1.11; }; }",
    found: ["copies error 9"],
    says: /sends a copy of ops \(10\.90\.1\.14\) -> web \(10\.90\.1\.11\):22\/tcp, which the policy denies, to 10\.90\.1\.11/,
  },
  {
    what: "copies by iptables",
    make: (host) =>
      iptables(host, "-t mangle -A PREROUTING -s 10.90.1.14 -p tcp --dport 22 -j TEE --gateway 10.90.1.11"),
    found: ["copies error 9"],
  },
  {
    what: "a mirror of all traffic",
    make: "table ip mine { chain c { type filter hook prerouting priority -150; dup to 192.0.2.99; }; }",
    found: ["copies info *"],
  },
  {
    what: "copies of what the policy allows",
    make: "table ip mine { chain c { type filter hook prerouting priority -150; ip saddr 10.90.2.11 ip daddr 10.90.2.12 dup to 10.90.2.12; }; }",
    found: [],
  },
  {
    what: "another zone",
    make: `table ip mine { chain c { type filter hook prerouting priority -500; ${APP_TO_DB} ct zone set 5; }; }`,
    found: ["unclear info 8"],
  },
  {
    what: "what may be written without harm",
    make: "table inet mine { chain c { type filter hook forward priority 500; meta mark set 7; ct mark set 7; meta priority set 3; ip dscp set cs1; ip ecn set ce; ip ttl set 60; ip6 hoplimit set 60; tcp flags syn tcp option maxseg size set 1200; }; }",
    found: [],
  },
  {
    what: "somebody takes a published port, and it ends there",
    make: "table ip mine { chain n { type nat hook prerouting priority -110; ip saddr 198.51.100.2 tcp dport 8080 fib daddr type local dnat to 10.90.1.14:99; }; }",
    found: ["translates error 4"],
    says: /is led to 10\.90\.1\.14, port 99, and denied on its way there/,
  },
  {
    what: "thresholds and tables that fill",
    make: `table ip mine { set dyn { type ipv4_addr; flags dynamic,timeout; timeout 1m; }; set many { type ipv4_addr; flags dynamic; size 9; }; chain f { type filter hook forward priority -5; ${APP_TO_DB} ct count over 1000 drop; ${APP_TO_DB} update @dyn { ip saddr limit rate over 100/minute } drop; ${APP_TO_DB} add @many { ip saddr } drop; ${APP_TO_DB} ip saddr @many drop; }; }`,
    found: ["unclear info 8", "unclear info 8", "unclear info 8", "unclear info 8"],
  },
  {
    what: "later packets of connections",
    make: `table ip mine { chain f { type filter hook forward priority -5; ${APP_TO_DB} ct state established drop; }; }`,
    found: ["unclear info 8"],
  },
  {
    what: "orders, concatenations and what isn't",
    make: `table inet mine { chain f { type filter hook forward priority -5; ip saddr . ip daddr { 10.90.1.13 . 10.90.2.12 } tcp dport >= 5432 tcp dport < 5433 ct state != established,related ip saddr != { 10.90.1.11, 10.90.1.14 } drop; }; }`,
    found: ["drops error 8"],
  },
  {
    what: "translated connections, as iptables has it",
    make: (host) =>
      iptables(
        host,
        "-A FORWARD -s 198.51.100.2 -d 10.90.1.11 -p tcp --dport 80 -m conntrack --ctstate DNAT -j DROP",
        "-A FORWARD -s 10.90.1.13 -d 10.90.2.12 -p tcp --dport 5432 -m conntrack --ctstate DNAT -j DROP",
      ),
    found: ["drops error 4"],
  },
  {
    what: "what isn't translated, as iptables has it",
    make: (host) =>
      iptables(
        host,
        "-A FORWARD -s 198.51.100.2 -d 10.90.1.11 -p tcp --dport 80 -m conntrack ! --ctstate DNAT -j DROP",
        "-A FORWARD -s 10.90.1.13 -d 10.90.2.12 -p tcp --dport 5432 -m conntrack ! --ctstate ESTABLISHED,RELATED -j DROP",
      ),
    found: ["drops error 8"],
  },
  {
    what: "where packets leave, as iptables has it",
    make: (host) => iptables(host, "-t mangle -A POSTROUTING -s 10.90.1.13 -d 10.90.2.12 -p tcp --dport 5432 -j DROP"),
    found: ["drops error 8"],
  },
  {
    what: "Docker's forward chain",
    make: (host) =>
      iptables(
        host,
        "-N DOCKER-USER",
        "-A DOCKER-USER -j RETURN",
        "-A FORWARD -j DOCKER-USER",
        "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
        "-P FORWARD DROP",
      ),
    found: ["drops error *", "drops error *", "drops error *", "drops error *", "drops error *"],
    says: /the policy 'drop' of chain FORWARD of table ip filter/,
  },
  {
    what: "a match of iptables",
    make: (host) =>
      iptables(
        host,
        "-A FORWARD -d 10.90.2.12 -p tcp -m conntrack --ctstate NEW -m multiport --dports 5432,5433 -j DROP",
      ),
    found: ["drops error 8", "drops error 11"],
  },
  {
    what: "matches of iptables in a table that iptables-nft-save won't print",
    make: async (host) => {
      await iptables(
        host,
        "-A FORWARD -s 10.90.1.13 -d 10.90.2.12 -p tcp -m conntrack --ctstate NEW -m multiport --dports 5432 -j DROP",
        "-A FORWARD -s 10.90.1.11 -d 10.90.2.12 -m conntrack --ctstate NEW -j REJECT",
      );
      await host.nft('add rule ip filter FORWARD iifname "docker0" ct state new drop');
      const { stdout } = await host.run("iptables-nft-save", ["-t", "filter"]);
      assert.match(stdout, /incompatible/);
    },
    found: ["drops error 8", "rejects error 11"],
  },
  {
    what: "the first packets of TCP, as iptables has them",
    make: (host) =>
      iptables(
        host,
        "-A FORWARD -s 10.90.1.13 -d 10.90.2.12 -p tcp --syn --dport 5432 -m conntrack --ctstate NEW -j DROP",
        "-A FORWARD -d 10.90.2.12 -p tcp ! --syn -m conntrack --ctstate NEW -j DROP",
      ),
    found: ["drops error 8"],
  },
  {
    what: "a match of iptables that isn't known",
    make: (host) => iptables(host, "-A FORWARD -d 10.90.2.12 -m statistic --mode random --probability 0.5 -j DROP"),
    found: ["unclear info *"],
  },
];

test(`${CASES.length} tables of others say what they do to the policy's packets`, () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const wrong: string[] = [];
    for (const { what, make, found, says } of CASES) {
      await (typeof make === "string" ? host.nft(make) : make(host));
      const { foreign, drift, findings } = await host.call<Audited>(HERE, "auditLive");
      const line = (statement: string): string => /^lab\.tsnet:(\d+):/.exec(statement)?.[1] ?? "?";
      const got = foreign.map(({ effect, severity, statement }) => `${effect} ${severity} ${line(statement)}`);
      const expected = found.map((one) => one.split(" "));
      const same =
        got.length === expected.length &&
        [...got].sort().every((one, i) => {
          const want = [...expected].sort((a, b) => (a.join(" ") < b.join(" ") ? -1 : 1))[i] ?? [];
          return one.split(" ").every((word, k) => want[k] === "*" || want[k] === word);
        });
      if (!same || drift.length > 0 || (says !== undefined && !foreign.some(({ message }) => says.test(message))))
        wrong.push(
          `${what}: ${got.join(", ")}\n${foreign.map(({ message }) => message).join("\n")}\n${JSON.stringify(drift)}`,
        );
      if (!findings.some(({ code }) => code === "proved")) wrong.push(`${what}: ${JSON.stringify(findings)}`);
      await host.run("nft", ["delete", "table", ...(await tableOf(host))]);
    }
    assert.is(wrong.join("\n\n"), "");
  }));

/** The one table that isn't tsnet's. */
async function tableOf(host: Host): Promise<string[]> {
  const { stdout } = await host.run("nft", ["list", "tables"]);
  const foreign = stdout.split("\n").find((line) => line !== "" && !line.includes("tsnet"));
  return (foreign ?? "").split(" ").slice(1);
}

test.run();
