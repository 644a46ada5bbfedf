/** Nobody speaks in another's name: what a sandbox sends is its own, and what claims to be a sandbox is one. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { OTHERWISE } from "../support/carrier.js";
import { arp, type ArpMessage, ethernet, icmp, neighbour, tcp, udp } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import {
  C1,
  C2,
  C3,
  countAfter,
  countArriving,
  counts,
  cross,
  expect,
  front,
  GATEWAY,
  ip,
  macOf,
  until,
} from "./place.js";

const test = suite("security: spoofing");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "perl", "br_netfilter");

/** Everybody may talk to everybody, so that only what is a lie is stopped. */
const POLICY = front("", "allow world -> {c1, c2, c3}");

/** Lies go to this port, and what is true to the next. */
const LIE = 7001;
const TRUTH = 7002;
const MATCHES = [`udp dport ${LIE}`, `udp dport ${TRUTH}`];

/** Counts at c2, in the world and on the host how many lies and truths came through. */
async function watch(host: Host): Promise<void> {
  await countArriving(host, at("c2"), "eth0", MATCHES);
  await countArriving(host, WORLD, "uplink", MATCHES);
  await countAfter(host, "input", MATCHES);
}

async function cameThrough(host: Host): Promise<number[][]> {
  return [
    await counts(host, at("c2"), "netdev"),
    await counts(host, WORLD, "netdev"),
    await counts(host, undefined, "inet"),
  ];
}

for (const on of [false, true]) {
  (on ? bridged : it)(`a container sends with its own MAC and addresses only, br_netfilter ${on ? "on" : "off"}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await apply(host, POLICY);
      await watch(host);
      for (const [v, c1, targets, lies] of [
        [
          4,
          C1.ip,
          [C2.ip, WORLD4, GATEWAY.ip],
          [C2.ip, C3.ip, GATEWAY.ip, HOST4, WORLD4, "203.0.113.5", "0.0.0.0", "10.90.1.99"],
        ],
        [
          6,
          C1.ip6,
          [C2.ip6, WORLD6, GATEWAY.ip6],
          [C2.ip6, C3.ip6, GATEWAY.ip6, HOST6, WORLD6, "2001:db8:300::5", "::", "fd90:1::99", "fe80::1"],
        ],
      ] as const)
        for (const destination of targets) {
          const to = GATEWAY.mac;
          const lie = (from: string, source: string, port = LIE, vlans: readonly number[] = []) =>
            host.frame(at("c1"), "eth0", udp({ to, from, source, destination }, 4000, port, vlans));
          for (const source of lies) await lie(C1.mac, source);
          for (const mac of [C2.mac, GATEWAY.mac, "02:00:00:00:00:07"]) await lie(mac, c1);
          await lie(C2.mac, v === 4 ? C2.ip : C2.ip6);
          // A tag that is none (VLAN 0) is taken off by the kernel, and what is inside is judged.
          for (const vlans of [[0], [5], [5, 7], [0, 0]]) await lie(C1.mac, C2.ip, LIE, vlans);
          await lie(C1.mac, c1, LIE, [5]);
          await lie(C1.mac, c1, TRUTH);
        }
      await until("the truths arrive", async () => (await cameThrough(host)).every(([, truths]) => truths === 2));
      assert.equal(await cameThrough(host), [
        [0, 2],
        [0, 2],
        [0, 2],
      ]);
    }),
  );
}

it("an address that a container gives itself is of no use to it", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    for (const place of [at("c2"), WORLD, undefined]) await host.listen(place, "tcp", 80);
    await ip(
      host,
      at("c1"),
      "address add 10.90.1.99/24 dev eth0",
      `address add ${C3.ip}/24 dev eth0`,
      `address add ${C3.ip6}/64 dev eth0 nodad`,
    );
    const tries: [string, string][] = [
      ...[C2.ip, GATEWAY.ip, WORLD4].flatMap((to): [string, string][] => [
        ["10.90.1.99", to],
        [C3.ip, to],
      ]),
      ...[C2.ip6, GATEWAY.ip6, WORLD6].map((to): [string, string] => [C3.ip6, to]),
    ];
    const states = await Promise.all(tries.map(([from, to]) => host.tcp(at("c1"), to, 80, { from, timeout: 500 })));
    assert.equal(
      states,
      tries.map(() => "timeout"),
    );
    for (const [from, to] of [
      [C1.ip, C2.ip],
      [C1.ip6, WORLD6],
    ] as const)
      assert.is(await host.tcp(at("c1"), to, 80, { from, timeout: 5000 }), "open");
    await ip(host, at("c1"), `address delete ${C3.ip}/24 dev eth0`, `address delete ${C3.ip6}/64 dev eth0`);
    await ip(host, at("c1"), `link set dev eth0 address ${C3.mac}`);
    await expect(host, "timeout", cross("tcp", [at("c1")], [C2.ip, C2.ip6, GATEWAY.ip, WORLD4], 80));
  }));

it("a container on two networks sends each of its own addresses on each device", () =>
  lab(async (host) => {
    await apply(
      host,
      `${front("", "allow both -> any, allow any -> both")}
       network back { subnet 10.90.2.0/24; subnet fd90:2::/64 }
       container both { network front ip 10.90.1.20 ip fd90:1::20; network back ip 10.90.2.20 ip fd90:2::20 }`,
    );
    const macs = ["02:42:0a:5a:01:14", "02:42:0a:5a:02:14"];
    await countArriving(host, at("c2"), "eth0", MATCHES);
    for (const device of [0, 1])
      for (const [source, destination] of [
        ["10.90.1.20", C2.ip],
        ["10.90.2.20", C2.ip],
        ["fd90:1::20", C2.ip6],
        ["fd90:2::20", C2.ip6],
      ] as const) {
        // The bridge's MAC is each network's own.
        const { stdout } = await host.runIn(at("both"), "ip", ["-j", "neighbour", "show", "dev", `eth${device}`]);
        const to = (JSON.parse(stdout) as { lladdr: string }[])[0]?.lladdr ?? "";
        const frame = (from: string, port: number) => udp({ to, from, source, destination }, 4000, port);
        await host.frame(at("both"), `eth${device}`, frame(macs[device] as string, TRUTH));
        // The MAC is the device's, whatever the address.
        await host.frame(at("both"), `eth${device}`, frame(macs[1 - device] as string, LIE));
      }
    await until("all arrive", async () => (await counts(host, at("c2"), "netdev"))[1] === 8);
    assert.equal(await counts(host, at("c2"), "netdev"), [0, 8]);
    for (const place of [at("c2"), at("both")]) await host.listen(place, "tcp", 80);
    for (const [from, to] of [
      ["10.90.1.20", C2.ip],
      ["10.90.2.20", C2.ip],
      ["fd90:2::20", C2.ip6],
    ] as const)
      assert.is((await host.probe("tcp", at("both"), to, 80, { from, timeout: 5000 })).seen, from);
    await expect(host, "open", cross("tcp", [at("c2")], ["10.90.1.20", "10.90.2.20", "fd90:1::20", "fd90:2::20"], 80));
  }));

it("the world doesn't pass for a container, nor for the host", () =>
  lab(async (host) => {
    await apply(
      host,
      front(
        "",
        `allow world -> c2:${TRUTH}/udp, allow c1 -> c2, allow host -> c2, publish 7001 -> c2:${LIE}/udp from {host, c1}, publish 7002 -> c2:${TRUTH}/udp`,
      ),
    );
    for (const name of ["all", "up0"]) await host.sysctl(`ipv4/conf/${name}/rp_filter`, "0");
    await countArriving(host, at("c2"), "eth0", MATCHES);
    await countAfter(
      host,
      "input",
      [`ip saddr @claimed udp dport 9`, `ip6 saddr @claimed6 udp dport 9`].map((m) =>
        m.replace("@claimed6", C1.ip6).replace("@claimed", C1.ip),
      ),
    );
    const mac = { to: await macOf(host, undefined, "up0"), from: await macOf(host, WORLD, "uplink") };
    for (const [world, c1, c2, here, gateway] of [
      [WORLD4, C1.ip, C2.ip, HOST4, GATEWAY.ip],
      [WORLD6, C1.ip6, C2.ip6, HOST6, GATEWAY.ip6],
    ] as const) {
      for (const source of [c1, here, gateway]) {
        for (const destination of [c2, here])
          await host.frame(WORLD, "uplink", udp({ ...mac, source, destination }, 4000, LIE));
        await host.frame(WORLD, "uplink", udp({ ...mac, source, destination: here }, 4000, 9));
      }
      await host.frame(WORLD, "uplink", udp({ ...mac, source: world, destination: here }, 4000, LIE));
      await host.frame(WORLD, "uplink", udp({ ...mac, source: world, destination: here }, 4000, TRUTH));
      await host.frame(WORLD, "uplink", udp({ ...mac, source: world, destination: c2 }, 4001, TRUTH));
    }
    await until("the truths arrive", async () => (await counts(host, at("c2"), "netdev"))[1] === 4);
    assert.equal(await counts(host, at("c2"), "netdev"), [0, 4]);
    assert.equal(await counts(host, undefined, "inet"), [0, 0]);
    // The controls: who may send there, can.
    for (const [from, to] of [
      [undefined, HOST4],
      [undefined, HOST6],
      [at("c1"), HOST4],
      [at("c1"), HOST6],
    ] as const)
      await host.udp(from, to, LIE, { timeout: 50 });
    await until("they arrive", async () => (await counts(host, at("c2"), "netdev"))[0] === 4);
  }));

const ALL_NODES = { mac: "33:33:00:00:00:01", ip6: "ff02::1" } as const;
const SOLICITED = { mac: "33:33:ff:00:00:01", ip6: "ff02::1:ff00:1" } as const;

it("lies in ARP and neighbour discovery are not answered and change nothing", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    for (const place of [at("c2"), at("c3")]) await host.listen(place, "tcp", 80);
    const neighbours = async () => (await host.run("ip", ["neighbour", "show", "nud", "permanent"])).stdout;
    const routes = async () =>
      (await host.run("ip", ["-6", "route", "show"])).stdout + (await host.run("ip", ["-6", "address", "show"])).stdout;
    const before = [await neighbours(), await routes()];
    await countArriving(host, at("c1"), "eth0", ["arp operation reply", "icmpv6 type nd-neighbor-advert"]);
    await countArriving(host, at("c2"), "eth0", [
      "ether type arp",
      "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert }",
      `ether saddr ${C1.mac}`,
    ]);
    const say = (frame: string) => host.frame(at("c1"), "eth0", frame);
    const asks = (sender: string, senderMac: string, target: string = GATEWAY.ip): ArpMessage => ({
      operation: 1,
      sender,
      senderMac,
      target,
    });
    const broadcast = "ff:ff:ff:ff:ff:ff";
    // Requests in another's name, or with another MAC; and gratuitous lies, asking and answering.
    for (const message of [
      asks(C2.ip, C1.mac),
      asks(C1.ip, C2.mac),
      asks("10.90.1.99", C1.mac),
      asks(C2.ip, C1.mac, C2.ip),
      asks(GATEWAY.ip, C1.mac, GATEWAY.ip),
    ]) {
      await say(arp(broadcast, C1.mac, message));
      await say(arp(GATEWAY.mac, C1.mac, { ...message, operation: 2 }));
    }
    await say(arp(broadcast, C2.mac, asks(C2.ip, C2.mac)));
    const discover = (
      source: string,
      type: 135 | 136,
      target: string,
      mac: string,
      from: string = C1.mac,
      to: { mac: string; ip6: string } = SOLICITED,
    ) =>
      say(
        icmp(
          { to: to.mac, from, source, destination: to.ip6, hops: 255 },
          type,
          0,
          neighbour(target, type === 135 ? 1 : 2, mac, type === 136 ? 0x20 : 0),
        ),
      );
    await discover(C2.ip6, 135, GATEWAY.ip6, C1.mac);
    await discover(C2.ip6, 135, GATEWAY.ip6, C2.mac, C2.mac);
    await discover("fe80::1", 135, GATEWAY.ip6, C1.mac);
    for (const to of [ALL_NODES, { mac: GATEWAY.mac, ip6: GATEWAY.ip6 }])
      for (const [source, target] of [
        [C2.ip6, C2.ip6],
        [C1.ip6, C2.ip6],
        [C1.ip6, GATEWAY.ip6],
        [GATEWAY.ip6, GATEWAY.ip6],
      ] as const)
        await discover(source, 136, target, C1.mac, C1.mac, to);
    // A router's advertisement and a redirect of all of c2's packets.
    const router = { to: ALL_NODES.mac, from: C1.mac, destination: ALL_NODES.ip6, hops: 255 };
    const lifetime = Buffer.from([64, 0, 7, 8, ...new Array<number>(8).fill(0)]);
    for (const source of ["fe80::1", C1.ip6, GATEWAY.ip6]) await say(icmp({ ...router, source }, 134, 0, lifetime));
    const redirect = neighbour(C1.ip6, 2, C1.mac);
    for (const source of ["fe80::1", C1.ip6, GATEWAY.ip6])
      await say(icmp({ ...router, to: GATEWAY.mac, destination: GATEWAY.ip6, source }, 137, 0, redirect));
    // What is no IP at all, to everybody: a protocol for experiments, and a spanning tree's hello.
    await say(ethernet(broadcast, C1.mac, 0x88b5, Buffer.alloc(46)));
    await say(ethernet("01:80:c2:00:00:00", C1.mac, 38, Buffer.from(`424203${"00".repeat(35)}`, "hex")));
    // The controls: the truth is answered, a probe before using an address too.
    await say(arp(broadcast, C1.mac, asks(C1.ip, C1.mac)));
    await say(arp(broadcast, C1.mac, asks("0.0.0.0", C1.mac)));
    // Its own MAC in the option would do; another's there must not be believed.
    await discover(C1.ip6, 135, GATEWAY.ip6, C2.mac);
    await until("the truth is answered", async () => {
      const [arps = 0, adverts = 0] = await counts(host, at("c1"), "netdev");
      return arps >= 2 && adverts >= 1;
    });
    const [arps = 0, adverts] = await counts(host, at("c1"), "netdev");
    assert.is(OTHERWISE.answersLiesInArp ? arps >= 2 : arps === 2, true, `${arps} answers`);
    assert.is(adverts, 1);
    assert.equal(await counts(host, at("c2"), "netdev"), [0, 0, 0]);
    assert.equal([await neighbours(), await routes()], before);
    await expect(host, "open", [
      ...cross("tcp", [undefined, at("c3")], [C2.ip, C2.ip6], 80),
      ...cross("tcp", [at("c1")], [C2.ip, C3.ip6], 80),
    ]);
    // c1's own connections excepted, nothing of c1's frames went on as it was.
    assert.is((await counts(host, at("c2"), "netdev"))[2], 0);
  }));

it("a source route leads around no rule", () =>
  lab(async (host) => {
    await apply(host, front("icc off", "allow c3 -> c2"));
    // As a host has it that trusts such routes.
    for (const name of ["all", "up0", C1.device, C3.device])
      await host.sysctl(`ipv4/conf/${name}/accept_source_route`, "1");
    await host.sysctl("ipv4/conf/all/rp_filter", "0");
    await countArriving(host, at("c2"), "eth0", ["ip protocol tcp", "ip protocol udp"]);
    // Loose source and record route (131): to the host first, then to c2.
    const to = (address: string) =>
      Buffer.from(`8307 04${Buffer.from(address.split(".").map(Number)).toString("hex")}00`.replaceAll(" ", ""), "hex");
    const mac = { to: await macOf(host, undefined, "up0"), from: await macOf(host, WORLD, "uplink") };
    for (const options of [to(C2.ip)]) {
      await host.frame(
        at("c1"),
        "eth0",
        udp({ to: GATEWAY.mac, from: C1.mac, source: C1.ip, destination: GATEWAY.ip, options }, 4000, LIE),
      );
      await host.frame(
        at("c1"),
        "eth0",
        tcp({ to: GATEWAY.mac, from: C1.mac, source: C1.ip, destination: GATEWAY.ip, options }, 4000, LIE, 2),
      );
      await host.frame(WORLD, "uplink", udp({ ...mac, source: WORLD4, destination: HOST4, options }, 4000, LIE));
    }
    await host.frame(
      at("c3"),
      "eth0",
      udp({ to: GATEWAY.mac, from: C3.mac, source: C3.ip, destination: C2.ip }, 4000, TRUTH),
    );
    await until("the straight one arrives", async () => ((await counts(host, at("c2"), "netdev"))[1] ?? 0) > 0);
    assert.equal(await counts(host, at("c2"), "netdev"), [0, 1]);
  }));

test.run();
