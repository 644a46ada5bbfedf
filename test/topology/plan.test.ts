import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deviceName } from "../../src/ir/addresses.js";
import { formatTopology } from "../../src/topology/format.js";
import { bridgeMac, planTopology } from "../../src/topology/plan.js";
import type { EndpointPlan, Sysctl, Topology } from "../../src/topology/topology.js";
import { makePolicy, type PolicyText, SHOP } from "./policies.js";

const test = suite("planTopology");

function plan(text: PolicyText): Topology {
  return planTopology(makePolicy(text));
}

function endpoint(topology: Topology, container: string, index = 0): EndpointPlan {
  const found = topology.sandboxes.find((sandbox) => sandbox.container === container)?.endpoints[index];
  if (found === undefined) throw new Error(`no endpoint ${index} of ${container}`);
  return found;
}

function values(sysctls: readonly Sysctl[]): Record<string, string> {
  return Object.fromEntries(sysctls.map(({ path, value }) => [path.replace(/conf\/[^/]+\//, ""), value]));
}

test("a network of both families", () => {
  const [front] = plan({
    ...SHOP,
    networks: [{ name: "front", subnets: ["10.84.1.0/24", "fd84:1::/64"], mtu: 1400 }, SHOP.networks[1] as never],
  }).bridges;
  assert.is(front?.alias, "tsnet:tsnet/front");
  assert.is(front?.mtu, 1400);
  assert.equal(front?.addresses, ["10.84.1.1/24", "fd84:1::1/64"]);
  assert.equal(values(front?.sysctls ?? []), {
    "ipv6/addr_gen_mode": "1",
    "ipv6/accept_ra": "0",
    "ipv6/disable_ipv6": "0",
  });
  assert.equal(
    front?.routes.map(({ to, metric }) => [to, metric]),
    [["fd84:1::/64", 100]],
  );
  assert.match(front?.mac ?? "", /^02:42(:[0-9a-f]{2}){4}$/);
});

test("a network without IPv6 has it off", () => {
  const back = plan(SHOP).bridges[1];
  assert.equal(values(back?.sysctls ?? []), { "ipv6/disable_ipv6": "1" });
  assert.equal(back?.routes, []);
});

test("a bridge's MAC comes from the names alone, and its endpoints' host ends bear it", () => {
  assert.is(bridgeMac("tsnet", "front"), bridgeMac("tsnet", "front"));
  assert.is.not(bridgeMac("tsnet", "front"), bridgeMac("other", "front"));
  assert.is.not(bridgeMac("tsnet", "front"), bridgeMac("tsnet", "back"));
  const topology = plan(SHOP);
  assert.is(endpoint(topology, "c1").hostMac, topology.bridges[0]?.mac);
  assert.is(endpoint(topology, "c3", 0).hostMac, topology.bridges[1]?.mac);
});

test("an endpoint's host end: the gateway, and a route and a permanent neighbour to the endpoint alone", () => {
  const { device, alias, hostAddresses, hostRoutes, hostNeighbours, hostSysctls } = endpoint(plan(SHOP), "c1");
  assert.is(device, deviceName("tsnet", "c1", "front"));
  assert.is(alias, "tsnet:tsnet/front/c1");
  assert.equal(hostAddresses, ["10.84.1.1/32", "fd84:1::1/128"]);
  const none = { via: undefined, device };
  assert.equal(hostRoutes, [
    { to: "10.84.1.11", ...none, source: "10.84.1.1", family: 4, metric: undefined },
    { to: "fd84:1::11", ...none, source: "fd84:1::1", family: 6, metric: 100 },
  ]);
  const mac = "02:42:0a:54:01:0b";
  assert.equal(hostNeighbours, [
    { address: "10.84.1.11", mac, device, family: 4 },
    { address: "fd84:1::11", mac, device, family: 6 },
  ]);
  assert.equal(values(hostSysctls), {
    "ipv4/forwarding": "1",
    "ipv4/rp_filter": "2",
    "ipv4/send_redirects": "0",
    "ipv4/accept_redirects": "0",
    "ipv4/route_localnet": "0",
    "ipv6/addr_gen_mode": "1",
    "ipv6/accept_ra": "0",
    "ipv6/disable_ipv6": "0",
    "ipv6/accept_redirects": "0",
    "ipv6/force_forwarding": "1",
  });
});

test("inside: addresses, the gateway on the link, the subnet and the rest through it", () => {
  const { inside, hostMac } = endpoint(plan(SHOP), "c1");
  assert.is(inside.device, "eth0");
  assert.is(inside.mac, "02:42:0a:54:01:0b");
  assert.equal(inside.addresses, ["10.84.1.11/24", "fd84:1::11/64"]);
  assert.equal(
    inside.routes.map(({ to, via, metric }) => [to, via, metric]),
    [
      ["10.84.1.1", undefined, undefined],
      ["10.84.1.0/24", "10.84.1.1", undefined],
      ["default", "10.84.1.1", undefined],
      ["fd84:1::1", undefined, 100],
      ["fd84:1::/64", "fd84:1::1", 100],
      ["default", "fd84:1::1", 100],
    ],
  );
  assert.equal(
    inside.neighbours.map(({ address, mac }) => [address, mac]),
    [
      ["10.84.1.1", hostMac],
      ["fd84:1::1", hostMac],
    ],
  );
  assert.equal(values(inside.sysctls), {
    "ipv4/rp_filter": "2",
    "ipv6/addr_gen_mode": "1",
    "ipv6/accept_ra": "0",
    "ipv6/disable_ipv6": "0",
  });
});

function defaults(topology: Topology, container: string): string[] {
  const sandbox = topology.sandboxes.find((each) => each.container === container);
  const routes = sandbox?.endpoints.flatMap(({ inside }) => inside.routes) ?? [];
  return routes.filter(({ to }) => to === "default").map(({ via, device }) => `${via} ${device}`);
}

test("the default route is the first network's that leads out", () => {
  assert.equal(defaults(plan(SHOP), "c3"), ["10.84.1.1 eth1", "fd84:1::1 eth1"]);
});

test("the default route is the first network's when none leads out, and each family's own", () => {
  const topology = plan({
    networks: [
      { name: "a", subnets: ["10.84.1.0/24"], internal: true },
      { name: "b", subnets: ["10.84.2.0/24", "fd84:2::/64"], internal: true },
    ],
    containers: [
      {
        name: "c",
        on: [
          ["a", "10.84.1.2"],
          ["b", "10.84.2.2", "fd84:2::2"],
        ],
      },
    ],
  });
  assert.equal(defaults(topology, "c"), ["10.84.1.1 eth0", "fd84:2::1 eth1"]);
});

function published(...hosts: (string | undefined)[]): EndpointPlan {
  return endpoint(plan({ ...SHOP, publishes: hosts.map((host, i) => [host, 8000 + i, "c1", 80] as const) }), "c1");
}

function loopback(plan: EndpointPlan): [string, boolean] {
  return [
    values(plan.hostSysctls)["ipv4/route_localnet"] ?? "",
    plan.hostRoutes.some(
      ({ to, type, table, metric }) => to === "::1" && type === "local" && table === "local" && metric === 1024,
    ),
  ];
}

test("a publish on loopback, and only such, opens loopback's way back", () => {
  assert.equal(loopback(published()), ["0", false]);
  assert.equal(loopback(published(undefined)), ["1", true]);
  assert.equal(loopback(published("127.0.0.1")), ["1", false]);
  assert.equal(loopback(published("127.8.8.8")), ["1", false]);
  assert.equal(loopback(published("::1")), ["0", true]);
  assert.equal(loopback(published("198.51.100.1", "2001:db8::1")), ["0", false]);
  const others = plan({ ...SHOP, publishes: [[undefined, 80, "c1", 80]] });
  assert.equal(loopback(endpoint(others, "c2")), ["0", false]);
});

test("how a container comes by its namespace", () => {
  const topology = plan({
    networks: [{ name: "n", subnets: ["10.84.1.0/24"] }],
    containers: [
      { name: "own/1", on: [["n", "10.84.1.2"]] },
      { name: "bound", sandbox: { kind: "netns", path: "/run/netns/x" }, on: [["n", "10.84.1.3"]] },
      { name: "process", sandbox: { kind: "pid", pid: 4242 }, on: [["n", "10.84.1.4"]] },
      { name: "none", sandbox: { kind: "none" } },
      { name: "host", sandbox: { kind: "host" } },
      { name: "shared", sandbox: { kind: "container", other: "none" } },
    ],
  });
  assert.equal(
    topology.sandboxes.map(({ path, adopted, endpoints }) => [path, adopted, endpoints.length]),
    [
      ["/run/tsnet/netns/tsnet/own%2F1", false, 1],
      ["/run/netns/x", true, 1],
      ["/proc/4242/ns/net", true, 1],
      ["/run/tsnet/netns/tsnet/none", false, 0],
    ],
  );
});

test("what must be forwarded", () => {
  assert.equal(plan(SHOP).forwards, { v4: true, v6: true });
  assert.equal(plan({ networks: [], containers: [{ name: "x", sandbox: { kind: "none" } }] }).forwards, {
    v4: false,
    v6: false,
  });
});

test("the same policy gives the same value and text, and JSON keeps it", () => {
  assert.equal(plan(SHOP), plan(SHOP));
  const text = formatTopology(plan(SHOP));
  assert.is(text, formatTopology(plan(SHOP)));
  assert.match(text, /^# container c1$/m);
  assert.match(text, /^nsenter --net=\S+\/c1 ip route replace 0\.0\.0\.0\/0 via 10\.84\.1\.1 dev eth0 protocol 83$/m);
  assert.ok(text.endsWith("\n"));
});

test("a name with a newline stays in its comment", () => {
  const text = formatTopology(plan({ networks: [], containers: [{ name: "a\nrm -rf /", sandbox: { kind: "none" } }] }));
  assert.not.match(text, /^rm/m);
});

test.run();
