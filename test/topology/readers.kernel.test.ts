/** The two readers of a namespace say the same, and so do the two carriers of its changes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { netnsPath } from "../../src/topology/names.js";
import { planTopology } from "../../src/topology/plan.js";
import { endpointSettings, insideSettings } from "../../src/topology/settings.js";
import type { Stack } from "../../src/topology/stack.js";
import { when } from "../kernel/features.js";
import { type Host, lab, type Place, WORLD } from "../kernel/lab.js";
import { until } from "../security/place.js";
import { makePolicy, type PolicyText, SHOP } from "./policies.js";
import { STEPS } from "./steps.js";

const test = suite("topology: readers");
const it = await when(test, "namespaces", "ip", "nf_tables", "netlink");

const BY_IP = import.meta.resolve("../../src/topology/stack-ip.ts");
const BY_NETLINK = import.meta.resolve("../../src/topology/stack-netlink.ts");
const RULES = import.meta.resolve("../../src/topology/routing-rules.ts");
const TRANSPORT = import.meta.resolve("../../src/system/transport.ts");

const at = (container: string) => netnsPath("tsnet", container);

function byIp(host: Host, place: Place): Promise<Stack> {
  return host.call<Stack>(BY_IP, "readByIp", place);
}

function byNetlink(host: Host, place: Place): Promise<Stack> {
  return host.call<Stack>(BY_NETLINK, "readByNetlink", place);
}

async function same(host: Host, place: Place): Promise<Stack> {
  const [one, other] = [await byIp(host, place), await byNetlink(host, place)];
  assert.equal(other, one, String(place));
  return other;
}

/** Devices of kinds that no policy makes and that not every kernel has: those that are refused are left out. */
const RARE = `
link add name vlan7 link up0 type vlan id 7
link add name vrf9 type vrf table 900
link add name gre9 type gretap local 198.51.100.1 remote 198.51.100.9
link add name sit9 type sit local 198.51.100.1 remote 198.51.100.9
link add name ipip9 type ipip local 198.51.100.1 remote 198.51.100.9
link add name ip6tnl9 type ip6tnl local 2001:db8:100::1 remote 2001:db8:100::9
`.trim();

/** Devices that every kernel has which can run a policy. */
const DEVICES = `
link add name own0 mtu 1300 address 02:00:00:00:00:77 type veth peer name own1
link add name left0 type bridge
link set dev own0 alias somebody's
link set dev own0 up
link set dev own1 up
link set dev left0 up
`.trim();

/** Routes that the kernel takes once it has worked out, in its own time, that the gateways can be reached. */
const LATE = [
  "route add 2001:db8:9::/48 via 2001:db8:8::2 dev own0 metric 5",
  "route add default via 2001:db8:7::9 dev own0 metric 9 onlink",
  "route add 2001:db8:70::/48 nexthop via 2001:db8:8::2 dev own0 nexthop via fe80::9 dev own0",
];

/** Addresses, routes and neighbours as no policy makes them. */
const STRANGERS = `
address add 192.0.2.1/24 broadcast + dev own0
address add 192.0.2.77 peer 192.0.2.78/32 dev own0
address add 169.254.7.1/16 dev own0 noprefixroute scope link
address add 2001:db8:7::1/64 dev own0 nodad noprefixroute
address add 2001:db8:8::1 peer 2001:db8:8::2/128 dev own0 nodad
address add ::ffff:192.0.2.9/128 dev own0 nodad
route add 203.0.113.0/24 via 192.0.2.9 dev own0 src 192.0.2.1 metric 77 protocol 83
route add 203.0.113.128/25 via 192.0.2.9 dev own0 table 1234 protocol static
route add blackhole 10.66.0.0/16
route add unreachable 10.67.0.0/16 metric 4278198272
route add prohibit 10.68.0.0/16 table 99
route add throw 10.69.0.0/16
route add 10.70.0.0/16 nexthop via 192.0.2.9 dev own0 nexthop via 192.0.2.10 dev own0
route add 10.71.0.0/16 via inet6 fe80::1 dev own0
route add 0.0.0.0/1 via 192.0.2.9
route add local 10.72.0.1/32 dev own0
route add unreachable 2001:db8:66::/48
neighbour add 192.0.2.9 lladdr 02:00:00:00:00:99 dev own0 nud permanent
neighbour add 192.0.2.10 lladdr 02:00:00:00:00:9a dev own0 nud stale
neighbour add 2001:db8:7::9 lladdr 02:00:00:00:00:99 dev own0 nud permanent
neighbour add proxy 192.0.2.11 dev own0
`.trim();

it("both read the same of a host with strangers of every kind", () =>
  lab(async (host) => {
    const batch = (lines: string, ...flags: string[]) =>
      host.run("ip", [...flags, "-batch", "-"], { input: `${lines}\n`, accept: "any" });
    await batch(RARE, "-force");
    assert.is((await batch(DEVICES)).stderr, "");
    // A route's gateway counts as reachable only once the kernel has noticed the carrier.
    await until("own0 has a carrier", async () =>
      (await host.run("ip", ["link", "show", "dev", "own0"])).stdout.includes("state UP"),
    );
    assert.is((await batch(STRANGERS)).stderr, "");
    for (const line of LATE)
      await until(line, async () => (await host.run("ip", line.split(" "), { accept: "any" })).exitCode === 0);
    const { links, routes, neighbours } = await same(host, undefined);
    assert.is(links.get("own0")?.alias, "somebody's");
    assert.is(links.get("own0")?.peer, undefined);
    assert.ok(links.get("up0")?.peer !== undefined);
    assert.ok(routes.some(({ table, protocol }) => table === "1234" && protocol === "static"));
    assert.ok(routes.some(({ to, protocol, metric }) => to === "203.0.113.0/24" && protocol === "83" && metric === 77));
    assert.ok(routes.some(({ to, family }) => to === "default" && family === 6));
    assert.equal(
      neighbours.filter(({ device }) => device === "own0").map(({ address }) => address),
      ["192.0.2.9", "2001:db8:7::9"],
    );
    await same(host, WORLD);
  }));

const POLICIES: PolicyText[] = [
  SHOP,
  {
    ...SHOP,
    publishes: [
      ["::1", 80, "c1", 80],
      [undefined, 81, "c2", 81],
    ],
  },
  {
    networks: [{ name: "n", subnets: ["10.84.7.0/24"], mtu: 1400, bridge: "br-n" }],
    containers: [
      { name: "a", on: [["n", "10.84.7.2"]] },
      { name: "c1", sandbox: { kind: "none" } },
    ],
  },
  {
    networks: [{ name: "six", subnets: ["fd84:9::/64"] }],
    containers: [{ name: "c1", on: [["six", "fd84:9::2"]] }],
  },
];

it("both read the same of policies, whichever carrier made them", () =>
  lab(async (host) => {
    for (const text of POLICIES) {
      const stacks: Stack[][] = [];
      for (const transport of ["nft", "netlink"]) {
        await host.call(TRANSPORT, "chooseTransport", transport);
        await host.call(STEPS, "apply", makePolicy(text));
        const places = [undefined, ...text.containers.map(({ name }) => at(name))];
        const read: Stack[] = [];
        for (const place of places) read.push(await same(host, place));
        stacks.push(read.map(comparable));
        await host.call(STEPS, "remove", "tsnet");
      }
      assert.equal(stacks[1], stacks[0]);
    }
  }));

/** Without what differs from one making to the next: indices, and with them the order. */
function comparable({ links, routes, neighbours }: Stack): Stack {
  const sorted = <T>(list: readonly T[]): T[] =>
    [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const plain = [...links.values()].map((link) => ({
    ...link,
    index: 0,
    peer: link.peer === undefined ? undefined : 0,
    // Made by the kernel where nobody says otherwise, from time to time.
    addresses: sorted(link.addresses.filter(({ linkLocal }) => !linkLocal)),
  }));
  return {
    links: new Map(sorted(plain).map((link) => [link.name, link])),
    routes: sorted(routes.filter(({ protocol }) => protocol === "83")),
    neighbours: sorted(neighbours),
  };
}

it("sysctls that come along are those of the files", () =>
  lab(async (host) => {
    await host.call(STEPS, "apply", makePolicy(SHOP));
    const { links } = await byIp(host, undefined);
    const device = [...links.keys()].find((name) => name.startsWith("tsv-")) ?? "";
    for (const round of [0, 1]) {
      for (const path of endpointSettings(device))
        await host.sysctl(path, String((Number(await host.sysctl(path)) + round) % 2));
      const said = await host.call<Record<string, string>>(STEPS, "settingsAlong", undefined, endpointSettings(device));
      for (const path of endpointSettings(device)) assert.is(said[path], await host.sysctl(path), path);
    }
    const inside = insideSettings("eth0", { v4: true, v6: true }, undefined).map(({ path }) => path);
    const said = await host.call<Record<string, string>>(STEPS, "settingsAlong", at("c1"), inside);
    for (const path of inside) assert.is(said[path], await host.sysctl(path, undefined, at("c1")), path);
  }));

it("a device with any bytes in its name and alias is read", () =>
  lab(async (host) => {
    const name = `"\\'{}\u0007ä`;
    await host.run("ip", ["link", "add", "name", name, "type", "bridge"]);
    await host.run("ip", ["link", "set", "dev", name, "alias", `\n"',]}\\\u0001 ä`]);
    // Bytes that are no UTF-8.
    await host.run("sh", ["-c", `ip link add name "$(printf 'x\\377y')" type bridge`]);
    const { links } = await byNetlink(host, undefined);
    assert.is(links.get(name)?.alias, `\n"',]}\\\u0001 ä`);
    assert.is(links.get("x\uFFFDy")?.kind, "bridge");
  }));

it("of what was read a moment ago only the sandboxes that are named are read anew", () =>
  lab(async (host) => {
    const policy = makePolicy(SHOP);
    await host.call(STEPS, "apply", policy);
    await host.call(STEPS, "remember", policy);
    for (const container of ["c1", "c2"]) await host.runIn(at(container), "ip", ["link", "set", "dev", "eth0", "down"]);
    const since = (...containers: string[]) => host.call<string[]>(STEPS, "lookSince", policy, containers.map(at));
    assert.equal(await since(), []);
    assert.equal(await since("c2"), ["container c2"]);
    assert.equal(await since("c1", "c2", "c3"), ["container c1", "container c2"]);
    // The host is read each time.
    const [bridge] = planTopology(policy).bridges;
    await host.run("ip", ["link", "set", "dev", bridge?.device ?? "", "down"]);
    assert.equal(await since("c2"), ["network front", "container c2"]);
  }));

it("rules that choose routing tables are read alike, and named as ip names them", () =>
  lab(async (host) => {
    const lines = [
      "-4 prio 10 not from 10.0.0.0/8 to 10.201.1.11 fwmark 1/0xff iif lo uidrange 0-9 ipproto tcp sport 5-9 blackhole",
      "-4 prio 11 from 10.201.1.12 table 77 suppress_prefixlength 0",
      "-4 prio 12 goto 32766",
      "-4 prio 13 tos 0x10 oif lo table main",
      "-4 prio 14 nop",
      "-6 prio 1 to fd01::11 ipproto udp dport 53 prohibit",
      "-6 prio 2 from fd01::/64 unreachable",
    ];
    for (const line of lines) {
      const [family = "", ...words] = line.split(" ");
      await host.run("ip", [family, "rule", "add", ...words]);
    }
    const read: { family: number; text: string }[][] = [];
    for (const transport of ["nft", "netlink"]) {
      await host.call(TRANSPORT, "chooseTransport", transport);
      read.push(await host.call(RULES, "readRoutingRules"));
    }
    assert.equal(read[1], read[0]);
    for (const family of [4, 6]) {
      const { stdout } = await host.run("ip", [`-${family}`, "rule", "show"]);
      const texts = read[0]?.filter((rule) => rule.family === family).map(({ text }) => text);
      assert.equal(texts, stdout.trim().replaceAll("\t", " ").split("\n"));
    }
  }));

it("a namespace that is gone, or none, is said by name", () =>
  lab(async (host) => {
    const failure = (place: string) =>
      byNetlink(host, place).then(
        () => undefined,
        (error: Error & { code?: string }) => error,
      );
    const gone = await failure("/run/lab/gone");
    assert.is(gone?.code, "ENOENT");
    assert.match(gone?.message ?? "", /\/run\/lab\/gone/);
    await host.run("touch", ["/run/lab/plain"]);
    const plain = await failure("/run/lab/plain");
    assert.is(plain?.code, "EINVAL");
    assert.match(plain?.message ?? "", /\/run\/lab\/plain/);
    // And the thread is still at home.
    assert.ok((await byNetlink(host, undefined)).links.has("up0"));
  }));

test.run();
