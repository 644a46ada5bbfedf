import { suite } from "uvu";
import * as assert from "uvu/assert";
import fc from "../support/property.js";
import { axesOf } from "../../src/audit/diff/axes.js";
import { type Box, Cells } from "../../src/audit/diff/cells.js";
import { Comparison } from "../../src/audit/diff/comparison.js";
import { cover } from "../../src/audit/diff/cover.js";
import { type Change, diff } from "../../src/audit/diff/diff.js";
import { relevant } from "../../src/audit/diff/regions.js";
import { wayText } from "../../src/audit/diff/words.js";
import { compile } from "../../src/ir/compile.js";
import { evaluate } from "../../src/ir/evaluate.js";
import type { Policy } from "../../src/ir/policy.js";
import { protocolIn } from "../../src/net/ports.js";
import { compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("diff of many statements");

const CONTAINERS = 10;
const NETWORK = [
  "network n { subnet 10.1.0.0/24; subnet fd17::/64; icc off }",
  ...Array.from({ length: CONTAINERS }, (_, i) => `container c${i} { network n }`),
];

function policy(lines: readonly string[]): Policy {
  const { policy: out, failed, diagnostics } = compile([...NETWORK, ...lines].join("\n"));
  assert.not(failed, diagnostics.map(({ message }) => message).join());
  return out;
}

const times = (n: number, line: (address: string, container: string, i: number) => string): Policy =>
  policy(Array.from({ length: n }, (_, i) => line(`11.${i % 7}.${i >> 8}.${i & 255}`, `c${i % CONTAINERS}`, i)));

const moved = (n: number): [Policy, Policy] => [
  times(n, (address, c) => `allow ${address} -> ${c}:1000`),
  times(n, (address, c) => `allow ${address} -> ${c}:1001`),
];

const text = ({ source, destination, service, family }: Change): string =>
  wayText(source, destination, service, family);

function comparison(before: Policy, after: Policy) {
  const axes = axesOf([before, after], relevant(before, after));
  const one = new Comparison(before, after, axes);
  const kinds = one.changes();
  assert.ok(kinds !== undefined);
  return { axes, one, kinds };
}

test("2,000 statements that all change are as few boxes as they are ways", () => {
  const { changes } = diff(...moved(2000));
  assert.is(changes.length, 2 * CONTAINERS);
  const opened = changes.find((one) => text(one).endsWith("-> c3:1001"));
  assert.is(opened?.source.split(",").length, 2000 / CONTAINERS);
  assert.is(opened?.after.by.length, 2000 / CONTAINERS);
  assert.equal(opened?.before.defaults, ["fromWorld"]);
});

test("each of 1,000 that have nothing in common is a box with an example that fares as it says", () => {
  const both = (["reject", "deny"] as const).map((verb) =>
    times(1000, (address, c, i) => `${verb} ${c} -> ${address}:${2 * i + 1}`),
  ) as [Policy, Policy];
  const { changes } = diff(...both);
  assert.is(changes.length, 1000);
  for (const change of changes) {
    const { sent, ends } = change.example;
    [change.before, change.after].forEach((side, i) => {
      const pair = ends[i];
      assert.ok(pair !== undefined);
      const [source, destination] = pair;
      const protocol = protocolIn(source.address.family, sent.protocol);
      const found = evaluate(both[i] as Policy, { source, destination, protocol, port: sent.port });
      assert.is(side.verdict, found.verdict, text(change));
      assert.equal(side.by, found.by, text(change));
    });
  }
});

test("twice the statements are twice the packets to evaluate and the cells to keep, or less", () => {
  const patterns: readonly ((n: number) => [Policy, Policy])[] = [
    moved,
    (n) => [
      times(n, (ip, c, i) => `deny ${c} -> ${ip}:${i + 1}`),
      times(n, (ip, c, i) => `reject ${c} -> ${ip}:${i + 1}`),
    ],
    (n) => [times(n, (ip, c) => `allow ${ip} -> ${c}`), times(n, () => "")],
    (n) => [
      times(n, (ip, c, i) => (i % 2 ? `publish ${i + 1} -> ${c}:80` : `deny ${c} -> ${ip}:${i + 1}`)),
      times(n, (ip, c, i) => (i % 2 ? `publish ${i + 1} -> ${c}:81` : `allow ${ip} -> ${c}:80`)),
    ],
  ];
  for (const pattern of patterns) {
    const [some, more] = [200, 400].map((n) => {
      const { one, kinds } = comparison(...pattern(n));
      const cells = kinds.reduce((sum, blocks) => sum + new Cells(one, blocks).count, 0);
      return { evaluations: one.evaluations, cells };
    });
    assert.ok(some !== undefined && more !== undefined);
    const figures = `${String(pattern)}: ${JSON.stringify([some, more])}`;
    assert.ok(more.evaluations < 2.2 * some.evaluations + 100, figures);
    assert.ok(more.evaluations < 400 * 40, figures);
    assert.ok(more.cells < 2.2 * some.cells + 100, figures);
  }
});

test("however few cells may be looked at, a cover has all that are wanted and none that is forbidden", () => {
  const counts = { boxes: 0, rows: 0 };
  fc.assert(
    fc.property(
      statements,
      statements,
      fc.constantFrom(0, 50, 500, 1e9),
      fc.constantFrom(0, 1e9),
      (a, b, patience, large) => {
        const [before, after] = [compileLenient(a).policy, compileLenient(b).policy];
        const axes = axesOf([before, after], relevant(before, after), { sources: true, destinations: true });
        const one = new Comparison(before, after, axes);
        for (const blocks of one.changes() ?? []) {
          const cells = new Cells(one, blocks);
          const covered = new Set<number>();
          const { boxes, rows } = cover(cells, { patience, large });
          for (const [xs, ys, zs] of [...boxes, ...rows] as Box[])
            for (const x of xs)
              for (const y of ys)
                for (const z of zs) {
                  assert.ok(cells.has(x, y, z) || cells.isEmpty(x, y));
                  covered.add(cells.key(x, y, z));
                }
          for (const key of cells.all().keys()) assert.ok(covered.has(key));
          counts.boxes += boxes.length;
          counts.rows += rows.length;
        }
      },
    ),
    { numRuns: 40 },
  );
  assert.ok(counts.boxes > 0 && counts.rows > 0, JSON.stringify(counts));
});

test.run();
