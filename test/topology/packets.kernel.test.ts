/** The planned network with real packets and no rules: every way must lead through the host's forward hook. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { netnsPath } from "../../src/topology/names.js";
import { planTopology } from "../../src/topology/plan.js";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, type State, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { countArriving, counts } from "../security/place.js";
import { makePolicy, type PolicyText, SHOP } from "./policies.js";
import { type Applied, STEPS } from "./steps.js";

const test = suite("topology: packets");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");

const at = (container: string) => netnsPath("tsnet", container);

async function build(host: Host, text: PolicyText = SHOP): Promise<void> {
  const applied = await host.call<Applied>(STEPS, "apply", makePolicy(text));
  assert.equal(applied.conflicts, []);
  assert.equal(applied.left, []);
}

/** Counts what is forwarded, per pair of addresses. */
async function count(host: Host, pairs: readonly (readonly [string, string])[]): Promise<void> {
  const rules = pairs.map(([from, to]) => {
    const ip = from.includes(":") ? "ip6" : "ip";
    return `${ip} saddr ${from} ${ip} daddr ${to} counter`;
  });
  await host.nft(
    `table inet count { chain forward { type filter hook forward priority 0;\n${rules.join("\n")}\n}\n}\n`,
  );
}

async function counted(host: Host): Promise<number[]> {
  const { stdout } = await host.run("nft", ["list", "table", "inet", "count"]);
  return [...stdout.matchAll(/packets (\d+)/g)].map((match) => Number(match[1]));
}

async function device(host: Host, container: string): Promise<string> {
  const sandbox = planTopology(makePolicy(SHOP)).sandboxes.find((each) => each.container === container);
  const name = sandbox?.endpoints[0]?.device ?? "";
  assert.ok((await host.run("ip", ["link", "show", "dev", name])).stdout.includes(name));
  return name;
}

for (const bridgeNetfilter of [false, true]) {
  it(`containers meet in the forward hook, br_netfilter ${bridgeNetfilter ? "on" : "off"}`, () =>
    lab(async (host) => {
      if (!(await host.bridgeNetfilter(bridgeNetfilter)) && bridgeNetfilter) return;
      await build(host);
      const pairs = [
        ["10.84.1.11", "10.84.1.12"],
        ["fd84:1::11", "fd84:1::12"],
        ["10.84.2.13", "10.84.1.12"],
      ] as const;
      await count(host, [...pairs, ...pairs.map(([a, b]) => [b, a] as const)]);
      await host.listen(at("c2"), "tcp", 80);
      await host.listen(at("c2"), "udp", 53);
      const probes: [string, string, string][] = [
        ["c1", "10.84.1.12", "10.84.1.11"],
        ["c1", "fd84:1::12", "fd84:1::11"],
      ];
      for (const [from, to, seen] of probes) {
        assert.equal(await host.probe("tcp", at(from), to, 80), { state: "open", seen });
        assert.equal(await host.probe("udp", at(from), to, 53), { state: "open", seen });
        assert.is(await host.ping(at(from), to), "reply");
        assert.is(await host.tcp(at(from), to, 81), "refused");
      }
      assert.is(await host.tcp(at("c3"), "10.84.1.12", 80, { from: "10.84.2.13" }), "open");
      for (const packets of await counted(host)) assert.ok(packets > 2, "a direction went another way");
    }));
}

it("a container reaches its gateway, the host and the world, and they it", () =>
  lab(async (host) => {
    await build(host);
    for (const place of [undefined, WORLD, at("c1")]) await host.listen(place, "tcp", 80);
    const ways: [string | undefined, string, State][] = [
      [at("c1"), "10.84.1.1", "open"],
      [at("c1"), "fd84:1::1", "open"],
      [at("c1"), HOST4, "open"],
      [at("c1"), HOST6, "open"],
      [at("c1"), WORLD4, "open"],
      [at("c1"), WORLD6, "open"],
      [undefined, "10.84.1.11", "open"],
      [undefined, "fd84:1::11", "open"],
      [WORLD, "10.84.1.11", "open"],
      [WORLD, "fd84:1::11", "open"],
    ];
    for (const [from, to, state] of ways) assert.is(await host.tcp(from, to, 80), state, `${from} -> ${to}`);
    // From the host a container sees the gateway.
    assert.is((await host.probe("tcp", undefined, "10.84.1.11", 80)).seen, "10.84.1.1");
    assert.is((await host.probe("tcp", undefined, "fd84:1::11", 80)).seen, "fd84:1::1");
  }));

it("a free address of the subnet leads nowhere, and not to the world", () =>
  lab(async (host) => {
    await build(host);
    await host.nft("table inet out { chain f { type filter hook forward priority 0; oifname up0 counter\n}\n}\n");
    await host.ping(at("c1"), "fd84:1::99", 200);
    await host.ping(at("c1"), "10.84.1.99", 200);
    assert.match((await host.run("nft", ["list", "table", "inet", "out"])).stdout, /packets 0 /);
  }));

it("the gateway answers by ARP and neighbour discovery when a container forgets its entries", () =>
  lab(async (host) => {
    await build(host);
    for (const place of [at("c1"), at("c3")]) {
      await host.runIn(place, "ip", ["neighbour", "flush", "nud", "permanent"]);
      await host.runIn(place, "ip", ["neighbour", "flush", "all"], { accept: "any" });
      assert.is((await host.runIn(place, "ip", ["neighbour", "show"])).stdout, "");
    }
    for (const gateway of ["10.84.1.1", "fd84:1::1"]) {
      assert.is(await host.ping(at("c1"), gateway), "reply");
      assert.is(await host.ping(at("c3"), gateway), "reply");
    }
    assert.is(await host.ping(at("c3"), "10.84.2.1"), "reply");
    assert.match((await host.runIn(at("c1"), "ip", ["neighbour", "show"])).stdout, /fd84:1::1 dev eth0 lladdr 02:42:/);
    await host.listen(WORLD, "tcp", 80);
    assert.is(await host.tcp(at("c1"), WORLD4, 80), "open");
    assert.is(await host.tcp(at("c1"), WORLD6, 80), "open");
  }));

it("lies about addresses reach nobody and change nothing", () =>
  lab(async (host) => {
    await build(host);
    await host.listen(at("c2"), "tcp", 80);
    const mine = "0242 0a54 010b";
    const arp = (sender: string, target: string) =>
      `ffff ffff ffff ${mine} 0806 0001 0800 0604 0002 ${mine} ${sender} ffff ffff ffff ${target}`;
    const before = [await host.run("ip", ["neighbour"]), await host.runIn(at("c2"), "ip", ["neighbour"])];
    await host.runIn(at("c2"), "ip", ["link", "set", "dev", "eth0", "promisc", "on"]);
    // The host has things of its own to say there.
    const lies = ["ether saddr 02:42:0a:54:01:0b", "ether type 0x88b5", "arp saddr ether 02:42:0a:54:01:0b"];
    await countArriving(host, at("c2"), "eth0", ["ether saddr != 00:00:00:00:00:00", ...lies]);
    // c1 says that it is c2, and that it is the gateway; and sends a frame that is no IP to everybody.
    for (const sender of ["0a54 010c", "0a54 0101"]) await host.frame(at("c1"), "eth0", arp(sender, "0a54 010c"));
    await host.frame(at("c1"), "eth0", `ffff ffff ffff ${mine} 88b5 ${"00".repeat(50)}`);
    assert.is(await host.tcp(undefined, "10.84.1.12", 80), "open");
    const [all = 0, ...lied] = await counts(host, at("c2"), "netdev");
    assert.ok(all > 0);
    assert.equal(lied, [0, 0, 0]);
    const after = [await host.run("ip", ["neighbour"]), await host.runIn(at("c2"), "ip", ["neighbour"])];
    assert.equal(
      after.map(({ stdout }) => stdout),
      before.map(({ stdout }) => stdout),
    );
    assert.is(await host.tcp(at("c3"), "10.84.1.12", 80), "open");
  }));

it("a container on two networks speaks from both of its addresses", () =>
  lab(async (host) => {
    await build(host);
    await host.listen(at("c3"), "tcp", 80);
    await host.listen(WORLD, "tcp", 80);
    for (const to of ["10.84.1.13", "10.84.2.13", "fd84:1::13"])
      assert.is(await host.tcp(at("c1"), to, 80), "open", to);
    assert.is((await host.probe("tcp", at("c3"), WORLD4, 80)).seen, "10.84.1.13");
    assert.is((await host.probe("tcp", at("c3"), WORLD4, 80, { from: "10.84.2.13" })).seen, "10.84.2.13");
  }));

it("no device of ours has a link-local address", () =>
  lab(async (host) => {
    await build(host);
    const { stdout } = await host.run("ip", ["-6", "address", "show", "scope", "link"]);
    assert.not.match(stdout, /ts[bv]-/);
    for (const container of ["c1", "c3"])
      assert.is((await host.runIn(at(container), "ip", ["-6", "address", "show", "scope", "link"])).stdout, "");
    const v4only = `ipv6/conf/${await device(host, "c3")}/disable_ipv6`;
    assert.is(await host.sysctl(v4only), "1");
    assert.is(await host.sysctl("ipv6/conf/eth0/disable_ipv6", undefined, at("c3")), "1");
  }));

it("ports on the host's loopback addresses lead to several containers at once", () =>
  lab(async (host) => {
    const publishes = [
      ["::1", 8001, "c1", 80],
      ["::1", 8002, "c2", 80],
      ["127.0.0.1", 8001, "c1", 80],
      ["127.0.0.1", 8002, "c2", 80],
    ] as const;
    await build(host, { ...SHOP, publishes });
    await host.nft(`table inet nat {
  chain output {
    type nat hook output priority -100;
    ip6 daddr ::1 tcp dport 8001 dnat ip6 to [fd84:1::11]:80
    ip6 daddr ::1 tcp dport 8002 dnat ip6 to [fd84:1::12]:80
    ip daddr 127.0.0.1 tcp dport 8001 dnat ip to 10.84.1.11:80
    ip daddr 127.0.0.1 tcp dport 8002 dnat ip to 10.84.1.12:80
  }
  chain postrouting {
    type nat hook postrouting priority 100;
    oifname "tsv-*" ip6 saddr ::1 masquerade
    oifname "tsv-*" ip saddr 127.0.0.0/8 masquerade
  }
}
`);
    for (const container of ["c1", "c2"]) await host.listen(at(container), "tcp", 80);
    for (const port of [8001, 8002]) {
      assert.equal(await host.probe("tcp", undefined, "::1", port), { state: "open", seen: "fd84:1::1" });
      assert.equal(await host.probe("tcp", undefined, "127.0.0.1", port), { state: "open", seen: "10.84.1.1" });
    }
    // Without the route on its own device the reply is lost: another device's doesn't serve.
    const { stdout } = await host.run("ip", ["-6", "route", "show", "table", "local", "::1"]);
    const second = /::1 dev (tsv-\S+) .*\n.*\n?$/.exec(stdout)?.[1] ?? "";
    await host.run("ip", ["-6", "route", "delete", "local", "::1", "dev", second, "table", "local"]);
    const states = [await host.tcp(undefined, "::1", 8001), await host.tcp(undefined, "::1", 8002)];
    assert.equal(states.sort(), ["open", "timeout"]);
  }));

test.run();
