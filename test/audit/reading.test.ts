/** Rules of others, as nft and iptables list them, in the plan's own type. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { spelledOut } from "../../src/audit/compat-text.js";
import { parseSave } from "../../src/audit/iptables-save.js";
import { type ReadRule, readTable } from "../../src/backend/nftables/from-json.js";
import type { Listed } from "../../src/backend/nftables/listing.js";

const test = suite("audit: reading rules of others");

/** The rules of a table with this one chain. */
function saved(...rules: string[]): readonly ReadRule[] {
  const lines = [
    "*filter",
    ":FORWARD ACCEPT [0:0]",
    ":constructor - [0:0]",
    ...rules.map((rule) => `-A FORWARD ${rule}`),
    "COMMIT",
  ];
  return parseSave(lines.join("\n"), 4)[0]?.chains[0]?.rules ?? [];
}

function listed(...expressions: Listed[]): ReadRule {
  const chain = { name: "c", type: "filter", hook: "forward", prio: 0 };
  const table = { family: "ip", name: "f", flagged: false, dormant: false, sets: [], flowtables: [] };
  const rules = [{ chain: "c", handle: 1, expr: expressions }];
  const [rule] = readTable({ ...table, chains: [chain], rules }, true).chains[0]?.rules ?? [];
  if (rule === undefined) throw new Error("no rule");
  return rule;
}

const DROP = { kind: "verdict", target: { verdict: "drop" } };
const drop = { drop: null };
const match = (left: Listed, right: unknown, op = "=="): Listed => ({ match: { op, left, right } });
const payload = (protocol: string, field: string): Listed => ({ payload: { protocol, field } });

test("what iptables calls states", () => {
  const rule = (state: string): ReadRule => saved(`-m conntrack ${state} -j DROP`)[0] as ReadRule;
  const is = (state: string, ...conditions: object[]): void => {
    assert.equal(rule(state).expressions, [...conditions, DROP], state);
    assert.is(rule(state).uncertain, false, state);
  };
  is("--ctstate DNAT", { kind: "match", key: "ct status", value: "dnat" });
  is("! --ctstate DNAT", { kind: "match", key: "ct status", not: true, value: "dnat" });
  is("! --ctstate SNAT", { kind: "match", key: "ct status", not: true, value: "snat" });
  is("--ctstate NEW", { kind: "match", key: "ct state", value: "new" });
  is(
    "! --ctstate RELATED,ESTABLISHED",
    { kind: "match", key: "ct state", not: true, value: "related" },
    { kind: "match", key: "ct state", not: true, value: "established" },
  );
  // A packet is translated at its source behind the hook, so only later ones of the connection are known as such.
  for (const vague of ["--ctstate SNAT", "--ctstate NEW,DNAT", "--ctstate FROZEN", "--ctstate ESTABLISHED"])
    assert.is(rule(vague).uncertain, true, vague);
});

test("a chain or an option that every object has is none that is known", () => {
  const [called, other] = saved("-j constructor", "--toString x -j DROP");
  assert.equal(called?.expressions, [{ kind: "verdict", target: { verdict: "jump", chain: "constructor" } }]);
  assert.is(called?.uncertain, false);
  assert.is(other?.uncertain, true);
});

test("a target that is neither known nor a chain makes its rule uncertain", () => {
  const [rule] = saved("-d 10.0.0.1/32 -j FROBNICATE");
  assert.is(rule?.uncertain, true);
  assert.equal(rule?.kinds, ["xt"]);
  assert.equal(rule?.expressions, [{ kind: "match", key: "ip daddr", value: 0x0a000001 }]);
});

test("flags, kinds of ICMP and ranges of addresses, as iptables has them", () => {
  const is = (rule: string, ...conditions: object[]): void => {
    const [read] = saved(`${rule} -j DROP`);
    assert.equal(read?.expressions, [...conditions, DROP], rule);
    assert.is(read?.uncertain, false, rule);
  };
  const syn = { kind: "flags", mask: ["fin", "syn", "rst", "ack"], value: ["syn"] };
  is("-m tcp --tcp-flags FIN,SYN,RST,ACK SYN", { ...syn, not: false });
  is("-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN", { ...syn, not: true });
  is("-m tcp --tcp-flags SYN NONE", { kind: "flags", mask: ["syn"], not: false, value: [] });
  is("-m icmp --icmp-type 8", { kind: "match", key: "icmp type", value: "echo-request" });
  is("-m icmp --icmp-type 3/1", { kind: "match", key: "icmp type", value: "3/1" });
  is("-m icmp --icmp-type any");
  is("-m iprange --dst-range 10.0.0.1-10.0.0.9", {
    kind: "match",
    key: "ip daddr",
    value: { from: 0x0a000001, to: 0x0a000009 },
  });
});

test("what nft's text says in place of the names of iptables' matches", () => {
  const xt = (name: string, type = "match"): Listed => ({ xt: { type, name } });
  const is = (name: string, text: string, ...conditions: object[]): void => {
    const rule = listed(...spelledOut([xt(name), drop], `${text} drop`));
    assert.equal(rule.expressions, [...conditions, DROP], text);
    assert.is(rule.uncertain, false, text);
  };
  is("conntrack", "ct state new", { kind: "among", key: "ct state", values: ["new"] });
  is(
    "state",
    "ct state ! related,established",
    { kind: "match", key: "ct state", not: true, value: "related" },
    { kind: "match", key: "ct state", not: true, value: "established" },
  );
  is(
    "multiport",
    "meta l4proto tcp tcp dport { 80, 90-99 }",
    { kind: "match", key: "meta l4proto", value: 6 },
    { kind: "among", key: "th dport", values: [80, { from: 90, to: 99 }] },
  );
  is("addrtype", "fib daddr type != local", { kind: "match", key: "fib daddr type", not: true, value: "local" });
  is("icmp", "icmp type echo-request", { kind: "among", key: "icmp type", values: ["echo-request"] });
  is("iprange", "ip daddr 10.0.0.1-10.0.0.2", {
    kind: "among",
    key: "ip daddr",
    values: [{ from: 0x0a000001, to: 0x0a000002 }],
  });
  // What the text leaves out, what asks for more, and what may be another's.
  for (const [name, text] of [
    ["conntrack", "xt match conntrack"],
    ["conntrack", "ct state new ct original daddr 10.0.0.1"],
    ["conntrack", 'comment "ct state new"'],
    ["multiport", "tcp sport . tcp dport { 0-65535 . 80 }"],
    ["tcp", "tcp dport 80 tcp flags syn / fin,syn"],
    ["addrtype", "fib daddr . iif type local"],
    ["constructor", "ct state new"],
  ] as const)
    assert.is(listed(...spelledOut([xt(name), drop], `${text} drop`)).uncertain, true, text);
  assert.equal(spelledOut([xt("REJECT", "target")], "reject"), [{ reject: null }]);
});

test("what is written into packets is told apart", () => {
  const mangle = (key: Listed): ReadRule => listed({ mangle: { key, value: 1 } });
  for (const key of [{ meta: { key: "mark" } }, { ct: { key: "mark" } }, payload("ip", "dscp"), payload("ip", "ttl")])
    assert.equal([mangle(key).rewrites, mangle(key).uncertain], [undefined, false], JSON.stringify(key));
  assert.is(mangle({ "tcp option": { name: "maxseg", field: "size" } }).rewrites, undefined);
  for (const key of [payload("ip", "daddr"), payload("th", "sport"), { payload: { base: "nh", offset: 96, len: 32 } }])
    assert.equal([mangle(key).rewrites, mangle(key).uncertain], [true, false], JSON.stringify(key));
  assert.is(mangle(payload("ether", "saddr")).rewrites, true);
  assert.equal([mangle({ ct: { key: "zone" } }).rewrites, mangle({ ct: { key: "zone" } }).uncertain], [true, true]);
});

test("thresholds, and sets that may be full, are no certain conditions", () => {
  const add = { op: "add", elem: payload("ip", "saddr"), set: "@s" };
  for (const vague of [{ "ct count": { val: 9, inv: true } }, { set: add }, { set: { ...add, stmt: [{ limit: {} }] } }])
    assert.equal([listed(vague, drop).uncertain, listed(vague, drop).expressions], [true, [DROP]]);
});

test("orders, lists that are not meant, and concatenations", () => {
  const port = payload("tcp", "dport");
  const tcp = { kind: "match", key: "meta l4proto", value: 6 };
  const read = (...list: Listed[]): unknown => {
    const rule = listed(...list, drop);
    assert.is(rule.uncertain, false);
    return rule.expressions.slice(0, -1);
  };
  const range = (from: number, to: number): object => ({ kind: "match", key: "th dport", value: { from, to } });
  assert.equal(read(match(port, 23, "<")), [tcp, range(0, 22)]);
  assert.equal(read(match(port, 23, "<=")), [tcp, range(0, 23)]);
  assert.equal(read(match(port, 23, ">")), [tcp, range(24, 65535)]);
  assert.equal(read(match(port, 23, ">=")), [tcp, range(23, 65535)]);
  const not = (value: string): object => ({ kind: "match", key: "ct state", not: true, value });
  const state = { ct: { key: "state" } };
  assert.equal(read(match(state, { "|": ["established", "related"] }, "!=")), [not("established"), not("related")]);
  const both = match({ concat: [payload("ip", "daddr"), port] }, { set: [{ concat: ["10.0.0.1", 22] }] });
  assert.equal(read(both), [tcp, { kind: "lookup", keys: ["ip daddr", "th dport"], set: "(in the rule) 0" }]);
});

test("a rule that only later packets of connections meet is uncertain where it refuses", () => {
  const established = match({ ct: { key: "state" } }, "established", "in");
  assert.equal([listed(established, drop).uncertain, listed(established, drop).expressions], [true, [DROP]]);
  assert.is(listed(established, { accept: null }).uncertain, false);
  assert.is(listed(match({ ct: { key: "state" } }, "invalid", "in"), drop).uncertain, false);
  assert.is(listed(match({ ct: { key: "state" } }, ["new", "established"], "in"), drop).uncertain, false);
});

test.run();
