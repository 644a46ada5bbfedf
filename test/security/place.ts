/** What the security tests share: a network of both families, who is who on it, and counters of what arrives where. */
import * as assert from "uvu/assert";
import { deviceName } from "../../src/ir/addresses.js";
import { bridgeMac } from "../../src/topology/plan.js";
import { type Host, type Place, type State, WORLD } from "../kernel/lab.js";
import { settled } from "../kernel/settled.js";
import { OTHERWISE } from "../support/carrier.js";

export interface Names {
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
  /** Its host end. */
  readonly device: string;
}

function names(container: string, last: number): Names {
  const hex = last.toString(16).padStart(2, "0");
  return {
    ip: `10.90.1.${last}`,
    ip6: `fd90:1::${last}`,
    mac: `02:42:0a:5a:01:${hex}`,
    device: deviceName("tsnet", container, "front"),
  };
}

export const C1 = names("c1", 11);
export const C2 = names("c2", 12);
export const C3 = names("c3", 13);
export const GATEWAY = { ip: "10.90.1.1", ip6: "fd90:1::1", mac: bridgeMac("tsnet", "front") } as const;

/** The network `front` with c1, c2 and c3; `properties` go into the network's block. */
export function front(properties = "", rules = ""): string {
  return `
network front { subnet 10.90.1.0/24; subnet fd90:1::/64; ${properties} }
container c1 { network front ip ${C1.ip} ip ${C1.ip6} }
container c2 { network front ip ${C2.ip} ip ${C2.ip6} }
container c3 { network front ip ${C3.ip} ip ${C3.ip6} }
${rules}
`;
}

/** IPv6 addresses in brackets, so that a port can follow. */
export const bracket = (address: string): string => (address.includes(":") ? `[${address}]` : address);

// Strangers ----------------------------------------------------------------------------------------------------------

export const STRANGER = "/run/lab/stranger";
export const STRANGER4 = "203.0.113.2";
export const STRANGER6 = "2001:db8:200::2";

/** Another namespace behind the host, on its device up1, with which a policy has nothing to do. */
export async function addStranger(host: Host): Promise<void> {
  await host.run("touch", [STRANGER]);
  await host.run("unshare", [`--net=${STRANGER}`, "true"]);
  await host.run("ip", ["link", "add", "name", "up1", "type", "veth", "peer", "name", "eth0", "netns", STRANGER]);
  await host.sysctl("ipv6/conf/up1/accept_dad", "0");
  await host.sysctl("ipv6/conf/eth0/accept_dad", "0", STRANGER);
  await ip(
    host,
    undefined,
    "address add 203.0.113.1/24 dev up1",
    "address add 2001:db8:200::1/64 dev up1 nodad",
    "link set dev up1 up",
  );
  await ip(
    host,
    STRANGER,
    `address add ${STRANGER4}/24 dev eth0`,
    `address add ${STRANGER6}/64 dev eth0 nodad`,
    "link set dev eth0 up",
    "route add default via 203.0.113.1",
    "route add ::/0 via 2001:db8:200::1 dev eth0",
  );
}

/** A batch of `ip` commands. */
export async function ip(host: Host, place: Place, ...lines: string[]): Promise<void> {
  await host.runIn(place, "ip", ["-batch", "-"], { input: lines.map((line) => `${line}\n`).join("") });
}

export async function macOf(host: Host, place: Place, device: string): Promise<string> {
  const { stdout } = await host.runIn(place, "ip", ["-j", "link", "show", "dev", device]);
  return (JSON.parse(stdout) as { address: string }[])[0]?.address ?? "";
}

// Counters -----------------------------------------------------------------------------------------------------------

const PROBE = "probe";

/** Counts the frames that arrive on a device of a place, by nft matches, before anything else sees them. */
export async function countArriving(
  host: Host,
  place: Place,
  device: string,
  matches: readonly string[],
): Promise<void> {
  await host.nft(table("netdev", `type filter hook ingress device ${device} priority -500;`, matches), place);
}

/** Counts on the host what is left of packets after every rule of a hook. */
export async function countAfter(host: Host, hook: "input" | "forward", matches: readonly string[]): Promise<void> {
  await host.nft(table("inet", `type filter hook ${hook} priority 300;`, matches));
}

function table(family: string, hook: string, matches: readonly string[]): string {
  return `table ${family} ${PROBE} {\nchain seen {\n${hook}\n${matches.map((match) => `${match} counter\n`).join("")}}\n}\n`;
}

/** In the order of the matches. */
export async function counts(host: Host, place: Place, family: "inet" | "netdev"): Promise<number[]> {
  const { stdout } = await host.runIn(place, "nft", ["list", "table", family, PROBE]);
  return [...stdout.matchAll(/counter packets (\d+)/g)].map((match) => Number(match[1]));
}

/** Asks again and again, and never for ever; says what it waited for when it gives up. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000; i++) if (await holds()) return;
  throw new Error(`never: ${what}`);
}

/** The place that packets from outside come from, by its device. */
export const OUTSIDE = { place: WORLD, device: "uplink" } as const;

// Snapshots ----------------------------------------------------------------------------------------------------------

/**
 * Everything that a policy could touch in a place, byte for byte: rules, links, addresses, routes, sysctls. One object a
 * line, so that a difference can be read.
 */
export async function snapshot(host: Host, place?: Place): Promise<string[]> {
  await settled(host, place);
  const rules = await host.runIn(place, "nft", ["-j", "list", "ruleset"]);
  const lines = [
    "link show",
    "address show",
    "route show table all",
    "-6 route show table all",
    "rule show",
    "-6 rule show",
  ];
  const lists: string[] = [];
  for (const line of [...lines, "neighbour show nud permanent"])
    lists.push(line, (await host.runIn(place, "ip", ["-j", "-d", ...line.split(" ")])).stdout);
  const settings = await host.runIn(place, "grep", ["-rHs", "", "/proc/sys/net"], { accept: "any" });
  const objects = (text: string): string[] => text.replace(/\}, ?\{/g, "},\n{").split("\n");
  // Ages and timers move by themselves, and the kernel tells of a carrier when it gets round to it.
  const moving =
    /"(expires|used|age|\w+_timer|valid_life_time|preferred_life_time)":[\d.]+,?|"operstate":"\w+",?|"NO-CARRIER",?|,?"(LOWER_UP|linkdown)"/g;
  return [
    ...rulesOf(rules.stdout),
    ...lists.flatMap((text) => objects(text.replace(moving, ""))),
    ...settings.stdout
      .split("\n")
      .filter((line) => !line.includes("nf_conntrack_count"))
      .sort(),
  ];
}

/** nft's listing, an object a line, without what counts. */
function rulesOf(listing: string): string[] {
  const counts = new Set(["handle", "packets", "bytes"]);
  const { nftables } = JSON.parse(listing) as { nftables: unknown[] };
  return nftables.map((object) =>
    JSON.stringify(object, (key, value: unknown) => (counts.has(key) ? undefined : value)),
  );
}

/** A table of iptables' own, or a built-in chain of it that lets everything pass: an object of nft's listing. */
export function isBuiltIn(text: string): boolean {
  const { table, chain } = JSON.parse(text) as {
    table?: { family: string; name: string };
    chain?: { family: string; table: string; name: string; policy?: string };
  };
  const isTable = (family: string, name: string): boolean =>
    /^ip6?$/.test(family) && ["raw", "filter", "nat"].includes(name);
  if (table !== undefined) return isTable(table.family, table.name);
  return chain !== undefined && isTable(chain.family, chain.table) && chain.policy === "accept";
}

const isRule = (line: string): boolean => /^\{"(table|chain)":/.test(line);

/** Asserts that a place is as it was. */
export async function unchanged(host: Host, before: readonly string[], place?: Place): Promise<void> {
  const all = await snapshot(host, place);
  const known = new Set(before);
  const after = OTHERWISE.leavesEmptyTables
    ? all.filter((line) => known.has(line) || !isRule(line) || !isBuiltIn(line))
    : all;
  const [was, is] = [new Set(before), new Set(after)];
  const gone = before.filter((line) => !is.has(line)).map((line) => `- ${line}`);
  const came = after.filter((line) => !was.has(line)).map((line) => `+ ${line}`);
  assert.equal([...gone, ...came], []);
  assert.equal(after, before);
}

// Asking -------------------------------------------------------------------------------------------------------------

export type Answer = State;

/** Who asks whom by what; the port of a ping is 0. */
export type Way = readonly ["tcp" | "udp" | "ping", Place, string, number];

/**
 * Asks all of them at once. Where an answer is due it is waited for as long as a busy machine may need; where none is,
 * only as long as an answer usually takes a hundred times over.
 */
export async function expect(host: Host, answer: Answer | readonly Answer[], ways: readonly Way[]): Promise<void> {
  const wanted = typeof answer === "string" ? [answer] : answer;
  const timeout = wanted.includes("timeout") ? 500 : 5000;
  const lines = await Promise.all(
    ways.map(async ([protocol, from, to, port]) => {
      const state = await ask(host, protocol, from, to, port, timeout);
      const name = from === undefined ? "host" : (from.split("/").pop() ?? "");
      return wanted.includes(state)
        ? ""
        : `${protocol} ${name} -> ${bracket(to)}:${port} is ${state}, not ${wanted.join(" or ")}`;
    }),
  );
  assert.equal(
    lines.filter((line) => line !== ""),
    [],
  );
}

async function ask(
  host: Host,
  protocol: Way[0],
  from: Place,
  to: string,
  port: number,
  timeout: number,
): Promise<Answer> {
  if (protocol !== "ping") return host[protocol](from, to, port, { timeout });
  const echo = await host.ping(from, to, timeout);
  return echo === "reply" ? "open" : echo;
}

/** Each of the sources with each of the destinations. */
export function cross(protocol: Way[0], from: readonly Place[], to: readonly string[], port = 0): Way[] {
  return from.flatMap((one) => to.map((other): Way => [protocol, one, other, port]));
}
