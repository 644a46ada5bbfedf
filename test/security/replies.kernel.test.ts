/** Containers can't be reached around the policy: not directly from outside, and not by what only looks like a reply. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { icmp, packet, tcp, udp, udpBody } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import {
  C1,
  C2,
  C3,
  countArriving,
  counts,
  cross,
  expect,
  front,
  GATEWAY,
  macOf,
  type Names,
  until,
  type Way,
} from "./place.js";

const test = suite("security: direct routing and replies");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "perl", "br_netfilter");

const PUBLISHES = "publish 8080 -> c1:80, publish 5353 -> c1:53/udp";

async function listen(host: Host): Promise<void> {
  for (const place of [WORLD, at("c1"), at("c2")]) {
    await host.listen(place, "tcp", 80);
    await host.listen(place, "udp", 53);
  }
}

function direct(...to: string[]): Way[] {
  return [...cross("tcp", [WORLD], to, 80), ...cross("udp", [WORLD], to, 53), ...cross("ping", [WORLD], to)];
}

for (const on of [false, true]) {
  (on ? bridged : it)(`from outside a container's own address is dark, br_netfilter ${on ? "on" : "off"}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await apply(host, front("", PUBLISHES));
      await listen(host);
      await expect(host, "timeout", direct(C1.ip, C1.ip6, C2.ip, C2.ip6));
      await expect(host, "open", [
        ...cross("tcp", [WORLD], [HOST4, HOST6], 8080),
        ...cross("udp", [WORLD], [HOST4, HOST6], 5353),
        // Replies from the world come back.
        ...cross("tcp", [at("c1"), at("c2")], [WORLD4, WORLD6], 80),
        ...cross("udp", [at("c1"), at("c2")], [WORLD4, WORLD6], 53),
        ...cross("ping", [at("c1"), at("c2")], [WORLD4, WORLD6]),
      ]);
      await apply(host, front("", `${PUBLISHES}, allow world -> c2:{80, 53/udp, icmp}`));
      await expect(host, "open", direct(C2.ip, C2.ip6));
      await expect(host, "timeout", direct(C1.ip, C1.ip6));
    }),
  );
}

/** TCP flags of a first packet, and of what isn't one. */
const SYN = 2;
const FLAGS = [0x10, 0x12, 0x14, 0x11, 0x18, 0x04, 0x00];

it("a source port makes no reply", () =>
  lab(async (host) => {
    await apply(host, front("icc off", "allow c2 -> c1:22, allow c2 -> c1:53/udp"));
    const uplink = { own: await macOf(host, WORLD, "uplink"), host: await macOf(host, undefined, "up0") };
    await countArriving(host, at("c1"), "eth0", ["tcp dport 22", "udp dport 53", "tcp sport 443", "udp sport 443"]);
    await countArriving(host, at("c2"), "eth0", ["tcp sport 22", "udp sport 53"]);
    for (const [a, b] of [
      [C1.ip, C2.ip],
      [C1.ip6, C2.ip6],
    ] as const) {
      const from1 = { to: GATEWAY.mac, from: C1.mac, source: a, destination: b };
      // c1 may not ask c2, from whatever port; not even with a first packet.
      for (const flags of [SYN, ...FLAGS]) await host.frame(at("c1"), "eth0", tcp(from1, 22, 40000, flags));
      await host.frame(at("c1"), "eth0", udp(from1, 53, 40000));
      // Nor may the world, which c1 may ask.
      const outside = { to: uplink.host, from: uplink.own, source: a.includes(":") ? WORLD6 : WORLD4, destination: a };
      for (const flags of [SYN, ...FLAGS]) await host.frame(WORLD, "uplink", tcp(outside, 443, 40000, flags));
      await host.frame(WORLD, "uplink", udp(outside, 443, 40000));
      // Where c2 may ask, it begins at the beginning.
      const from2 = { to: GATEWAY.mac, from: C2.mac, source: b, destination: a };
      for (const flags of FLAGS) await host.frame(at("c2"), "eth0", tcp(from2, 41000, 22, flags));
    }
    await host.listen(at("c1"), "udp", 53);
    await expect(host, "refused", cross("tcp", [at("c2")], [C1.ip, C1.ip6], 22));
    await expect(host, "open", cross("udp", [at("c2")], [C1.ip, C1.ip6], 53));
    assert.equal(await counts(host, at("c1"), "netdev"), [2, 2, 0, 0]);
    assert.equal(await counts(host, at("c2"), "netdev"), [2, 2]);
  }));

interface Flow {
  readonly source: string;
  readonly destination: string;
}

/** "Port unreachable", sent by `from` to the source of a UDP flow from port 4000 to port 53. */
function unreachable(
  mac: { to: string; from: string },
  from: string,
  to: string,
  { source, destination }: Flow,
): string {
  const v6 = from.includes(":");
  const about = packet({ source, destination }, 17, udpBody(4000, 53), 6);
  return icmp(
    { ...mac, source: from, destination: to },
    v6 ? 1 : 3,
    v6 ? 4 : 3,
    Buffer.concat([Buffer.alloc(4), about]),
  );
}

for (const icc of ["on", "off"]) {
  it(`an ICMP error about others' flows goes nowhere, icc ${icc}`, () =>
    lab(async (host) => {
      await apply(host, front(`icc ${icc}`, "allow c1 -> c2:53/udp"));
      for (const place of [at("c2"), WORLD]) await host.listen(place, "udp", 53);
      await countArriving(host, at("c1"), "eth0", [
        "icmp type destination-unreachable",
        "icmpv6 type destination-unreachable",
      ]);
      const uplink = { from: await macOf(host, WORLD, "uplink"), to: await macOf(host, undefined, "up0") };
      for (const to of [C2.ip, C2.ip6, WORLD4, WORLD6])
        assert.is(await host.udp(at("c1"), to, 53, { fromPort: 4000, timeout: 5000 }), "open");
      const inside = (who: Names) => ({ to: GATEWAY.mac, from: who.mac });
      for (const [c1, c2, c3, world, here] of [
        [C1.ip, C2.ip, C3.ip, WORLD4, HOST4],
        [C1.ip6, C2.ip6, C3.ip6, WORLD6, HOST6],
      ] as const) {
        // c3 about c1's flows to c2 and to the world; c2 about that to the world; the world about that to c2.
        await host.frame(at("c3"), "eth0", unreachable(inside(C3), c3, c1, { source: c1, destination: c2 }));
        await host.frame(at("c3"), "eth0", unreachable(inside(C3), c3, c1, { source: here, destination: world }));
        await host.frame(at("c3"), "eth0", unreachable(inside(C3), c3, here, { source: here, destination: world }));
        await host.frame(at("c2"), "eth0", unreachable(inside(C2), c2, here, { source: here, destination: world }));
        await host.frame(WORLD, "uplink", unreachable(uplink, world, c1, { source: c1, destination: c2 }));
      }
      assert.equal(await counts(host, at("c1"), "netdev"), [0, 0]);
      // The controls: c2 about the flow to itself; the world, and a router there, about the flow to the world.
      const told = async (n: number) =>
        until(`c1 is told ${n} times`, async () =>
          (await counts(host, at("c1"), "netdev")).every((seen) => seen === n),
        );
      for (const [c1, c2] of [
        [C1.ip, C2.ip],
        [C1.ip6, C2.ip6],
      ] as const)
        await host.frame(at("c2"), "eth0", unreachable(inside(C2), c2, c1, { source: c1, destination: c2 }));
      await told(1);
      for (const [here, world, router] of [
        [HOST4, WORLD4, "203.0.113.77"],
        [HOST6, WORLD6, "2001:db8:300::77"],
      ] as const)
        for (const from of [world, router])
          await host.frame(WORLD, "uplink", unreachable(uplink, from, here, { source: here, destination: world }));
      await told(3);
    }));
}

test.run();
