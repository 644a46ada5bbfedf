/** What containers send to this host, and this host to them, beside the ways that every backend is measured on. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { bridgeMac } from "../../src/topology/plan.js";
import { type Host, HOST4, lab } from "../kernel/lab.js";
import {
  addStranger,
  C1,
  C2,
  C3,
  countAfter,
  countArriving,
  counts,
  front,
  GATEWAY,
  ip,
  type Names,
  STRANGER,
  STRANGER4,
  STRANGER6,
} from "../security/place.js";
import { forgetCommand, takeDataplane, tsnet } from "../support/command.js";
import { tcp, udp } from "../support/frames.js";
import { apply, at } from "../support/live.js";

const test = suite("ebpf and this host");
const it = await when(test, "namespaces", "nf_tables", "perl", "ebpf");

await takeDataplane();

/** By frames, since a socket asks before it sends to many. */
async function say(host: Host, place: string, from: Names, to: string, port: number): Promise<void> {
  const gateway = bridgeMac("tsnet", place === "d1" ? "inside" : "front");
  const source = to.includes(":") ? from.ip6 : from.ip;
  await host.frame(at(place), "eth0", udp({ to: gateway, from: from.mac, source, destination: to }, 4000, port));
}

/** Addresses of c1 and c2. */
const PAIRS = [
  [C1.ip, C2.ip],
  [C1.ip6, C2.ip6],
] as const;

/** Of a frame from a container by its gateway. */
const endsOf = (mac: string, source: string, destination: string) => ({
  to: GATEWAY.mac,
  from: mac,
  source,
  destination,
});

const MANY = ["255.255.255.255", "224.0.0.251", "ff02::1"];
const BROADCAST = ["10.90.1.255", "198.51.100.255"];

it("a published port takes no broadcast or multicast past what is said of this host", () =>
  lab(async (host) => {
    const inside = { ip: "10.90.3.11", ip6: "fd90:3::11", mac: "02:42:0a:5a:03:0b", device: "" };
    const rules = `
network inside { subnet 10.90.3.0/24; subnet fd90:3::/64; internal }
container d1 { network inside ip ${inside.ip} ip ${inside.ip6} }
publish 5353 -> c2:53/udp
deny c1 -> host
`;
    await apply(host, front("", rules), "ebpf");
    // This host has joined no group but IPv6's of all nodes, so only that one and the broadcasts reach a hook of its.
    const senders = [C1, inside, C3].flatMap(({ ip, ip6 }) => [`ip saddr ${ip}`, `ip6 saddr ${ip6}`]);
    await countAfter(
      host,
      "input",
      senders.map((match) => `${match} udp dport 5353`),
    );
    for (const to of [...MANY, ...BROADCAST, "10.90.3.255"]) {
      await say(host, "c1", C1, to, 5353);
      await say(host, "d1", inside, to, 5353);
    }
    assert.equal(await counts(host, undefined, "inet"), [0, 0, 0, 0, 0, 0]);
    // The default lets others', which are decided.
    for (const to of MANY) await say(host, "c3", C3, to, 5353);
    assert.equal(await counts(host, undefined, "inet"), [0, 0, 0, 0, 1, 1]);
    // The published port itself is there.
    await host.listen(at("c2"), "udp", 53);
    assert.is(await host.udp(at("c1"), HOST4, 5353, { timeout: 5000 }), "open");
  }));

it("packets of a connection that are led to another container's device are dropped there, whatever they belong to", () =>
  lab(async (host) => {
    await apply(host, front("", "allow c1 -> c2:5000/udp"), "ebpf");
    const ask = (): Promise<string> => host.udp(at("c1"), C2.ip, 5000, { fromPort: 6000, timeout: 1000 });
    await host.listen(at("c2"), "udp", 5000);
    assert.is(await ask(), "open");
    assert.is(await ask(), "open");
    // The other one would answer.
    await ip(host, at("c3"), `address add ${C2.ip}/32 dev lo`);
    await host.listen(at("c3"), "udp", 5000);
    await ip(
      host,
      undefined,
      `route replace ${C2.ip} dev ${C3.device}`,
      `neighbour replace ${C2.ip} lladdr ${C3.mac} dev ${C3.device} nud permanent`,
    );
    assert.is(await ask(), "timeout");
    const { stdout } = await tsnet(host, ["stats", "--drops", "--json"]);
    const { events } = JSON.parse(stdout) as { events: { reason: string; destination: string; port: number | null }[] };
    assert.ok(
      events.some(({ reason, destination, port }) => reason === "detour" && destination === C2.ip && port === 5000),
      stdout,
    );
  }));

it("ends that were seen together before are looked at all the same: each packet's MAC, source and device", () =>
  lab(async (host) => {
    await apply(host, front("", "allow c1 -> c2:5000/udp"), "ebpf");
    await host.listen(at("c2"), "udp", 5000);
    await countArriving(host, at("c2"), "eth0", [`udp dport 5000 udp sport 7000`, `udp dport 5000 udp sport 7001`]);
    for (const [source, destination, others] of [
      [C1.ip, C2.ip, C3.ip],
      [C1.ip6, C2.ip6, C3.ip6],
    ] as const) {
      // Twice: the second time the ends are known.
      for (let i = 0; i < 2; i++)
        assert.is(await host.udp(at("c1"), destination, 5000, { timeout: 5000 }), "open", destination);
      const right = { to: GATEWAY.mac, from: C1.mac, source, destination };
      await host.frame(at("c1"), "eth0", udp(right, 7000, 5000));
      await host.frame(at("c1"), "eth0", udp({ ...right, from: C3.mac }, 7001, 5000));
      await host.frame(at("c1"), "eth0", udp({ ...right, source: others }, 7001, 5000));
      await host.frame(at("c3"), "eth0", udp(right, 7001, 5000));
      await host.frame(at("c3"), "eth0", udp({ ...right, from: C3.mac }, 7001, 5000));
      // So many that some are remembered, if they are, where the right ends were.
      const prefix = source.includes(":") ? "fd90:99::" : "10.99.0.";
      const sources = Array.from({ length: 250 }, (_, i) => `${prefix}${i + 1}`);
      for (let round = 0; round < 4; round++)
        await host.frame(
          at("c1"),
          "eth0",
          ...sources.map((one) => udp({ ...right, source: one.replace("99", `${99 - round}`) }, 7001, 5000)),
        );
    }
    assert.equal(await counts(host, at("c2"), "netdev"), [2, 0]);
  }));

it("what was another container's address is the world's once it isn't a container's any more", () =>
  lab(async (host) => {
    const beside = `
network beside { subnet 203.0.113.0/24; subnet 2001:db8:200::/64 }
container d { network beside ip ${STRANGER4} ip ${STRANGER6} }
allow c1 -> d
`;
    await apply(host, front("", beside), "ebpf");
    for (const address of [STRANGER4, STRANGER6]) {
      await host.listen(at("d"), "udp", 5000);
      assert.is(await host.udp(at("c1"), address, 5000, { timeout: 5000 }), "open", address);
      await host.close(at("d"), "udp", 5000);
    }
    await apply(host, front("", "deny c1 -> world"), "ebpf");
    await addStranger(host);
    await countArriving(host, STRANGER, "eth0", ["udp dport 5000"]);
    const send = async (): Promise<void> => {
      for (const [source, destination] of [
        [C1.ip, STRANGER4],
        [C1.ip6, STRANGER6],
      ] as const)
        await host.frame(at("c1"), "eth0", udp({ to: GATEWAY.mac, from: C1.mac, source, destination }, 7000, 5000));
    };
    await send();
    assert.equal(await counts(host, STRANGER, "netdev"), [0]);
    // Where nothing denies it, it gets there.
    await apply(host, front("", "network other { subnet 10.90.7.0/24 }"), "ebpf");
    await send();
    assert.equal(await counts(host, STRANGER, "netdev"), [2]);
  }));

it("after a reset the other end's packets come through still, since it may not have got it", () =>
  lab(async (host) => {
    await apply(host, front("", "allow c1 -> c2:{5000, 5001}"), "ebpf");
    await host.listen(at("c2"), "tcp", 5000);
    await countArriving(host, at("c1"), "eth0", ["tcp sport 5001 tcp flags & (ack | rst) == ack"]);
    for (const [from, to] of PAIRS) {
      const [there, back] = [endsOf(C1.mac, from, to), endsOf(C2.mac, to, from)];
      const held = await host.connect(at("c1"), to, 5000, { fromPort: 6000 });
      // Its sequence number is none of the window: the connection goes on.
      await host.frame(at("c1"), "eth0", tcp(there, 6000, 5000, 4));
      assert.is(await host.talk(at("c1"), held, 5000), "open");
      await host.drop(at("c1"), held);
      // Refused by a reset, which is the end of it; who has lost that would be answered by another.
      assert.is(await host.tcp(at("c1"), to, 5001, { fromPort: 6001, timeout: 5000 }), "refused");
      const [before = 0] = await counts(host, at("c1"), "netdev");
      await host.frame(at("c2"), "eth0", tcp(back, 5001, 6001, 16));
      const [after = 0] = await counts(host, at("c1"), "netdev");
      assert.is(after, before + 1);
      // The next connection of the same ports begins.
      await host.listen(at("c2"), "tcp", 5001);
      assert.is(await host.tcp(at("c1"), to, 5001, { fromPort: 6001, timeout: 5000 }), "open");
      await host.close(at("c2"), "tcp", 5001);
    }
  }));

/** Makes every connection's entry look as if its last packet was so long ago. */
async function age(host: Host, seconds: number): Promise<void> {
  const { stdout } = await host.run("find", ["/run/tsnet/bpf", "-name", "connections"]);
  const map = stdout.trim();
  const dumped = await host.run("bpftool", ["-j", "map", "dump", "pinned", map]);
  for (const { key, value } of JSON.parse(dumped.stdout) as { key: string[]; value: string[] }[]) {
    // Behind the policy's number and four bytes; see dataplane/maps.h.
    const bytes = Buffer.from(value.map(Number));
    bytes.writeBigUInt64LE(bytes.readBigUInt64LE(8) - BigInt(seconds) * 1_000_000_000n, 8);
    await host.run("bpftool", ["map", "update", "pinned", map, "key", ...key, "value", ...[...bytes].map(String)]);
  }
}

it("connections that this host doesn't track pass by their entries alone", () =>
  lab(async (host) => {
    await host.nft(`table inet untracked {
  chain c {
    type filter hook prerouting priority raw; policy accept;
    notrack
  }
}
`);
    await apply(host, front("icc off", "allow c1 -> c2:{5000, 5000/udp}"), "ebpf");
    await host.listen(at("c2"), "tcp", 5000);
    await host.listen(at("c2"), "udp", 5000);
    await host.listen(at("c1"), "udp", 5000);
    for (const to of [C2.ip, C2.ip6]) {
      const held = await host.connect(at("c1"), to, 5000);
      for (let i = 0; i < 3; i++) assert.is(await host.talk(at("c1"), held, 5000), "open");
      for (let i = 0; i < 3; i++)
        assert.is(await host.udp(at("c1"), to, 5000, { fromPort: 6000, timeout: 5000 }), "open", to);
    }
    for (const to of [C1.ip, C1.ip6]) assert.is(await host.udp(at("c2"), to, 5000, { timeout: 500 }), "timeout");
  }));

it("a datagram that nobody has answered is forgotten when connection tracking forgets it", () =>
  lab(async (host) => {
    await apply(host, front("icc off", "allow c1 -> c2:{5000/udp, 5001/udp}"), "ebpf");
    await countArriving(host, at("c1"), "eth0", ["udp sport { 5000, 5001 }"]);
    const arrived = async (): Promise<number> => (await counts(host, at("c1"), "netdev"))[0] ?? 0;
    for (const [from, to] of PAIRS) {
      const [there, back] = [endsOf(C1.mac, from, to), endsOf(C2.mac, to, from)];
      const before = await arrived();
      const [ask, answer] = [
        (port: number) => host.frame(at("c1"), "eth0", udp(there, 7000, port)),
        (port: number) => host.frame(at("c2"), "eth0", udp(back, port, 7000)),
      ];
      await ask(5000);
      await ask(5001);
      await age(host, 29);
      await answer(5000);
      assert.is(await arrived(), before + 1);
      await age(host, 31);
      await answer(5001);
      assert.is(await arrived(), before + 1, "not answered for a minute");
      await answer(5000);
      assert.is(await arrived(), before + 2);
    }
  }));

it("a container learns from this host why what it sent to another can't be forwarded", () =>
  lab(async (host) => {
    const m = { ip: "10.90.3.12", ip6: "fd90:3::12" };
    const rules = `
network narrow { subnet 10.90.3.0/24; subnet fd90:3::/64; mtu 1300 }
container m { network narrow ip ${m.ip} ip ${m.ip6} }
allow c1 -> m
`;
    await apply(host, front("", rules), "ebpf");
    await countArriving(host, at("c1"), "eth0", [
      "icmp type destination-unreachable icmp code frag-needed",
      "icmpv6 type packet-too-big",
      "icmp type time-exceeded",
      "icmpv6 type time-exceeded",
    ]);
    const ends = { to: bridgeMac("tsnet", "front"), from: C1.mac };
    for (const [source, destination] of [
      [C1.ip, m.ip],
      [C1.ip6, m.ip6],
    ] as const) {
      const datagram = { ...ends, source, destination };
      const large = Buffer.from(udp({ ...datagram, payload: Buffer.alloc(1380) }, 4000, 9), "hex");
      // IPv4 may be fragmented unless it says otherwise (DF); the header's sum goes down as that goes up.
      if (!source.includes(":")) {
        large.writeUInt16BE(0x4000, 20);
        large.writeUInt16BE((large.readUInt16BE(24) - 0x4000 + 0xffff) % 0xffff, 24);
      }
      await host.frame(at("c1"), "eth0", large.toString("hex"));
      await host.frame(at("c1"), "eth0", udp({ ...datagram, hops: 1 }, 4001, 9));
    }
    assert.equal(await counts(host, at("c1"), "netdev"), [1, 1, 1, 1]);
  }));

it("the anycast address of a subnet's routers is no way to this host", () =>
  lab(async (host) => {
    await host.sysctl("ipv6/conf/all/forwarding", "1");
    await apply(host, front("", "deny c1 -> host"), "ebpf");
    await countAfter(host, "input", [`ip6 saddr ${C1.ip6} udp dport 5353`]);
    for (const to of ["fd90:1::", "2001:db8:100::"]) await say(host, "c1", C1, to, 5353);
    assert.equal(await counts(host, undefined, "inet"), [0]);
    // There is such an address: without the table the same frame arrives.
    const tables = await host.run("nft", ["list", "tables"]);
    const table = /inet tsnet_nat_\w+/.exec(tables.stdout)?.[0] ?? "";
    await host.run("nft", ["delete", "chain", ...table.split(" "), "here"]);
    for (const to of ["fd90:1::", "2001:db8:100::"]) await say(host, "c1", C1, to, 5353);
    assert.equal(await counts(host, undefined, "inet"), [2]);
  }));

it("an apply is refused where a route gives this host addresses that the programs don't know of", () =>
  lab(async (host) => {
    const own = "local fd90:99::1 dev lo";
    const route = "local fd90:77::/64 dev lo";
    const text = front("", "publish [::1]:53 -> c2:53/udp, deny c1 -> host");
    await ip(host, undefined, "address add fd90:99::1/128 dev lo", `route add ${route}`);
    const refused = await apply(host, text, "ebpf").then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(refused, `the route '${route}' gives this host IPv6 addresses`);
    assert.not.match(refused, own);
    await apply(host, "network front { subnet 10.90.1.0/24 }\ncontainer c1 { network front }\ndeny c1 -> host", "ebpf");
    await ip(host, undefined, `route delete ${route}`);
    await apply(host, text, "ebpf");
    await apply(host, text, "ebpf");
  }));

test("the command is forgotten", forgetCommand);
test.run();
