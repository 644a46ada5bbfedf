/** An internal network ends at itself: no world, no host, no published port; the host alone looks in. */
import { suite } from "uvu";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab, type Place, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { apply, at } from "../support/live.js";
import { cross, expect, ip, type Way } from "./place.js";

const test = suite("security: internal networks");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "perl", "br_netfilter");

const INSIDE = ["10.90.3.1", "fd90:3::1"];
const OUTSIDE = ["10.90.1.1", "fd90:1::1"];
const D1 = ["10.90.3.11", "fd90:3::11"];
const D2 = ["10.90.3.12", "fd90:3::12"];
const BOTH = ["10.90.3.20", "fd90:3::20"];
const BOTH_OUT = ["10.90.1.20", "fd90:1::20"];
const C1 = ["10.90.1.11", "fd90:1::11"];
const HERE = [HOST4, HOST6];
const THERE = [WORLD4, WORLD6];

/** d1 and d2 are on the internal network only, `both` on it and on another, c1 on the other only. */
const policy = (icc: string) => `
network inside { subnet 10.90.3.0/24; subnet fd90:3::/64; internal; icc ${icc} }
network front { subnet 10.90.1.0/24; subnet fd90:1::/64 }
container d1 { network inside ip ${D1[0]} ip ${D1[1]} }
container d2 { network inside ip ${D2[0]} ip ${D2[1]} }
container both { network inside ip ${BOTH[0]} ip ${BOTH[1]}; network front ip ${BOTH_OUT[0]} ip ${BOTH_OUT[1]} }
container c1 { network front ip ${C1[0]} ip ${C1[1]} }
publish 8080 -> c1:80
publish 8081 -> both:80
publish 127.0.0.1:8082 -> both:80
publish 5353 -> c1:53/udp
`;

function every(from: readonly Place[], to: readonly string[]): Way[] {
  return [...cross("tcp", from, to, 80), ...cross("udp", from, to, 53), ...cross("ping", from, to)];
}

for (const [icc, on] of [
  ["on", false],
  ["off", true],
] as const)
  (on ? bridged : it)(`icc ${icc}, br_netfilter ${on ? "on" : "off"}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await apply(host, policy(icc));
      for (const place of [undefined, WORLD, at("d1"), at("d2"), at("both"), at("c1")]) {
        await host.listen(place, "tcp", 80);
        await host.listen(place, "udp", 53);
      }
      // The host looks in; its own loopback too, where `both` is published.
      await expect(host, "open", [
        ...every([undefined], [...D1, ...D2, ...BOTH]),
        ...cross("tcp", [undefined], ["127.0.0.1"], 8082),
        ...every([at("both")], [...THERE, ...OUTSIDE, ...C1]),
        ...cross("tcp", [at("both")], HERE, 80),
        ...cross("ping", [at("both")], HERE),
        ...cross("tcp", [WORLD, at("c1")], HERE, 8081),
        ...cross("tcp", [WORLD], HERE, 8080),
      ]);
      await expect(host, icc === "on" ? "open" : "timeout", [
        ...every([at("d1")], [...D2, ...BOTH]),
        ...every([at("both")], D1),
      ]);
      await expect(host, "timeout", [
        // Neither world nor host, whichever of its addresses.
        ...every([at("d1"), at("d2")], [...THERE, ...HERE, ...INSIDE, ...OUTSIDE]),
        // No published port, and no other network.
        ...cross("tcp", [at("d1")], [...HERE, ...INSIDE], 8080),
        ...cross("tcp", [at("d1")], [...HERE, ...INSIDE], 8081),
        ...cross("udp", [at("d1")], [...HERE, ...INSIDE], 5353),
        ...every([at("d1")], [...C1, ...BOTH_OUT]),
        // Nobody comes in.
        ...every([WORLD], [...D1, ...BOTH]),
        ...every([at("c1")], [...D1, ...BOTH]),
      ]);
      // Whatever routes and addresses its owner gives itself.
      await ip(host, at("d1"), "address add 10.90.1.77/24 dev eth0", "route replace default via 10.90.3.1");
      await expect(host, "timeout", every([at("d1")], [WORLD4, HOST4, C1[0] as string]));
      // The way through a container on both networks is closed as well, where that container forwards.
      await host.sysctl("ipv4/ip_forward", "1", at("both"));
      await ip(host, at("d1"), `route replace default via ${BOTH[0]} dev eth0 onlink`);
      await expect(host, ["timeout", "unreachable"], every([at("d1")], [WORLD4, C1[0] as string]));
    }),
  );

it("a network that becomes internal loses the world at once, and gets it back", () =>
  lab(async (host) => {
    const text = (internal: string) =>
      `network inside { subnet 10.90.3.0/24; subnet fd90:3::/64; ${internal} }\ncontainer d1 { network inside ip ${D1[0]} ip ${D1[1]} }\n`;
    await apply(host, text(""));
    for (const place of [undefined, WORLD, at("d1")]) await host.listen(place, "tcp", 80);
    await expect(host, "open", cross("tcp", [at("d1")], [...THERE, ...HERE], 80));
    const open = await host.connect(at("d1"), WORLD4, 80);
    await apply(host, text("internal"));
    await expect(host, "timeout", cross("tcp", [at("d1")], [...THERE, ...HERE], 80));
    await expect(host, "open", cross("tcp", [undefined], D1, 80));
    if ((await host.talk(at("d1"), open)) === "open") throw new Error("an old connection to the world goes on");
    await apply(host, text(""));
    await expect(host, "open", cross("tcp", [at("d1")], [...THERE, ...HERE], 80));
  }));

test.run();
