/**
 * Connections that began under what carried the policy before. The dataplane lets the middle of a connection pass only by
 * an entry of its own (dataplane/track.h), so each that the policy allows gets one, as if its beginning had been seen.
 */
import { join } from "node:path";
import { type Address, parseAddress } from "../../net/address.js";
import { SCTP, TCP, UDP } from "../../net/ports.js";
import { fixed } from "../../system/bpf/call.js";
import { insertElement } from "../../system/bpf/calls.js";
import type { Tuple } from "../../system/conntrack.js";
import type { Standing } from "../backend.js";
import { writeAddress } from "./encode.js";
import { LANE } from "./maps.js";
import { using } from "./readback.js";

/** struct flow and struct connection, and what stands in them (dataplane/maps.h). */
const FLOW = 40;
const CONNECTION = 64;
const LIVE = 1;
const FLAG = { closing: 1, translated: 2, answered: 8 } as const;

/** Protocols whose ports the dataplane looks at, and those with an id in their place: ICMP and ICMPv6. */
const PORTED: ReadonlySet<number> = new Set([TCP, UDP, SCTP]);
const WITH_ID: ReadonlySet<number> = new Set([1, 58]);

/** Makes entries under the policy of this number. One that is there already stays. Throws `BpfFailed`. */
export function adopt(folder: string, generation: number, all: readonly Standing[]): void {
  if (all.length === 0) return;
  using(join(folder, "maps/connections"), (map) => {
    const [key, value] = [fixed(FLOW), fixed(CONNECTION)];
    for (const one of all) if (encode(one, generation, key, value)) insertElement(map, key, value);
  });
}

/** False for what has no such entry. */
function encode(standing: Standing, generation: number, key: Buffer, value: Buffer): boolean {
  const { connection, from, to, asked, published } = standing;
  const { original, reply, protocol, icmp, answered, closing } = connection;
  if (from !== "container" && to !== "container") return false;
  // The sender's device sees a packet before it is translated, the receiver's after that.
  const seen: Tuple = to === "container" ? turned(reply) : original;
  const [source, destination] = [parseAddress(seen.source), parseAddress(seen.destination)];
  const [first, host] = [parseAddress(original.source), parseAddress(original.destination)];
  if (source === undefined || destination === undefined || first === undefined || host === undefined) return false;
  key.fill(0);
  writeEnds(key, source, destination);
  const id = WITH_ID.has(protocol) ? Number(icmp?.id ?? 0) : undefined;
  key.writeUInt16BE(id ?? (PORTED.has(protocol) ? (seen.sourcePort ?? 0) : 0), 32);
  key.writeUInt16BE(id ?? (PORTED.has(protocol) ? (seen.destinationPort ?? 0) : 0), 34);
  key.writeUInt8(protocol, 36);
  value.fill(0);
  value.writeUInt32LE(generation, 0);
  value.writeUInt8(LIVE, 4);
  value.writeUInt8(laneOf(from, to, asked), 5);
  value.writeUInt8(
    (closing ? FLAG.closing : 0) | (published ? FLAG.translated : 0) | (answered ? FLAG.answered : 0),
    6,
  );
  // The clock of bpf_ktime_get_coarse_ns.
  value.writeBigUInt64LE(process.hrtime.bigint(), 8);
  writeAddress(value, 16, first);
  if (published) {
    writeAddress(value, 32, host);
    value.writeUInt16BE(original.destinationPort ?? 0, 48);
  }
  return true;
}

function laneOf(from: Standing["from"], to: Standing["to"], asked: Standing["asked"]): number {
  if (to === "container") return from === "container" ? LANE.cc : from === "host" ? LANE.hc : LANE.wc;
  return asked === "host" ? LANE.ch : LANE.cw;
}

function turned({ source, destination, sourcePort, destinationPort }: Tuple): Tuple {
  return { source: destination, destination: source, sourcePort: destinationPort, destinationPort: sourcePort };
}

function writeEnds(key: Buffer, source: Address, destination: Address): void {
  writeAddress(key, 0, source);
  writeAddress(key, 16, destination);
}
