import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Actual, ActualSandbox } from "../../src/topology/actual.js";
import { type Difference, differ } from "../../src/topology/difference.js";
import { hostsPath } from "../../src/topology/names.js";
import { planTopology } from "../../src/topology/plan.js";
import type { Stack, StackAddress, StackLink, StackRoute } from "../../src/topology/stack.js";
import type { Cidr, RoutePlan, Topology } from "../../src/topology/topology.js";
import { placesOf, PREPARE, RAISE, RETIRE, type Work } from "../../src/topology/work.js";
import { makePolicy, type PolicyText, SHOP } from "./policies.js";

const test = suite("differ");

type PolicyContainer = PolicyText["containers"][number];

const plan = (text: PolicyText) => planTopology(makePolicy(text));

const NOTHING: Stack = { links: new Map(), routes: [], neighbours: [] };

function empty(policy = "tsnet"): Actual {
  const nothing = { sandboxes: new Map(), sysctls: new Map(), hosts: new Map(), shares: new Map<string, boolean>() };
  return { policy, cutOff: false, host: NOTHING, hostId: "4:1", ...nothing };
}

function address(text: Cidr, noPrefixRoute: boolean): StackAddress {
  return { address: text, family: text.includes(":") ? 6 : 4, noPrefixRoute, linkLocal: false };
}

function route(planned: RoutePlan): StackRoute {
  const { to, via, device, source, family, metric, type = "unicast", table = "main" } = planned;
  return { to, via, device, source, family, metric, type, table, protocol: "83" };
}

/** What a machine holds after a topology was applied to it. */
function applied(topology: Topology): Actual {
  let index = 10;
  const links: StackLink[] = topology.bridges.map((bridge) => ({
    name: bridge.device,
    index: index++,
    peer: undefined,
    kind: "bridge",
    alias: bridge.alias,
    mac: bridge.mac,
    mtu: bridge.mtu ?? 1500,
    up: true,
    addresses: bridge.addresses.map((text) => address(text, text.includes(":"))),
  }));
  const sandboxes = new Map<string, ActualSandbox>();
  for (const { path, endpoints } of topology.sandboxes) {
    const inside: StackLink[] = [];
    endpoints.forEach((endpoint, i) => {
      const shared = { kind: "veth", mtu: endpoint.mtu ?? 1500, up: true };
      const { inside: end } = endpoint;
      inside.push({
        ...shared,
        name: end.device,
        index: 2 + i,
        peer: index,
        alias: undefined,
        mac: end.mac,
        addresses: end.addresses.map((text) => address(text, true)),
      });
      links.push({
        ...shared,
        name: endpoint.device,
        index: index++,
        peer: 2 + i,
        alias: endpoint.alias,
        mac: endpoint.hostMac,
        addresses: endpoint.hostAddresses.map((text) => address(text, true)),
      });
    });
    sandboxes.set(path, {
      path,
      state: { kind: "namespace", id: `4:${path}` },
      stack: {
        links: new Map(inside.map((link) => [link.name, link])),
        routes: endpoints.flatMap((endpoint) => endpoint.inside.routes.map(route)),
        neighbours: endpoints.flatMap((endpoint) => endpoint.inside.neighbours),
      },
      sysctls: new Map(endpoints.flatMap((e) => e.inside.sysctls.map(({ path: name, value }) => [name, value]))),
    });
  }
  const endpoints = topology.sandboxes.flatMap((sandbox) => sandbox.endpoints);
  const sysctls = [...topology.bridges.flatMap((b) => b.sysctls), ...endpoints.flatMap((e) => e.hostSysctls)];
  return {
    policy: topology.policy,
    cutOff: false,
    host: {
      links: new Map(links.map((link) => [link.name, link])),
      routes: [...topology.bridges.flatMap((b) => b.routes), ...endpoints.flatMap((e) => e.hostRoutes)].map(route),
      neighbours: endpoints.flatMap((endpoint) => endpoint.hostNeighbours),
    },
    hostId: "4:1",
    sandboxes,
    sysctls: new Map(sysctls.map(({ path, value }) => [path, value])),
    hosts: new Map(topology.sandboxes.map((s) => [hostsPath(topology.policy, s.container), s.hosts])),
    shares: new Map(topology.shares.map(({ directory }) => [directory, true])),
  };
}

function sentences({ changes }: Difference): string[] {
  return changes.map(({ verb, object, text }) => `${verb} ${object}: ${text}`);
}

/** The kinds of work in each stage, in order. */
function stages({ changes }: Difference): string[] {
  const works = changes.flatMap((change) => change.works);
  return [...PREPARE, ...RAISE, ...RETIRE].flatMap((stage) => {
    const kinds = new Set(works.filter((work) => work.stage === stage).map((work) => work.kind));
    return kinds.size === 0 ? [] : [`${stage}: ${[...kinds].sort().join(" ")}`];
  });
}

function lines(difference: Difference, stage: Work["stage"]): string[] {
  return difference.changes
    .flatMap((change) => change.works)
    .flatMap((work) =>
      work.stage === stage && work.kind === "ip" ? [`${work.place ?? "host"}: ${work.line.join(" ")}`] : [],
    );
}

test("from nothing: everything, down before the rules and up after them", () => {
  const difference = differ(plan(SHOP), empty());
  assert.equal(difference.conflicts, []);
  assert.equal(stages(difference), ["found: ip netns", "link: ip", "settings: sysctl", "address: file ip", "up: ip"]);
  const up = lines(difference, "up");
  assert.ok(up.some((line) => / up$/.test(line)));
  for (const stage of PREPARE) for (const line of lines(difference, stage)) assert.not.match(line, / up$/);
  assert.equal(sentences(difference).slice(0, 3), [
    `add network front: add bridge ${plan(SHOP).bridges[0]?.device} with 10.84.1.1/24, fd84:1::1/64`,
    `add network back: add bridge ${plan(SHOP).bridges[1]?.device} with 10.84.2.1/24`,
    "add container c1: add namespace /run/tsnet/netns/tsnet/c1",
  ]);
});

test("works say which sandboxes something is done in, where they can", () => {
  const places = (want: PolicyText, have: Actual): string[] | undefined => {
    const found = placesOf(differ(plan(want), have).changes.flatMap(({ works }) => works));
    return found && [...found].sort();
  };
  const paths = ["c1", "c2", "c3"].map((name) => `/run/tsnet/netns/tsnet/${name}`);
  assert.equal(places(SHOP, empty()), paths);
  const [c1, c2, c3] = SHOP.containers as [PolicyContainer, PolicyContainer, PolicyContainer];
  assert.equal(places(SHOP, applied(plan({ ...SHOP, containers: [c1, c2] }))), paths.slice(2));
  // A setting of the host's, and nothing else.
  assert.equal(places({ ...SHOP, publishes: [["127.0.0.1", 80, "c1", 80]] }, applied(plan(SHOP))), []);
  // A device that goes away takes its other end along, and only the kernel knows where that is.
  assert.is(places({ ...SHOP, containers: [c1, c2] }, applied(plan({ ...SHOP, containers: [c1, c2, c3] }))), undefined);
});

test("no change, no work", () => {
  for (const text of [SHOP, { ...SHOP, publishes: [[undefined, 80, "c1", 80]] } satisfies PolicyText]) {
    const difference = differ(plan(text), applied(plan(text)));
    assert.equal(sentences(difference), []);
    assert.equal(difference.conflicts, []);
  }
});

test("a bridge with a name of the user's is born under one of ours", () => {
  const text: PolicyText = { networks: [{ name: "n", subnets: ["10.84.1.0/24"], bridge: "br-n" }], containers: [] };
  const found = lines(differ(plan(text), empty()), "found");
  assert.match(found[0] ?? "", /^host: link add name tsb-[0-9a-z]{11} address [0-9a-f:]+ type bridge$/);
  assert.match(found[1] ?? "", /^host: link set dev tsb-[0-9a-z]{11} alias tsnet:tsnet\/n$/);
  assert.match(found[2] ?? "", /^host: link set dev tsb-[0-9a-z]{11} name br-n$/);
});

test("what goes away: its link before the rules, its namespace and bridge at the very end", () => {
  const [c1, c2] = SHOP.containers;
  if (c1 === undefined || c2 === undefined) throw new Error("SHOP has two containers");
  const less = plan({ networks: SHOP.networks.slice(0, 1), containers: [c1, c2] });
  const difference = differ(less, applied(plan(SHOP)));
  assert.equal(stages(difference), ["unlink: delete", "retire: delete file netns"]);
  assert.equal(
    sentences(difference).map((line) => line.replace(/ts[bv]-\w+/, "DEVICE")),
    [
      "remove network back: remove bridge DEVICE",
      "remove container c3: remove DEVICE, its endpoint on back",
      "remove container c3: remove DEVICE, its endpoint on front",
      "remove container c3: remove namespace /run/tsnet/netns/tsnet/c3",
      "remove container c3: remove /run/tsnet/policies/tsnet/c3/hosts",
    ],
  );
  // Undoing it makes the links again as they were.
  const restore = difference.changes.flatMap((change) => change.restore);
  assert.is(restore.filter((work) => work.stage === "link").length, 2);
});

test("opening loopback's way waits for the rules, closing it doesn't", () => {
  const open = { ...SHOP, publishes: [["127.0.0.1", 80, "c1", 80]] } satisfies PolicyText;
  assert.equal(stages(differ(plan(open), applied(plan(SHOP)))), ["up: sysctl"]);
  assert.equal(stages(differ(plan(SHOP), applied(plan(open)))), ["settings: sysctl"]);
  const open6 = { ...SHOP, publishes: [["::1", 80, "c1", 80]] } satisfies PolicyText;
  assert.equal(stages(differ(plan(open6), applied(plan(SHOP)))), ["up: ip"]);
  assert.equal(stages(differ(plan(SHOP), applied(plan(open6)))), ["unroute: ip"]);
});

test("another policy's devices are no concern of ours, its subnet is", () => {
  const others = applied(plan({ ...SHOP, name: "other" }));
  const text: PolicyText = { networks: [{ name: "n", subnets: ["10.99.0.0/24"] }], containers: [] };
  const difference = differ(plan(text), { ...others, policy: "tsnet", sandboxes: new Map(), hosts: new Map() });
  assert.equal(difference.conflicts, []);
  assert.equal(
    difference.changes.map(({ verb }) => verb),
    ["add"],
  );
  const { conflicts } = differ(plan(SHOP), { ...others, policy: "tsnet", sandboxes: new Map(), hosts: new Map() });
  assert.match(conflicts[0]?.message ?? "", /^the subnet 10\.84\.1\.0\/24 of network front overlaps .* policy other$/);
});

function withRoute(to: string, more: Partial<StackRoute> = {}): Actual {
  const family = to.includes(":") ? 6 : 4;
  const found = {
    to,
    via: undefined,
    device: "eth0",
    source: undefined,
    family,
    metric: undefined,
    type: "unicast",
    table: "main",
    protocol: "static",
    ...more,
  } as const;
  return { ...empty(), host: { ...NOTHING, routes: [found] } };
}

test("which routes are in the way", () => {
  const object = (actual: Actual) => differ(plan(SHOP), actual).conflicts[0]?.object;
  assert.is(object(withRoute("10.0.0.0/8")), "route 10.0.0.0/8 on eth0");
  assert.is(object(withRoute("10.84.1.7")), "route 10.84.1.7 on eth0");
  assert.is(object(withRoute("fd84:1::/48", { table: "100" })), "route fd84:1::/48 on eth0");
  assert.is(
    object(withRoute("10.84.2.0/24", { type: "blackhole", device: undefined })),
    "route 10.84.2.0/24 (blackhole)",
  );
  for (const fine of ["default", "0.0.0.0/1", "128.0.0.0/1", "2000::/3", "10.85.0.0/16", "fd85::/16", "192.168.0.0/16"])
    assert.is(object(withRoute(fine)), undefined, fine);
});

test("a bare device of a name that we need is somebody else's, unless a command was cut off", () => {
  const topology = plan(SHOP);
  const [bridge] = topology.bridges;
  const [endpoint] = topology.sandboxes.flatMap((sandbox) => sandbox.endpoints);
  for (const [kind, name = ""] of [
    ["bridge", bridge?.device],
    ["veth", endpoint?.device],
    ["dummy", endpoint?.device],
  ] as const) {
    const bare: StackLink = {
      ...(applied(topology).host.links.get(name) as StackLink),
      ...{ kind, alias: undefined, up: false, addresses: [] },
    };
    const actual = { ...empty(), host: { ...NOTHING, links: new Map([[name, bare]]) } };
    const refused = [`device ${name}`];
    const objects = (cutOff: boolean) => differ(topology, { ...actual, cutOff }).conflicts.map(({ object }) => object);
    assert.equal(objects(false), refused, kind);
    assert.equal(objects(true), kind === "dummy" ? refused : [], kind);
  }
});

test("nobody is told to delete a device of another policy's", () => {
  const topology = plan(SHOP);
  const [bridge] = topology.bridges;
  const name = bridge?.device ?? "";
  const link: StackLink = { ...(applied(topology).host.links.get(name) as StackLink), alias: "tsnet:other/n" };
  const [conflict] = differ(topology, { ...empty(), host: { ...NOTHING, links: new Map([[name, link]]) } }).conflicts;
  assert.match(conflict?.message ?? "", "belongs to the policy other");
  assert.not.match(conflict?.mend ?? "", "delete");
});

test("a namespace that another live policy adopts is that policy's, and nobody is told to delete its devices", () => {
  const path = "/run/netns/lab";
  const adopting = (name: string, subnet: number): PolicyText => ({
    name,
    networks: [{ name: "n", subnets: [`10.84.${subnet}.0/24`] }],
    containers: [{ name: `${name}-x`, on: [["n", `10.84.${subnet}.11`]], sandbox: { kind: "netns", path } }],
  });
  const first = applied(plan(adopting("first", 1)));
  const [conflict, ...more] = differ(plan(adopting("second", 2)), { ...first, policy: "second" }).conflicts;
  assert.equal(more, []);
  assert.is(conflict?.object, `namespace ${path}`);
  assert.is(
    conflict?.message,
    `${path}, which container second-x adopts, is container first-x of the policy first already`,
  );
  assert.match(conflict?.mend ?? "", /^take the container out of one of the two policies/);
  // Somebody else's device of that name still is somebody else's.
  const strangers: Actual = { ...first, policy: "second", host: { ...first.host, links: new Map() } };
  const objects = differ(plan(adopting("second", 2)), strangers).conflicts.map(({ object }) => object);
  assert.equal(objects, [`device eth0 in ${path}`, `route default on eth0 in ${path}`]);
});

test.run();
