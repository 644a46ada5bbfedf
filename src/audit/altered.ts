/** What somebody's rule opens by writing constants into packets, or by sending copies of them on another way. */
import type { Box } from "../backend/nftables/box.js";
import type { ReadRule } from "../backend/nftables/from-json.js";
import { type Decision, type End, endpointAt, evaluate, type Packet } from "../ir/evaluate.js";
import type { Policy } from "../ir/policy.js";
import { type Address, type AddressSet, hasAddress, parseAddress, sameAddress } from "../net/address.js";
import { places } from "../net/index-set.js";
import { portsOf, PORTED } from "../net/ports.js";
import { isOfOne } from "./pieces.js";

/** A packet that the policy denies, and what gets through for it. */
export interface Opening {
  readonly packet: Packet;
  readonly expected: Decision;
  /** What the packet has become; itself where a copy of it goes its own way; undefined where there was too much to ask. */
  readonly becomes?: Packet;
}

/** Packets that meet a rule. */
export interface Met {
  readonly box: Box;
  readonly sources: readonly End[];
  readonly destinations: readonly End[];
  readonly protocol: number;
}

/** So many statements are asked in all about the packets of one box: more would take seconds. */
const PATIENCE = 2_000_000;

/** Whether all that a rule does can be told: it writes constants, or copies packets to one. */
export function isPlain({ uncertain, writes, copies }: ReadRule): boolean {
  return uncertain !== true && (writes !== undefined || (copies !== undefined && copies !== ""));
}

/** The first packet among those that meet a plain rule that opens what the policy denies; undefined where none was found. */
export function openingOf(
  policy: Policy,
  local: AddressSet,
  rule: ReadRule,
  { box, sources, destinations, protocol }: Met,
): Opening | undefined {
  const copies = rule.copies === undefined ? undefined : parseAddress(rule.copies);
  const ports = samplesOf(policy, box, protocol);
  let left = Math.max(200, PATIENCE / (policy.rules.length + 1));
  for (const k of places(box.destinations)) {
    const destination = destinations[k] as End;
    // A copy keeps its destination: who has that receives it.
    if (copies !== undefined && !sameAddress(copies, destination.address)) continue;
    for (const i of places(box.sources))
      for (const port of ports) {
        const source = sources[i] as End;
        const packet: Packet = { source, destination, protocol, port };
        if (isOfOne(policy, source, destination) || !isReal(packet, local)) continue;
        const becomes = copies === undefined ? altered(policy, local, rule.writes ?? [], packet) : packet;
        const passes = becomes !== undefined && (copies !== undefined || evaluate(policy, becomes).verdict === "allow");
        left--;
        if (!passes && left > 0) continue;
        const expected = evaluate(policy, packet);
        const denied = expected.verdict === "deny" || expected.verdict === "reject";
        if (denied) return { packet, expected, ...(passes ? { becomes } : {}) };
        if (left <= 0) return undefined;
      }
  }
  return undefined;
}

/** One of each run of ports that the policy's statements tell apart. */
function samplesOf({ rules }: Policy, { from, to }: Box, protocol: number): readonly (number | undefined)[] {
  if (!PORTED.includes(protocol)) return [undefined];
  const samples = new Set([Math.max(1, from)]);
  for (const { ports } of rules) {
    const ranges = portsOf(ports, protocol) ?? [];
    for (let i = 0; i < ranges.length; i += 2)
      for (const port of [ranges[i] as number, (ranges[i + 1] as number) + 1])
        if (port >= from && port <= to) samples.add(port);
  }
  return [...samples];
}

/** Whether its ends are this host's where they should be; an address is taken to be anybody's until that is asked. */
function isReal({ source, destination }: Packet, local: AddressSet): boolean {
  return [source, destination].every(
    ({ zone, address }) => zone === "container" || hasAddress(local, address) === (zone === "host"),
  );
}

function altered(
  policy: Policy,
  local: AddressSet,
  writes: NonNullable<ReadRule["writes"]>,
  packet: Packet,
): Packet | undefined {
  let { source, destination, port } = packet;
  for (const { field, value } of writes) {
    if (field === "dport" && typeof value === "number") {
      if (port !== undefined) port = value;
      continue;
    }
    // Nothing is decided by it.
    if (field === "sport") continue;
    const address = typeof value === "string" ? parseAddress(value) : undefined;
    if (address?.family !== source.address.family) return undefined;
    if (field === "saddr") source = endOf(policy, local, address);
    else if (field === "daddr") destination = endOf(policy, local, address);
    else return undefined;
  }
  return { ...packet, source, destination, port };
}

function endOf(policy: Policy, local: AddressSet, address: Address): End {
  if (endpointAt(policy, address) !== undefined) return { zone: "container", address };
  return { zone: hasAddress(local, address) ? "host" : "world", address };
}
