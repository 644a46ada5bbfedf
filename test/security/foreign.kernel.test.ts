/** What belongs to others stays as it is, byte for byte; what is in the way is named, and nothing is changed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bridgeName } from "../../src/ir/addresses.js";
import { run } from "../../src/system/run.js";
import { netnsPath } from "../../src/topology/names.js";
import { when } from "../kernel/features.js";
import { type Host, HOST4, lab, WORLD } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { apply, at, remove } from "../support/live.js";
import { OTHERWISE } from "../support/carrier.js";
import {
  addStranger,
  C1,
  C2,
  cross,
  expect,
  front,
  ip,
  isBuiltIn,
  snapshot,
  STRANGER,
  unchanged,
  until,
} from "./place.js";

const test = suite("security: what belongs to others");
const it = await when(test, "namespaces", "ip", "nf_tables");

/** As a Docker engine writes them, for two containers and a published port. */
const DOCKER4 = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j DROP
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8080 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 49160 -j DNAT --to-destination 172.17.0.2:8080
COMMIT
`;
const DOCKER6 =
  "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j RETURN\nCOMMIT\n";

const ENGINE = "/run/lab/engine";

/** A host with an engine, its container, tables of its own in every family, routes, rules and sysctls. */
async function crowd(host: Host): Promise<void> {
  await addStranger(host);
  await host.run("touch", [ENGINE]);
  await host.run("unshare", [`--net=${ENGINE}`, "true"]);
  // Addresses that are usable at once, so that nothing changes by itself later on.
  for (const place of [undefined, ENGINE]) await host.sysctl("ipv6/conf/default/accept_dad", "0", place);
  await host.run("ip", ["link", "add", "name", "veth1", "type", "veth", "peer", "name", "eth0", "netns", ENGINE]);
  await ip(
    host,
    undefined,
    "link add name docker0 type bridge",
    "address add 172.17.0.1/16 dev docker0",
    "link set dev docker0 up",
    "link set dev veth1 master docker0",
    "link set dev veth1 alias made-by-hand",
    "link set dev veth1 up",
    "link add name wg0 type bridge",
    "address add 10.8.0.1/24 dev wg0",
    "link set dev wg0 up",
    "route add 192.0.2.0/24 via 198.51.100.77",
    "route add blackhole 198.18.0.0/15",
    "rule add fwmark 7 lookup 77",
    "route add default via 198.51.100.88 table 77",
  );
  await ip(
    host,
    ENGINE,
    "link set dev lo up",
    "address add 172.17.0.2/16 dev eth0",
    "link set dev eth0 up",
    "route add default via 172.17.0.1",
  );
  await host.nft(
    `table inet fw {
  set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/28 }; }
  chain input { type filter hook input priority 0; policy accept; ip saddr @blocked counter drop; ct state new counter; }
}
table bridge b { chain f { type filter hook forward priority 0; counter; }
}
table arp a { chain i { type filter hook input priority 0; counter; }
}
table netdev n { chain i { type filter hook ingress device wg0 priority 0; counter; }
}
table ip tsnet { chain mine { counter; }
}
`
      .replaceAll("; }", "\n}")
      .replaceAll("; ", "\n")
      .replaceAll("{ type", "{\ntype")
      .replaceAll("{ counter", "{\ncounter"),
  );
  for (const [name, value] of [
    ["ipv4/conf/all/rp_filter", "1"],
    ["ipv4/conf/docker0/route_localnet", "1"],
    ["ipv6/conf/all/accept_redirects", "0"],
    ["ipv4/ip_local_port_range", "20000\t60000"],
  ] as const)
    await host.sysctl(name, value);
  await until("the devices are up", async () => {
    const { stdout } = await host.run("ip", ["-j", "link", "show"]);
    const links = JSON.parse(stdout) as { ifname: string; operstate: string }[];
    return links.every(({ ifname, operstate }) => operstate === "UP" || ifname === "lo" || ifname === "wg0");
  });
}

const POLICIES = [
  front("", "publish 8080 -> c1:80, publish 127.0.0.1:8081 -> c2:80, publish [::1]:8081 -> c2:80, deny c1 -> c2:22"),
  front(
    "icc off",
    "publish 8080 -> c1:80, allow c1 -> c2, network more { subnet 10.90.9.0/24; subnet fd90:9::/64; internal }, container c4 { network more; network front }",
  ),
  front("mtu 1400; masquerade off", "reject c1 -> world"),
];

const docker = await (async (): Promise<boolean> => {
  const { exitCode } = await run("iptables-nft-restore", ["--version"], { accept: "any" }).catch(() => ({
    exitCode: 127,
  }));
  return exitCode === 0;
})();
if (!docker) console.log("SKIP iptables-nft-restore is not installed");

for (const [forwarding, name] of [
  ["0", "off"],
  ["1", "on"],
] as const)
  (docker ? it : test.skip)(`a busy host is left as it was, forwarding ${name} before`, () =>
    lab(async (host) => {
      await crowd(host);
      await host.run("iptables-nft-restore", [], { input: DOCKER4 });
      await host.run("ip6tables-nft-restore", [], { input: DOCKER6 });
      await host.sysctl("ipv4/ip_forward", forwarding);
      await host.sysctl("ipv6/conf/all/forwarding", forwarding);
      const places = [undefined, ENGINE, STRANGER, WORLD];
      const before = await Promise.all(places.map((place) => snapshot(host, place)));
      const foreign = await othersRules(host);
      for (const text of POLICIES) {
        await apply(host, text);
        assert.equal(await othersRules(host), foreign);
        // Both work side by side.
        await host.listen(at("c1"), "tcp", 80);
        await host.listen(ENGINE, "tcp", 8080);
        await expect(host, "open", [
          ...cross("tcp", [undefined], [C1.ip, C1.ip6], 80),
          ...cross("tcp", [undefined], ["172.17.0.2"], 8080),
        ]);
        if (text.includes("8080")) await expect(host, "open", cross("tcp", [at("c2"), WORLD], [HOST4], 8080));
        if (forwarding === "1") await expect(host, "open", cross("tcp", [WORLD], [HOST4], 49160));
        await host.close(at("c1"), "tcp", 80);
        await host.close(ENGINE, "tcp", 8080);
      }
      await remove(host);
      for (const [i, place] of places.entries()) await unchanged(host, before[i] ?? [], place);
      assert.is(await host.read("/run/tsnet"), undefined);
    }),
  );

/** The rules of all tables but ours, without counters and handles. */
async function othersRules(host: Host): Promise<unknown[]> {
  const { stdout } = await host.run("nft", ["-j", "list", "ruleset"]);
  const objects = (JSON.parse(stdout) as { nftables: Record<string, { table?: string; name?: string }>[] }).nftables;
  return objects
    .filter(
      (object) =>
        !Object.entries(object).some(([kind, { table, name }]) =>
          /^tsnet[-_]/.test((kind === "table" ? name : table) ?? ""),
        ),
    )
    .map((object) => JSON.stringify(object))
    .filter((text) => !text.includes("TSNET-") && !(OTHERWISE.leavesEmptyTables && isBuiltIn(text)))
    .map((text) => text.replace(/"(handle|packets|bytes)":\d+,?/g, ""));
}

/** What is in the way, the policy, and what the refusal must name. */
interface Obstacle {
  readonly what: string;
  readonly put: (host: Host) => Promise<unknown>;
  readonly policy: string;
  readonly named: RegExp;
}

const bridge = bridgeName("tsnet", "front");

const OBSTACLES: readonly Obstacle[] = [
  {
    what: "a bridge of the name",
    put: (host) => ip(host, undefined, "link add name docker0 type bridge"),
    policy: front('bridge "docker0"'),
    named: /device docker0 /,
  },
  {
    what: "the name of our own bridge",
    put: (host) => ip(host, undefined, `link add name ${bridge} type bridge`, `link set dev ${bridge} up`),
    policy: front(),
    named: new RegExp(`device ${bridge} `),
  },
  {
    what: "the name of an endpoint",
    put: (host) => ip(host, undefined, `link add name ${C2.device} type bridge`),
    policy: front(),
    named: new RegExp(`device ${C2.device} `),
  },
  {
    what: "an endpoint's name on a device that is up",
    put: (host) =>
      ip(host, undefined, `link add name ${C2.device} type veth peer name p0`, `link set dev ${C2.device} up`),
    policy: front(),
    named: new RegExp(`device ${C2.device} `),
  },
  {
    what: "a route into the subnet",
    put: (host) => ip(host, undefined, "route add 10.90.0.0/20 via 198.51.100.2"),
    policy: front(),
    named: /subnet 10\.90\.1\.0\/24 .*route 10\.90\.0\.0\/20 on up0/,
  },
  {
    what: "a route out of the subnet",
    put: (host) => ip(host, undefined, "route add fd90:1::77/128 via 2001:db8:100::2"),
    policy: front(),
    named: /subnet fd90:1::\/64 .*route fd90:1::77 on up0/,
  },
  {
    what: "an address of the subnet",
    put: (host) => ip(host, undefined, "link add name d0 type bridge", "address add 10.90.1.200/32 dev d0"),
    policy: front(),
    named: /subnet 10\.90\.1\.0\/24 .*10\.90\.1\.200.*d0/,
  },
  {
    what: "a program on the port",
    put: (host) => host.listen(undefined, "tcp", 8080),
    policy: front("", "publish 8080 -> c1:80"),
    named: /port 8080\/tcp .*process \d+ \(node\)/,
  },
  {
    what: "a program on the port of one address",
    put: (host) => host.listen(undefined, "udp", 5353, "127.0.0.1"),
    policy: front("", "publish 5000-6000 -> c1:5000-6000/udp"),
    named: /port 5353\/udp .*process \d+ \(node\) on 127\.0\.0\.1/,
  },
  {
    what: "a program on the port of one IPv6 address",
    put: (host) => host.listen(undefined, "tcp", 8080, "2001:db8:100::1"),
    policy: front("", "publish 8080 -> c1:80"),
    named: /port 8080\/tcp .*on 2001:db8:100::1/,
  },
  {
    what: "a port of another policy's",
    put: (host) =>
      apply(host, "policy other\nnetwork o { subnet 10.95.0.0/24 }\ncontainer x { network o; publish 8080->80 }"),
    policy: front("", "publish 8080 -> c1:80"),
    named: /port 8080\/tcp .*policy 'other'/,
  },
  {
    what: "a subnet of another policy's",
    put: (host) => apply(host, "policy other\nnetwork o { subnet 10.90.1.128/25 }\ncontainer x { network o }"),
    policy: front(),
    named: /subnet 10\.90\.1\.0\/24 .*policy other/,
  },
  {
    what: "a table of the name",
    put: (host) => host.nft("table inet tsnet-tsnet {\nchain theirs {\ncounter\n}\n}\n"),
    policy: front(),
    named: /table inet tsnet-tsnet/,
  },
  {
    what: "a file where a namespace belongs",
    put: async (host) => {
      await host.run("mkdir", ["-p", netnsPath("tsnet", "c2")]);
    },
    policy: front(),
    named: /\/run\/tsnet\/netns\/tsnet\/c2/,
  },
  {
    what: "a namespace that isn't there",
    put: () => Promise.resolve(),
    policy: 'network n { subnet 10.90.1.0/24 }\ncontainer c { netns "/run/lab/nowhere"; network n }',
    named: /\/run\/lab\/nowhere/,
  },
];

for (const { what, put, policy, named } of OBSTACLES)
  it(`in the way: ${what}`, () =>
    lab(async (host) => {
      await put(host);
      const before = await snapshot(host);
      const files = (await host.run("find", ["/run/tsnet", "-type", "f"], { accept: "any" })).stdout;
      await host.run("dd", ["of=/run/lab/p.tsnet", "status=none"], { input: policy });
      for (const args of [["--dry-run"], []]) {
        const { exitCode, stderr } = await tsnet(host, ["compile", "/run/lab/p.tsnet", "--apply", ...args]);
        assert.is(exitCode, 3, stderr.slice(0, 500));
        assert.match(stderr, named);
        await unchanged(host, before);
      }
      assert.is((await host.run("find", ["/run/tsnet", "-type", "f"], { accept: "any" })).stdout, files);
    }));

it("the command goes away", forgetCommand);

test.run();
