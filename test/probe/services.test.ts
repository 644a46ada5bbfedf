import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ALL_PORTS, ICMP, portSet, TCP, UDP } from "../../src/net/ports.js";
import { MOST_PUBLISHED, MOST_SERVICES, serviceName, servicesWorth, unnamedPorts } from "../../src/probe/services.js";
import { policyOf } from "./text.js";

const test = suite("services");

const UNNAMED = unnamedPorts(policyOf("allow a -> b:22"));

function names(worth: ReturnType<typeof servicesWorth>): string[] {
  return worth.services.map(serviceName);
}

test("without rules: a port of each protocol that nobody names, and icmp", () => {
  assert.equal(names(servicesWorth([ALL_PORTS], [], [], UNNAMED)), ["40404/tcp", "40404/udp", "icmp"]);
});

test("a named port, and the same number in the other protocol", () => {
  const worth = servicesWorth([portSet(TCP, [22, 22])], [], [], UNNAMED);
  assert.equal(names(worth), ["22/tcp", "40404/tcp", "22/udp", "40404/udp", "icmp"]);
});

test("a range: both ends and right outside", () => {
  const worth = servicesWorth([portSet(UDP, [8000, 8010])], [], [], UNNAMED);
  assert.equal(
    names(worth).filter((name) => name.startsWith("80") || name.startsWith("79")),
    ["8000/tcp", "7999/udp", "8000/udp", "8010/udp", "8011/udp"],
  );
  const edges = servicesWorth([portSet(TCP, [0, 65535])], [], [], UNNAMED);
  assert.ok(names(edges).includes("1/tcp") && names(edges).includes("65535/tcp"));
});

test("icmp alone adds nothing twice", () => {
  assert.equal(names(servicesWorth([portSet(ICMP, null)], [], [], UNNAMED)), ["40404/tcp", "40404/udp", "icmp"]);
});

test("never more than there is room for, and the others are counted", () => {
  const ports = Array.from({ length: 30 }, (_, i) => portSet(TCP, [100 + 2 * i, 100 + 2 * i]));
  const worth = servicesWorth(ports, [], [], UNNAMED);
  assert.is(worth.services.length, MOST_SERVICES);
  assert.is(worth.left, 3 + 30 + 1 - MOST_SERVICES);
  const published = Array.from({ length: 100 }, (_, i) => ({ protocol: TCP, port: 1000 + i }));
  assert.is(servicesWorth([], published, [], UNNAMED).services.length, 3 + MOST_PUBLISHED);
});

test("the port that nobody names is really none that somebody does", () => {
  const unnamed = unnamedPorts(policyOf("allow a -> b:{40000-50000, 1-65535/udp}; publish 50001 -> b:50002"));
  assert.is(unnamed.get(TCP), 50003);
  assert.is(unnamed.get(UDP), undefined);
});

test.run();
