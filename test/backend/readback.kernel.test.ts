import { readdirSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import type { RoundTrip } from "../support/round-trip.js";

const test = suite("nftables readback");
const POLICIES = readdirSync("policies").filter((name) => name.endsWith(".tsnet"));

test(`text and JSON leave the same ruleset of ${POLICIES.length} policies, and each reads back as its plan`, () =>
  lab(async (host) => {
    const module = import.meta.resolve("../support/round-trip.ts");
    for (const name of POLICIES) {
      const result = await host.call<RoundTrip>(module, "roundTrip", `${process.cwd()}/policies/${name}`);
      assert.equal(result, { before: "absent", text: "equal", json: "equal", same: true, mutated: "different" }, name);
    }
  }));

test.run();
