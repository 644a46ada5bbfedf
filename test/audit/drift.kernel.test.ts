/** What hands do to a live policy is found by an audit, with the statement that no longer holds, and mended. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import type { Audited } from "../support/audited.js";
import { POLICY } from "../support/drifting.js";
import { apply, at } from "../support/live.js";
import { MUTATIONS } from "../support/mutations.js";

const test = suite("audit: drift");
const HERE = import.meta.resolve("../support/audited.ts");
/** Every mutation, or each sixth of them. */
const ALL = process.env["TSNET_MUTATIONS"] !== undefined;

const errors = ({ findings }: Audited): string[] =>
  findings.filter(({ severity }) => severity !== "info").map(({ message }) => message);

test(`${ALL ? MUTATIONS.length : Math.ceil(MUTATIONS.length / 6)} mutations are found, each with its line, and mended`, () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const look = (): Promise<Audited> => host.call<Audited>(HERE, "auditLive");
    const untouched = await look();
    assert.equal(untouched.drift, []);
    assert.equal(errors(untouched), []);
    assert.is(untouched.findings[0]?.code, "proved");
    const wrong: string[] = [];
    for (const [i, { what, make, object, line, undo }] of MUTATIONS.entries()) {
      if (!ALL && i % 6 !== 0) continue;
      try {
        await make(host);
      } catch (error) {
        wrong.push(`${what}: ${String(error)}`);
        continue;
      }
      const { drift } = await look();
      const cited = line === 0 ? "lab.tsnet: the policy lab as a whole" : `lab.tsnet:${line}:`;
      const found = drift.filter((one) => object.test(one.object));
      if (!found.some(({ statement }) => statement.startsWith(cited)))
        wrong.push(`${what}: ${JSON.stringify(found.length > 0 ? found : drift)}`);
      if (undo !== undefined) await host.run("ip", undo.split(" "));
      await host.call(HERE, "fixLive").catch((error: unknown) => wrong.push(`${what}: ${String(error)}`));
      const after = await look();
      if (after.drift.length > 0 || errors(after).length > 0)
        wrong.push(`${what}: left is ${JSON.stringify([after.drift.map(({ message }) => message), errors(after)])}`);
    }
    assert.is(wrong.join("\n"), "");
  }));

const RAW =
  'use Socket; socket(S, AF_INET, SOCK_RAW, $ARGV[0]) && send(S, "x" x 20, 0, sockaddr_in(0, inet_aton($ARGV[1])))';

test("packets of protocols that have names are counted, and neither they nor their names are drift", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const protocols = [4, 41, 46, 94, 97, 103, 115];
    for (const protocol of protocols)
      await host.runIn(at("db", "lab"), "perl", ["-e", `${RAW} or die $!`, String(protocol), "10.90.1.11"]);
    const { stdout } = await host.run("nft", ["-p", "list", "set", "inet", "tsnet-lab", "tally"]);
    for (const protocol of protocols) assert.match(stdout, new RegExp(` \\. ${protocol} counter`));
    assert.equal((await host.call<Audited>(HERE, "auditLive")).drift, []);
    await host.nft("add element inet tsnet-lab cut-bare4 { 10.90.1.13 . 10.90.1.11 . 41 }");
    assert.equal(
      (await host.call<Audited>(HERE, "auditLive")).drift.map(({ object }) => object),
      ["element { 10.90.1.13 . 10.90.1.11 . 41 } in set cut-bare4 of table inet tsnet-lab"],
    );
  }));

test("flows that somebody stops for hours are found, and go on after a mend", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const element = (set: string, text: string): Promise<unknown> =>
      host.run("nft", ["add", "element", "inet", "tsnet-lab", set, `{ ${text} }`]);
    await element("cut4", "10.90.1.13 . 10.90.1.11 . 22 . 22 timeout 100s");
    assert.equal((await host.call<Audited>(HERE, "auditLive")).drift, [], "as long as tsnet's own");
    await element("cut4", "10.90.1.13 . 10.90.1.11 . 23 . 23 timeout 10h");
    await element("cut-bare4", "10.90.1.13 . 10.90.1.11 . gre");
    const { drift } = await host.call<Audited>(HERE, "auditLive");
    assert.equal(
      drift.map(({ object }) => object).sort(),
      [
        "element { 10.90.1.13 . 10.90.1.11 . 23 . 23 } in set cut4 of table inet tsnet-lab",
        "element { 10.90.1.13 . 10.90.1.11 . 47 } in set cut-bare4 of table inet tsnet-lab",
      ].sort(),
    );
    assert.match(drift.map(({ message }) => message).join("\n"), /protocol 47 is now denied/);
    await host.call(HERE, "fixLive");
    assert.equal((await host.call<Audited>(HERE, "auditLive")).drift, []);
  }));

test.run();
