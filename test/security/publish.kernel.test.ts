/** The way through a published port: for whom, to whom, and that it opens no other. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, type Place, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { apply, at } from "../support/live.js";
import { addStranger, C1, C2, countArriving, counts, cross, expect, front, GATEWAY, STRANGER } from "./place.js";

const test = suite("security: published ports");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "perl", "br_netfilter");

const HERE = [HOST4, HOST6, GATEWAY.ip, GATEWAY.ip6];

async function seen(host: Host, from: Place, to: string): Promise<string | undefined> {
  return (await host.probe("tcp", from, to, 8080, { timeout: 5000 })).seen;
}

for (const on of [false, true])
  (on ? bridged : it)(`everybody reaches it and no one more, icc off, br_netfilter ${on ? "on" : "off"}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      const publishes = "publish 8080 -> c1:80, publish 5353 -> c1:53/udp";
      await apply(host, front("icc off", publishes));
      await host.listen(at("c1"), "tcp", 80);
      await host.listen(at("c1"), "udp", 53);
      await countArriving(host, at("c1"), "eth0", ["icmp type redirect", "icmpv6 type nd-redirect"]);
      const open = [
        // c1 itself among them: the hairpin.
        ...cross("tcp", [at("c1"), at("c2"), undefined], HERE, 8080),
        ...cross("tcp", [undefined], ["127.0.0.1", "::1"], 8080),
        ...cross("tcp", [WORLD], [HOST4, HOST6], 8080),
        ...cross("udp", [at("c1"), at("c2"), undefined], HERE, 5353),
        ...cross("udp", [WORLD], [HOST4, HOST6], 5353),
      ];
      await expect(host, "open", open);
      const dark = [
        ...cross("tcp", [at("c2"), WORLD], [C1.ip, C1.ip6], 80),
        ...cross("udp", [at("c2"), WORLD], [C1.ip, C1.ip6], 53),
        ...cross("tcp", [at("c2"), WORLD], [C1.ip, C1.ip6], 8080),
      ];
      await expect(host, "timeout", dark);
      // Everybody but those who would wait for an answer from themselves keeps their own address.
      for (const [from, to, who] of [
        [WORLD, HOST4, WORLD4],
        [WORLD, HOST6, WORLD6],
        [at("c2"), HOST4, C2.ip],
        [at("c2"), GATEWAY.ip6, C2.ip6],
        [at("c1"), HOST4, GATEWAY.ip],
        [at("c1"), HOST6, GATEWAY.ip6],
        [undefined, HOST4, HOST4],
        [undefined, "127.0.0.1", GATEWAY.ip],
        [undefined, "::1", GATEWAY.ip6],
      ] as const)
        assert.is(await seen(host, from, to), who, `${from} -> ${to}`);
      // A deny on the container wins, and says nothing of the others.
      await apply(host, front("icc off", `${publishes}, deny {c2, world} -> c1`));
      await expect(
        host,
        "timeout",
        open.filter(([, from]) => from === at("c2") || from === WORLD),
      );
      await expect(
        host,
        "open",
        open.filter(([, from]) => from !== at("c2") && from !== WORLD),
      );
    }),
  );

it("ranges, and a port of one address only, lead where they say", () =>
  lab(async (host) => {
    await addStranger(host);
    await apply(
      host,
      front(
        "",
        `publish 8000-8002 -> c1:9000-9002, publish 7000-7002 -> c2
         publish 198.51.100.1:80 -> c1:1001, publish 203.0.113.1:80 -> c2:1002, publish [2001:db8:100::1]:80 -> c1:1001`,
      ),
    );
    const served: [string, number[]][] = [
      ["c1", [9000, 9001, 9002, 1001]],
      ["c2", [7000, 7001, 7002, 1002]],
    ];
    for (const [name, ports] of served) {
      for (const port of ports) await host.listen(at(name), "tcp", port);
      await countArriving(
        host,
        at(name),
        "eth0",
        ports.map((port) => `tcp dport ${port} tcp flags & (syn|ack) == syn`),
      );
    }
    await expect(host, "open", [
      ...[8000, 8001, 8002, 7000, 7001, 7002].flatMap((port) => cross("tcp", [WORLD], [HOST4, HOST6], port)),
      ...cross("tcp", [WORLD, at("c3"), undefined], [HOST4, HOST6], 80),
    ]);
    assert.equal(
      [await counts(host, at("c1"), "netdev"), await counts(host, at("c2"), "netdev")],
      [
        [2, 2, 2, 6],
        [2, 2, 2, 0],
      ],
    );
    await expect(host, "open", cross("tcp", [STRANGER, at("c3"), undefined], ["203.0.113.1"], 80));
    assert.equal(
      [await counts(host, at("c1"), "netdev"), await counts(host, at("c2"), "netdev")],
      [
        [2, 2, 2, 6],
        [2, 2, 2, 3],
      ],
    );
    await expect(host, "refused", [
      ...cross("tcp", [STRANGER], ["2001:db8:200::1"], 80),
      ...cross("tcp", [WORLD, at("c3")], [HOST4, HOST6], 7999),
      ...cross("tcp", [WORLD, at("c3")], [HOST4, HOST6], 8003),
    ]);
  }));

const SYN = (port: number) => `tcp dport ${port} tcp flags & (syn|ack) == syn`;

for (const names of [
  ["c1", "c2"],
  ["c1", "c2", "c3"],
]) {
  it(`connections are spread evenly over ${names.length}, and stay where they are`, () =>
    lab(async (host) => {
      const text = (extra: string) =>
        front(
          "icc off",
          `publish 8080 -> {${names.join(", ")}}:80, publish 5353 -> {${names.join(", ")}}:53/udp, ${extra}`,
        );
      await apply(host, text(""));
      for (const name of names) {
        await host.listen(at(name), "tcp", 80);
        await host.listen(at(name), "udp", 53);
        await countArriving(host, at(name), "eth0", [
          `meta protocol ip ${SYN(80)}`,
          `meta protocol ip6 ${SYN(80)}`,
          "udp dport 53",
        ]);
      }
      const each = 40;
      const ask = (from: Place, to: string): Promise<void> =>
        expect(host, "open", new Array(each).fill(["tcp", from, to, 8080] as const));
      let before = await Promise.all(names.map((name) => counts(host, at(name), "netdev")));
      for (const [from, to, column] of [
        [WORLD, HOST4, 0],
        [WORLD, HOST6, 1],
        [undefined, HOST4, 0],
        [undefined, "::1", 1],
        [at("c1"), GATEWAY.ip, 0],
        [at("c1"), HOST6, 1],
      ] as const) {
        await ask(from, to);
        const after = await Promise.all(names.map((name) => counts(host, at(name), "netdev")));
        const shares = after.map((row, i) => (row[column] ?? 0) - (before[i]?.[column] ?? 0));
        // In turn; a segment that was sent twice takes a turn of its own.
        for (const share of shares)
          assert.ok(Math.abs(share - each / names.length) <= 4, `${from} -> ${to}: ${shares.join(", ")}`);
        before = after;
      }
      // Those that are open stay where they are while others come, and when the rules are loaded anew.
      const held = await Promise.all(
        [HOST4, HOST6, HOST4, HOST6].map((to) => host.connect(WORLD, to, 8080, { timeout: 5000 })),
      );
      for (const extra of ["deny c1 -> world:99", "deny c2 -> world:99"]) {
        await ask(WORLD, HOST4);
        for (const connection of held) assert.is(await host.talk(WORLD, connection, 5000), "open");
        await apply(host, text(extra));
        for (const connection of held) assert.is(await host.talk(WORLD, connection, 5000), "open");
      }
      // All datagrams of one socket go to one container.
      const datagrams = async () =>
        Promise.all(names.map(async (name) => (await counts(host, at(name), "netdev"))[2] ?? 0));
      for (let i = 0; i < 6; i++)
        assert.is(await host.udp(WORLD, HOST4, 5353, { fromPort: 4000, timeout: 5000 }), "open");
      assert.equal((await datagrams()).sort(), [...new Array(names.length - 1).fill(0), 6]);
    }));
}

it("`from` admits on the published way alone", () =>
  lab(async (host) => {
    await addStranger(host);
    const policy = (from: string, more = "") =>
      front(
        "",
        `publish 8443 -> c1:443 from ${from}, publish 8053 -> c1:53/udp from ${from}, publish 8080 -> c1:80${more}`,
      );
    await apply(host, policy(`{c2, ${WORLD4}, 2001:db8:100::/64}`));
    for (const port of [80, 443]) await host.listen(at("c1"), "tcp", port);
    await host.listen(at("c1"), "udp", 53);
    const ways = (from: readonly Place[], to = HERE) => [
      ...cross("tcp", from, to, 8443),
      ...cross("udp", from, to, 8053),
    ];
    const stranger = ["203.0.113.1", "2001:db8:200::1"];
    await expect(host, "open", [
      ...ways([at("c2")]),
      ...ways([WORLD], [HOST4, HOST6]),
      // Nobody is kept from the other port, nor from the direct way that the network allows.
      ...cross("tcp", [at("c3"), undefined], HERE, 8080),
      ...cross("tcp", [STRANGER], stranger, 8080),
      ...cross("tcp", [at("c3"), undefined], [C1.ip, C1.ip6], 443),
    ]);
    // The host's own 2001:db8:100::1 lies in the network that is admitted.
    await expect(host, "open", cross("tcp", [undefined], [HOST6], 8443));
    await expect(host, "timeout", [
      ...ways([at("c3"), at("c1")]),
      ...ways([STRANGER], stranger),
      ...ways([undefined], [HOST4, GATEWAY.ip, "127.0.0.1", "::1"]),
    ]);
    // An allow of the direct way doesn't open the published one.
    await apply(host, policy("{host, c1}", ", allow world -> c1:{443, 53/udp}"));
    await expect(host, "open", [
      ...ways([undefined, at("c1")]),
      ...ways([undefined], ["127.0.0.1", "::1"]),
      ...cross("tcp", [STRANGER, WORLD], [C1.ip, C1.ip6], 443),
      ...cross("udp", [STRANGER, WORLD], [C1.ip, C1.ip6], 53),
    ]);
    await expect(host, "timeout", [
      ...ways([at("c2"), at("c3")]),
      ...ways([WORLD], [HOST4, HOST6]),
      ...ways([STRANGER], stranger),
    ]);
  }));

it("a container's port is published in the families that it has", () =>
  lab(async (host) => {
    await apply(
      host,
      `network four { subnet 10.90.4.0/24 }
       network six { subnet fd90:6::/64 }
       container v4 { network four ip 10.90.4.11; publish 8004->80 }
       container v6 { network six ip fd90:6::11; publish 8006->80 }`,
    );
    for (const name of ["v4", "v6"]) await host.listen(at(name), "tcp", 80);
    await expect(host, "open", [
      ...cross("tcp", [WORLD, undefined], [HOST4], 8004),
      ...cross("tcp", [WORLD, undefined], [HOST6], 8006),
    ]);
    await expect(host, "refused", [
      ...cross("tcp", [WORLD, undefined], [HOST6], 8004),
      ...cross("tcp", [WORLD, undefined], [HOST4], 8006),
    ]);
    await expect(host, "open", cross("tcp", [undefined], ["10.90.4.11", "fd90:6::11"], 80));
  }));

test.run();
