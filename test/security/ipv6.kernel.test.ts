/** IPv6 gets everything that IPv4 gets, or is off; and no rule on the host breaks neighbour discovery. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deviceName } from "../../src/ir/addresses.js";
import { bridgeMac } from "../../src/topology/plan.js";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, type Place, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { udp } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import { C1, C2, C3, countAfter, counts, cross, expect, front, GATEWAY, ip, until, type Way } from "./place.js";

const test = suite("security: IPv6");
const it = await when(test, "namespaces", "ip", "nf_tables", "ipv6", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "ipv6", "perl", "br_netfilter");

/** Each way in both families: where the answers differ, a family gets something that the other doesn't. */
function both(protocol: Way[0], from: Place, to: readonly [string, string], port = 0): Way[] {
  return cross(protocol, [from], to, port);
}

for (const on of [false, true]) {
  (on ? bridged : it)(
    `both families get the same from every kind of statement, br_netfilter ${on ? "on" : "off"}`,
    () =>
      lab(async (host) => {
        await host.bridgeNetfilter(on);
        await apply(
          host,
          front(
            "icc off",
            `allow c1 -> c2:{80, 53/udp, icmp}
           reject c1 -> c2:81
           deny c1 -> world:81
           reject c1 -> world:82
           deny c1 -> host:81
           deny host -> c1:81
           deny world -> c2:83
           allow world -> c2:{80, icmp}
           publish 8080 -> c1:80
           publish 8083 -> c2:83
           publish 5353 -> c1:53/udp`,
          ),
        );
        for (const place of [at("c1"), at("c2"), WORLD, undefined])
          for (const [protocol, port] of [
            ["tcp", 80],
            ["tcp", 81],
            ["tcp", 82],
            ["tcp", 83],
            ["udp", 53],
          ] as const)
            await host.listen(place, protocol, port);
        const c1 = [C1.ip, C1.ip6] as const;
        const c2 = [C2.ip, C2.ip6] as const;
        const here = [HOST4, HOST6] as const;
        const gateway = [GATEWAY.ip, GATEWAY.ip6] as const;
        const world = [WORLD4, WORLD6] as const;
        await expect(host, "open", [
          ...both("tcp", at("c1"), c2, 80),
          ...both("udp", at("c1"), c2, 53),
          ...both("ping", at("c1"), c2),
          ...both("tcp", at("c1"), world, 80),
          ...both("ping", at("c1"), world),
          ...both("tcp", at("c1"), gateway, 80),
          ...both("ping", at("c1"), gateway),
          ...both("tcp", undefined, c1, 80),
          ...both("tcp", WORLD, c2, 80),
          ...both("ping", WORLD, c2),
          ...both("tcp", WORLD, here, 8080),
          ...both("tcp", at("c2"), here, 8080),
          ...both("tcp", at("c1"), here, 8080),
          ...both("tcp", undefined, here, 8080),
          ...both("udp", WORLD, here, 5353),
          ...both("tcp", at("c1"), here, 8083),
        ]);
        await expect(host, "refused", [...both("tcp", at("c1"), c2, 81), ...both("tcp", at("c1"), world, 82)]);
        await expect(host, "timeout", [
          ...both("tcp", at("c2"), c1, 80),
          ...both("udp", at("c2"), c1, 53),
          ...both("ping", at("c2"), c1),
          ...both("tcp", at("c1"), c2, 82),
          ...both("tcp", at("c1"), world, 81),
          ...both("tcp", at("c1"), gateway, 81),
          ...both("tcp", undefined, c1, 81),
          ...both("tcp", WORLD, c1, 80),
          ...both("udp", WORLD, c1, 53),
          ...both("ping", WORLD, c1),
          ...both("tcp", WORLD, here, 8083),
        ]);
      }),
  );
}

/** Forgets every neighbour, the permanent ones too. */
async function forget(host: Host, places: readonly Place[]): Promise<void> {
  for (const place of places) {
    await host.runIn(place, "ip", ["neighbour", "flush", "nud", "permanent"]);
    await host.runIn(place, "ip", ["neighbour", "flush", "all"], { accept: "any" });
    assert.is((await host.runIn(place, "ip", ["neighbour", "show"])).stdout, "");
  }
}

for (const verb of ["deny", "reject"]) {
  it(`a ${verb} of the host leaves address resolution alone`, () =>
    lab(async (host) => {
      await apply(host, front("", `${verb} c1 -> host, ${verb} host -> c1, ${verb} c2 -> any, ${verb} any -> c2`));
      for (const place of [WORLD, undefined, at("c3")]) await host.listen(place, "tcp", 80);
      await forget(host, [at("c1"), at("c2"), at("c3"), WORLD]);
      await expect(host, "open", [
        ...cross("tcp", [at("c1")], [WORLD4, WORLD6, C3.ip, C3.ip6], 80),
        ...cross("ping", [at("c1")], [WORLD4, WORLD6]),
      ]);
      const known = (await host.runIn(at("c1"), "ip", ["neighbour", "show"])).stdout;
      for (const address of [GATEWAY.ip, GATEWAY.ip6])
        assert.ok(known.includes(`${address} dev eth0 lladdr ${GATEWAY.mac}`), known);
      const wanted = verb === "deny" ? "timeout" : "refused";
      await expect(host, wanted, [
        ...cross("tcp", [at("c1")], [GATEWAY.ip, GATEWAY.ip6, HOST4, HOST6], 80),
        ...cross("tcp", [at("c2")], [GATEWAY.ip, GATEWAY.ip6, WORLD4, WORLD6], 80),
        ...cross("tcp", [undefined], [C1.ip, C1.ip6], 80),
      ]);
      await expect(
        host,
        verb === "deny" ? "timeout" : "unreachable",
        cross("ping", [at("c1")], [GATEWAY.ip, GATEWAY.ip6]),
      );
      await expect(host, "open", cross("tcp", [at("c3")], [GATEWAY.ip, GATEWAY.ip6], 80));
      // The host, too, finds c1 again, once it has forgotten where it is.
      await host.run("ip", ["neighbour", "delete", C1.ip, "dev", C1.device]);
      await expect(host, "open", cross("tcp", [at("c1")], [WORLD4, WORLD6], 80));
    }));
}

it("an endpoint without an IPv6 address has none at all, and one without IPv4 the same", () =>
  lab(async (host) => {
    await apply(
      host,
      `network four { subnet 10.90.4.0/24 }
       network six { subnet fd90:6::/64 }
       container old { network four ip 10.90.4.11 }
       container new { network six ip fd90:6::11 }
       container both { network four ip 10.90.4.12; network six ip fd90:6::12 }`,
    );
    const four = deviceName("tsnet", "old", "four");
    assert.is(await host.sysctl(`ipv6/conf/${four}/disable_ipv6`), "1");
    assert.is(await host.sysctl("ipv6/conf/eth0/disable_ipv6", undefined, at("old")), "1");
    // Its owner turns it on inside and gives itself addresses and a route.
    await host.sysctl("ipv6/conf/eth0/disable_ipv6", "0", at("old"));
    await host.sysctl("ipv6/conf/eth0/accept_dad", "0", at("old"));
    const mac = bridgeMac("tsnet", "four");
    await ip(
      host,
      at("old"),
      "address add fd90:4::11/64 dev eth0 nodad",
      `neighbour add fd90:4::1 lladdr ${mac} dev eth0`,
      "route add ::/0 via fd90:4::1 dev eth0",
    );
    await ip(
      host,
      at("new"),
      "address add 10.90.6.11/24 dev eth0",
      `neighbour add 10.90.6.1 lladdr ${bridgeMac("tsnet", "six")} dev eth0`,
      "route add default via 10.90.6.1 dev eth0",
    );
    for (const place of [WORLD, undefined, at("both")]) await host.listen(place, "tcp", 80);
    await countAfter(host, "input", ["udp dport 7001", "udp dport 7002"]);
    const own = { to: mac, from: "02:42:0a:5a:04:0b" };
    for (const source of ["fd90:4::11", "fe80::42:aff:fe5a:40b", "fd90:6::11"])
      for (const destination of [HOST6, "fd90:6::1", "ff02::1"])
        await host.frame(at("old"), "eth0", udp({ ...own, source, destination }, 4000, 7001));
    await host.frame(at("old"), "eth0", udp({ ...own, source: "10.90.4.11", destination: HOST4 }, 4000, 7002));
    await until("the IPv4 frame comes in", async () => (await counts(host, undefined, "inet"))[1] === 1);
    assert.equal(await counts(host, undefined, "inet"), [0, 1]);
    await expect(host, "timeout", [
      ...cross("tcp", [at("old")], [WORLD6, HOST6, "fd90:6::12"], 80),
      ...cross("tcp", [at("new")], [WORLD4, HOST4, "10.90.4.12"], 80),
    ]);
    await expect(host, "open", [
      ...cross("tcp", [at("old")], [WORLD4, HOST4, "10.90.4.12"], 80),
      ...cross("tcp", [at("new")], [WORLD6, HOST6, "fd90:6::12"], 80),
    ]);
  }));

it("no device of ours listens to router advertisements", () =>
  lab(async (host) => {
    // As a host has it that is to learn from routers although it forwards.
    for (const name of ["all", "default"]) await host.sysctl(`ipv6/conf/${name}/accept_ra`, "2");
    await apply(host, front("", "network four { subnet 10.90.4.0/24 }, container c4 { network four }"));
    const { stdout } = await host.run("ip", ["-j", "link", "show"]);
    const devices = (JSON.parse(stdout) as { ifname: string }[])
      .map((link) => link.ifname)
      .filter((name) => /^ts[bv]-/.test(name));
    assert.is(devices.length, 6);
    for (const device of devices) {
      const off = (await host.sysctl(`ipv6/conf/${device}/disable_ipv6`)) === "1";
      assert.ok(off || (await host.sysctl(`ipv6/conf/${device}/accept_ra`)) === "0", device);
    }
    for (const container of ["c1", "c2", "c3"])
      assert.is(await host.sysctl("ipv6/conf/eth0/accept_ra", undefined, at(container)), "0");
    assert.is(await host.sysctl("ipv6/conf/eth0/disable_ipv6", undefined, at("c4")), "1");
    assert.is(await host.sysctl("ipv6/conf/up0/accept_ra"), "1");
  }));

test.run();
