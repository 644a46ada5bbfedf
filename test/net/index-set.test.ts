/** Set arithmetic over intervals of places against JavaScript's own sets. */
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  allOf,
  both,
  hull,
  indexSet,
  type IndexSet,
  indexSetOf,
  joined,
  meets,
  places,
  sizeOf,
  without,
} from "../../src/net/index-set.js";

const test = suite("sets of places");

const some = fc.uniqueArray(fc.nat(40), { maxLength: 30 });
const listed = (set: IndexSet | undefined): number[] => (set === undefined ? [] : [...places(set)]);
const ascending = (list: Iterable<number>): number[] => [...list].sort((a, b) => a - b);

test("what both, the first alone and any of two sets have", () => {
  fc.assert(
    fc.property(some, some, (a, b) => {
      const [left, right] = [indexSetOf(a), indexSetOf([...b, ...b])];
      const common = ascending(a.filter((place) => b.includes(place)));
      assert.equal(listed(left), ascending(a));
      assert.equal(listed(both(left, right)), common);
      assert.is(both(left, right) === undefined, common.length === 0);
      assert.is(meets(left, right), common.length > 0);
      const alone = ascending(a.filter((place) => !b.includes(place)));
      assert.equal(listed(without(left, right)), alone);
      assert.is(without(left, right) === undefined, alone.length === 0);
      assert.equal(listed(joined([left, right])), ascending(new Set([...a, ...b])));
      assert.is(sizeOf(left), a.length);
    }),
    { numRuns: 1000 },
  );
});

test("results are intervals as short as they can be written", () => {
  fc.assert(
    fc.property(some, some, (a, b) => {
      const [left, right] = [indexSetOf(a), indexSetOf(b)];
      for (const set of [left, joined([left, right]), both(left, right), without(left, right)])
        if (set !== undefined) assert.equal(set, indexSet(places(set)));
    }),
    { numRuns: 500 },
  );
});

test("all places, none, and one interval around very many", () => {
  assert.equal(allOf(0), []);
  assert.equal(listed(allOf(3)), [0, 1, 2]);
  const odd = indexSet(Array.from({ length: 100 }, (_, i) => 2 * i + 1));
  assert.equal(hull(odd), [1, 199]);
  assert.equal(hull([3, 5, 9, 9]), [3, 5, 9, 9]);
});

test.run();
