/** Rules that choose routing tables: what they take from a policy's packets is told, and so is what can't be told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Host, lab, type Place, WORLD4 } from "../kernel/lab.js";
import type { Audited } from "../support/audited.js";
import { POLICY } from "../support/drifting.js";
import { DEVICES } from "../support/mutations.js";
import { apply, at } from "../support/live.js";

const test = suite("audit: routing rules");
const HERE = import.meta.resolve("../support/audited.ts");

interface Case {
  /** What is given to `ip`: to add, and by which a packet is sent that then gets no answer; of some no more is known. */
  readonly rules: readonly string[];
  readonly lost?: readonly [Place, string];
  /** `effect severity line` of each that is found. */
  readonly found: readonly string[];
  readonly says?: RegExp;
}

const [web, app] = [at("web", "lab"), at("app", "lab")];

const CASES: readonly Case[] = [
  {
    rules: ["prio 10 to 10.90.1.11 blackhole"],
    lost: [undefined, "10.90.1.11"],
    found: ["drops error 2"],
    says: /^IPv4 routing rule '10: from all to 10\.90\.1\.11 blackhole' drops .* -> web \(10\.90\.1\.11\):.*, which the policy allows/,
  },
  { rules: ["prio 10 from 10.90.1.13 prohibit"], lost: [app, WORLD4], found: ["rejects error 2"] },
  { rules: [`prio 10 iif ${DEVICES.app} blackhole`], lost: [app, "10.90.1.11"], found: ["drops error 2"] },
  { rules: ["-6 prio 1 to fd90:1::11 prohibit"], lost: [undefined, "fd90:1::11"], found: ["rejects error 2"] },
  { rules: ["prio 10 from 198.51.100.0/24 to 10.90.1.11 blackhole"], found: ["drops error 14"] },
  // VPNs have such ones; and somewhere else may be where it was meant to go.
  {
    rules: ["prio 10 not fwmark 51820 table 51820"],
    found: ["unclear info *"],
    says: /lookup 51820' may lead .* elsewhere/,
  },
  { rules: ["prio 10 from 10.90.1.13 table 77"], found: ["unclear info 2"] },
  { rules: ["prio 10 fwmark 7 to 10.90.1.11 blackhole"], found: ["unclear info 2"], says: /may drop/ },
  {
    rules: ["prio 5 to 10.90.1.0/24 table 77", "prio 10 to 10.90.1.11 blackhole"],
    found: ["unclear info 2", "unclear info 2"],
    says: /'5: from all to 10\.90\.1\.0\/24 lookup 77' comes first/,
  },
  // What comes to nobody, what comes too late, and what leads where packets go anyway.
  { rules: ["prio 10 from 172.17.0.0/16 to 172.18.0.0/16 blackhole"], found: [] },
  { rules: ["prio 10 to 10.90.1.99 iif docker0 blackhole"], found: [] },
  { rules: ["prio 40000 to 10.90.1.11 blackhole"], found: [] },
  { rules: ["prio 10 table main suppress_prefixlength 0", "prio 11 nop"], found: [] },
  // The policy denies it as well.
  { rules: ["prio 10 from 198.51.100.0/24 to 10.90.2.12 blackhole"], found: [] },
];

const look = (host: Host): Promise<Audited> => host.call<Audited>(HERE, "auditLive");

const seen = ({ foreign }: Audited): string[] =>
  foreign.map(
    ({ effect, severity, statement }) => `${effect} ${severity} ${/^lab\.tsnet:(\d+):/.exec(statement)?.[1] ?? "?"}`,
  );

test(`${CASES.length} sets of routing rules are told by what they do`, () =>
  lab(async (host) => {
    await apply(host, POLICY);
    assert.equal((await look(host)).foreign, []);
    const wrong: string[] = [];
    for (const { rules, lost, found, says } of CASES) {
      const change = async (verb: string): Promise<void> => {
        for (const rule of rules) {
          const words = rule.split(" ");
          const family = words[0] === "-6" ? [words.shift() as string] : [];
          await host.run("ip", [...family, "rule", verb, ...words]);
        }
      };
      if (lost !== undefined && (await host.ping(...lost)) !== "reply") wrong.push(`${rules[0]}: no reply before`);
      await change("add");
      if (lost !== undefined && (await host.ping(...lost, 300)) === "reply") wrong.push(`${rules[0]}: a reply`);
      const audited = await look(host);
      await change("del");
      const got = seen(audited);
      const same =
        got.length === found.length && got.every((one, i) => one.startsWith((found[i] ?? "").replace(/\*$/, "")));
      const messages = audited.foreign.map(({ message }) => message);
      if (!same || (says !== undefined && !messages.some((message) => says.test(message))))
        wrong.push([rules.join(", "), ...got, ...messages].join("\n"));
    }
    assert.is(wrong.join("\n\n"), "");
  }));

test("without a rule that looks up the main table nobody is reached", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const lost = async (): Promise<string[]> => seen(await look(host)).map((one) => one.replace(/ \S+$/, ""));
    assert.is(await host.ping(undefined, "10.90.1.11"), "reply");
    await host.run("ip", ["rule", "del", "prio", "32766"]);
    assert.is.not(await host.ping(undefined, "10.90.1.11", 300), "reply");
    assert.equal(await lost(), ["drops error"]);
    await host.run("ip", ["rule", "add", "prio", "700", "table", "main"]);
    assert.is(await host.ping(undefined, "10.90.1.11"), "reply");
    assert.equal(await lost(), []);
    assert.is(await host.ping(web, "10.90.1.13"), "reply");
  }));

test.run();
