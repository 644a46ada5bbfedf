import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import { type Tuple } from "../../src/measure/workload.js";
import { addressOf, another, base, policy, statement, statements, tuples } from "../../src/measure/workload.js";
import { edits } from "../../src/measure/unchanged.js";
import { PEERS } from "../../src/measure/peers.js";

const keyOf = ({ source, container, port }: Tuple): string => `${source} ${container} ${port}`;

test("N distinct statements, the same every time, and each a prefix of the greater", () => {
  const all = tuples(5_000);
  assert.is(new Set(all.map(keyOf)).size, 5_000);
  assert.equal(tuples(100), all.slice(0, 100));
});

test("what churn adds is in no workload, and is distinct", () => {
  const added = Array.from({ length: 70_000 }, (_, i) => keyOf(another(i)));
  assert.is(new Set(added).size, added.length);
  const there = new Set(tuples(5_000).map(keyOf));
  assert.is(
    added.some((key) => there.has(key)),
    false,
  );
});

test("the policy compiles without a word, one rule a statement, at the addresses that the peers get", () => {
  for (const text of [base(), policy(tuples(50)), ...Object.values(edits(50))]) {
    const { diagnostics, failed } = compile(text);
    assert.is(failed, false, diagnostics[0]?.message);
  }
  const { policy: compiled } = compile(policy(tuples(50)));
  assert.is(compiled.rules.length, 50);
  assert.is(addressOf(3), "10.199.0.5");
});

test("an edit is one line", () => {
  const { first, changed, inserted } = edits(9);
  const [a, b] = [first.split("\n"), changed.split("\n")];
  assert.is(a.filter((line, i) => line !== b[i]).length, 1);
  assert.is(inserted.slice(inserted.indexOf("\n") + 1), changed);
});

test("words for people", () => {
  assert.is(statement({ source: "192.0.2.1", container: 4, port: 22 }), "allow 192.0.2.1 -> c4:22");
  assert.is(statements(1), "1 statement");
  assert.is(statements(10_000), "10,000 statements");
});

const ONE: Tuple = { source: "192.0.2.1", container: 0, port: 22 };

test("every peer gets the tuple in its own words", () => {
  const texts = Object.fromEntries(PEERS.map(({ name, text }) => [name, text([ONE])]));
  assert.ok(texts["nft -f"]?.includes("elements = { 192.0.2.1 . 10.199.0.2 . tcp . 22 : accept }"));
  assert.ok(texts["nft -f"]?.includes("size 2\n"));
  assert.ok(texts["nft -j -f"]?.includes('[{"concat":["192.0.2.1","10.199.0.2","tcp",22]},{"accept":null}]'));
  const rule = "-A FORWARD -s 192.0.2.1 -d 10.199.0.2 -p tcp --dport 22 -j ACCEPT\nCOMMIT\n";
  assert.ok(texts["iptables-restore"]?.endsWith(rule));
  assert.is(texts["iptables-legacy-restore"], texts["iptables-restore"]);
  assert.ok(texts["ipset restore"]?.endsWith("\nadd hand 192.0.2.1,tcp:22,10.199.0.2\n"));
  assert.ok(texts["ferm"]?.includes("saddr 192.0.2.1 daddr 10.199.0.2 proto tcp dport 22 ACCEPT;\n"));
  const edited = PEERS.flatMap(({ name, edit }) =>
    edit === undefined ? [] : [[name, edit(ONE, "delete").args.join(" ")]],
  );
  assert.equal(Object.fromEntries(edited), {
    "nft -f": "delete element inet hand m { 192.0.2.1 . 10.199.0.2 . tcp . 22 : accept }",
    "iptables-restore": "-w -D FORWARD -s 192.0.2.1 -d 10.199.0.2 -p tcp --dport 22 -j ACCEPT",
    "iptables-legacy-restore": "-w -D FORWARD -s 192.0.2.1 -d 10.199.0.2 -p tcp --dport 22 -j ACCEPT",
    "ipset restore": "del hand 192.0.2.1,tcp:22,10.199.0.2",
  });
});

test.run();
