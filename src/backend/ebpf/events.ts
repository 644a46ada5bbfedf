/** The last packets that the dataplane has logged or dropped: the rings of dataplane/maps.h. */
import { join } from "node:path";
import { evaluate } from "../../ir/evaluate.js";
import type { Origin, Policy } from "../../ir/policy.js";
import type { Address } from "../../net/address.js";
import { fixed } from "../../system/bpf/call.js";
import { lookupElement } from "../../system/bpf/calls.js";
import { plan } from "./plan.js";
import { foldersOf, generationOf, using } from "./readback.js";

/** `logged`: what statements with `log` have decided. `dropped`: every packet that didn't pass, whatever the reason. */
export type Ring = "logged" | "dropped";
const WRITTEN: Readonly<Record<Ring, number>> = { dropped: 0, logged: 1 };

/** As dataplane/maps.h numbers them. */
const REASONS = [
  "statement",
  "default",
  "no policy",
  "not IP",
  "malformed",
  "fragment before its first",
  "not its own address or MAC",
  "loopback from outside",
  "connection begins in the middle",
  "connection was cut",
  "ICMP error of no connection",
  "detour",
] as const;
const VERDICTS = ["allow", "deny", "reject"] as const;
/** Of a ring, and bytes of an event. */
const EVENTS = 1024;
const SIZE = 64;

export interface PacketEvent {
  /** Nanoseconds, as the monotonic clock has them. */
  readonly time: bigint;
  readonly verdict: (typeof VERDICTS)[number];
  readonly reason: (typeof REASONS)[number] | "unknown";
  /** The statement that decided it; undefined where none did, or where it was another policy's that is no longer in force. */
  readonly by: Origin | undefined;
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** 0: the protocol has none. Of ICMP an echo's id. */
  readonly sourcePort: number;
  readonly port: number;
}

/** The oldest first; undefined where the policy isn't live by this backend. */
export function readEvents(policy: Policy, ring: Ring): PacketEvent[] | undefined {
  const [folder] = foldersOf(policy.name);
  if (folder === undefined) return undefined;
  const generation = generationOf(folder);
  // Of another policy, statements aren't known; after single edits their numbers aren't, but who decides such a packet is.
  const { list } = plan(policy).statements;
  const numbered = numberedAt(folder, generation) ?? generation;
  const edits = (generation - numbered) >>> 0;
  const decider: Decider = (event, made, number, lane) => {
    const since = (made - numbered) >>> 0;
    if (number === 0 || since > edits || since % 2 === 1) return undefined;
    return edits === 0 ? list[number - 1] : decides(policy, event, lane);
  };
  const key = fixed(4);
  key.writeUInt32LE(WRITTEN[ring], 0);
  const written = fixed(8);
  using(join(folder, "maps/written"), (map) => lookupElement(map, key, written));
  const count = Number(written.readBigUInt64LE(0));
  return using(join(folder, "maps", ring), (map) => {
    const out: PacketEvent[] = [];
    const value = fixed(SIZE);
    for (let i = Math.max(0, count - EVENTS); i < count; i++) {
      key.writeUInt32LE(i % EVENTS, 0);
      if (lookupElement(map, key, value)) out.push(decode(value, decider));
    }
    return out;
  });
}

type Decider = (event: Omit<PacketEvent, "by">, made: number, number: number, lane: number) => Origin | undefined;

function decode(value: Buffer, decider: Decider): PacketEvent {
  const event = {
    time: value.readBigUInt64LE(0),
    reason: REASONS[value.readUInt8(20)] ?? "unknown",
    verdict: VERDICTS[value.readUInt8(22)] ?? "deny",
    protocol: value.readUInt8(23),
    source: address(value, 24),
    destination: address(value, 40),
    sourcePort: value.readUInt16BE(56),
    port: value.readUInt16BE(58),
  } as const;
  return { ...event, by: decider(event, value.readUInt32LE(8), value.readUInt32LE(12), value.readUInt8(21)) };
}

/** As dataplane/maps.h numbers lanes: from where, to where. */
const LANES = [
  ["container", "container"],
  ["container", "world"],
  ["container", "host"],
  ["world", "container"],
  ["host", "container"],
] as const;

/** The statement by which the policy decides a packet as the event says it was; not where a publish led it. */
function decides(policy: Policy, event: Omit<PacketEvent, "by">, lane: number): Origin | undefined {
  const zones = LANES[lane];
  if (zones === undefined) return undefined;
  const { source, destination, protocol, port } = event;
  const { verdict, by } = evaluate(policy, {
    source: { zone: zones[0], address: source },
    destination: { zone: zones[1], address: destination },
    protocol,
    port,
  });
  return verdict === event.verdict ? by[0] : undefined;
}

/** The number of the policy by whose plan the statements of its slot are numbered. */
function numberedAt(folder: string, generation: number): number | undefined {
  return using(join(folder, "maps/numbered"), (map) => {
    const [key, value] = [fixed(4), fixed(4)];
    key.writeUInt32LE(generation & 1, 0);
    return lookupElement(map, key, value) ? value.readUInt32LE(0) : undefined;
  });
}

/** IPv4 is ::ffff:a.b.c.d. */
function address(from: Buffer, offset: number): Address {
  const [high, low] = [from.readBigUInt64BE(offset), from.readBigUInt64BE(offset + 8)];
  if (high === 0n && low >> 32n === 0xffffn) return { family: 4, value: Number(low & 0xffffffffn) };
  return { family: 6, value: (high << 64n) | low };
}
