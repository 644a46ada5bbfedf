/** Digests by OpenSSL itself are those of node:crypto, whatever is put in and in how many pieces. */
import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Algorithm, beginDigest } from "../../src/system/digest.js";
import fc from "../support/property.js";

const test = suite("digests");

/** What the standards say of "abc" (FIPS 180-2, A.1 and B.1). */
const ABC: Readonly<Record<Algorithm, string>> = {
  sha1: "a9993e364706816aba3e25717850c26c9cd0d89d",
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
};

for (const [algorithm, expected] of Object.entries(ABC) as [Algorithm, string][]) {
  test(`${algorithm} of the standard's text`, () => {
    assert.is(beginDigest(algorithm).update("a").update("").update(Buffer.from("bc")).hex(), expected);
  });

  test(`${algorithm} of several pieces`, () => {
    const text = fc.record({ data: fc.string({ unit: "binary" }), encoding: fc.constantFrom("utf8", "latin1") });
    const bytes = fc.record({ data: fc.uint8Array({ maxLength: 300 }), encoding: fc.constant("utf8" as const) });
    fc.assert(
      fc.property(fc.array(fc.oneof(text, bytes)), (pieces) => {
        const [own, other] = [beginDigest(algorithm), createHash(algorithm)];
        for (const { data, encoding } of pieces) {
          own.update(data, encoding);
          if (typeof data === "string") other.update(data, encoding);
          else other.update(data);
        }
        assert.is(own.hex(), other.digest("hex"));
      }),
    );
  });
}

test("two at once don't meet", () => {
  const [one, two] = [beginDigest("sha1").update("a"), beginDigest("sha1").update("x")];
  one.update("bc");
  two.update("yz");
  assert.is(one.hex(), ABC.sha1);
  assert.is(two.hex(), createHash("sha1").update("xyz").digest("hex"));
});

test.run();
