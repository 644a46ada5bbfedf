/** How entries are named, numbered and dropped. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type Entry,
  type EntryName,
  hashTexts,
  makeEntry,
  numbered,
  parseEntryName,
  superfluous,
} from "../../src/transaction/history.js";

const test = suite("history");

const entry = (text: string, policy = "shop"): Entry =>
  makeEntry(policy, "2026-01-01T00:00:00.000Z", "ann", { files: [{ name: "f", text }], roots: ["f"] });
const name = (sequence: number, policy: string): EntryName => ({ file: `${sequence}`, sequence, hash: "", policy });
const count = (entries: readonly Entry[], live: Entry | undefined): string =>
  numbered(entries, live)
    .map(({ n, entry }) => `${n}${entry.files[0]?.text}`)
    .join(" ");

test("a hash is one of the texts, not of the files' names, and knows where each ends", () => {
  const of = (...files: [string, string][]): string =>
    hashTexts({ files: files.map(([n, text]) => ({ name: n, text })) });
  assert.match(of(["f", "x"]), /^[0-9a-f]{12}$/);
  assert.is(of(["f", "x"]), of(["g", "x"]));
  assert.is.not(of(["f", "x"]), of(["f", "y"]));
  assert.is.not(of(["f", "ab"], ["g", "c"]), of(["f", "a"], ["g", "bc"]));
  assert.is.not(of(["f", "é"]), of(["f", "e"]));
});

test("an entry's file name tells number, hash and policy; other files are none", () => {
  assert.equal(parseEntryName("00000012-0123456789ab-a-b%2Fc.record"), {
    file: "00000012-0123456789ab-a-b%2Fc.record",
    sequence: 12,
    hash: "0123456789ab",
    policy: "a-b%2Fc",
  });
  for (const other of [
    "x.record",
    "00000012-0123456789ab-shop.record.new",
    "12-0123456789ab-shop.record",
    "00000012-zz-s.record",
  ])
    assert.is(parseEntryName(other), undefined, other);
});

test("the live one is 0 and those before it count up", () => {
  const [a, b, c] = [entry("a"), entry("b"), entry("c")];
  assert.is(count([c, b, a], c), "0c 1b 2a");
  assert.is(count([a], a), "0a");
});

test("after a remove the last applied one is 1", () => {
  assert.is(count([entry("b"), entry("a")], undefined), "1b 2a");
  assert.is(count([], undefined), "");
});

test("what is live and has no entry, as on a trial, is 0 before them all", () => {
  assert.is(count([entry("b"), entry("a")], entry("c")), "0c 1b 2a");
  assert.is(count([], entry("c")), "0c");
});

test("a text that came back counts at each of its places", () => {
  const [a, b] = [entry("a"), entry("b")];
  assert.is(count([a, b, a], a), "0a 1b 2a");
  assert.is(count([b, a], a), "0a 1b 2a", "a is on trial again after b");
});

test("16 entries stay, the newest", () => {
  const all = Array.from({ length: 20 }, (_, i) => name(20 - i, "shop"));
  assert.equal(
    superfluous(all, new Set(["shop"])).map((one) => one.sequence),
    [4, 3, 2, 1],
  );
  assert.equal(superfluous(all.slice(0, 16), new Set()), []);
});

test("a busy policy doesn't push out the way back of a live one, but of a removed one", () => {
  const busy = Array.from({ length: 16 }, (_, i) => name(100 - i, "busy"));
  const others = [name(3, "calm"), name(2, "calm"), name(1, "calm"), name(0, "gone")];
  assert.equal(
    superfluous([...busy, ...others], new Set(["busy", "calm"])).map((one) => one.sequence),
    [1, 0],
  );
});

test.run();
