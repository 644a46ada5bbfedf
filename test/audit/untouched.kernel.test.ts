/** An audit of what nobody touched finds nothing: random policies, applied one over the other, and every example. */
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import type { Audited } from "../support/audited.js";
import { compileLenient } from "../support/compare.js";
import { apply } from "../support/live.js";
import { statements } from "../support/random-policy.js";

const test = suite("audit: untouched");
const HERE = import.meta.resolve("../support/audited.ts");
const APPLIES = Number(process.env["TSNET_APPLIES"] ?? 5);

test(`no false alarm after ${APPLIES} applies`, () =>
  lab(async (host) => {
    // The first ones are small, and the seed is fixed, so that what is found can be found again.
    for (const lines of fc.sample(statements, { numRuns: APPLIES, seed: 17 })) {
      const { policy, text } = compileLenient(lines);
      if (policy.containers.length === 0) continue;
      await apply(host, text);
      const { drift, foreign, findings } = await host.call<Audited>(HERE, "auditLive");
      assert.equal(drift, [], text);
      assert.equal(foreign, [], text);
      assert.equal(
        findings.map(({ code }) => code),
        ["proved"],
        text,
      );
    }
  }));

test.run();
