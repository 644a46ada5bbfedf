/** Keys of single addresses and ports, as columns: each once, whichever statements it comes from. */
import type { Origins } from "../../ir/origins.js";
import type { Value } from "./lanes.js";

/** Whether a tuple's addresses are containers': what lanes it can be met in. */
export type Way = "both" | "source" | "destination";

/**
 * Where the table of indices begins; it grows by doubling, and is never more than half full. Of so few the memory is an
 * object's own.
 */
const FIRST_SIZE = 16;

/**
 * All keys of one set have the same length, and addresses of one family. A tuple is a place in each column.
 */
export class Tuples {
  readonly origins: Origins;
  /** Addresses as integers. */
  readonly sources: Value[] = [];
  readonly destinations: Value[] = [];
  /** 0 where the set's key has none. */
  readonly protocols: number[] = [];
  readonly ports: number[] = [];
  /** The index of the statement that each comes from. */
  readonly from: number[] = [];
  /** All indices, of those that several statements say. */
  readonly shared = new Map<number, number[]>();
  /** How many go each way. */
  readonly ways: Record<Way, number> = { both: 0, source: 0, destination: 0 };
  /** A hash table with open addressing: one more than the index of a tuple, 0 where there is none. */
  private slots = new Int32Array(FIRST_SIZE);

  constructor(origins: Origins) {
    this.origins = origins;
  }

  get length(): number {
    return this.sources.length;
  }

  /**
   * `protocol` and `port` are 0 where the set's key has none; `from` is the index of the statement's origin.
   */
  add(way: Way, source: Value, destination: Value, protocol: number, port: number, from: number): void {
    const slot = this.slotOf(source, destination, protocol, port);
    const known = (this.slots[slot] as number) - 1;
    if (known >= 0) return this.share(known, from);
    this.ways[way]++;
    this.slots[slot] = this.sources.push(source);
    this.destinations.push(destination);
    this.protocols.push(protocol);
    this.ports.push(port);
    this.from.push(from);
    if (this.sources.length * 2 > this.slots.length) this.grow();
  }

  /** The place of a tuple; -1 where there is none. */
  find(source: Value, destination: Value, protocol: number, port: number): number {
    return (this.slots[this.slotOf(source, destination, protocol, port)] as number) - 1;
  }

  /** The statements that say a tuple. */
  originsOf(tuple: number): readonly number[] {
    return this.shared.get(tuple) ?? [this.from[tuple] as number];
  }

  private share(tuple: number, from: number): void {
    const known = this.shared.get(tuple);
    if ((known?.at(-1) ?? this.from[tuple]) === from) return;
    if (known === undefined) this.shared.set(tuple, [this.from[tuple] as number, from]);
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

  /** Makes room for so many more at once. */
  reserve(count: number): void {
    const wanted = 2 ** Math.ceil(Math.log2((this.length + count) * 2 + 1));
    if (wanted > this.slots.length) this.resize(wanted);
  }

  private grow(): void {
    this.resize(this.slots.length * 4);
  }

  private resize(size: number): void {
    const { sources, destinations, protocols, ports } = this;
    this.slots = new Int32Array(size);
    for (let i = 0; i < sources.length; i++) {
      const slot = this.slotOf(
        sources[i] as Value,
        destinations[i] as Value,
        protocols[i] as number,
        ports[i] as number,
      );
      this.slots[slot] = i + 1;
    }
  }
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
