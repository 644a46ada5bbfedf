import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress } from "../../src/net/address.js";
import { planCells } from "../../src/probe/cells.js";
import { MOST_CONTAINERS } from "../../src/probe/ends.js";
import { planPlace } from "../../src/probe/place.js";
import { MOST_CONNECTIONS, MOST_ECHOES } from "../../src/probe/thin.js";
import { cellsOf, policyOf, verdict, verdicts } from "./text.js";

const test = suite("cells");

test("the one-line policy, every pair by hand", () => {
  const cells = cellsOf("allow c2 -> c1:22, icc off, publish 49153->8080");
  const table: [string, string, string, string | undefined][] = [
    ["c2", "c1", "22/tcp", "allow"],
    ["c2", "c1", "22/udp", "deny"],
    ["c2", "c1", "40404/tcp", "deny"],
    ["c2", "c1", "40404/udp", "deny"],
    ["c2", "c1", "icmp", "deny"],
    // The published port asked for directly: the publish opens the host's port alone.
    ["c2", "c1", "8080/tcp", "deny"],
    // The other direction of the rule.
    ["c1", "c2", "22/tcp", "deny"],
    ["c1", "c2", "icmp", "deny"],
    // What a rule opens for one, tried by others.
    ["world", "c1", "22/tcp", "deny"],
    ["host", "c1", "22/tcp", "allow"],
    ["c1", "host", "40404/tcp", "allow"],
    ["c1", "world", "icmp", "allow"],
    ["host", "c1", "8080/tcp", "allow"],
    ["world", "c1", "8080/tcp", "deny"],
    ["world", "c2", "40404/udp", "deny"],
    // Through the publish: everybody, the target too.
    ["c1", "host", "49153/tcp", "allow"],
    ["c2", "host", "49153/tcp", "allow"],
    ["host", "host", "49153/tcp", "allow"],
    ["world", "host", "49153/tcp", "allow"],
    // No container at either end: no cell.
    ["world", "host", "40404/tcp", undefined],
    ["host", "host", "40404/tcp", undefined],
    ["host", "world", "40404/tcp", undefined],
  ];
  for (const [from, to, service, expected] of table) {
    assert.is(verdict(cells, from, to, service), expected, `${from} -> ${to}:${service}`);
  }
  assert.equal(Object.keys(verdicts(cells, "host", "host", "49153/tcp")), ["198.51.100.1", "10.83.0.1", "127.0.0.1"]);
  const through = cells.find((cell) => cell.from === "c1" && cell.port === 49153);
  assert.equal(
    through?.targets.map(({ name, port }) => [name, port]),
    [["c1", 8080]],
  );
});

test("verdicts of each verb, and of ranges at their ends and right outside", () => {
  const cells = cellsOf("icc off; allow a -> b:8000-8010; reject a -> b:9; deny a -> b:8005; reject a -> world:25");
  const expected = { "8000/tcp": "allow", "8010/tcp": "allow", "8005/tcp": "deny", "9/tcp": "reject" };
  for (const [service, said] of Object.entries(expected)) assert.is(verdict(cells, "a", "b", service), said, service);
  assert.is(verdict(cells, "a", "b", "7999/tcp"), "deny");
  assert.is(verdict(cells, "a", "b", "8011/tcp"), "deny");
  assert.is(verdict(cells, "a", "world", "25/tcp"), "reject");
});

test("each address of the world that statements tell apart", () => {
  const cells = cellsOf("publish 443 -> c from 192.0.2.0/24; allow 203.0.113.0/24 -> c:22; deny c -> 192.0.2.0/24");
  assert.equal(verdicts(cells, "world", "host", "443/tcp"), {
    "198.51.100.2 198.51.100.1": "deny",
    "198.51.100.2 10.83.0.1": "deny",
    "192.0.2.9 198.51.100.1": "allow",
    "192.0.2.9 10.83.0.1": "allow",
    "203.0.113.9 198.51.100.1": "deny",
    "203.0.113.9 10.83.0.1": "deny",
  });
  assert.equal(verdicts(cells, "world", "c", "22/tcp"), {
    "198.51.100.2 10.83.166.241": "deny",
    "192.0.2.9 10.83.166.241": "deny",
    "203.0.113.9 10.83.166.241": "allow",
  });
  const out = verdicts(cells, "c", "world", "40404/tcp");
  assert.equal(out, { "198.51.100.2": "allow", "192.0.2.9": "deny", "203.0.113.9": "allow" });
});

test("a publish on one address: loopback is the host's alone, another address the host gets", () => {
  const cells = cellsOf("publish 127.0.0.1:80 -> c; publish 192.0.2.10:81 -> c");
  assert.equal(verdicts(cells, "host", "host", "80/tcp"), { "127.0.0.1": "allow" });
  assert.equal(verdicts(cells, "world", "host", "80/tcp"), {});
  assert.equal(verdicts(cells, "world", "host", "81/tcp"), { "198.51.100.2 192.0.2.10": "allow" });
  // To a container the other addresses are the host's own ports, which it may reach.
  const own = cells.filter((cell) => cell.from === "c" && cell.to === "host" && cell.port === 80);
  assert.ok(own.every((cell) => cell.via === undefined && cell.targets[0]?.name === "host"));
});

test("connections that are spread: mixed where the policy speaks differently of the targets", () => {
  const cells = cellsOf("publish 80 -> {w1, w2}:8080; deny c -> w1");
  assert.is(verdict(cells, "c", "host", "80/tcp"), "mixed");
  assert.is(verdict(cells, "world", "host", "80/tcp"), "allow");
  const spread = cells.find((cell) => cell.from === "c" && cell.port === 80);
  assert.equal(
    spread?.decisions.map((decision) => decision.verdict),
    ["deny", "allow"],
  );
});

test("both families, each with its own addresses", () => {
  const cells = cellsOf("network default { subnet 10.9.0.0/16; subnet fd09::/64 }; publish 80 -> a; deny b -> a:icmp");
  assert.equal(Object.keys(verdicts(cells, "host", "host", "80/tcp")).sort(), [
    "10.9.0.1",
    "127.0.0.1",
    "198.51.100.1",
    "2001:db8:100::1",
    "::1",
    "fd09::1",
  ]);
  assert.is(Object.keys(verdicts(cells, "b", "a", "icmp")).length, 2);
  assert.is(verdict(cells, "b", "a", "icmp"), "deny");
});

test("a container without a network of its own is no end", () => {
  const text =
    "container a { }; container b { mode host }; container c { mode none }; container d { mode container:a }";
  const cells = cellsOf(text);
  assert.equal([...new Set(cells.map((cell) => cell.from))].sort(), ["a", "host", "world"]);
});

test("nothing probes itself, and both ends have one family", () => {
  const policy = policyOf("network x { subnet fd01::/64 }; container a { network x }; container b { network default }");
  for (const cell of planCells(policy, planPlace(policy)).cells) {
    assert.is(cell.source.family, cell.destination.family);
    if (cell.via === undefined) assert.is.not(cell.from, cell.to);
  }
});

test("many containers: all while there is room, then some of each kind", () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => `container c${i} { }`).join("; ");
  const policy = policyOf(`${many(120)}; icc off; allow c7 -> c119:22; deny c3 -> world`);
  const { cells, represented, left } = planCells(policy, planPlace(policy));
  assert.is(represented, 120 - MOST_CONTAINERS);
  assert.is(verdict(cells, "c7", "c119", "22/tcp"), "allow");
  assert.is(cells.filter((cell) => cell.from === "c3" && cell.to === "world" && cell.expected === "deny").length, 3);
  assert.ok(left > 0);
  assert.is(cells.filter((cell) => cell.proto === "icmp").length, MOST_ECHOES);
  assert.is(cells.filter((cell) => cell.proto !== "icmp").length <= MOST_CONNECTIONS, true);
  const few = policyOf(many(10));
  const all = planCells(few, planPlace(few));
  assert.equal([all.left, all.represented], [0, 0]);
  assert.is(new Set(all.cells.map((cell) => `${cell.from} ${cell.to}`)).size, 90 + 10 + 10 + 20);
});

test("cells are the same every time", () => {
  const text = "icc off; allow {a, b} -> c:{22, 80-90}; publish 80 -> {a, b}:80; deny 10.0.0.0/8 -> c";
  const shown = () => cellsOf(text).map((cell) => `${cell.from} ${formatAddress(cell.destination)} ${cell.port}`);
  assert.equal(shown(), shown());
});

test.run();
