/** Elements between single addresses and ports: one for each key, whichever statements it comes from. */
import type { Origin } from "../../ir/policy.js";
import type { Value } from "./lanes.js";
import type { Element, Part } from "./ruleset.js";

interface Tuple extends Element {
  readonly key: Part[];
  from: Origin[];
}

/** Where the table of indices begins; it grows by doubling, and is never more than half full. */
const FIRST_SIZE = 64;

/** All keys of one set have the same length, and addresses of one family. */
export class Tuples {
  readonly elements: Tuple[] = [];
  /** A hash table with open addressing: one more than the index of an element, 0 where there is none. */
  private slots = new Int32Array(FIRST_SIZE);

  /** `protocol` and `port` are undefined where the set's key has none. */
  add(source: Value, destination: Value, protocol: number | undefined, port: number | undefined, from: [Origin]): void {
    const slot = this.slotOf(source, destination, protocol, port);
    const known = this.slots[slot] as number;
    if (known > 0) {
      const tuple = this.elements[known - 1] as Tuple;
      // A statement's array is shared by all its elements; what several statements say has an array of its own.
      if (tuple.from.at(-1) === from[0]) return;
      if (tuple.from.length === 1) tuple.from = [...tuple.from];
      tuple.from.push(from[0]);
      return;
    }
    const key: Part[] =
      protocol === undefined
        ? [source, destination]
        : port === undefined
          ? [source, destination, protocol]
          : [source, destination, protocol, port];
    this.slots[slot] = this.elements.push({ key, from });
    if (this.elements.length * 2 > this.slots.length) this.grow();
  }

  private slotOf(source: Value, destination: Value, protocol: number | undefined, port: number | undefined): number {
    const mask = this.slots.length - 1;
    for (let slot = hash(source, destination, port ?? protocol ?? 0) & mask; ; slot = (slot + 1) & mask) {
      const index = this.slots[slot] as number;
      if (index === 0) return slot;
      const { key } = this.elements[index - 1] as Tuple;
      if (key[0] === source && key[1] === destination && key[2] === protocol && key[3] === port) return slot;
    }
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2);
    for (let i = 0; i < this.elements.length; i++) {
      const [source, destination, protocol, port] = (this.elements[i] as Tuple).key as [Value, Value, number?, number?];
      this.slots[this.slotOf(source, destination, protocol, port)] = i + 1;
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
