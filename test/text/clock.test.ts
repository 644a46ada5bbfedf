/** Times as text: the same as Date's. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { timestamp } from "../../src/text/clock.js";
import fc from "../support/property.js";

const test = suite("times as text");

const SOME = ["0000-03-01", "1600-02-29", "1900-02-28", "1900-03-01", "1969-12-31", "1970-01-01", "2000-02-29"];
const MORE = ["2024-02-29", "2026-11-30", "2026-12-31", "2100-02-28", "2100-03-01", "9999-12-31"];

for (const day of [...SOME, ...MORE])
  for (const time of ["00:00:00.000", "09:05:07.004", "23:59:59.999"])
    test(`${day} ${time}`, () => assert.is(timestamp(Date.parse(`${day}T${time}Z`)), `${day}T${time}Z`));

test("any", () =>
  fc.assert(
    fc.property(
      fc.date({
        min: new Date("0000-01-01T00:00:00Z"),
        max: new Date("9999-12-31T23:59:59.999Z"),
        noInvalidDate: true,
      }),
      (date) => assert.is(timestamp(date.getTime()), date.toISOString()),
    ),
    { numRuns: 2000 },
  ));

test("now", () => {
  const before = Date.now();
  const said = Date.parse(timestamp());
  assert.ok(before <= said && said <= Date.now());
});

test.run();
