/** When a policy is tightened, connections that it no longer allows are cut, in both directions, and no others. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab, type Place, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { icmp, ip } from "../support/frames.js";
import { apply, at, remove } from "../support/live.js";
import { alive, type Flow, Traffic } from "../support/traffic.js";
import { C1, C2, C3, countArriving, counts, front, GATEWAY, type Names, until } from "./place.js";

const test = suite("security: tightening");
const it = await when(test, "namespaces", "ip", "nf_tables", "conntrack", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "conntrack", "br_netfilter");

/**
 * Asserts that nothing passes in these, whoever speaks first, while the others go on. What is cut is sent before what
 * passes, and packets keep their order.
 */
async function cut(flows: readonly Flow[], others: readonly Flow[]): Promise<void> {
  const before = await heard(flows);
  for (const first of ["server", "client"] as const)
    for (let i = 0; i < 3; i++)
      for (const { client, server, ends } of flows) {
        await (first === "server" ? server.send(ends.server) : client.send(ends.client));
        await (first === "server" ? client.send(ends.client) : server.send(ends.server));
      }
  await alive(others);
  assert.equal(await heard(flows), before);
}

async function heard(flows: readonly Flow[]): Promise<string[]> {
  return Promise.all(
    flows.map(async ({ name, client, server, ends }) => {
      const [a, b] = await Promise.all([client.look(ends.client), server.look(ends.server)]);
      return `${name}: client ${a.received}, server ${b.received}`;
    }),
  );
}

for (const protocol of ["tcp", "udp"] as const) {
  const suffix = protocol === "udp" ? "/udp" : "";

  for (const on of [false, true])
    (on ? bridged : it)(
      `${protocol} between containers is cut both ways, and nothing else, br_netfilter ${on ? "on" : "off"}`,
      () =>
        lab(async (host) => {
          await host.bridgeNetfilter(on);
          const traffic = new Traffic(host);
          await apply(host, front());
          const open = (from: string, to: string, names: Names, port: number) =>
            Promise.all([
              traffic.open(protocol, at(from), at(to), names.ip, port),
              traffic.open(protocol, at(from), at(to), names.ip6, port + 1000),
            ]);
          const doomed = await open("c1", "c2", C2, 2001);
          const sibling = await open("c1", "c2", C2, 2002);
          const reverse = await open("c2", "c1", C1, 2001);
          const third = await open("c3", "c2", C2, 2003);
          const host1 = [
            await traffic.open(protocol, undefined, at("c2"), C2.ip, 2004),
            await traffic.open(protocol, at("c1"), undefined, GATEWAY.ip6, 2005),
          ];
          // The other side may still begin, which must not bring the cut flow back as an answer to it.
          const denied = `deny c1 -> c2:{2001${suffix}, 3001${suffix}}`;
          await apply(host, front("", denied));
          await cut(doomed, [...sibling, ...reverse, ...third, ...host1]);
          // An edit elsewhere doesn't bring it back.
          await apply(host, front("", `${denied}, deny c3 -> c1`));
          await cut(doomed, [...sibling, ...reverse, ...third, ...host1]);
          // Now both directions between containers, except one.
          await apply(host, front("icc off", `allow c3 -> c2:{2003${suffix}, 3003${suffix}}`));
          await cut([...doomed, ...sibling, ...reverse], [...third, ...host1]);
        }),
    );

  it(`${protocol} to and from the world is cut both ways, and nothing else`, () =>
    lab(async (host) => {
      const traffic = new Traffic(host);
      const publishes = `publish 4001 -> c1:5001${suffix}, publish 4002 -> c1:5002${suffix}, publish 4003 -> c2:5003${suffix}`;
      await apply(host, front("", publishes));
      const open = (from: Place, to: Place, addresses: readonly string[], port: number, inner?: number) =>
        Promise.all(
          addresses.map((address, i) =>
            traffic.open(protocol, from, to, address, port + (inner === undefined ? i : 0), inner),
          ),
        );
      const out1 = await open(at("c1"), WORLD, [WORLD4, WORLD6], 6001);
      const out2 = await open(at("c2"), WORLD, [WORLD4, WORLD6], 6011);
      const in1 = await traffic.open(protocol, WORLD, at("c1"), HOST4, 4001, 5001);
      const in2 = await traffic.open(protocol, WORLD, at("c1"), HOST6, 4002, 5002);
      const in3 = await traffic.open(protocol, at("c1"), at("c2"), HOST4, 4003, 5003);
      await apply(host, front("", `${publishes}, deny c1 -> world`));
      await cut(out1, [...out2, in1, in2, in3]);
      // c1 may again reach the world, and the world a port less: c1's own word must not open the way back.
      await apply(host, front("", `${publishes}, deny world -> c1:{5001${suffix}, 5002${suffix}}`));
      await cut([in1, in2], [...out2, in3]);
      await apply(host, front("", `deny c2 -> world`));
      await cut([...out2, in1, in2, in3], await open(at("c1"), WORLD, [WORLD4, WORLD6], 6021));
    }));

  it(`${protocol} follows a publish that moves to another container, whoever asks`, () =>
    lab(async (host) => {
      const traffic = new Traffic(host);
      // Everybody could also go to c1 directly, so that only the publish decides.
      const rest = "allow world -> c1, allow world -> c2";
      const publish = (name: string) =>
        front(
          "",
          `${rest}, ${[4001, 4002, 4003, 4004].map((port) => `publish ${port} -> ${name}:${port + 1000}${suffix}`).join(", ")}`,
        );
      await apply(host, publish("c1"));
      const flows = [
        await traffic.open(protocol, WORLD, at("c1"), HOST4, 4001, 5001),
        await traffic.open(protocol, WORLD, at("c1"), HOST6, 4002, 5002),
        await traffic.open(protocol, at("c3"), at("c1"), HOST4, 4003, 5003),
        await traffic.open(protocol, undefined, at("c1"), HOST4, 4004, 5004),
      ];
      const still = [
        await traffic.open(protocol, at("c3"), at("c1"), C1.ip, 7001),
        await traffic.open(protocol, WORLD, at("c1"), C1.ip6, 7002),
      ];
      await apply(host, publish("c2"));
      await cut(flows, still);
      const c2 = await traffic.in(at("c2"));
      if (protocol === "tcp") return;
      // The same sockets reach c2 now.
      for (const [i, flow] of flows.entries()) {
        await c2.datagrams(`moved ${i}`, i === 1 ? 6 : 4, { port: 5001 + i });
        await alive([{ ...flow, server: c2, ends: { ...flow.ends, server: `moved ${i}` } }]);
      }
    }));
}

it("datagrams that came before a port was published follow it once it is", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    const asker = await traffic.in(WORLD);
    const neighbour = await traffic.in(undefined);
    const ask = async (port: number): Promise<void> => {
      for (const [name, streams, address] of [
        ["4", asker, HOST4],
        ["6", asker, HOST6],
        ["own", neighbour, HOST4],
      ] as const) {
        await streams.datagrams(`${name} ${port}`, name === "6" ? 6 : 4, { address, toPort: port });
        await streams.send(`${name} ${port}`);
      }
    };
    const serve = async (port: number, inner: number): Promise<void> => {
      const c1 = await traffic.in(at("c1"));
      for (const family of [4, 6] as const) await c1.datagrams(`${family} ${inner}`, family, { port: inner });
      for (const [name, streams] of [
        ["4", asker],
        ["6", asker],
        ["own", neighbour],
      ] as const) {
        const ends = { client: `${name} ${port}`, server: `${name === "6" ? 6 : 4} ${inner}` };
        await alive([{ name: `${name} ${port}`, client: streams, server: c1, ends }]);
      }
    };
    // Connection tracking is on before the first apply, as on any host with a firewall.
    await host.nft(
      "table inet other {\nchain i {\ntype filter hook input priority 0\nct state new accept\n}\nchain o {\ntype filter hook output priority 0\nct state new accept\n}\n}\n",
    );
    await ask(4001);
    await apply(host, front("", "publish 4001 -> c1:5001/udp"));
    await serve(4001, 5001);
    await ask(4002);
    await apply(host, front("", "publish 4001 -> c1:5001/udp, publish 4002 -> c1:5002/udp"));
    await serve(4002, 5002);
  }));

it("`from` that is narrowed cuts whom it leaves out, and a target fewer its connections", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    await apply(host, front("", "publish 4001 -> c1:5001, publish 4002 -> c1:5002/udp, publish 4003 -> {c1, c2}:5003"));
    const world = [
      await traffic.open("tcp", WORLD, at("c1"), HOST4, 4001, 5001),
      await traffic.open("udp", WORLD, at("c1"), HOST6, 4002, 5002),
    ];
    const c1 = await traffic.in(at("c1"));
    const c2 = await traffic.in(at("c2"));
    const asker = await traffic.in(at("c3"));
    await c1.accept("spread", 5003);
    await c2.accept("spread", 5003);
    const flows = { 1: [] as Flow[], 2: [] as Flow[] };
    for (let i = 0; i < 4; i++) {
      const before = (await c1.look("spread")).received;
      await asker.connect(`spread ${i}`, HOST4, 4003);
      await asker.send(`spread ${i}`);
      const ends = { client: `spread ${i}`, server: "spread" };
      await until(
        "either hears it",
        async () => (await c1.look("spread")).received + (await c2.look("spread")).received > i,
      );
      const mine = (await c1.look("spread")).received > before;
      flows[mine ? 1 : 2].push({ name: `spread ${i}`, client: asker, server: mine ? c1 : c2, ends });
    }
    assert.equal([flows[1].length, flows[2].length], [2, 2]);
    await apply(
      host,
      front(
        "",
        "publish 4001 -> c1:5001 from {c3, host}, publish 4002 -> c1:5002/udp from {c3, host}, publish 4003 -> c2:5003",
      ),
    );
    await cut(
      [...world, ...flows[1].slice(0, 1)],
      [await traffic.open("tcp", at("c3"), at("c1"), C1.ip, 7001), ...flows[2]],
    );
  }));

it("a protocol without ports that is denied stays denied, whoever sends first", () =>
  lab(async (host) => {
    await apply(host, front());
    const matches = ["ip protocol 253", "ip6 nexthdr 253"];
    for (const place of [at("c1"), at("c2")]) await countArriving(host, place, "eth0", matches);
    const send = async (from: Names, to: Names, at: Place): Promise<void> => {
      for (const v6 of [false, true])
        await host.frame(
          at,
          "eth0",
          ip(
            { to: GATEWAY.mac, from: from.mac, source: v6 ? from.ip6 : from.ip, destination: v6 ? to.ip6 : to.ip },
            253,
            Buffer.alloc(16),
          ),
        );
    };
    const there = (): Promise<void> => send(C1, C2, at("c1"));
    const back = (): Promise<void> => send(C2, C1, at("c2"));
    const heard = async (): Promise<number[][]> =>
      Promise.all([at("c2"), at("c1")].map((place) => counts(host, place, "netdev")));
    await there();
    await back();
    await until("they pass", async () => (await counts(host, at("c1"), "netdev"))[1] === 1);
    assert.equal(await heard(), [
      [1, 1],
      [1, 1],
    ]);
    await apply(host, front("", "deny c1 -> c2"));
    for (const send of [back, there, back, there]) await send();
    // The control: c3's pass, behind the others.
    await countArriving(host, at("c3"), "eth0", matches);
    await send(C1, C3, at("c1"));
    await send(C2, C3, at("c2"));
    await until("the others pass", async () => (await counts(host, at("c3"), "netdev"))[1] === 2);
    assert.equal(await heard(), [
      [1, 1],
      [1, 1],
    ]);
  }));

it("a ping that is denied stays denied when the other side answers", () =>
  lab(async (host) => {
    await apply(host, front());
    const matches = [
      "icmp type echo-request",
      "icmp type echo-reply",
      "icmpv6 type echo-request",
      "icmpv6 type echo-reply",
    ];
    await countArriving(host, at("c1"), "eth0", matches);
    await countArriving(host, at("c2"), "eth0", matches);
    // c2's kernel would answer by itself.
    await host.sysctl("ipv4/icmp_echo_ignore_all", "1", at("c2"));
    await host.sysctl("ipv6/icmp/echo_ignore_all", "1", at("c2"));
    const echo = (from: Names, to: Names, type: 0 | 8, v6: boolean, id: number) =>
      icmp(
        { to: GATEWAY.mac, from: from.mac, source: v6 ? from.ip6 : from.ip, destination: v6 ? to.ip6 : to.ip },
        v6 ? (type === 8 ? 128 : 129) : type,
        0,
        Buffer.from([id >> 8, id & 255, 0, 1]),
      );
    const round = async (id: number): Promise<void> => {
      for (const v6 of [false, true]) {
        await host.frame(at("c1"), "eth0", echo(C1, C2, 8, v6, id));
        await host.frame(at("c2"), "eth0", echo(C2, C1, 0, v6, id));
      }
    };
    await round(7);
    await until("the echoes pass", async () => (await counts(host, at("c1"), "netdev"))[3] === 1);
    assert.equal(
      [await counts(host, at("c2"), "netdev"), await counts(host, at("c1"), "netdev")],
      [
        [1, 0, 1, 0],
        [0, 1, 0, 1],
      ],
    );
    await apply(host, front("", "deny c1 -> c2:icmp"));
    await round(7);
    await round(8);
    // The control: c2's own questions pass, and are answered.
    assert.is(await host.ping(at("c2"), C1.ip, 5000), "reply");
    assert.is(await host.ping(at("c2"), C1.ip6, 5000), "reply");
    assert.equal(
      [await counts(host, at("c2"), "netdev"), await counts(host, at("c1"), "netdev")],
      [
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ],
    );
  }));

it("a removal cuts everything of the policy's, and a looser policy nothing", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    await apply(host, front("icc off", "allow c1 -> c2, publish 4001 -> c1:5001"));
    const flows = [
      await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2001),
      await traffic.open("tcp", WORLD, at("c1"), HOST4, 4001, 5001),
    ];
    await apply(host, front("", "publish 4001 -> c1:5001, allow world -> c2"));
    await alive(flows);
    await remove(host);
    const { stdout } = await host.run("conntrack", ["-L"], { accept: [1] });
    assert.not.match(stdout, /10\.90\.1\.1[123]/);
  }));

test.run();
