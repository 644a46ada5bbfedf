/** The short way for common lines, which long texts take, reads what the grammar reads. */
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readPlainPublishes, readPlainRules } from "../../grammar/common-lines.js";
import { formatStatement } from "../../src/ast/format.js";
import { formatAddress } from "../../src/net/address.js";
import { fragments } from "../support/fragments.js";
import { read } from "../support/syntax.js";

const test = suite("common lines");

/** So long that the text behind it takes the short way; alone it is too short for that. */
const PADDING = `# ${"x".repeat(70)}\n`.repeat(40);

/** A line before the text there, too: what a mistake is told to stand behind is the same. */
const FIRST = "# x\n";

/** Everything that a text comes to, places counted from `start`. */
function meaning(text: string, start: number): string {
  const { tree, problems } = read(text);
  const all = {
    statements: tree.statements,
    problems,
    comments: tree.comments.filter(({ span }) => span.start >= start),
  };
  return JSON.stringify(all, (key, value: unknown) => {
    if (key !== "span") return value;
    const span = value as { start: number; end: number };
    return [span.start - start, span.end - start];
  });
}

let rows = 0;

function check(whole: string): void {
  // A byte order mark is one at the beginning only.
  const text = whole.replace(/^\ufeff+/, "");
  assert.is(meaning(PADDING + text, PADDING.length), meaning(FIRST + text, FIRST.length), JSON.stringify(text));
  assert.is(read(FIRST + text).tree.plain.length, 0);
  rows += read(PADDING + text).tree.plain.length;
}

const ADDRESSES = [
  ...[
    "10.0.0.1",
    "10.0.0.0/8",
    "10.0.0.1/32",
    "255.255.255.255",
    "0.0.0.0",
    "256.0.0.1",
    "1.2.3.04",
    "1.2.3",
    "1.2.3.4.5",
  ],
  ...["10.0.0.0/33", "1..2.3", "1.2.3.", "10.0.0.1-10.0.0.9", "::1", "fd00::/8", "fd00::5:22", "[fd00::5]"],
];
const NAMES = [
  ...[
    "a",
    "c1",
    "fd00",
    "a.b-c",
    "x-",
    "x.",
    "_",
    "a/8",
    "log",
    "from",
    "all",
    "env",
    "host",
    "any",
    "3",
    '"q"',
    "é",
    "a:b",
  ],
  "a".repeat(70),
];
const peer = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "c1", "10.0.0.1") },
  fc.constantFrom(...NAMES),
  fc.constantFrom(...ADDRESSES),
);
const port = fc.constantFrom(
  "",
  "",
  "",
  ":22",
  ":80",
  ":1",
  ":65535",
  ":65536",
  ":0",
  ":22",
  ":022",
  ":123456",
  ":000001",
  ":22-23",
  ":",
  ": 22",
);
const protocol = fc.constantFrom("", "", "", "", "/udp", "/tcp", "/udp", "/x", "/x-", "/x.y", "/3", "/", "/udp/tcp");
const line = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("allow", "deny", "reject", "allow", "deny", "allo", "denyx", "a"),
      peer,
      fc.constantFrom(" -> ", " -> ", " -> ", " -> ", "->", " ->", " > "),
      peer,
    )
    .chain(([verb, from, arrow, to]) =>
      fc.tuple(port, protocol).map(([number, word]) => `${verb} ${from}${arrow}${to}${number}${word}`),
    ),
  fc.tuple(port, peer, port).map(([host, to, inside]) => `publish ${host.slice(1)} -> ${to}${inside}`),
);
const end = fc.constantFrom(
  ...Array<string>(12).fill("\n"),
  "\n",
  "\r\n",
  "  \n",
  "\t\r\n",
  "\n\n",
  "\n\r\n",
  "\r",
  ";",
  ", ",
  " # c\n",
  "\u0000\n",
  "  ",
);

test("lines of every kind read the same on both ways", () => {
  const lines = fc.array(fc.tuple(line, end), { minLength: 1, maxLength: 5 });
  const text = fc.tuple(lines, fc.constantFrom("", " ", "\n", "allow")).map(([list, first]) => {
    return first + list.map((one) => one.join("")).join("");
  });
  fc.assert(fc.property(text, check), { numRuns: 4000 });
  assert.ok(rows > 100, `${rows} rows were read the short way`);
});

test("publishes alone are read as the grammar reads them, or not at all", () => {
  let count = 0;
  const lines = fc.array(fc.tuple(line, end), { minLength: 1, maxLength: 3 });
  const text = lines.map((list) => list.map((one) => one.join("")).join(""));
  const same = (whole: string): void => {
    const publishes = readPlainPublishes(whole);
    if (publishes === undefined) return;
    count += publishes.length;
    const { tree, problems } = read(FIRST + whole);
    assert.equal(problems, []);
    const about = ({ text: words, span }: { text: string; span: { start: number; end: number } }): unknown => [
      words,
      span.start,
      span.end,
    ];
    assert.equal(
      publishes.map(about),
      tree.statements.map((statement) => {
        const { start, end: last } = statement.span;
        const [from, to] = [start - FIRST.length, last - FIRST.length];
        return about({ text: formatStatement(statement), span: { start: from, end: to } });
      }),
    );
  };
  fc.assert(fc.property(text, same), { numRuns: 4000 });
  same("publish 1 -> a:2\npublish 65535 -> b.c-d:1  \r\npublish 8 -> c:8");
  for (const whole of ["", "\n", "publish 1 -> a:2, publish 3 -> b:4", "publish 1 -> a:2\nallow a -> b"]) same(whole);
  assert.ok(count > 10, `${count} were read`);
});

test("so do random texts", () => {
  fc.assert(fc.property(fragments, check), { numRuns: 1500 });
});

test("a text cut off anywhere reads the same on both ways", () => {
  const whole = "deny a -> b:53/udp\n\nallow 10.0.0.1 -> c1:8080  \nreject c1 -> 10.0.0.9\r\nallow b -> a";
  for (let length = 0; length <= whole.length; length++) check(whole.slice(0, length));
});

test("many rows and many names", () => {
  const verbs = ["allow", "deny", "reject"];
  const words = ["", ":1", ":65535", ":53/udp", ":9/sctp"];
  const name = (i: number): string => `n${(i * 7919) % 5000}`;
  const address = (i: number): string => `${i & 127}.${(i >> 4) & 255}.${i & 255}.${(i * 3) & 255}`;
  const count = 30_000;
  const texts = Array.from({ length: count }, (_, i) => {
    const from = i % 3 === 0 ? name(i) : address(i);
    const to = i % 2 === 0 ? name(i + 1) : address(i + 1);
    return `${verbs[i % 3] as string} ${from} -> ${to}${words[i % 5] as string}`;
  });
  const plain = readPlainRules(`${texts.join("\n")}\n`);
  assert.is(plain?.length, count);
  assert.equal(plain?.counts, [count / 3, count / 3, count / 3]);
  assert.is(plain?.pairsOfNames, texts.filter((text) => /^\w+ n.* -> n/.test(text)).length);
  for (let row = 0; row < count; row++) {
    const {
      text,
      verb,
      source,
      destination,
      port: number,
      protocol: word,
    } = plain?.at(row) as never as {
      text: string;
      verb: string;
      source: string | number;
      destination: string | number;
      port: number | undefined;
      protocol: string | undefined;
    };
    const shown = (one: string | number): string =>
      typeof one === "string" ? one : formatAddress({ family: 4, value: one });
    const ports = number === undefined ? "" : `:${number}${word === undefined ? "" : `/${word}`}`;
    assert.is(text, texts[row]);
    assert.is(`${verb} ${shown(source)} -> ${shown(destination)}${ports}`, texts[row]);
  }
});

test("a text of more than plain rules isn't taken for one", () => {
  for (const text of [
    "allow a -> b\nicc off",
    "allow a -> b:22/tcp",
    "allow 10.0.0.0/8 -> b",
    "deny a -> b,",
    " deny a -> b",
  ])
    assert.is(readPlainRules(text), undefined, text);
  assert.is(readPlainRules("")?.length, 0);
  assert.is(readPlainRules("\n\ndeny a -> b\n\nallow b -> a:1")?.length, 2);
});

test.run();
