import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { overlappingPrefixes, type Prefix, prefixOf } from "../../src/net/prefix.js";
import { PrefixSet } from "../../src/net/prefix-set.js";
import { contains, type Domain, firstOutside, normalise } from "../../src/net/ranges.js";

const test = suite("sets of numbers and prefixes");

// Few bases and any length, so that many overlap.
const prefix = fc.oneof(
  fc
    .tuple(fc.constantFrom(0, 0x0a000000, 0x0a010000, 0x0a018000, 0xffffff00), fc.integer({ min: 0, max: 32 }))
    .map(([value, length]) => prefixOf({ family: 4, value }, length) as Prefix),
  fc
    .tuple(fc.constantFrom(0n, 0xfdn << 120n, (0xfdn << 120n) + 1n), fc.integer({ min: 0, max: 128 }))
    .map(([value, length]) => prefixOf({ family: 6, value }, length) as Prefix),
);

test("a prefix is taken where it overlaps none that was taken before", () => {
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 40 }), (all) => {
      const set = new PrefixSet();
      const taken: Prefix[] = [];
      for (const one of all) {
        const free = !taken.some((other) => overlappingPrefixes(other, one));
        assert.is(set.overlaps(one), !free);
        assert.is(set.add(one), free);
        if (free) taken.push(one);
      }
    }),
  );
});

test("the first value outside of a set", () => {
  const domain: Domain<number> = { min: 0, max: 20, next: (v) => v + 1, previous: (v) => v - 1 };
  const value = fc.integer({ min: 0, max: 20 });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, value), { maxLength: 6 }), value, (pairs, from) => {
      const set = normalise(
        pairs.flatMap(([a, b]) => [Math.min(a, b), Math.max(a, b)]),
        domain,
      );
      const free = Array.from({ length: 21 }, (_, i) => i).filter((i) => i >= from && !contains(set, i));
      assert.is(firstOutside(set, from, domain), free[0]);
    }),
  );
});

test.run();
