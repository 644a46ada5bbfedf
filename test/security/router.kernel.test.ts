/** The default drop is ours, and a host that forwards for containers is no router for strangers. */
import { suite } from "uvu";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { OTHERWISE } from "../support/carrier.js";
import { apply, at, remove } from "../support/live.js";
import {
  addStranger,
  C1,
  C2,
  cross,
  expect,
  front,
  ip,
  snapshot,
  unchanged,
  STRANGER,
  STRANGER4,
  STRANGER6,
  type Way,
} from "./place.js";

const test = suite("security: default drop and forwarding");
const it = await when(test, "namespaces", "ip", "nf_tables");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "br_netfilter");

const POLICY = front("", "publish 8080 -> c1:80");

async function listen(host: Host): Promise<void> {
  for (const place of [WORLD, STRANGER, at("c1"), at("c2")]) await host.listen(place, "tcp", 80);
}

async function router(host: Host): Promise<void> {
  await host.sysctl("ipv4/ip_forward", "1");
  await host.sysctl("ipv6/conf/all/forwarding", "1");
}

/** The policy's own traffic; without it a blocked probe would mean nothing. */
const OWN: readonly Way[] = [
  ...cross("tcp", [at("c1")], [WORLD4, WORLD6, STRANGER4, STRANGER6, C2.ip, C2.ip6], 80),
  ...cross("tcp", [WORLD, STRANGER], [HOST4, HOST6], 8080),
];
const STRANGERS = [
  ...cross("tcp", [STRANGER], [WORLD4, WORLD6], 80),
  ...cross("tcp", [WORLD], [STRANGER4, STRANGER6], 80),
];
const DIRECT = cross("tcp", [WORLD, STRANGER], [C1.ip, C1.ip6, C2.ip, C2.ip6], 80);

for (const on of [false, true]) {
  const where = `br_netfilter ${on ? "on" : "off"}`;

  (on ? bridged : it)(`forwarding was off: strangers stay apart, ${where}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await addStranger(host);
      const before = await snapshot(host);
      await apply(host, POLICY);
      await listen(host);
      await expect(host, "open", OWN);
      await expect(host, "timeout", [...STRANGERS, ...DIRECT]);
      await remove(host);
      await unchanged(host, before);
      // The control: the strangers were there all the time.
      await router(host);
      await expect(host, "open", STRANGERS);
    }),
  );

  (on ? bridged : it)(`forwarding was on: strangers go on, ${where}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await addStranger(host);
      await router(host);
      const before = await snapshot(host);
      await apply(host, POLICY);
      await listen(host);
      await expect(host, "open", [...OWN, ...STRANGERS]);
      await expect(host, "timeout", DIRECT);
      await remove(host);
      await unchanged(host, before);
      await expect(host, "open", STRANGERS);
    }),
  );
}

const base = (table: string, ...chains: [priority: number, rule: string][]): string =>
  `table inet ${table} {\n${chains
    .map(
      ([priority, rule], i) =>
        `chain c${i} {\ntype filter hook forward priority ${priority}; policy accept\n${rule}\n}\n`,
    )
    .join("")}}\n`;

it("our drop is final whatever other chains accept, and theirs drops what we allow", () =>
  lab(async (host) => {
    await addStranger(host);
    await host.nft(base("generous", [-50, "accept"], [50, "accept"]));
    await apply(host, POLICY);
    await listen(host);
    await expect(host, "open", OWN);
    await expect(host, "timeout", DIRECT);
    await host.nft(base("strict", [10, "tcp dport 80 drop"]));
    await expect(host, "timeout", OWN);
    await host.run("nft", ["delete", "table", "inet", "strict"]);
    await expect(host, "open", OWN);
    // Without any rules the direct way is open: it is ours that drop. BPF programs stay where they are.
    await host.run("nft", ["flush", "ruleset"]);
    await expect(host, OTHERWISE.goesWithFlush ? "open" : "timeout", DIRECT);
  }));

it("a packet to another host's port of the same number isn't translated", () =>
  lab(async (host) => {
    await addStranger(host);
    await router(host);
    await apply(host, front("", "publish 8080 -> c1:80, publish 53 -> c1:53/udp"));
    await ip(host, STRANGER, "address add 203.0.113.9/24 dev eth0");
    await host.listen(at("c1"), "tcp", 80);
    await host.listen(at("c1"), "udp", 53);
    await host.listen(STRANGER, "tcp", 8080);
    await host.listen(STRANGER, "udp", 53);
    await host.listen(WORLD, "tcp", 8080);
    const others: Way[] = [
      ...cross("tcp", [WORLD, undefined, at("c2")], [STRANGER4, STRANGER6, "203.0.113.9"], 8080),
      ...cross("udp", [WORLD, undefined, at("c2")], [STRANGER4, STRANGER6], 53),
      ...cross("tcp", [undefined, at("c2")], [WORLD4, WORLD6], 8080),
    ];
    const published: Way[] = [
      ...cross("tcp", [WORLD, undefined, at("c2")], [HOST4, HOST6, "203.0.113.1"], 8080),
      ...cross("udp", [WORLD, undefined, at("c2")], [HOST4, HOST6], 53),
    ];
    await expect(host, "open", [...others, ...published]);
    // All listeners answer alike, so c1's go away, and with them whatever led there.
    await host.close(at("c1"), "tcp", 80);
    await host.close(at("c1"), "udp", 53);
    await expect(host, "open", others);
    await expect(host, "refused", published);
  }));

it("two policies are the world to each other", () =>
  lab(async (host) => {
    const other = `policy other
network back { subnet 10.96.1.0/24; subnet fd96:1::/64 }
container d1 { network back ip 10.96.1.11 ip fd96:1::11; publish 9090->80 }
container d2 { network back ip 10.96.1.12 ip fd96:1::12 }
deny d1 -> world:81
`;
    await apply(host, front("", "publish 8080 -> c1:80, deny c1 -> world:81, allow world -> c2:82"));
    await apply(host, other);
    const [d1, d2] = [at("d1", "other"), at("d2", "other")];
    for (const place of [at("c1"), at("c2"), d1, d2])
      for (const port of [80, 81, 82]) await host.listen(place, "tcp", port);
    const mine = [C1.ip, C1.ip6, C2.ip, C2.ip6];
    const theirs = ["10.96.1.11", "fd96:1::11", "10.96.1.12", "fd96:1::12"];
    const check = () =>
      expect(host, "open", [
        ...cross("tcp", [at("c1"), at("c2"), d1, d2, WORLD], [HOST4, HOST6], 8080),
        ...cross("tcp", [at("c1"), at("c2"), d1, d2, WORLD], [HOST4, HOST6], 9090),
        ...cross("tcp", [at("c1")], [C2.ip, C2.ip6], 80),
        ...cross("tcp", [d1], ["10.96.1.12", "fd96:1::12"], 80),
        ...cross("tcp", [d1, WORLD], [C2.ip, C2.ip6], 82),
      ]);
    await check();
    await expect(host, "timeout", [
      ...cross("tcp", [at("c1"), at("c2")], theirs, 80),
      ...cross("tcp", [d1, d2], mine, 80),
      ...cross("tcp", [at("c1")], theirs, 81),
      ...cross("tcp", [d2], [C1.ip, C1.ip6], 82),
    ]);
    await apply(host, front("icc off", "publish 8080 -> c1:80, allow c1 -> c2, allow world -> c2:82"));
    await check();
    await remove(host, "tsnet");
    await expect(host, "open", [
      ...cross("tcp", [d1], ["10.96.1.12"], 80),
      ...cross("tcp", [WORLD, d2], [HOST4, HOST6], 9090),
    ]);
    await expect(host, "timeout", cross("tcp", [WORLD], theirs, 80));
  }));

test.run();
