/** Statements between single addresses, as large policies are made of: columns that rules are made from for who asks. */
import { FIELDS, KIND, PORT } from "../../ast/plain-rules.js";
import type { Origin } from "../../ir/policy.js";
import { type Family, formatValue } from "../../net/address.js";
import { ALL_PORTS, portSet, type PortSet, TCP } from "../../net/ports.js";
import { contains, type Ranges } from "../../net/ranges.js";
import type { ExactSets } from "../shape/exact.js";
import type { Value } from "../shape/lanes.js";
import type { Tuples, Way } from "../shape/tuples.js";
import { alone } from "./builder.js";
import type { Lines } from "./lines.js";
import type { Match, Rule, Target } from "./ruleset.js";
import { protocolWord, saidComment } from "./text.js";

/** What is said of one address. */
export interface Said {
  readonly ports: PortSet;
  readonly origin: Origin;
  readonly log: undefined;
}

/** An entry is a tuple: its set's number in the two lowest bits, its place there above. */
const SET = 3;
const PLACE = 2;

/** Places in a list that fit behind an IPv4 address in an integer that is exact. */
const PLACES = 2 ** 21;

/** Exact tuples that have one container at an end, by the address at the other end. */
export class Singles {
  /** Ascending, each once. */
  readonly values: readonly Value[];
  /** How many tuples. */
  readonly count: number;
  private readonly sets: readonly Tuples[];
  private readonly entries: readonly number[];
  /** Where the tuples of each address begin among the entries, and at last where they end. */
  private readonly starts: readonly number[];

  constructor(sets: readonly Tuples[], far: "sources" | "destinations", unordered: readonly number[]) {
    const all = unordered.map((entry) => (sets[entry & SET] as Tuples)[far][entry >> PLACE] as Value);
    const order = inOrder(all);
    const values: Value[] = [];
    const starts: number[] = [];
    const entries: number[] = [];
    for (const place of order) {
      const value = all[place] as Value;
      if (values.length === 0 || values[values.length - 1] !== value) {
        values.push(value);
        starts.push(entries.length);
      }
      entries.push(unordered[place] as number);
    }
    starts.push(entries.length);
    this.sets = sets;
    this.values = values;
    this.starts = starts;
    this.entries = entries;
    this.count = entries.length;
  }

  /** How many tuples an address has. */
  countOf(at: number): number {
    return (this.starts[at + 1] as number) - (this.starts[at] as number);
  }

  /** What the statements say of an address. */
  said(at: number): Said[] {
    const said: Said[] = [];
    for (let i = this.starts[at] as number; i < (this.starts[at + 1] as number); i++) {
      const entry = this.entries[i] as number;
      const tuples = this.sets[entry & SET] as Tuples;
      const index = entry >> PLACE;
      const ports = portsOf(tuples, index);
      for (const origin of tuples.originsOf(index))
        said.push({ ports, origin: tuples.origins.at(origin), log: undefined });
    }
    return said;
  }

  /** The rule of an address that has one tuple. */
  rule(at: number, form: SingleForm): Rule {
    const { family, side, target } = form;
    const entry = this.entries[this.starts[at] as number] as number;
    const tuples = this.sets[entry & SET] as Tuples;
    const index = entry >> PLACE;
    const [protocol, port] = [tuples.protocols[index] as number, tuples.ports[index] as number];
    const matches: Match[] = [{ kind: side, prefix: alone(family, this.values[at] as Value) }];
    if (port !== 0) matches.push({ kind: "port", protocol, run: [port, port] });
    else if (protocol !== 0) matches.push({ kind: "protocol", protocol });
    const from = this.said(at).map(({ origin }) => origin);
    const text = isPlain(form, formatValue(family, this.values[at] as Value), tuples, index);
    return text ? { matches, target, from, plain: true } : { matches, target, from };
  }

  /** The same as text.ts prints it, without a value of each part. */
  write(at: number, form: SingleForm, lines: Lines): void {
    const { family, head, tail } = form;
    const entry = this.entries[this.starts[at] as number] as number;
    const tuples = this.sets[entry & SET] as Tuples;
    const index = entry >> PLACE;
    const protocol = tuples.protocols[index] as number;
    const port = tuples.ports[index] as number;
    const { all, ports } = protocolWords(family, protocol);
    lines.begin();
    lines.bytes(head);
    const value = this.values[at] as Value;
    if (family === 4) {
      lines.content.word(value as number);
      lines.address4(value as number);
    } else {
      const address = formatValue(family, value);
      lines.content.words(address);
      lines.text(address);
    }
    lines.bytes(port === 0 ? all : ports);
    if (port !== 0) lines.number(port);
    lines.content.word((protocol << 16) | port);
    if (!saysAll(form, tuples, index, value)) {
      const comment = commentOf(tuples, index);
      lines.content.words(comment);
      lines.text(comment);
    }
    lines.bytes(tail);
    lines.end();
  }
}

/** What is printed between an address and the port, or after the address where there is none; by the protocol. */
interface ProtocolWords {
  readonly all: Uint8Array;
  readonly ports: Uint8Array;
}

const printed: Readonly<Record<Family, ProtocolWords[]>> = { 4: [], 6: [] };

function protocolWords(family: Family, protocol: number): ProtocolWords {
  const known = printed[family][protocol];
  if (known !== undefined) return known;
  const length = family === 4 ? "/32" : "/128";
  const word = protocolWord(protocol);
  const all = protocol === 0 ? length : `${length} -p ${word}`;
  return (printed[family][protocol] = { all: Buffer.from(all), ports: Buffer.from(`${all} -m ${word} --dport `) });
}

function commentOf(tuples: Tuples, index: number): string {
  const origins = tuples.originsOf(index);
  return saidComment(tuples.origins.textOf(origins[0] as number), origins.length - 1);
}

/** Whether the rule says, with the form's words, all that its one statement says. */
function isPlain({ words }: SingleForm, address: string, tuples: Tuples, index: number): boolean {
  if (words === undefined || tuples.shared.has(index)) return false;
  // Compared piece by piece: to put the words together would take longer than all the rest of a rule.
  const text = tuples.origins.textOf(tuples.from[index] as number);
  const [before, between] = words;
  if (!text.startsWith(before) || !text.startsWith(address, before.length)) return false;
  const at = before.length + address.length;
  if (!text.startsWith(between, at)) return false;
  return text.slice(at + between.length) === service(tuples.protocols[index] as number, tuples.ports[index] as number);
}

/** The same, of most statements without looking at their text: a plain rule's is canonical. */
function saysAll(form: SingleForm, tuples: Tuples, index: number, value: Value): boolean {
  const { family, words, said } = form;
  if (words === undefined || said === undefined || tuples.shared.has(index)) return false;
  const run = tuples.origins.runOf(tuples.from[index] as number);
  const [protocol, port] = [tuples.protocols[index] as number, tuples.ports[index] as number];
  if (run === undefined || protocol !== TCP || port === 0)
    return isPlain(form, formatValue(family, value), tuples, index);
  const { rows, names } = run.plain;
  const row = (run.first + (tuples.from[index] as number) - run.base) * FIELDS;
  return (
    rows[row + KIND] === said.kind &&
    rows[row + PORT] === port &&
    names[rows[row + said.near] as number] === said.container
  );
}

/** As a statement says it. */
function service(protocol: number, port: number): string {
  if (protocol === 0) return "";
  if (port === 0) return `:${protocolWord(protocol)}`;
  return protocol === TCP ? `:${port}` : `:${port}/${protocolWord(protocol)}`;
}

/** What the rules of single addresses have in common. */
export interface SingleForm {
  readonly family: Family;
  /** Which of a packet's addresses is looked at. */
  readonly side: "source" | "destination";
  readonly target: Target;
  /** What is printed before the address, and last. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /**
   * Where rules need no comment that say what their statements say: the statement's words before the address, and those
   * between it and the service.
   */
  readonly words?: readonly [string, string] | undefined;
  /** The same of a plain rule's row: its kind, and the field that has the container's name. */
  readonly said?: { readonly kind: number; readonly near: number; readonly container: string } | undefined;
}

/** The tuples that go one way, by the container's address; of those between containers by the source. */
export function singlesOf(exact: ExactSets, way: Way, own: Ranges<Value>): ReadonlyMap<Value, Singles> {
  const sets = [exact.pairs, exact.protocols, exact.ports];
  const [near, far] =
    way === "destination" ? (["destinations", "sources"] as const) : (["sources", "destinations"] as const);
  const entries = new Map<Value, number[]>();
  for (const [set, tuples] of sets.entries()) {
    if (tuples.ways[way] === 0) continue;
    const [addresses, others] = [tuples[near], tuples[far]];
    const isAll = tuples.ways[way] === tuples.length;
    for (let index = 0; index < tuples.length; index++) {
      const address = addresses[index] as Value;
      if (!isAll && !(contains(own, address) && contains(own, others[index] as Value) === (way === "both"))) continue;
      const list = entries.get(address);
      if (list === undefined) entries.set(address, [(index << PLACE) | set]);
      else list.push((index << PLACE) | set);
    }
  }
  return new Map([...entries].map(([address, list]) => [address, new Singles(sets, far, list)]));
}

/** The places of values in ascending order; equal ones as they came. */
function inOrder(values: readonly Value[]): number[] {
  if (typeof values[0] !== "number" || values.length > PLACES)
    return values
      .map((_, place) => place)
      .sort((a, b) => ((values[a] as Value) < (values[b] as Value) ? -1 : values[a] === values[b] ? a - b : 1));
  // Numbers are sorted without asking back.
  const keys = new Float64Array(values.length);
  for (let place = 0; place < keys.length; place++) keys[place] = (values[place] as number) * PLACES + place;
  keys.sort();
  const order: number[] = [];
  for (let i = 0; i < keys.length; i++) order.push((keys[i] as number) % PLACES);
  return order;
}

function portsOf({ protocols, ports }: Tuples, index: number): PortSet {
  const protocol = protocols[index] as number;
  const port = ports[index] as number;
  if (protocol === 0) return ALL_PORTS;
  return portSet(protocol, port === 0 ? null : [port, port]);
}
