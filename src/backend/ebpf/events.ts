/** The last packets that the dataplane has logged or dropped: the rings of dataplane/maps.h. */
import { join } from "node:path";
import type { Origin, Policy } from "../../ir/policy.js";
import type { Address } from "../../net/address.js";
import { fixed, lookupElement } from "../../system/bpf/calls.js";
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
  const { statements } = plan(policy);
  const byNumber = (number: number, made: number): Origin | undefined =>
    made === generation ? statements.list[number - 1] : undefined;
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
      if (lookupElement(map, key, value)) out.push(decode(value, byNumber));
    }
    return out;
  });
}

function decode(value: Buffer, byNumber: (number: number, generation: number) => Origin | undefined): PacketEvent {
  return {
    time: value.readBigUInt64LE(0),
    by: byNumber(value.readUInt32LE(12), value.readUInt32LE(8)),
    reason: REASONS[value.readUInt8(20)] ?? "unknown",
    verdict: VERDICTS[value.readUInt8(22)] ?? "deny",
    protocol: value.readUInt8(23),
    source: address(value, 24),
    destination: address(value, 40),
    sourcePort: value.readUInt16BE(56),
    port: value.readUInt16BE(58),
  };
}

/** IPv4 is ::ffff:a.b.c.d. */
function address(from: Buffer, offset: number): Address {
  const [high, low] = [from.readBigUInt64BE(offset), from.readBigUInt64BE(offset + 8)];
  if (high === 0n && low >> 32n === 0xffffn) return { family: 4, value: Number(low & 0xffffffffn) };
  return { family: 6, value: (high << 64n) | low };
}
