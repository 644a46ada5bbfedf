/**
 * The rules of one chain as the bytes that iptables-restore reads, written as they come: ten thousand of them are a million
 * bytes, and as strings they would be put together, copied and collected several times over.
 */
import type { Family } from "../../net/address.js";
import type { Hash64 } from "../../net/hash.js";
import { contentHash, contentName, hashedName } from "./names.js";
import type { Printed, Rule, Target } from "./ruleset.js";
import { declaration } from "./standing.js";
import { ruleText } from "./text.js";

/** What is written of a chain, and where its lines begin: of one chain at a time. */
let room = Buffer.allocUnsafeSlow(65_536);
let starts = new Int32Array(1_024);

/** Bytes that a number or a word may take; texts ask for more. */
const SLACK = 256;

const [LF, ZERO] = [10, 48] as const;

/** Each number up to 255 and a dot, in four bytes. */
const OCTETS = Buffer.from(Array.from({ length: 256 }, (_, value) => `${value}.`.padEnd(4)).join(""), "latin1");

/** One at a time: the next that is made writes over it. */
export class Lines {
  count = 0;
  readonly leads = new Map<string, number>();
  private readonly policy: string;
  private readonly kind: string;
  private readonly family: Family;
  /** Of the chain's content, in fewer steps than its bytes would take. */
  readonly content: Hash64;
  /** Bytes before a rule: `-A NAME `, whose name is known when the chain is. */
  private readonly before: number;
  private at: number;

  constructor(policy: string, kind: string, family: Family) {
    this.policy = policy;
    this.kind = kind;
    this.family = family;
    this.content = contentHash(kind, "");
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
    const text = ruleText(rule, this.family);
    this.content.words(`${text}\n`);
    this.begin();
    this.text(text);
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

  /** An IPv4 address. */
  address4(value: number): void {
    this.octet(value >>> 24);
    this.octet((value >>> 16) & 255);
    this.octet((value >>> 8) & 255);
    this.octet(value & 255);
    // Without the last dot.
    this.at--;
  }

  private octet(value: number): void {
    const { at } = this;
    const from = value * 4;
    room[at] = OCTETS[from] as number;
    room[at + 1] = OCTETS[from + 1] as number;
    room[at + 2] = OCTETS[from + 2] as number;
    room[at + 3] = OCTETS[from + 3] as number;
    this.at = at + (value > 99 ? 4 : value > 9 ? 3 : 2);
  }

  /** At most five digits. */
  number(value: number): void {
    let unit = value >= 10_000 ? 10_000 : value >= 1_000 ? 1_000 : value >= 100 ? 100 : value >= 10 ? 10 : 1;
    for (let left = value; unit >= 1; unit = Math.trunc(unit / 10)) {
      const digit = Math.trunc(left / unit);
      left -= digit * unit;
      room[this.at++] = ZERO + digit;
    }
  }

  /** The chain's name by its content, and then by some salt. */
  name(salt: string): string {
    this.content.words(salt);
    return hashedName(this.policy, this.kind, this.content);
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
