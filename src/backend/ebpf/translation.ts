/**
 * The static table of translations, as nft text: published ports, masquerade, that a container's address comes from its
 * own device only, and that neither what the dataplane couldn't tell of this host's addresses nor what somebody else leads
 * elsewhere gets there undecided. What may pass is the dataplane's business; nothing here lets anything through that it drops.
 *
 * Translation is the kernel's, because it has to hold for the host's own sockets too, and because connection tracking
 * keeps ports apart and translates the packets that ICMP errors quote.
 */
import { ENDPOINT_PREFIX } from "../../ir/addresses.js";
import { type Address, type Family, FAMILIES, formatAddress } from "../../net/address.js";
import { hashText } from "../../net/hash.js";
import { protocolName } from "../../net/ports.js";
import { divertedText } from "./diverted.js";
import type { Maps, Published } from "./maps.js";

export function tableName(policy: string): string {
  return `tsnet_nat_${hashText(10, "nat", policy)}`;
}

const IP = { 4: "ip", 6: "ip6" } as const;
const TYPE = { 4: "ipv4_addr", 6: "ipv6_addr" } as const;
const MANY = { 4: "{ 224.0.0.0/4, 255.255.255.255 }", 6: "ff00::/8" } as const;
const LOOPBACK = { 4: "127.0.0.0/8", 6: "::1" } as const;

function set(kind: "set" | "map", name: string, type: string, items: readonly string[], flags = ""): string {
  const each = [...new Set(items)];
  const elements = each.length === 0 ? "" : `    elements = { ${each.join(", ")} }\n`;
  // With a size the kernel takes the hash that is quicker to look into; intervals are no hash.
  const size = flags === "" && each.length > 0 ? `    size ${each.length}\n` : "";
  return `  ${kind} ${name} {\n    type ${type}\n${size}${flags}${elements}  }\n`;
}

/** The body of the table; empty where there is nothing to translate and nobody to guard. */
export function translationText(maps: Maps): string {
  let objects = "";
  let incoming = "";
  let local = "";
  let outgoing = "";
  let here = "";
  // What an endpoint's device sends has met its own policy's programs: each packet passes here, so that is asked first.
  let guard = `    iifname "${ENDPOINT_PREFIX}*" accept\n    iifname "lo" accept\n`;
  const devices = maps.devices.map(({ device }) => `"${device}"`);
  if (devices.length === 0) return "";
  objects += set("set", "veths", "ifname", devices);
  for (const family of FAMILIES) {
    const of = (addresses: readonly Address[]): string[] =>
      addresses.filter((address) => address.family === family).map(formatAddress);
    const own = of(maps.own.map(({ address }) => address));
    if (own.length === 0) continue;
    const ip = IP[family];
    objects += set("set", `own${family}`, TYPE[family], own);
    guard += `    ${ip} saddr @own${family} drop\n`;
    const published = maps.published.filter((way) => way.family === family);
    // Nobody decides it: to the dataplane such an address isn't this host's.
    if (family === 6) here += `    iifname @veths meta nfproto ipv6 fib daddr type anycast drop\n`;
    if (published.length > 0) {
      objects += publishText(maps, published, family);
      here += promisedText(published, family);
      incoming += `    ${ip} daddr != ${LOOPBACK[family]} fib daddr type local jump publish${family}\n`;
      local += `    meta nfproto ipv${family} fib daddr type local jump publish${family}\n`;
      const { self, gateways } = maps.translation;
      const pairs = self.filter(([a]) => a.family === family).map((pair) => pair.map(formatAddress).join(" . "));
      objects += set("set", `self${family}`, `${TYPE[family]} . ${TYPE[family]}`, pairs);
      const subnets = gateways
        .filter(({ gateway }) => gateway.family === family)
        .map(
          ({ first, last, gateway }) => `${formatAddress(first)}-${formatAddress(last)} : ${formatAddress(gateway)}`,
        );
      objects += set("map", `gateway${family}`, `${TYPE[family]} : ${TYPE[family]}`, subnets, "    flags interval\n");
      const snat = `snat ${ip} to ${ip} daddr map @gateway${family}\n`;
      outgoing += `    ct status dnat ${ip} saddr . ${ip} daddr @self${family} ${snat}`;
      outgoing += `    ${ip} saddr ${LOOPBACK[family]} ${ip} daddr @own${family} ${snat}`;
    }
    const masquerade = of(maps.translation.masquerade);
    if (masquerade.length === 0) continue;
    objects += set("set", `masquerade${family}`, TYPE[family], masquerade);
    outgoing += `    ${ip} saddr @masquerade${family} ${ip} daddr != @own${family} masquerade\n`;
  }
  const chain = (name: string, type: string, hook: string, priority: number, rules: string): string =>
    rules === ""
      ? ""
      : `  chain ${name} {\n    type ${type} hook ${hook} priority ${priority}; policy accept;\n${rules}  }\n`;
  return (
    objects +
    divertedText(
      maps.translation.diverted,
      FAMILIES.filter((family) => maps.own.some(({ address }) => address.family === family)),
    ) +
    chain("guard", "filter", "prerouting", -300, guard) +
    chain("here", "filter", "input", -300, here) +
    chain("incoming", "nat", "prerouting", -100, incoming) +
    chain("local", "nat", "output", -100, local) +
    chain("outgoing", "nat", "postrouting", 100, outgoing)
  );
}

/**
 * The dataplane lets pass what containers send to published ports of this host, since its receiver's device decides it.
 * What isn't translated then, as a subnet's broadcast, has been decided by nobody.
 */
function promisedText(published: readonly Published[], family: Family): string {
  const to = `iifname @veths ct direction original ${IP[family]} daddr`;
  const port = ({ protocol, port }: Published): string => `${protocolName(protocol)} . ${port}`;
  const at = published.flatMap((way) => (way.host === undefined ? [] : [`${formatAddress(way.host)} . ${port(way)}`]));
  const all = published.filter(({ host }) => host === undefined).map(port);
  const set = (items: readonly string[]): string => `{ ${[...new Set(items)].join(", ")} }`;
  return (
    (at.length === 0 ? "" : `    ${to} . meta l4proto . th dport ${set(at)} drop\n`) +
    (all.length === 0 ? "" : `    ${to} != ${MANY[family]} meta l4proto . th dport ${set(all)} drop\n`)
  );
}

/** Maps and a chain of published ports; those at one address of the host go before those at all. */
function publishText(maps: Maps, published: readonly Published[], family: Family): string {
  const ip = IP[family];
  let objects = "";
  let rules = "";
  const spreads = new Map<string, string>();
  for (const at of [true, false]) {
    const ways = published.filter((way) => (way.host !== undefined) === at);
    if (ways.length === 0) continue;
    const keyOf = (way: Published): string =>
      [...(way.host === undefined ? [] : [formatAddress(way.host)]), protocolName(way.protocol), way.port].join(" . ");
    const type = `${at ? `${TYPE[family]} . ` : ""}inet_proto . inet_service`;
    const key = `${at ? `${ip} daddr . ` : ""}meta l4proto . th dport`;
    const name = `publish${family}${at ? "_at" : ""}`;
    const verdicts: string[] = [];
    const addresses: string[] = [];
    const ports: string[] = [];
    for (const way of ways) {
      const goals = maps.goals.filter(({ goal }) => goal === way.goal).map(({ address }) => formatAddress(address));
      if (goals.length === 1) {
        addresses.push(`${keyOf(way)} : ${goals[0]}`);
        ports.push(`${keyOf(way)} : ${way.to}`);
        continue;
      }
      const chain = `spread${family}_${way.goal}_${way.to}`;
      const turns = goals.map((address, i) => `${i} : ${address}`).join(", ");
      spreads.set(
        chain,
        `  chain ${chain} {\n    meta l4proto { tcp, udp, sctp } dnat ${ip} to numgen inc mod ${goals.length} map ` +
          `{ ${turns} }:${way.to}\n  }\n`,
      );
      verdicts.push(`${keyOf(way)} : goto ${chain}`);
    }
    if (addresses.length > 0) {
      objects += set("map", `${name}_to`, `${type} : ${TYPE[family]}`, addresses);
      objects += set("map", `${name}_port`, `${type} : inet_service`, ports);
      rules += `    meta l4proto { tcp, udp, sctp } dnat ${ip} to ${key} map @${name}_to:${key} map @${name}_port\n`;
    }
    if (verdicts.length > 0) {
      objects += set("map", `${name}_spread`, `${type} : verdict`, verdicts);
      rules += `    ${key} vmap @${name}_spread\n`;
    }
  }
  return `${[...spreads.values()].join("")}${objects}  chain publish${family} {\n${rules}  }\n`;
}

/** Replaces the table in one transaction. Its mark tells what it was made of. */
export function replaceText(policy: string, body: string): string {
  const name = tableName(policy);
  const clear = `table inet ${name} {\n}\ndelete table inet ${name}\n`;
  return body === "" ? clear : `${clear}table inet ${name} {\n  chain ${markOf(body)} {\n  }\n${body}}\n`;
}

export const markOf = (body: string): string => `made_of_${hashText(12, body)}`;
