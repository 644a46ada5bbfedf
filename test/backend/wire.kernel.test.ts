import { readdirSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import type { Carried, Walk } from "../support/wire.js";

const test = suite("nftables by netlink");
const POLICIES = readdirSync("policies").filter((name) => name.endsWith(".tsnet"));
const STEPS = Number(process.env["TSNET_WALK"] ?? 40);
const MODULE = import.meta.resolve("../support/wire.ts");

test(`netlink and nft leave the same ruleset of ${POLICIES.length} policies, byte for byte`, () =>
  lab(async (host) => {
    for (const name of POLICIES) {
      const carried = await host.call<Carried>(MODULE, "carry", `${process.cwd()}/policies/${name}`);
      assert.equal(carried, { nft: [], netlink: [], readback: "equal", listing: true }, name);
      await host.run("nft", ["flush", "ruleset"]);
    }
  }));

test(`${STEPS} random policies after each other leave the kernel as each says`, () =>
  lab(async (host) => {
    const { applied, objects, differences, restless } = await host.call<Walk>(MODULE, "walk", 7, STEPS);
    assert.equal(differences, []);
    assert.is(restless, 0);
    assert.ok(objects > applied, `${objects} objects in ${applied} applies`);
  }));

const BASE = "allow a -> b:1, allow c -> b:1\n";
const many = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `allow 198.51.100.${(i + from) % 250} -> a:${1000 + i + from}\n`).join(
    "",
  );

test("an edit sends what differs and nothing else", () =>
  lab(async (host) => {
    const before = BASE + many(0, 500);
    const added = await host.call<{ operations: number }>(MODULE, "sent", before, `${before}allow b -> c:22\n`);
    assert.is(added.operations, 1);
    const atTop = await host.call<{ operations: number }>(MODULE, "sent", before, `allow b -> c:22\n${before}`);
    assert.is(atTop.operations, 1);
    const swapped = await host.call<{ operations: number }>(MODULE, "sent", before, BASE + many(1, 501));
    assert.is(swapped.operations, 2);
  }));

test("a set that grows beyond its size is made anew", () =>
  lab(async (host) => {
    const grown = await host.call<{ operations: number }>(MODULE, "sent", BASE + many(0, 12), BASE + many(0, 900));
    assert.ok(grown.operations > 900);
  }));

test("what somebody else changes meanwhile is noticed and put right", () =>
  lab(async (host) => {
    assert.equal(await host.call<string[]>(MODULE, "disturbed", BASE, `${BASE}allow b -> c:22\n`), []);
  }));

test("what somebody else changes behind the commit is noticed, and what doesn't concern the policy is let be", () =>
  lab(async (host) => {
    let n = 0;
    const after = (command: string): Promise<string> =>
      host.call<string>(MODULE, "verified", `policy p${n++}\n${BASE}`, command);
    assert.is(await after(""), "0 on");
    assert.is(await after("add table inet other"), "1 on");
    const refusal = /^the ruleset isn't as it was committed \((set|chain) inet \S+ (own4|cc4)\): somebody else/;
    assert.match(await after("add element inet TABLE own4 { 192.0.2.1 }"), refusal);
    assert.match(await after("insert rule inet TABLE cc4 accept"), refusal);
  }));

test("a check changes nothing, and a refusal names its object and changes nothing", () =>
  lab(async (host) => {
    const { before, after, refusal } = await host.call<{ before: string; after: string; refusal: string }>(
      MODULE,
      "checked",
      `${BASE}publish 80 -> a\ndeny b -> 203.0.113.0/24\n`,
    );
    assert.is(after, before);
    assert.match(refusal, /^the kernel refused the ruleset: .*\(at chain x…\)$/);
  }));

test.run();
