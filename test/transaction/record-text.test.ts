/** What is written down of a policy comes back as it was, and what is cut off comes back as nothing. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readRecord, recordBytes } from "../../src/transaction/record-text.js";

const test = suite("records");

test("texts of any characters come back, beside what else a record holds", () => {
  // Halves of surrogate pairs, too.
  const units = fc.array(fc.nat(0xffff)).map((list) => String.fromCharCode(...list));
  const text = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), units, fc.constant("allow a -> b\n"));
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), text }, { noNullPrototype: true })),
      (files) => {
        const record = { version: 1, files, roots: files.map(({ name }) => name) };
        assert.equal(readRecord(Buffer.concat(recordBytes(record))), record);
      },
    ),
  );
});

test("it is a line of JSON, and the texts as they are", () => {
  const bytes = Buffer.concat(recordBytes({ policy: "p", files: [{ name: "f", text: 'deny a -> "ü"\n' }] }));
  assert.is(bytes.toString(), '{"policy":"p","files":[{"name":"f","length":14}]}\ndeny a -> "ü"\n');
});

test("what is cut off anywhere, or has something behind it, is no record", () => {
  const bytes = Buffer.concat(recordBytes({ files: [{ name: "f", text: "deny a -> b\nicc off\n" }] }));
  for (let size = 0; size < bytes.length; size++)
    assert.throws(() => readRecord(bytes.subarray(0, size)), undefined, `${size}`);
  assert.throws(() => readRecord(Buffer.concat([bytes, Buffer.from("\n")])), /something is behind it/);
});

test.run();
