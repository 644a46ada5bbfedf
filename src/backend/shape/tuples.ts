/** Keys of single addresses and ports, as columns: each once, whichever statements it comes from. */
import type { Origins } from "../../ir/origins.js";
import type { Family } from "../../net/address.js";
import type { Value } from "./lanes.js";

/** Whether a tuple's addresses are containers': what lanes it can be met in. */
export type Way = "both" | "source" | "destination";

/** Places that there are at first, in columns and in the table of indices, which is never more than half full. */
const FIRST_ROOM = 8;

/** Those of all sets without a tuple. */
const NO_NUMBERS = new Uint32Array(0);
const NO_SLOTS = new Int32Array(1);
const NOTHING_SHARED: ReadonlyMap<number, readonly number[]> = new Map();

/** What tuples are kept in: columns with room for as many, and a table of one more than the index of each; 0: none. */
export interface Columns {
  readonly sources: Uint32Array;
  readonly destinations: Uint32Array;
  readonly protocols: Uint32Array;
  readonly ports: Uint32Array;
  readonly from: Uint32Array;
  readonly slots: Int32Array;
}

/**
 * All keys of one set have the same length, and addresses of one family. A tuple is a place in each column; columns may
 * be longer than there are tuples.
 */
export class Tuples {
  readonly origins: Origins;
  readonly family: Family;
  length = 0;
  /** Addresses as integers. */
  sources: Uint32Array | bigint[];
  destinations: Uint32Array | bigint[];
  /** 0 where the set's key has none. */
  protocols: Uint32Array = NO_NUMBERS;
  ports: Uint32Array = NO_NUMBERS;
  /** The index of the statement that each comes from. */
  from: Uint32Array = NO_NUMBERS;
  /** Of `shared`, once there is one. */
  private sharing: Map<number, number[]> | undefined;
  /** How many go each way. */
  readonly ways: Record<Way, number> = { both: 0, source: 0, destination: 0 };
  /** A hash table with open addressing. */
  private slots: Int32Array = NO_SLOTS;

  constructor(family: Family, origins: Origins) {
    this.family = family;
    this.origins = origins;
    this.sources = family === 4 ? NO_NUMBERS : [];
    this.destinations = family === 4 ? NO_NUMBERS : [];
  }

  /** All indices, of those that several statements say. */
  get shared(): ReadonlyMap<number, readonly number[]> {
    return this.sharing ?? NOTHING_SHARED;
  }

  /**
   * `protocol` and `port` are 0 where the set's key has none; `from` is the index of the statement's origin.
   */
  add(way: Way, source: Value, destination: Value, protocol: number, port: number, from: number): void {
    if (this.length === this.ports.length) this.reserve(FIRST_ROOM);
    const slot = this.slotOf(source, destination, protocol, port);
    const known = (this.slots[slot] as number) - 1;
    if (known >= 0) return this.share(known, from);
    this.ways[way]++;
    const index = this.length++;
    this.slots[slot] = this.length;
    this.sources[index] = source;
    this.destinations[index] = destination;
    this.protocols[index] = protocol;
    this.ports[index] = port;
    this.from[index] = from;
  }

  /** The place of a tuple; -1 where there is none. */
  find(source: Value, destination: Value, protocol: number, port: number): number {
    return (this.slots[this.slotOf(source, destination, protocol, port)] as number) - 1;
  }

  /** The statements that say a tuple. */
  originsOf(tuple: number): readonly number[] {
    return this.shared.get(tuple) ?? [this.from[tuple] as number];
  }

  /** Makes room for so many more, and at least for twice as many as there are: who adds few at a time moves them seldom. */
  reserve(count: number): void {
    if (this.length + count <= this.ports.length) return;
    const room = this.length + Math.max(count, this.length);
    this.move({
      sources: new Uint32Array(this.family === 4 ? room : 0),
      destinations: new Uint32Array(this.family === 4 ? room : 0),
      protocols: new Uint32Array(room),
      ports: new Uint32Array(room),
      from: new Uint32Array(room),
      slots: new Int32Array(slotsFor(room)),
    });
  }

  /** Goes on in other columns, with room for more and an empty table. Those of addresses are IPv4's alone. */
  move({ sources, destinations, protocols, ports, from, slots }: Columns): void {
    const { length } = this;
    if (this.family === 4) {
      sources.set((this.sources as Uint32Array).subarray(0, length));
      destinations.set((this.destinations as Uint32Array).subarray(0, length));
      this.sources = sources;
      this.destinations = destinations;
    }
    protocols.set(this.protocols.subarray(0, length));
    ports.set(this.ports.subarray(0, length));
    from.set(this.from.subarray(0, length));
    this.protocols = protocols;
    this.ports = ports;
    this.from = from;
    this.slots = slots;
    for (let i = 0; i < length; i++)
      slots[
        this.slotOf(this.sources[i] as Value, this.destinations[i] as Value, protocols[i] as number, ports[i] as number)
      ] = i + 1;
  }

  private share(tuple: number, from: number): void {
    const known = this.sharing?.get(tuple);
    if ((known?.at(-1) ?? this.from[tuple]) === from) return;
    if (known === undefined) (this.sharing ??= new Map()).set(tuple, [this.from[tuple] as number, from]);
    else known.push(from);
  }

  private slotOf(source: Value, destination: Value, protocol: number, port: number): number {
    const { sources, destinations, protocols, ports, slots } = this;
    const mask = slots.length - 1;
    for (let slot = hash(source, destination, port === 0 ? protocol : port) & mask; ; slot = (slot + 1) & mask) {
      const i = (slots[slot] as number) - 1;
      if (i < 0) return slot;
      if (sources[i] === source && destinations[i] === destination && ports[i] === port && protocols[i] === protocol)
        return slot;
    }
  }
}

/** The size of a table of indices for so many tuples: a power of two. */
export function slotsFor(count: number): number {
  return 2 ** Math.ceil(Math.log2(count * 2 + 1));
}

function hash(source: Value, destination: Value, last: number): number {
  let h = Math.imul(low(source), 0x85ebca6b) ^ Math.imul(low(destination), 0xc2b2ae35) ^ Math.imul(last, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

/** 32 bits of an address. */
function low(value: Value): number {
  return typeof value === "number" ? value | 0 : Number(BigInt.asIntN(32, value ^ (value >> 64n)));
}
