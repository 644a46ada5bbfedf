/** A plan as the bytes of the maps: keys and values as the structures of dataplane/maps.h have them. */
import type { Origin } from "../../ir/policy.js";
import type { Address } from "../../net/address.js";
import { swapped } from "../../net/byte-order.js";
import { FLAG, MAP, type MapShape } from "../../system/bpf/calls.js";
import { KIND } from "./exact.js";
import { LANE, type Maps, type Verdict } from "./maps.js";

/** The maps that a policy has of its own, in slots. */
export const SHAPES = {
  devices: { type: MAP.hash, key: 4, value: 12, flags: 0 },
  owns: { type: MAP.hash, key: 16, value: 12, flags: 0 },
  members: { type: MAP.hash, key: 8, value: 4, flags: 0 },
  exacts: { type: MAP.hash, key: 36, value: 12, flags: 0 },
  nears: { type: MAP.hash, key: 20, value: 4, flags: 0 },
  fars: { type: MAP.trie, key: 24, value: 4, flags: FLAG.noPreallocation },
  profiles: { type: MAP.trie, key: 12, value: 12, flags: FLAG.noPreallocation },
  ways: { type: MAP.hash, key: 20, value: 24, flags: 0 },
  goals: { type: MAP.hash, key: 20, value: 4, flags: 0 },
  statements: { type: MAP.array, key: 4, value: 32, flags: FLAG.innerMap },
} as const satisfies Readonly<Record<string, MapShape>>;
export type SlotName = keyof typeof SHAPES;

/** Keys and values one after the other. */
export interface Elements {
  readonly keys: Buffer;
  readonly values: Buffer;
  readonly count: number;
}

type Fill<T> = (key: Buffer, value: Buffer, row: T) => void;

function elements<T>(name: SlotName, rows: readonly T[], fill: Fill<T>): Elements {
  const { key, value } = SHAPES[name];
  const count = rows.length;
  const keys = Buffer.allocUnsafeSlow(Math.max(1, key * count)).fill(0);
  const values = Buffer.allocUnsafeSlow(Math.max(1, value * count)).fill(0);
  rows.forEach((row, i) =>
    fill(keys.subarray(i * key, (i + 1) * key), values.subarray(i * value, (i + 1) * value), row),
  );
  return { keys, values, count };
}

/** IPv4 as ::ffff:a.b.c.d. */
export function writeAddress(to: Buffer, offset: number, { family, value }: Address): void {
  if (family === 4) {
    to.writeUInt16BE(0xffff, offset + 10);
    to.writeUInt32BE(value, offset + 12);
  } else {
    to.writeBigUInt64BE(value >> 64n, offset);
    to.writeBigUInt64BE(value & 0xffffffffffffffffn, offset + 8);
  }
}

/**
 * How many elements the map has room for, of which so many are there at most: statements that come one by one need some.
 * Entries of an array are all there.
 */
export function roomOf(name: SlotName, most: number, statements: number): number {
  return SHAPES[name].type === MAP.array ? statements + 1 : Math.ceil(most * 1.5) + 64;
}

/** What look-ups can find anything of: kinds of exact keys, and lanes with `near`; `kinds` in dataplane/maps.h. */
export function kindsOf({ exact, near }: Maps): number {
  return near.reduce((bits, { lane }) => bits | (1 << (NEARS + LANE[lane])), exact.kinds);
}

/** As there. */
const NEARS = 3;

/** A key and a value of `exacts`, where they stand in its buffers; the bytes of the value are numbers of statements. */
export function writeExact(
  key: Buffer,
  value: Buffer,
  kind: keyof typeof KIND,
  { source, destination, protocol, port }: ExactKey,
  numbers: readonly number[],
): void {
  writeAddress(key, 0, source);
  writeAddress(key, 16, destination);
  key.writeUInt8(protocol, 32);
  key.writeUInt8(KIND[kind], 33);
  key.writeUInt16BE(port, 34);
  numbers.forEach((number, i) => value.writeUInt32LE(number, i * 4));
}

/** `protocol` and `port` are 0 where the kind has none. */
export interface ExactKey {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly port: number;
}

/** The largest of the maps, from its columns a word at a time: its structures are whole words. */
function exactElements({ exact, statements }: Maps): Elements {
  const { key, value } = SHAPES.exacts;
  const most = exact.most;
  const keys = Buffer.allocUnsafeSlow(Math.max(4, key * most)).fill(0);
  const values = Buffer.allocUnsafeSlow(Math.max(4, value * most)).fill(0);
  const keyWords = new Uint32Array(keys.buffer, keys.byteOffset, keys.length / 4);
  const valueWords = new Uint32Array(values.buffer, values.byteOffset, values.length / 4);
  let count = 0;
  const numberOf = (index: number): number => (index === 0 ? 0 : statements.numberOf(index - 1));
  exact.each((family, kind, source, destination, protocol, port, deny, reject, allow) => {
    const at = (count * key) / 4;
    if (family === 4) {
      keyWords[at + 2] = keyWords[at + 6] = MAPPED;
      keyWords[at + 3] = swapped(source as number);
      keyWords[at + 7] = swapped(destination as number);
    } else {
      writeAddress(keys, at * 4, { family, value: source as bigint });
      writeAddress(keys, at * 4 + 16, { family, value: destination as bigint });
    }
    keyWords[at + 8] = protocol | (KIND[kind] << 8) | ((port >> 8) << 16) | ((port & 255) << 24);
    const to = (count * value) / 4;
    valueWords[to] = numberOf(deny);
    valueWords[to + 1] = numberOf(reject);
    valueWords[to + 2] = numberOf(allow);
    count++;
  });
  return { keys, values, count };
}

/** The third word of ::ffff:a.b.c.d. */
const MAPPED = 0xffff0000;

/** Nanoseconds. */
const PERIOD = { second: 1e9, minute: 6e10, hour: 3.6e12, day: 8.64e13 } as const;

/** What the statements log, by their origins; nanoseconds between two entries. */
export type Logs = ReadonlyMap<Origin, number>;

export function intervalOf(limit: { readonly count: number; readonly per: keyof typeof PERIOD } | undefined): number {
  return limit === undefined ? 0 : Math.ceil(PERIOD[limit.per] / limit.count);
}

/** How many elements each map has at most: what `encode` will give, as far as that is known without encoding. */
export function mostOf(maps: Maps, logs: Logs): Record<SlotName, number> {
  return {
    devices: maps.devices.length,
    owns: maps.own.length,
    members: maps.members.length,
    exacts: maps.exact.most,
    nears: maps.near.length,
    fars: maps.far.length,
    profiles: maps.ports.length,
    ways: maps.published.length,
    goals: maps.goals.length,
    statements: logs.size,
  };
}

/** `indexOf` gives a device's index in the kernel. */
export function encode(maps: Maps, logs: Logs, indexOf: (device: string) => number): Record<SlotName, Elements> {
  const { statements } = maps;
  const verdict = (to: Buffer, { deny, reject, allow }: Verdict): void => {
    [deny, reject, allow].forEach((origin, i) =>
      to.writeUInt32LE(origin === undefined ? 0 : statements.numberOf(origin.index), i * 4),
    );
  };
  return {
    devices: elements("devices", maps.devices, (key, value, { device, mac, container }) => {
      key.writeUInt32LE(indexOf(device), 0);
      value.writeUInt32LE(container, 0);
      mac.split(":").forEach((byte, i) => value.writeUInt8(parseInt(byte, 16), 4 + i));
    }),
    owns: elements("owns", maps.own, (key, value, own) => {
      writeAddress(key, 0, own.address);
      value.writeUInt32LE(own.container, 0);
      value.writeUInt32LE(own.network, 4);
      [own.icc, own.confined, own.inside].forEach((flag, i) => value.writeUInt8(flag ? 1 : 0, 8 + i));
    }),
    members: elements("members", maps.members, (key, value, { container, network }) => {
      key.writeUInt32LE(container, 0);
      key.writeUInt32LE(network, 4);
      value.writeUInt32LE(1, 0);
    }),
    exacts: exactElements(maps),
    nears: elements("nears", maps.near, (key, value, near) => {
      writeAddress(key, 0, near.address);
      key.writeUInt32LE(LANE[near.lane], 16);
      value.writeUInt32LE(near.class, 0);
    }),
    fars: elements("fars", maps.far, (key, value, far) => {
      // Lengths count from the class's first bit.
      key.writeUInt32LE(32 + far.length + (far.base.family === 4 ? 96 : 0), 0);
      key.writeUInt32LE(far.class, 4);
      writeAddress(key, 8, far.base);
      value.writeUInt32LE(far.profile, 0);
    }),
    profiles: elements("profiles", maps.ports, (key, value, { profile, protocol, port, length, verdict: of }) => {
      key.writeUInt32LE(32 + (protocol === undefined ? 0 : 8 + length), 0);
      key.writeUInt32LE(profile, 4);
      key.writeUInt8(protocol ?? 0, 8);
      key.writeUInt16BE(port, 9);
      verdict(value, of);
    }),
    ways: elements("ways", maps.published, (key, value, way) => {
      writeAddress(key, 0, way.host ?? (way.family === 4 ? { family: 4, value: 0 } : { family: 6, value: 0n }));
      key.writeUInt16BE(way.port, 16);
      key.writeUInt8(way.protocol, 18);
      const { container, host, world } = way.sources;
      [statements.numberOf(way.from.index), way.goal, container, host, world].forEach((n, i) =>
        value.writeUInt32LE(n, i * 4),
      );
      value.writeUInt16BE(way.to, 20);
    }),
    goals: elements("goals", maps.goals, (key, value, { goal, address }) => {
      key.writeUInt32LE(goal, 0);
      writeAddress(key, 4, address);
      value.writeUInt32LE(1, 0);
    }),
    // Those of an array are there, and are zero: what else is counted begins at nothing.
    statements: elements("statements", [...logs], (key, value, [origin, interval]) => {
      key.writeUInt32LE(statements.numberOf(origin.index), 0);
      value.writeBigUInt64LE(BigInt(interval), 16);
      value.writeBigUInt64LE(1n, 24);
    }),
  };
}
