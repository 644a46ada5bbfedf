import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "../../grammar/parser.js";
import { Follower, type LiveChains } from "../../src/audit/trace.js";
import { plan } from "../../src/backend/nftables/plan.js";
import { readTraceLine, type TraceEvent } from "../../src/backend/nftables/trace-events.js";
import { Passes } from "../../src/backend/nftables/trace-passes.js";
import { traceRules } from "../../src/backend/nftables/trace-rules.js";
import { readQuery } from "../../src/ir/ask.js";
import { compile } from "../../src/ir/compile.js";
import { Diagnostics } from "../../src/text/diagnostic.js";

const test = suite("trace");

const POLICY = `network n { subnet 10.9.0.0/24; subnet fd09::/64; icc off }
container a { network n ip 10.9.0.5 ip fd09::5 }
container b { network n ip 10.9.0.6 ip fd09::6 }
allow a -> b:22
publish 8080 -> b:80`;
const { policy } = compile(POLICY, { file: "p.tsnet" });
const MARK = " limit rate 100/second burst 100 packets meta nftrace set 1";

/** The rules of a query, without what all of them have. */
function rules(text: string): string[] {
  const query = readQuery(policy, text, parse, new Diagnostics());
  assert.ok(query, text);
  return traceRules(policy, query, "t")
    .filter((line) => line.startsWith("add rule inet t "))
    .map((line) => {
      assert.ok(line.endsWith(MARK), line);
      return line.slice("add rule inet t ".length, -MARK.length);
    });
}

test("marks exactly the packets of a query, as they are sent", () => {
  assert.equal(rules("a -> b:22"), [
    "in meta nfproto ipv4 ip saddr { 10.9.0.5 } ip daddr { 10.9.0.6 } tcp dport { 22 }",
    "in meta nfproto ipv6 ip6 saddr { fd09::5 } ip6 daddr { fd09::6 } tcp dport { 22 }",
  ]);
  assert.equal(rules("10.0.0.1-10.0.0.9 -> host:{8080, 53/udp}"), [
    'in meta nfproto ipv4 iifname != "lo" ip saddr { 10.0.0.1-10.0.0.9 } ip saddr != { 10.9.0.5-10.9.0.6 } fib saddr type != local fib daddr type { local, broadcast, multicast } tcp dport { 8080 }',
    'in meta nfproto ipv4 iifname != "lo" ip saddr { 10.0.0.1-10.0.0.9 } ip saddr != { 10.9.0.5-10.9.0.6 } fib saddr type != local fib daddr type { local, broadcast, multicast } udp dport { 53 }',
  ]);
  assert.equal(rules("host -> b:icmp").slice(1), [
    "out meta nfproto ipv6 fib saddr type local ip6 daddr { fd09::6 } meta l4proto 58",
  ]);
  assert.equal(rules("a -> 192.0.2.1"), [
    "in meta nfproto ipv4 ip saddr { 10.9.0.5 } ip daddr { 192.0.2.1 } ip daddr != { 10.9.0.5-10.9.0.6 } fib daddr type != { local, broadcast, multicast }",
  ]);
});

const DEVICE = policy.containers[0]?.endpoints[0]?.device as string;

// As nft 1.0.6 writes them.
const PACKET = (chain: string, table = "tsnet-tsnet", id = "e08bd627"): string =>
  `trace id ${id} inet ${table} ${chain} packet: iif "${DEVICE}" ether saddr 02:42:0a:09:00:05 ether daddr 02:42:42:5c:e1:7e ip saddr 10.9.0.5 ip daddr 10.9.0.6 ip dscp cs0 ip ecn not-ect ip ttl 64 ip id 1196 ip protocol tcp ip length 60 tcp sport 57482 tcp dport 22 tcp flags == syn tcp window 64240 `;

test("reads nft's events", () => {
  const event = readTraceLine(PACKET("guard")) as TraceEvent;
  assert.equal([event.id, event.family, event.table, event.chain], ["e08bd627", "inet", "tsnet-tsnet", "guard"]);
  assert.equal(event.about.kind === "packet" && event.about.packet, {
    input: DEVICE,
    output: undefined,
    mac: "02:42:0a:09:00:05",
    source: { family: 4, value: 0x0a090005 },
    destination: { family: 4, value: 0x0a090006 },
    protocol: 6,
    port: 22,
    sourcePort: 57482,
    flags: "syn",
    icmpType: undefined,
  });
  const about = (rest: string) => readTraceLine(`trace id 1 inet t c ${rest}`)?.about;
  assert.equal(about('rule tcp dport 22 drop comment "(x) # handle 9" # handle 36 (verdict drop)'), {
    kind: "rule",
    rule: 'tcp dport 22 drop comment "(x) # handle 9"',
    handle: 36,
    verdict: "drop",
  });
  assert.equal(about("rule jump x # handle 3 (verdict jump x)"), {
    kind: "rule",
    rule: "jump x",
    handle: 3,
    verdict: "jump x",
  });
  assert.equal(about("policy accept "), { kind: "policy", verdict: "accept" });
  assert.equal(about("verdict continue "), { kind: "return", verdict: "continue" });
  for (const line of ["", "# ERROR: Device or resource busy", "add rule inet t c accept"])
    assert.is(readTraceLine(line), undefined);
  const flags = (text: string) => {
    const read = about(
      PACKET("c")
        .replace(/^.* c packet/, "packet")
        .replace("flags == syn", `flags == ${text}`),
    );
    return read?.kind === "packet" ? read.packet?.flags : undefined;
  };
  assert.equal(["syn,ack", "0x11", "0x18"].map(flags), ["syn,ack", "fin,ack", "psh,ack"]);
  const six = readTraceLine(
    'trace id 2 inet t c packet: oif "x" ip6 saddr fd09::5 ip6 daddr fd09::6 ip6 nexthdr ipv6-icmp icmpv6 type echo-request',
  );
  assert.is(six?.about.kind === "packet" && six.about.packet?.protocol, 58);
});

/** The plan's chains with handles of their own, as if loaded in this order. */
function liveChains(drifted = ""): LiveChains {
  let handle = 1;
  return new Map(
    plan(policy).tables.flatMap((table) =>
      table.chains.map((chain) => {
        const handles = chain.rules.map(() => handle++);
        if (chain.name === drifted) handles.push(handle++);
        return [`${table.family} ${table.name} ${chain.name}`, { hook: chain.hook?.hook, handles }] as const;
      }),
    ),
  );
}

/** What a follower makes of a packet that meets this rule of a chain. */
function follow(chain: string, index: number, verdict: string, chains = liveChains(), table = "t") {
  const follower = new Follower(policy, plan(policy), chains, "t", () => false);
  const handle = chains.get(`inet tsnet-tsnet ${chain}`)?.handles[index];
  const lines = [
    PACKET("in", table),
    PACKET("forward"),
    `trace id e08bd627 inet tsnet-tsnet ${chain} rule some text # handle ${handle} (verdict ${verdict})`,
    "trace id e08bd627 inet tsnet-tsnet forward policy accept ",
  ];
  const ended = lines.map((line) => follower.take(readTraceLine(line) as TraceEvent));
  return { ended, flow: follower.finish("e08bd627") };
}

test("finds the statement behind a step, and what the policy says of the packet", () => {
  const rule = plan(policy)
    .tables[0]?.chains.find(({ name }) => name === "cc4")
    ?.rules.findIndex(({ expressions }) => expressions.some((e) => e.kind === "lookup" && e.set === "allow-port4"));
  const { ended, flow } = follow("cc4", rule as number, "accept");
  assert.equal(ended, [false, false, false, false]);
  assert.equal(
    flow?.steps.map(({ hook, chain, effect, by }) => [hook, chain, effect, by.map(({ text }) => text).join()]),
    [["forward", "cc4", "accept", "allow a -> b:22"]],
  );
  assert.equal([flow?.verdict, flow?.decision.verdict], ["accept", "allow"]);
  assert.equal(
    flow?.decision.by.map(({ text }) => text),
    ["allow a -> b:22"],
  );
});

test("a drop ends the packet, whatever the policy says", () => {
  const { ended, flow } = follow("from4", 1, "drop");
  assert.equal(ended, [false, false, true, false]);
  assert.equal([flow?.verdict, flow?.decision.verdict], ["drop", "allow"]);
});

test("of a chain that isn't as planned no statement is claimed", () => {
  const { flow } = follow("cc4", 4, "accept", liveChains("cc4"));
  assert.equal(
    flow?.steps.map(({ object, by }) => [object, by]),
    [["some text", []]],
  );
});

/** The packets' ids of events `CHAIN` (a packet comes to it) and `CHAIN!` (a rule of it). */
function idsOf(hooks: Readonly<Record<string, string>>, ...events: string[]): string {
  const passes = new Passes((chain) => hooks[chain.split(" ")[2] as string]);
  const ids = events.map((event) => {
    const [chain = "", family = "inet"] = event.replace("!", "").split("@");
    const line = event.endsWith("!") ? "rule accept # handle 1 (verdict accept)" : 'packet: iif "x"';
    return passes.tell(readTraceLine(`trace id 1 ${family} t ${chain} ${line}`) as TraceEvent).id;
  });
  return ids.map((id) => [...new Set(ids)].indexOf(id)).join("");
}

test("a packet that comes to a chain or a hook again is another one of the same id", () => {
  const hooks = { o: "output", o2: "output", p: "postrouting", r: "prerouting", i: "input", b: "prerouting" };
  assert.is(idsOf(hooks, "o", "o!", "o2", "o2!", "p", "o", "o!", "o2"), "00000111");
  // The kernel asks the chains of translation of the first packet of a connection only.
  assert.is(idsOf(hooks, "o2", "p", "o", "o2", "p"), "00111");
  // On the loopback device, and where a bridge has what it forwards routed.
  assert.is(idsOf(hooks, "o", "o2", "p", "r", "i", "i!"), "000000");
  assert.is(idsOf({ ...hooks, c: "prerouting" }, "b@bridge", "r", "c@bridge", "i"), "0000");
  const passes = new Passes(() => "output");
  const event = readTraceLine(PACKET("output")) as TraceEvent;
  const { id } = passes.tell(event);
  passes.end(id);
  assert.is.not(passes.tell({ ...event, chain: "other" }).id, id);
});

test("packets that somebody else traces are left out", () => {
  assert.is(follow("cc4", 0, "accept", liveChains(), "t2").flow, undefined);
});

test.run();
