/**
 * The tools that people would pick instead, and the same tuples as each of them wants them written: the fastest form
 * that its manual offers, in one file, without comments.
 */
import type { Timed } from "../system/stopwatch.js";
import { addressOf, type Tuple } from "./workload.js";

export interface Peer {
  readonly name: string;
  /** The Debian package that has it. */
  readonly package: string;
  /** The file that it loads. */
  text(all: readonly Tuple[]): string;
  load(path: string): Timed;
  /** Takes away what was loaded; may fail where nothing is. */
  readonly clear: Timed;
  /** One tuple more or less. Absent where the tool can only load everything again. */
  edit?(tuple: Tuple, verb: "add" | "delete"): Timed;
  /** An edit's cost grows with the rules: with more statements than these it isn't asked. */
  readonly mostEdited?: number;
}

/** A power of two with room for at least one more. */
const SIZE = (count: number): number => 2 ** Math.ceil(Math.log2(count + 1));
const CLEAR_NFT: Timed = { command: "nft", args: ["delete", "table", "inet", "hand"] };

function nftElement({ source, container, port }: Tuple): string {
  return `${source} . ${addressOf(container)} . tcp . ${port} : accept`;
}

/** One verdict map with a size, and its base chain. */
function nftText(all: readonly Tuple[]): string {
  return `table inet hand {
  map m {
    type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict
    size ${SIZE(all.length)}
    elements = { ${all.map(nftElement).join(",\n")} }
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    ip saddr . ip daddr . meta l4proto . th dport vmap @m
  }
}
`;
}

/** The same as `nftText`, in nft's JSON. */
function nftJson(all: readonly Tuple[]): string {
  const own = { family: "inet", table: "hand" };
  const payload = (protocol: string, field: string): unknown => ({ payload: { protocol, field } });
  const key = {
    concat: [payload("ip", "saddr"), payload("ip", "daddr"), { meta: { key: "l4proto" } }, payload("th", "dport")],
  };
  const elem = all.map(({ source, container, port }) => [
    { concat: [source, addressOf(container), "tcp", port] },
    { accept: null },
  ]);
  const type = ["ipv4_addr", "ipv4_addr", "inet_proto", "inet_service"];
  const established = { match: { op: "in", left: { ct: { key: "state" } }, right: ["established", "related"] } };
  return JSON.stringify({
    nftables: [
      { add: { table: { family: "inet", name: "hand" } } },
      { add: { map: { ...own, name: "m", type, map: "verdict", size: SIZE(all.length), elem } } },
      { add: { chain: { ...own, name: "forward", type: "filter", hook: "forward", prio: 0, policy: "accept" } } },
      { add: { rule: { ...own, chain: "forward", expr: [established, { accept: null }] } } },
      { add: { rule: { ...own, chain: "forward", expr: [{ vmap: { key, data: "@m" } }] } } },
    ],
  });
}

function iptablesRule({ source, container, port }: Tuple): string[] {
  return ["FORWARD", "-s", source, "-d", addressOf(container), "-p", "tcp", "--dport", String(port), "-j", "ACCEPT"];
}

function iptablesText(all: readonly Tuple[]): string {
  const rules = all.map((tuple) => `-A ${iptablesRule(tuple).join(" ")}\n`).join("");
  return `*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules}COMMIT\n`;
}

function iptables(command: string): Peer {
  return {
    name: `${command}-restore`,
    package: "iptables",
    text: iptablesText,
    load: (path) => ({ command: `${command}-restore`, args: [], stdin: path }),
    clear: { command, args: ["-F"] },
    edit: (tuple, verb) => ({ command, args: ["-w", verb === "add" ? "-A" : "-D", ...iptablesRule(tuple)] }),
    mostEdited: 10_000,
  };
}

function ipsetElement({ source, container, port }: Tuple): string {
  return `${source},tcp:${port},${addressOf(container)}`;
}

function ipsetText(all: readonly Tuple[]): string {
  const size = SIZE(all.length);
  const elements = all.map((tuple) => `add hand ${ipsetElement(tuple)}\n`).join("");
  return `create hand hash:ip,port,ip hashsize ${Math.max(64, size)} maxelem ${Math.max(64, size)}\n${elements}`;
}

function fermText(all: readonly Tuple[]): string {
  const rules = all.map(
    ({ source, container, port }) => `saddr ${source} daddr ${addressOf(container)} proto tcp dport ${port} ACCEPT;\n`,
  );
  return `domain ip table filter chain FORWARD {\n${rules.join("")}}\n`;
}

export const PEERS: readonly Peer[] = [
  {
    name: "nft -f",
    package: "nftables",
    text: nftText,
    load: (path) => ({ command: "nft", args: ["-f", path] }),
    clear: CLEAR_NFT,
    edit: (tuple, verb) => ({
      command: "nft",
      args: [verb, "element", "inet", "hand", "m", `{ ${nftElement(tuple)} }`],
    }),
  },
  {
    name: "nft -j -f",
    package: "nftables",
    text: nftJson,
    load: (path) => ({ command: "nft", args: ["-j", "-f", path] }),
    clear: CLEAR_NFT,
  },
  iptables("iptables"),
  iptables("iptables-legacy"),
  {
    name: "ipset restore",
    package: "ipset",
    text: ipsetText,
    load: (path) => ({ command: "ipset", args: ["restore"], stdin: path }),
    clear: { command: "ipset", args: ["destroy", "hand"] },
    edit: (tuple, verb) => ({ command: "ipset", args: [verb === "add" ? "add" : "del", "hand", ipsetElement(tuple)] }),
  },
  {
    name: "ferm",
    package: "ferm",
    text: fermText,
    load: (path) => ({ command: "ferm", args: [path] }),
    clear: { command: "iptables", args: ["-F"] },
  },
];
