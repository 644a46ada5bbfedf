/**
 * Connections that began under what carried the policy before. The dataplane lets the middle of a connection pass only by
 * an entry of its own (dataplane/track.h), so each that the policy allows gets one, as if its beginning had been seen.
 */
import { join } from "node:path";
import { parseAddress } from "../../net/address.js";
import { PORTED } from "../../net/ports.js";
import { BpfFailed, fixed } from "../../system/bpf/call.js";
import { insertElement, lookupElement, updateElement } from "../../system/bpf/calls.js";
import type { Connection, Tuple } from "../../system/conntrack.js";
import type { Standing } from "../backend.js";
import { Refused } from "../refused.js";
import { writeAddress } from "./encode.js";
import { LANE } from "./maps.js";
import { using } from "./readback.js";

/** struct flow and struct connection, and what stands in them (dataplane/maps.h). */
const FLOW = 40;
const CONNECTION = 64;
const ENDED_AT = 7;
const LIVE = 1;
const FLAG = { closing: 1, translated: 2, answered: 8 } as const;

/** ICMP and ICMPv6 have an id in the place of ports. */
const WITH_ID: ReadonlySet<number> = new Set([1, 58]);

/** Makes entries under the policy of this number. One that is there already stays. Throws `BpfFailed`. */
export function adopt(folder: string, generation: number, all: readonly Standing[]): void {
  if (all.length === 0) return;
  using(join(folder, "maps/connections"), (map) => {
    const [key, value] = [fixed(FLOW), fixed(CONNECTION)];
    for (const one of all) if (encode(one, generation, key, value)) insertElement(map, key, value);
  });
}

/**
 * Ends the entries of connections that are cut: what denies them may be decided behind a translation, by the table of
 * translations, of which the entries know nothing. Throws `Refused`.
 */
export function endConnections(folder: string, all: readonly Connection[]): void {
  if (all.length === 0) return;
  try {
    using(join(folder, "maps/connections"), (map) => {
      const [key, value] = [fixed(FLOW), fixed(CONNECTION)];
      for (const connection of all)
        for (const seen of [connection.original, turned(connection.reply)]) {
          if (!writeKey(key, connection, seen) || !lookupElement(map, key, value)) continue;
          value.writeUInt8(1, ENDED_AT);
          updateElement(map, key, value);
        }
    });
  } catch (error) {
    if (!(error instanceof BpfFailed)) throw error;
    throw new Refused(`the kernel refused to end connections of the eBPF dataplane: ${error.message}`, error.help);
  }
}

/** False for what has no such entry. */
function encode(standing: Standing, generation: number, key: Buffer, value: Buffer): boolean {
  const { connection, from, to, asked, published } = standing;
  const { original, reply, answered, closing } = connection;
  if (from !== "container" && to !== "container") return false;
  // The sender's device sees a packet before it is translated, the receiver's after that.
  const seen: Tuple = to === "container" ? turned(reply) : original;
  const [first, host] = [parseAddress(original.source), parseAddress(original.destination)];
  if (first === undefined || host === undefined || !writeKey(key, connection, seen)) return false;
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

/** False where an address can't be read. */
function writeKey(key: Buffer, { protocol, icmp }: Connection, seen: Tuple): boolean {
  const [source, destination] = [parseAddress(seen.source), parseAddress(seen.destination)];
  if (source === undefined || destination === undefined) return false;
  key.fill(0);
  writeAddress(key, 0, source);
  writeAddress(key, 16, destination);
  const id = WITH_ID.has(protocol) ? Number(icmp?.id ?? 0) : 0;
  const { sourcePort = id, destinationPort = id } = PORTED.includes(protocol) ? seen : {};
  key.writeUInt16BE(sourcePort, 32);
  key.writeUInt16BE(destinationPort, 34);
  key.writeUInt8(protocol, 36);
  return true;
}
