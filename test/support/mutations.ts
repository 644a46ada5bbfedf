/** What somebody may do by hand to the live policy of drifting.ts, and what an audit must say of it. */
import type { Host } from "../kernel/lab.js";

const TABLE = "inet tsnet-lab";
export const DEVICES = {
  web: "tsv-0w0kvtelwqj",
  webBack: "tsv-orcgk2st458",
  db: "tsv-64n4etw7964",
  app: "tsv-u1fp33lai5j",
  ops: "tsv-rel6ir8d9o2",
  front: "tsb-f71z2e7xkh9",
  back: "tsb-6ppokq8r4yf",
};
const { web, webBack, db, app, ops, front, back } = DEVICES;

export interface Mutation {
  readonly what: string;
  readonly make: (host: Host) => Promise<unknown>;
  /** Of some drift that is found. */
  readonly object: RegExp;
  /** The line of the policy that it cites; 0: the policy as a whole. */
  readonly line: number;
  /** Takes it back by hand, where no apply may. */
  readonly undo?: string;
}

type Row = readonly [
  what: string,
  command: string | ((host: Host) => Promise<unknown>),
  object: RegExp,
  line: number,
  undo?: string,
];

const nft =
  (rules: string) =>
  (host: Host): Promise<unknown> =>
    host.nft(rules.replaceAll("TABLE", TABLE));

const inside =
  (container: string, command: string) =>
  (host: Host): Promise<unknown> =>
    host.runIn(`/run/tsnet/netns/lab/${container}`, "ip", command.split(" "));

const sysctl =
  (path: string, value: string, container?: string) =>
  (host: Host): Promise<unknown> =>
    host.sysctl(path, value, container === undefined ? undefined : `/run/tsnet/netns/lab/${container}`);

/** Does something to the rule at a place (from 1) of a chain; HANDLE stands for its number. */
const rule =
  (chain: string, place: number, command: string, table = TABLE) =>
  async (host: Host): Promise<unknown> => {
    const { stdout } = await host.run("nft", ["-a", "list", "chain", ...table.split(" "), chain]);
    const handles = [...stdout.matchAll(/^\t\t(?!type ).*# handle (\d+)$/gm)].map((found) => found[1]);
    return host.nft(command.replaceAll("RULE", `${table} ${chain}`).replace("HANDLE", handles[place - 1] ?? "0"));
  };

/** The kernel moves no base chain: whoever wants another priority makes it anew. */
async function anotherPriority(host: Host): Promise<unknown> {
  const { stdout } = await host.run("nft", ["list", "chain", ...TABLE.split(" "), "forward"]);
  const rules = [...stdout.matchAll(/^\t\t(?!type )(.*)$/gm)].map((found) => `add rule ${TABLE} forward ${found[1]}`);
  return host.nft(
    [
      `flush chain ${TABLE} forward`,
      `delete chain ${TABLE} forward`,
      `add chain ${TABLE} forward { type filter hook forward priority 7; policy accept; }`,
      ...rules,
    ].join("\n"),
  );
}

const ROWS: readonly Row[] = [
  // Elements
  [
    "a deny's element is removed",
    nft("delete element TABLE deny-port4 { 10.90.1.14 . 10.90.1.11 . tcp . 22 }"),
    /deny-port4/,
    9,
  ],
  [
    "an IPv6 deny's element is removed",
    nft("delete element TABLE deny-port6 { fd90:1::14 . fd90:1::11 . tcp . 22 }"),
    /deny-port6/,
    9,
  ],
  [
    "a reject's element is removed",
    nft("delete element TABLE reject-port4 { 10.90.1.14 . 10.90.1.11 . tcp . 23 }"),
    /reject-port4/,
    10,
  ],
  [
    "an allow's element is removed",
    nft("delete element TABLE allow-pair4 { 10.90.1.11 . 10.90.2.12 }"),
    /allow-pair4/,
    11,
  ],
  [
    "a link's element is removed",
    nft("delete element TABLE allow-port4 { 10.90.2.13 . 10.90.2.12 . tcp . 5432 }"),
    /allow-port4/,
    8,
  ],
  ["an allow is added", nft("add element TABLE allow-pair4 { 10.90.1.14 . 10.90.2.12 }"), /allow-pair4/, 5],
  ["a deny is added", nft("add element TABLE deny-port4 { 10.90.1.13 . 10.90.1.11 . tcp . 80 }"), /deny-port4/, 4],
  [
    "a prefix is removed from a class",
    nft("delete element TABLE allow-wc4-p5b6vhr8gn { 198.51.100.0/24 }"),
    /allow-wc4-p5b6vhr8gn/,
    14,
  ],
  [
    "a prefix is added to a class",
    nft("add element TABLE allow-wc4-p5b6vhr8gn { 192.0.2.0/24 : accept }"),
    /allow-wc4-p5b6vhr8gn/,
    4,
  ],
  [
    "a prefix is widened",
    nft(
      "delete element TABLE deny-cw4-gld2704air { 203.0.113.0/24 }; add element TABLE deny-cw4-gld2704air { 203.0.113.0/25 : drop }",
    ),
    /deny-cw4-gld2704air/,
    13,
  ],
  ["a container leaves its class", nft("delete element TABLE deny-cw4 { 10.90.1.13 }"), /deny-cw4/, 13],
  [
    "a container loses a MAC",
    nft(`delete element TABLE frames4 { "${web}" . 02:42:0a:5a:01:0b . 10.90.1.11 }`),
    /frames4/,
    4,
  ],
  [
    "a container gets another's address",
    nft(`add element TABLE frames4 { "${ops}" . 02:42:0a:5a:01:0e . 10.90.2.12 }`),
    /frames4/,
    5,
  ],
  ["an address isn't a container's any more", nft("delete element TABLE own4 { 10.90.2.12 }"), /own4/, 5],
  ["a stranger's address is a container's", nft("add element TABLE own4 { 198.51.100.77 }"), /own4/, 4],
  ["a device is taken out", nft(`delete element TABLE veths { "${app}" }`), /veths/, 6],
  ["internal no more", nft("delete element TABLE internal4 { 10.90.2.12 }"), /internal4/, 5],
  ["not inside any more", nft("delete element TABLE inside4 { 10.90.2.11 }"), /inside4/, 4],
  [
    "icc is turned on",
    nft("delete element TABLE icc4 { 10.90.2.0/24 }; add element TABLE icc4 { 10.90.2.0/24 : accept }"),
    /icc4/,
    3,
  ],
  ["icc is turned off for one", nft("delete element TABLE icc4-front { 10.90.1.14 }"), /icc4-front/, 7],
  [
    "a publish leads elsewhere",
    nft("delete element TABLE publish4-to { tcp . 8080 }; add element TABLE publish4-to { tcp . 8080 : 10.90.1.14 }"),
    /publish4-to/,
    4,
  ],
  [
    "a publish has another port",
    nft("delete element TABLE publish4-port { tcp . 8080 }; add element TABLE publish4-port { tcp . 8080 : 81 }"),
    /publish4-port/,
    4,
  ],
  ["a publish is removed", nft("delete element TABLE publish4-same { tcp . 443 }"), /publish4-same/, 16],
  [
    "a publish of loopback is removed",
    nft("delete element TABLE publish4-at-to { 127.0.0.1 . tcp . 9090 }"),
    /publish4-at-to/,
    6,
  ],
  [
    "a publish isn't checked",
    nft(
      "delete element TABLE published4-tcp-from { 443 . 10.90.1.14 . 443 }; add element TABLE published4-tcp-from { 443 . 10.90.1.14 . 443 : accept }",
    ),
    /published4-tcp-from/,
    16,
  ],
  ["a publish is for more", nft("add element TABLE from4-22qm5lnrdo { 192.0.2.0/24 }"), /from4-22qm5lnrdo/, 16],
  ["no masquerade", nft("delete element TABLE masquerade4 { 10.90.1.13 }"), /masquerade4/, 6],
  [
    "another gateway",
    nft("delete element TABLE gateway4 { 10.90.1.0/24 }; add element TABLE gateway4 { 10.90.1.0/24 : 10.90.1.9 }"),
    /gateway4/,
    2,
  ],
  [
    "ARP may lie",
    nft(`add element arp tsnet-lab senders { "${ops}" . 02:42:0a:5a:01:0e . 02:42:0a:5a:01:0e . 10.90.1.11 }`),
    /senders/,
    4,
  ],
  ["a set is emptied", nft("flush set TABLE deny-port4"), /deny-port4/, 9],
  [
    "an element loses its comment",
    nft(
      "delete element TABLE allow-pair4 { 10.90.1.11 . 10.90.2.12 }; add element TABLE allow-pair4 { 10.90.1.11 . 10.90.2.12 }",
    ),
    /allow-pair4/,
    11,
  ],
  // Rules
  ["everything is accepted first", nft("insert rule TABLE forward accept"), /forward/, 9],
  ["a port is accepted first", nft("insert rule TABLE cc4 tcp dport 22 accept"), /cc4/, 9],
  ["something is dropped", nft("insert rule TABLE cw4 ip daddr 192.0.2.1 drop"), /cw4/, 4],
  ["a rule that isn't understood", nft("insert rule TABLE cc4 meta mark 7 accept"), /cc4/, 9],
  ["the deny is deleted", rule("cc4", 2, "delete rule RULE handle HANDLE"), /deny-port4/, 9],
  [
    "the reject goes before the deny",
    rule(
      "cc4",
      2,
      `delete rule RULE handle HANDLE; add rule RULE ip saddr . ip daddr . meta l4proto . th dport @deny-port4 drop`,
    ),
    /deny-port4.*cc4/,
    9,
  ],
  [
    "the state is asked last",
    rule("cc4", 1, "delete rule RULE handle HANDLE; add rule RULE jump state-from4"),
    /state-from4/,
    0,
  ],
  ["the default is replaced", rule("cc4", 12, "replace rule RULE handle HANDLE accept"), /cc4/, 0],
  [
    "a negation is turned",
    rule("translate-out", 3, "replace rule RULE handle HANDLE ip saddr @masquerade4 masquerade"),
    /translate-out/,
    0,
  ],
  ["anti-spoofing is deleted", rule("guard", 2, "delete rule RULE handle HANDLE"), /guard/, 4],
  ["frames are accepted", nft("insert rule TABLE frames accept"), /frames/, 0],
  [
    "a port of a rule",
    rule("allow-by4-b7z6n17109", 2, "replace rule RULE handle HANDLE meta l4proto tcp th dport 8000-8011 accept"),
    /allow-by4-b7z6n17109/,
    12,
  ],
  [
    "a log's prefix",
    rule("log-deny4-5489yyjxg1", 1, 'replace rule RULE handle HANDLE log prefix "else " comment "x"'),
    /log-deny4-5489yyjxg1/,
    13,
  ],
  ["a chain is emptied", nft("flush chain TABLE cc4"), /cc4/, 9],
  [
    "a spread has one target less",
    rule(
      "spread4-t662psj9dq",
      1,
      "replace rule RULE handle HANDLE meta l4proto { tcp, udp, sctp } dnat ip to 10.90.1.11:70",
    ),
    /spread4/,
    15,
  ],
  [
    "a chain of its own on the hook",
    nft("add chain TABLE mine { type filter hook forward priority -5; policy drop; }"),
    /chain mine/,
    4,
  ],
  ["a chain that nothing leads to", nft("add chain TABLE mine; add rule TABLE mine accept"), /chain mine/, 0],
  ["ARP isn't checked", nft("flush chain arp tsnet-lab input"), /chain input of table arp/, 0],
  // Chains and tables
  ["a base chain drops", nft("add chain TABLE forward { policy drop; }"), /chain forward/, 0],
  ["the input chain drops", nft("add chain TABLE input { policy drop; }"), /chain input/, 0],
  ["another priority", anotherPriority, /chain forward/, 0],
  ["the table sleeps", nft("add table TABLE { flags dormant; }"), /table inet tsnet-lab/, 9],
  ["the table of ARP is gone", nft("delete table arp tsnet-lab"), /table arp tsnet-lab/, 0],
  ["the tables are gone", nft("delete table TABLE; delete table arp tsnet-lab"), /table inet tsnet-lab/, 9],
  ["a set is added", nft("add set TABLE mine { type ipv4_addr; }"), /set mine/, 0],
  // Sysctls
  ["forwarding of a device", sysctl(`ipv4/conf/${web}/forwarding`, "0"), new RegExp(`${web}/forwarding`), 4],
  ["the reverse path filter", sysctl(`ipv4/conf/${db}/rp_filter`, "1"), new RegExp(`${db}/rp_filter`), 5],
  ["localnet is routed", sysctl(`ipv4/conf/${db}/route_localnet`, "1"), new RegExp(`${db}/route_localnet`), 5],
  ["localnet isn't routed", sysctl(`ipv4/conf/${app}/route_localnet`, "0"), new RegExp(`${app}/route_localnet`), 6],
  ["router advertisements", sysctl(`ipv6/conf/${app}/accept_ra`, "1"), new RegExp(`${app}/accept_ra`), 6],
  ["IPv6 where there is none", sysctl(`ipv6/conf/${db}/disable_ipv6`, "0"), new RegExp(`${db}/disable_ipv6`), 5],
  ["IPv6 is off", sysctl(`ipv6/conf/${front}/disable_ipv6`, "1"), new RegExp(front), 2],
  ["a sysctl inside", sysctl("ipv4/conf/eth0/rp_filter", "1", "web"), /eth0\/rp_filter/, 4],
  ["the uplink's forwarding", sysctl("ipv4/conf/up0/forwarding", "0"), /up0\/forwarding/, 0],
  // Devices, addresses, routes, neighbours
  ["a host end is down", `link set ${web} down`, new RegExp(web), 4],
  ["a host end is gone", `link delete ${db}`, new RegExp(db), 5],
  ["a bridge is down", `link set ${back} down`, new RegExp(back), 3],
  ["a bridge is gone", `link delete ${back}`, new RegExp(back), 3],
  [
    "a host end is a port of a bridge",
    async (host) => {
      await host.run("ip", ["link", "add", "name", "br9", "type", "bridge"]);
      return host.run("ip", ["link", "set", ops, "master", "br9"]);
    },
    new RegExp(ops),
    7,
  ],
  [
    "a stranger is a port of our bridge",
    async (host) => {
      await host.run("ip", ["link", "add", "name", "v8", "type", "veth", "peer", "name", "v9"]);
      return host.run("ip", ["link", "set", "v8", "master", front]);
    },
    /v8/,
    2,
    "link delete v8",
  ],
  ["an MTU", `link set ${app} mtu 1400`, new RegExp(app), 6],
  ["the MAC of a host end", `link set ${ops} address 02:00:00:00:00:99`, new RegExp(ops), 7],
  ["an address of a bridge is gone", `address delete 10.90.2.1/24 dev ${back}`, /10\.90\.2\.1/, 3],
  ["an address is added", `address add 10.99.0.1/24 dev ${front}`, /10\.99\.0\.1/, 2],
  ["a gateway of an endpoint is gone", `address delete 10.90.1.1/32 dev ${ops}`, /10\.90\.1\.1/, 7],
  ["a route is gone", `route delete 10.90.2.12 dev ${db}`, /route 10\.90\.2\.12/, 5],
  [
    "a route leads to another",
    `route replace 10.90.1.14 dev ${app} src 10.90.1.1 protocol 83`,
    /route 10\.90\.1\.14/,
    7,
  ],
  ["an IPv6 route is gone", `-6 route delete fd90:1::13 dev ${app}`, /route fd90:1::13/, 6],
  ["a neighbour is gone", `neighbour delete 10.90.1.11 dev ${web}`, /neighbour 10\.90\.1\.11/, 4],
  [
    "a neighbour has another MAC",
    `neighbour replace 10.90.2.11 lladdr 02:00:00:00:00:99 dev ${webBack} nud permanent`,
    /neighbour 10\.90\.2\.11/,
    4,
  ],
  ["a mark is changed", `link set ${ops} alias mine`, new RegExp(ops), 7, `link set ${ops} alias tsnet:lab/front/ops`],
  ["a device inside is down", inside("db", "link set eth0 down"), /eth0/, 5],
  ["the MAC inside", inside("app", "link set eth0 address 02:00:00:00:00:98"), /eth0|app/, 6],
  ["an address inside is gone", inside("db", "address delete 10.90.2.12/24 dev eth0"), /10\.90\.2\.12/, 5],
  ["the default route inside is gone", inside("ops", "route delete default"), /route default/, 7],
  ["a neighbour inside is gone", inside("ops", "neighbour delete 10.90.1.1 dev eth0"), /neighbour 10\.90\.1\.1/, 7],
  [
    "a device inside has another name",
    async (host) => {
      await inside("ops", "link set eth0 down")(host);
      await inside("ops", "link set eth0 name eth7")(host);
    },
    /ops/,
    7,
  ],
  ["loopback inside is down", inside("web", "link set lo down"), /web/, 4],
  // Files and tables beside
  ["a namespace is gone", (host) => host.run("umount", ["/run/tsnet/netns/lab/ops"]), /ops/, 7],
  [
    "a hosts file is changed",
    (host) =>
      host.run("dd", ["of=/run/tsnet/policies/lab/app/hosts", "status=none"], { input: "127.0.0.1 database\n" }),
    /hosts/,
    6,
  ],
  ["a hosts file is gone", (host) => host.run("rm", ["/run/tsnet/policies/lab/web/hosts"]), /hosts/, 4],
  ["the guard is gone", nft("delete table inet tsnet_guard"), /tsnet_guard/, 0],
  ["the guard is empty", nft("flush table inet tsnet_guard"), /tsnet_guard/, 0],
];

export const MUTATIONS: readonly Mutation[] = ROWS.map(([what, command, object, line, undo]) => ({
  what,
  make: typeof command === "string" ? (host) => host.run("ip", command.split(" ")) : command,
  object,
  line,
  ...(undo === undefined ? {} : { undo }),
}));
