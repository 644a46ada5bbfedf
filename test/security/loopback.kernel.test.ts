/** What is published on the host's loopback is the host's, and its loopback services are nobody else's. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, type Place, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { udp } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import {
  C1,
  C2,
  countAfter,
  countArriving,
  counts,
  cross,
  expect,
  front,
  GATEWAY,
  macOf,
  type Names,
  until,
} from "./place.js";

const test = suite("security: loopback");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "perl", "br_netfilter");

const POLICY = front(
  "",
  `publish 127.0.0.1:9090 -> c2:80, publish [::1]:9090 -> c2:80
   publish 127.0.0.1:5353 -> c2:53/udp, publish [::1]:5353 -> c2:53/udp`,
);

for (const on of [false, true]) {
  (on ? bridged : it)(`a port on loopback serves the host and no one else, br_netfilter ${on ? "on" : "off"}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await apply(host, POLICY);
      await host.listen(at("c2"), "tcp", 80);
      await host.listen(at("c2"), "udp", 53);
      await expect(host, "open", [
        ...cross("tcp", [undefined], ["127.0.0.1", "::1"], 9090),
        ...cross("udp", [undefined], ["127.0.0.1", "::1"], 5353),
      ]);
      // The container sees the gateway, which it can answer.
      assert.is((await host.probe("tcp", undefined, "127.0.0.1", 9090)).seen, GATEWAY.ip);
      assert.is((await host.probe("tcp", undefined, "::1", 9090)).seen, GATEWAY.ip6);
      // Nobody listens there: 127.0.0.2 and the host's other addresses aren't published.
      await expect(host, "refused", [
        ...cross("tcp", [undefined], ["127.0.0.2"], 9090),
        ...cross("tcp", [WORLD, at("c1"), at("c2")], [HOST4, HOST6], 9090),
        ...cross("tcp", [at("c1"), at("c2")], [GATEWAY.ip, GATEWAY.ip6], 9090),
      ]);
      await expect(host, "timeout", cross("tcp", [WORLD], [C2.ip, C2.ip6], 80));
    }),
  );
}

/** Sends datagrams to addresses through a device, to the MAC of the host's end. */
async function send(
  host: Host,
  place: Place,
  device: string,
  mac: { own: string; host: string },
  ...ways: [string, string, number][]
): Promise<void> {
  for (const [source, destination, port] of ways)
    await host.frame(place, device, udp({ to: mac.host, from: mac.own, source, destination }, 4000, port));
}

it("frames from outside that are addressed to the host's loopback reach no container", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const mac = { own: await macOf(host, WORLD, "uplink"), host: await macOf(host, undefined, "up0") };
    await countArriving(host, at("c2"), "eth0", ["udp dport 53", "udp dport 5353"]);
    await countAfter(host, "input", ["ip daddr 127.0.0.1 udp dport 5353", "ip daddr 198.51.100.1 udp dport 5353"]);
    const attack = () =>
      send(
        host,
        WORLD,
        "uplink",
        mac,
        [WORLD4, "127.0.0.1", 5353],
        ["127.0.0.2", "127.0.0.1", 5353],
        [WORLD6, "::1", 5353],
        ["::1", "::1", 5353],
        [WORLD4, HOST4, 5353],
      );
    await attack();
    await until("the last frame comes in", async () => (await counts(host, undefined, "inet"))[1] === 1);
    assert.equal(await counts(host, undefined, "inet"), [0, 1], "the kernel takes them for martians");
    // As some container tools set it, for everybody.
    for (const name of ["all", "up0"]) {
      await host.sysctl(`ipv4/conf/${name}/route_localnet`, "1");
      await host.sysctl(`ipv4/conf/${name}/rp_filter`, "0");
    }
    await attack();
    await until("the last frame comes in", async () => (await counts(host, undefined, "inet"))[1] === 2);
    assert.ok(
      ((await counts(host, undefined, "inet"))[0] ?? 0) > 0,
      "the attack must get past the kernel to mean anything",
    );
    assert.equal(await counts(host, at("c2"), "netdev"), [0, 0]);
    // The control: the host's own datagram arrives.
    await host.udp(undefined, "127.0.0.1", 5353, { timeout: 100 });
    assert.equal(await counts(host, at("c2"), "netdev"), [1, 0]);
  }));

it("a container reaches no service on the host's loopback", () =>
  lab(async (host) => {
    await apply(host, POLICY);
    const matches = (family: "ip" | "ip6", loopback: string, gateway: string) => [
      `${family} daddr ${loopback} udp dport 7`,
      `${family} saddr ${loopback} udp dport 7`,
      `${family} daddr ${gateway} udp dport 7`,
    ];
    await countAfter(host, "input", [
      ...matches("ip", "127.0.0.0/8", GATEWAY.ip),
      ...matches("ip6", "::1", GATEWAY.ip6),
    ]);
    let sent = 0;
    const attack = async (): Promise<void> => {
      // c2's host end routes loopback addresses, for the sake of its published ports; c1's doesn't.
      for (const [place, who] of [
        [at("c1"), C1],
        [at("c2"), C2],
      ] as [string, Names][])
        await send(
          host,
          place,
          "eth0",
          { own: who.mac, host: GATEWAY.mac },
          [who.ip, "127.0.0.1", 7],
          ["127.0.0.1", "127.0.0.1", 7],
          ["127.0.0.2", GATEWAY.ip, 7],
          [who.ip6, "::1", 7],
          ["::1", GATEWAY.ip6, 7],
          [who.ip, GATEWAY.ip, 7],
          [who.ip6, GATEWAY.ip6, 7],
        );
      sent += 2;
      await until("the honest frames come in", async () => {
        const seen = await counts(host, undefined, "inet");
        return seen[2] === sent && seen[5] === sent;
      });
      assert.equal(await counts(host, undefined, "inet"), [0, 0, sent, 0, 0, sent]);
    };
    await attack();
    await host.sysctl("ipv4/conf/all/route_localnet", "1");
    await attack();
  }));

test.run();
