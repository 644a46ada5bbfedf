/**
 * What the rules of this host that choose routing tables (`ip rule`) do to packets of a policy: some refuse packets, and
 * some have them look for their way in another table than the one that leads to containers. Pure. Other tables aren't
 * followed, since a rule of a VPN may mean just that; so what leads there is told as information.
 */
import { packetClasses } from "../ir/classes.js";
import { type Decision, evaluate, type Packet } from "../ir/evaluate.js";
import { inhabitedFamilies, ownAddresses } from "../ir/own.js";
import { packetText } from "../ir/packet-text.js";
import type { PeerSet, Policy } from "../ir/policy.js";
import {
  type Address,
  type AddressSet,
  type Family,
  intersectSet,
  NO_ADDRESSES,
  overlapsSet,
  parseAddress,
  single,
  subtractSet,
  unionOf,
} from "../net/address.js";
import { ALL_PORTS } from "../net/ports.js";
import { prefixOf, prefixSet } from "../net/prefix.js";
import type { RoutingRule } from "../topology/routing-rules.js";
import type { Effect, Foreign } from "./report.js";
import { behindDecision } from "./statement.js";

/** Actions that end a packet. */
const REFUSES: Readonly<Record<string, "drops" | "rejects" | undefined>> = {
  ...{ blackhole: "drops", unreachable: "rejects", prohibit: "rejects" },
};
const FOLLOWED = "only the main table is followed";

/** Tables that the kernel asks anyway. */
const KERNELS: readonly string[] = ["local", "main", "default"];

/** `rules`: of both families, in the order in which the kernel asks them. */
export function routingEffects(policy: Policy, rules: readonly RoutingRule[]): Foreign[] {
  return inhabitedFamilies(policy.containers).flatMap((family) =>
    ofFamily(
      policy,
      family,
      rules.filter((rule) => rule.family === family),
    ),
  );
}

function ofFamily(policy: Policy, family: Family, rules: readonly RoutingRule[]): Foreign[] {
  // A kernel without rules has but the usual tables.
  if (rules.length === 0) return [];
  const main = rules.findIndex((rule) => asks(rule, "main"));
  const local = rules.findIndex((rule) => asks(rule, "local"));
  const told: Foreign[] = main === -1 ? [withoutMain(policy, family)] : [];
  // What the main table has a way for, as it has for containers, never comes to the rules behind it.
  const before = main === -1 ? rules : rules.slice(0, main);
  for (const [i, rule] of before.entries()) {
    const refuses = REFUSES[rule.action];
    if (rule.action === "nop" || (rule.action === "lookup" && KERNELS.includes(rule.table))) continue;
    const found = concerned(policy, rule, local !== -1 && local < i);
    if (found === undefined) continue;
    const { packets, allowed } = found;
    const object = `IPv${family} routing rule '${rule.text}'`;
    const tell = (effect: Effect, severity: Foreign["severity"], says: string): void =>
      void told.push(foreign(policy, object, effect, severity, says, found));
    if (refuses === undefined) {
      tell("unclear", "info", `may lead ${packets} elsewhere, ${allowed}: where to can't be told, since ${FOLLOWED}`);
      continue;
    }
    const certain = !rule.not && !rule.selective;
    const leading = before.slice(0, i).find((other) => leadsAway(other) && meet(other, rule));
    if (certain && leading === undefined) tell(refuses, "error", `${refuses} ${packets}, ${allowed}`);
    else {
      const why = certain
        ? `'${leading?.text}' comes first, and ${FOLLOWED}`
        : "it asks for something that tsnet doesn't interpret";
      const may = refuses === "drops" ? "may drop" : "may reject";
      tell("unclear", "info", `${may} ${packets}, ${allowed}: whether it does can't be told, since ${why}`);
    }
  }
  return told;
}

/** Whether a rule has every packet look in a table, and take any of its routes. */
function asks({ action, table, from, to, input, not, selective, suppresses }: RoutingRule, wanted: string): boolean {
  const plain = from === undefined && to === undefined && input === undefined && !not && !selective && !suppresses;
  return plain && action === "lookup" && table === wanted;
}

/** Whether packets that nobody has marked can end at a rule, so that those behind it may never see them. */
function leadsAway({ action, table, not, selective }: RoutingRule): boolean {
  return (action === "goto" || (action === "lookup" && table !== "local")) && (not || !selective);
}

function meet(a: RoutingRule, b: RoutingRule): boolean {
  const devices = a.input === undefined || b.input === undefined || a.input === b.input;
  const both = (x: string | undefined, y: string | undefined): boolean =>
    overlapsSet(addresses(a.family, x), addresses(b.family, y));
  return a.not || (devices && both(a.from, b.from) && both(a.to, b.to));
}

function withoutMain(policy: Policy, family: Family): Foreign {
  const all = addresses(family, undefined);
  const anybody = { container: all, host: all, world: all };
  // This host's own addresses are in another table.
  const found = firstAllowed(policy, anybody, { ...anybody, host: NO_ADDRESSES });
  const object = `IPv${family} routing rules`;
  const what = found === undefined ? "" : `, ${packetText(policy, found.packet).replace(/,$/, "")} among them`;
  const says = `have none that looks up the main table for every packet (32766: from all lookup main), so packets to containers and from them find no way here${what}`;
  return foreign(policy, object, "drops", "error", says, found);
}

interface Allowed {
  readonly packet: Packet;
  readonly decision: Decision;
}

/** What a rule is about and the policy allows: an example, and that in words. */
interface Concern extends Allowed {
  readonly packets: string;
  readonly allowed: string;
}

/** A packet that a rule is about and that the policy allows, else one whose answers it is about. */
function concerned(policy: Policy, rule: RoutingRule, localFirst: boolean): Concern | undefined {
  const { family, not } = rule;
  // Of what a rule excepts, the others can be anybody.
  const [sources, targets] = [rule.from, rule.to].map((cidr) => addresses(family, not ? undefined : cidr));
  const from = arriving(policy, not ? undefined : rule.input, peersAt(policy, sources, rule.from === undefined || not));
  // This host's own addresses are in the local table.
  const others = peersAt(policy, targets, true);
  const to = localFirst ? { ...others, host: NO_ADDRESSES } : others;
  const there = firstAllowed(policy, from, to);
  const found = there ?? firstAllowed(policy, to, from);
  if (found === undefined) return undefined;
  const what = packetText(policy, found.packet).replace(/,$/, "");
  const byDefault = found.decision.default === null ? "" : " by default";
  return {
    ...found,
    packets: there === undefined ? `the answers to ${what}` : what,
    allowed: `which the policy allows${byDefault}`,
  };
}

/** Who has these addresses; `all`: they are all addresses. Of this host's own the gateways are known. */
function peersAt(policy: Policy, set: AddressSet = NO_ADDRESSES, all: boolean): PeerSet {
  const gateways = unionOf(policy.networks.flatMap((network) => network.gateways).map(single));
  const others = subtractSet(set, ownAddresses(policy.containers));
  return {
    container: set,
    host: all ? others : intersectSet(others, gateways),
    world: subtractSet(others, gateways),
  };
}

/** Those of `peers` whose packets come in by a device. */
function arriving(policy: Policy, device: string | undefined, peers: PeerSet): PeerSet {
  if (device === undefined) return peers;
  const none = { container: NO_ADDRESSES, host: NO_ADDRESSES, world: NO_ADDRESSES };
  if (device === "lo") return { ...none, host: peers.host };
  const endpoint = policy.containers.flatMap(({ endpoints }) => endpoints).find((one) => one.device === device);
  if (endpoint === undefined) return { ...none, world: peers.world };
  return { ...none, container: intersectSet(peers.container, unionOf(endpoint.addresses.map(single))) };
}

/** Packets that are looked at, so that a policy that denies nearly everything doesn't take long. */
const MOST = 2000;

function firstAllowed(policy: Policy, from: PeerSet, to: PeerSet): Allowed | undefined {
  const { rules, packets } = packetClasses(policy, { from, to, ports: ALL_PORTS });
  let looked = 0;
  for (const packet of packets) {
    const decision = evaluate(policy, packet, rules);
    if (decision.verdict === "allow") return { packet, decision };
    if (++looked === MOST) return undefined;
  }
  return undefined;
}

function addresses(family: Family, cidr: string | undefined): AddressSet {
  const [base = "", length = "0"] = (cidr ?? (family === 4 ? "0.0.0.0/0" : "::/0")).split("/");
  const prefix = prefixOf(parseAddress(base) as Address, Number(length));
  return prefix === undefined ? NO_ADDRESSES : prefixSet(prefix);
}

function foreign(
  policy: Policy,
  object: string,
  effect: Effect,
  severity: Foreign["severity"],
  says: string,
  found: Allowed | undefined,
): Foreign {
  const origin = found && behindDecision(policy, found.packet, found.decision);
  return { object, effect, origin, severity, message: `${object} ${says}` };
}
