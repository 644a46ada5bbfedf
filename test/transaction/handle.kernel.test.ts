/** Whole policies through an open handle, one after the other: it knows what it has left, and notices who else was there. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/index.js";
import { lab } from "../kernel/lab.js";
import { Handle } from "../support/handle.js";
import { apply } from "../support/live.js";
import { listing } from "../support/listing.js";
import fc from "../support/property.js";
import { statements } from "../support/random-policy.js";
import { BASE } from "../support/updates.js";

const test = suite("applies through a handle");
const COUNT = Number(process.env["TSNET_POLICIES"] ?? 8);

/** What others do between two applies: nothing, something elsewhere, and something to the policy's own table. */
const OTHERS = [
  [],
  ["add table inet elsewhere"],
  [],
  ["insert rule inet tsnet-tsnet forward counter drop"],
  ["delete table inet elsewhere", "add table inet tsnet-tsnet { flags dormant; }"],
  ["add set inet tsnet-tsnet mine { type ipv4_addr; }"],
  ["delete table inet tsnet-tsnet"],
] as const;

test(`${COUNT} random policies leave what a fresh apply of each leaves, whoever else is at it`, async () => {
  const texts = fc
    .sample(statements, 4 * COUNT)
    .map((lines) => `${lines.join("\n")}\n`)
    .filter((text) => !compile(text).failed)
    .slice(0, COUNT);
  assert.is(texts.length, COUNT, "too few of them are right");
  const left: string[][] = [];
  await lab(async (host) => {
    const handle = new Handle(host);
    for (const [i, text] of texts.entries()) {
      // With lines more and without them: elements of sets that stay, sets that come and go, rules.
      const few = `${text}allow 192.0.2.${i} -> a:{1000-2000, 3000}\n`;
      const more = `${few}allow 192.0.2.${i + 100} -> a:{1000-2000, 3000}\n`;
      await handle.applyAll(few, more, few, text, `${more}deny 192.0.2.128/28 -> b\n`, few);
      await handle.update({ add: "allow 192.0.2.200 -> a:7" });
      await handle.applyAll(more, few);
      if (i > 0) for (const command of OTHERS[i % OTHERS.length] ?? []) await host.run("nft", command.split(" "));
      await handle.applyAll(more, text);
      left.push((await listing(host)).filter((line) => !line.includes("elsewhere")));
    }
    await handle.close();
  });
  await lab(async (host) => {
    for (const [i, text] of texts.entries()) {
      await host.run("nft", ["flush", "ruleset"]);
      await apply(host, text);
      assert.equal(left[i], await listing(host), text);
    }
  });
});

test("what it has left isn't read again, until somebody has touched it", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const more = `${BASE}allow 192.0.2.77 -> a:{1000-2000, 3000}\n`;
    await handle.applyAll(BASE, more, BASE);
    const known = await handle.messages(more);
    await handle.apply(BASE);
    await host.run("nft", ["add", "table", "inet", "elsewhere"]);
    const elsewhere = await handle.messages(more);
    await handle.apply(BASE);
    for (const verb of ["add", "delete"]) await host.run("nft", [verb, "chain", "inet", "tsnet-tsnet", "mine"]);
    const touched = await handle.messages(more);
    assert.ok(
      elsewhere - known < touched - elsewhere,
      `${known} messages, ${elsewhere} when somebody was elsewhere, ${touched} when it was touched`,
    );
    await handle.close();
  }));

test.run();
