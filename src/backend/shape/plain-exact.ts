/** Tuples of many plain rules, by assembly/exact.ts: what exact.ts makes of their rows, as many at once as are alike. */
import { FIELDS } from "../../ast/plain-rules.js";
import type { RuleRun } from "../../ir/rule-list.js";
import { PORTED, PROTOCOLS } from "../../net/ports.js";
import { HAS_WASM, instantiate, Layout, type Memory } from "../../text/wasm.js";
import { WASM } from "./generated/exact.js";
import { slotsFor, type Tuples } from "./tuples.js";

interface Exports {
  readonly memory: Memory;
  /** Where it is told what there is. */
  input(): number;
  /** Where memory is free. */
  free(): number;
  add(first: number, end: number): number;
}

/** Of fewer, to have it ready takes as long as to add them. */
const MANY = 256;

const WORD = 4;

/** The word of what it is told that says how many tuples there are. */
const LENGTH = 12;

/** What no protocol is. */
const NONE = -1;

export class PlainExact {
  private readonly wasm: Exports;
  private readonly tuples: Tuples;
  private readonly input: Int32Array;
  /** The columns that it knows: who makes more room leaves it behind. */
  private readonly ports: Uint32Array;

  /**
   * Undefined where it isn't worth while. The tuples' columns stand in its memory from then on.
   *
   * @param count rows of the run that are of this verb, at most
   * @param targetOf the one address that a name is, and nothing else
   * @param bounds between which the containers' addresses are
   */
  static of(
    tuples: Tuples,
    run: RuleRun,
    verb: number,
    count: number,
    targetOf: (name: number) => number | undefined,
    bounds: readonly [lowest: number, highest: number],
  ): PlainExact | undefined {
    // What is there is moved, which a few more aren't worth: many runs would take time with the square of their number.
    if (count < Math.max(MANY, tuples.length) || tuples.family !== 4 || !HAS_WASM) return undefined;
    return new PlainExact(tuples, run, verb, count, targetOf, bounds);
  }

  private constructor(
    tuples: Tuples,
    { plain, base, first, peers }: RuleRun,
    verb: number,
    count: number,
    targetOf: (name: number) => number | undefined,
    bounds: readonly [lowest: number, highest: number],
  ) {
    this.tuples = tuples;
    this.wasm = instantiate<Exports>(WASM);
    const { memory } = this.wasm;
    const room = tuples.length + count;
    const words = plain.length * FIELDS;
    const layout = new Layout(this.wasm.free());
    const allocate = (size: number): number => layout.room(size * WORD);
    const rowsAt = allocate(words);
    const namesAt = allocate(plain.names.length * 2);
    const protocolsAt = allocate(plain.names.length);
    const columnsAt = Array.from({ length: 5 }, () => allocate(room));
    const slots = slotsFor(room);
    const slotsAt = allocate(slots);
    const buffer = layout.applyTo(memory);

    new Int32Array(buffer, rowsAt, words).set(plain.rows.subarray(0, words));
    const names = new Int32Array(buffer, namesAt, plain.names.length * 2);
    const protocols = new Int32Array(buffer, protocolsAt, plain.names.length);
    plain.names.forEach((name, number) => {
      const protocol = PROTOCOLS.get(name) ?? NONE;
      protocols[number] = PORTED.includes(protocol) ? protocol : NONE;
      const target = peers[number] === undefined ? undefined : targetOf(number);
      if (target !== undefined) names.set([1, target], number * 2);
    });
    const [sources, destinations, protocolColumn, ports, from] = columnsAt.map(
      (at) => new Uint32Array(buffer, at, room),
    ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
    this.ports = ports;
    tuples.move({
      ...{ sources, destinations, protocols: protocolColumn, ports, from },
      slots: new Int32Array(buffer, slotsAt, slots),
    });
    this.input = new Int32Array(buffer, this.wasm.input(), 16);
    this.input.set([rowsAt, verb, namesAt, protocolsAt, ...bounds, base - first, ...columnsAt, 0, slotsAt, slots - 1]);
  }

  /** Adds rows from `row` to before `end`, as long as they are what it knows; returns the first that it leaves. */
  add(row: number, end: number): number {
    const { tuples, input } = this;
    if (tuples.ports !== this.ports) return row;
    const { length } = tuples;
    input[LENGTH] = length;
    const next = this.wasm.add(row, end) >>> 0;
    tuples.length = input[LENGTH] as number;
    tuples.ways.destination += tuples.length - length;
    return next;
  }
}
