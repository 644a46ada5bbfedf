/** Reads what a counting set has counted (nft_set_elem_attributes, nft_counter_attributes). */
import { aligned } from "../../../system/netlink/align.js";
import { attributes, list } from "../../../system/netlink/decoder.js";
import type { NetlinkSocket } from "../../../system/netlink/socket.js";
import type { Counter } from "../counters.js";
import type { Set, Type } from "../ruleset.js";
import { readValue, TYPES } from "./bytes.js";
import * as nft from "./constants.js";
import { readElements } from "./dump.js";
import type { TableName } from "./encode.js";

/** nft_counter_attributes */
const PACKETS = 2;

/** Every element of the set, in no order. Throws `NetlinkError`, ENOENT where there is no such set. */
export function dumpCounters(socket: NetlinkSocket, table: TableName, set: Set): Counter[] {
  const { bytes } = readElements(socket, table, set.name);
  return list(bytes).flatMap(([, element]) => {
    const found = attributes(element);
    const key = attributes(found.get(nft.ELEM.KEY) ?? NOTHING).get(nft.DATA.VALUE);
    const packets = counterOf(found)?.get(PACKETS);
    if (key === undefined || packets === undefined) return [];
    return [{ set: set.name, key: readKey(set.type, key), packets: Number(packets.readBigUInt64BE(0)) }];
  });
}

const NOTHING = Buffer.alloc(0);

function counterOf(element: ReadonlyMap<number, Buffer>): Map<number, Buffer> | undefined {
  const several = list(element.get(nft.ELEM.EXPRESSIONS) ?? NOTHING).map(([, expression]) => expression);
  const [expression] = [...several, element.get(nft.ELEM.EXPR)].filter((one) => one !== undefined);
  return expression && attributes(attributes(expression).get(nft.EXPR.DATA) ?? NOTHING);
}

function readKey(types: readonly Type[], bytes: Buffer): (number | bigint)[] {
  let at = 0;
  return types.map((type) => {
    const value = readValue(bytes, at, type);
    at += aligned(TYPES[type].size);
    return value;
  });
}
