/**
 * The rules of one chain as the bytes that iptables-restore reads, written as they come: ten thousand of them are a million
 * bytes, and as strings they would be put together, copied and collected several times over.
 */
import type { Family } from "../../net/address.js";
import { contentHash, contentName, hashedName } from "./names.js";
import type { Printed, Rule, Target } from "./ruleset.js";
import { declaration } from "./standing.js";
import { ruleText } from "./text.js";

/** What is written of a chain, and where its lines begin: of one chain at a time. */
let room = Buffer.allocUnsafeSlow(65_536);
let starts = new Int32Array(1_024);

/** Bytes that a number or a word may take; texts ask for more. */
const SLACK = 256;

const [LF, DOT, ZERO] = [10, 46, 48] as const;

const NEWLINE = Buffer.of(LF);

/** One at a time: the next that is made writes over it. */
export class Lines {
  count = 0;
  readonly leads = new Map<string, number>();
  private readonly policy: string;
  private readonly kind: string;
  private readonly family: Family;
  /** Bytes before a rule: `-A NAME `, whose name is known when the chain is. */
  private readonly before: number;
  private at: number;

  constructor(policy: string, kind: string, family: Family) {
    this.policy = policy;
    this.kind = kind;
    this.family = family;
    // Names of a kind are all as long.
    const name = contentName(policy, kind, "");
    this.before = `-A ${name} `.length;
    this.at = `${declaration(name)}\n`.length;
  }

  /** Begins a rule. */
  begin(): void {
    if (this.count === starts.length) {
      const more = new Int32Array(starts.length * 2);
      more.set(starts);
      starts = more;
    }
    starts[this.count++] = this.at;
    this.at += this.before;
    this.reserve(SLACK);
  }

  /** Ends the rule that was begun. */
  end(): void {
    room[this.at++] = LF;
  }

  /** A whole rule. */
  add(rule: Rule): void {
    this.begin();
    this.text(ruleText(rule, this.family));
    this.end();
    this.lead(rule.target, 1);
  }

  /** Notes that so many rules have this target. */
  lead(target: Target, count: number): void {
    if (count > 0 && (target.kind === "jump" || target.kind === "goto"))
      this.leads.set(target.chain, (this.leads.get(target.chain) ?? 0) + count);
  }

  text(text: string): void {
    this.reserve(text.length * 3 + SLACK);
    this.at += room.write(text, this.at);
  }

  /** At most as many as there is always room for. */
  bytes(bytes: Uint8Array): void {
    room.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** An IPv4 address; returns where it begins. */
  address4(value: number): number {
    const from = this.at;
    this.number(value >>> 24);
    for (let shift = 16; shift >= 0; shift -= 8) {
      room[this.at++] = DOT;
      this.number((value >>> shift) & 255);
    }
    return from;
  }

  /** At most five digits; returns where they begin. */
  number(value: number): number {
    const from = this.at;
    let unit = value >= 10_000 ? 10_000 : value >= 1_000 ? 1_000 : value >= 100 ? 100 : value >= 10 ? 10 : 1;
    for (let left = value; unit >= 1; unit = Math.trunc(unit / 10)) {
      const digit = Math.trunc(left / unit);
      left -= digit * unit;
      room[this.at++] = ZERO + digit;
    }
    return from;
  }

  /** Where the next byte comes. */
  get place(): number {
    return this.at;
  }

  /** What was written from `from` to before `to`. */
  written(from: number, to: number): string {
    return room.toString("utf8", from, to);
  }

  /** Whether what was written from `from` to before `to` stands in the text at `at`. */
  stands(from: number, to: number, text: string, at: number): boolean {
    for (let i = from; i < to; i++) if (room[i] !== text.charCodeAt(at + i - from)) return false;
    return true;
  }

  /** The chain's name by its rules, and what is behind them. */
  name(salt: string): string {
    const hash = contentHash(this.kind, "\n");
    for (let i = 0; i < this.count; i++) {
      if (i > 0) hash.add(NEWLINE, 0, 1);
      hash.add(room, this.beginOf(i), this.endOf(i));
    }
    if (salt !== "") hash.add(Buffer.from(salt), 0, salt.length);
    return hashedName(this.policy, this.kind, hash);
  }

  /** As text.ts has it. */
  print(): Printed {
    const lines = Array.from({ length: this.count }, (_, i) => room.toString("utf8", this.beginOf(i), this.endOf(i)));
    return { text: lines.join("\n"), count: this.count, leads: this.leads };
  }

  /** The chain's declaration and its rules, a copy. */
  whole(name: string): Buffer {
    room.write(`${declaration(name)}\n`, 0, "latin1");
    for (let i = 0; i < this.count; i++) room.write(`-A ${name} `, starts[i] as number, "latin1");
    return Buffer.from(room.subarray(0, this.at));
  }

  private beginOf(line: number): number {
    return (starts[line] as number) + this.before;
  }

  private endOf(line: number): number {
    return (line + 1 < this.count ? (starts[line + 1] as number) : this.at) - 1;
  }

  private reserve(bytes: number): void {
    if (this.at + bytes <= room.length) return;
    const more = Buffer.allocUnsafeSlow((this.at + bytes) * 2);
    more.set(room);
    room = more;
  }
}
