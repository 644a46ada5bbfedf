/**
 * Rules as the kernel's expressions. What nft adds on its own to make a rule safe is added here too: a key of one
 * family, layer or protocol is preceded by the test that the packet has it.
 *
 * Attributes come in the order in which the kernel gives them back, so that what was sent and what is there compare as
 * bytes. Their numbers are those of linux/netfilter/nf_tables.h (nft_*_attributes).
 */
import { aligned } from "../../../system/netlink/align.js";
import type { Encoder } from "../../../system/netlink/encoder.js";
import type { Expression, Key, Part, Rule, Table, Target, Type } from "../ruleset.js";
import { asPrefix, comment, tidy, typeOf } from "../values.js";
import { TYPES, valueBytes } from "./bytes.js";
import * as nft from "./constants.js";
import { CTS, METAS, PAYLOADS } from "./keys.js";
import { Primitives } from "./primitives.js";
import { BITS, BYTES, ROUTE_TYPES, TCP_FLAGS, UNITS } from "./words.js";

/** An anonymous set that a rule brings along. */
export interface Anonymous {
  readonly map: boolean;
  readonly key: { readonly type: number; readonly size: number };
  readonly data?: Type;
  readonly elements: readonly { readonly key: Buffer; readonly data?: Buffer }[];
}

export interface RuleContext {
  readonly family: Table["family"];
  /** The name by which the kernel knows a set; the plan's own unless it is being replaced. */
  readonly nameOf: (set: string) => string;
  /** Whether a set of the plan holds intervals. */
  readonly isInterval: (set: string) => boolean;
  /** Declares an anonymous set before its rule and returns its number in the batch. */
  readonly declare: (set: Anonymous) => number;
}

/** linux/if_ether.h */
const ETHERTYPE = { ipv4: [0x08, 0x00], ipv6: [0x86, 0xdd] } as const;
const ETHER = `${nft.META.IIFTYPE} ${nft.ARPHRD_ETHER} 0`;

/** The register that begins `word` words after the first (nft_dump_register: whole ones go by their own number). */
const register = (word: number): number => (word % 4 === 0 ? nft.REG.FIRST + word / 4 : nft.REG.WORDS + word);

/** Writes a rule's expressions and comment into an open message. */
export function encodeRule(to: Encoder, rule: Rule, context: RuleContext): void {
  const writer = new RuleWriter(to, context);
  const list = to.open(nft.RULE.EXPRESSIONS, 0);
  for (const expression of rule.expressions) writer.expression(expression);
  to.close(list);
  const words = rule.comment === undefined ? comment(rule.from) : tidy(rule.comment);
  if (words !== undefined) to.raw(nft.RULE.USERDATA, commentBytes(words));
}

/** NFTNL_UDATA_*_COMMENT: type 0, a length of one byte, the text with its zero (libnftnl: udata.h). */
export function commentBytes(words: string): Buffer {
  const size = Buffer.byteLength(words);
  const bytes = Buffer.alloc(size + 3);
  bytes[1] = size + 1;
  bytes.write(words, 2, "utf8");
  return bytes;
}

class RuleWriter extends Primitives {
  private readonly context: RuleContext;
  /** What this rule has tested already. */
  private readonly known = new Set<string>();

  constructor(to: Encoder, context: RuleContext) {
    super(to);
    this.context = context;
  }

  /** The packet must be of the family, link layer or protocol that the key is of; tested once a rule. */
  private require(key: Key): void {
    if (this.context.family === "inet") {
      if (key.startsWith("ip ")) this.requireFamily(nft.NFPROTO.ip, ETHERTYPE.ipv4);
      if (key.startsWith("ip6 ")) this.requireFamily(nft.NFPROTO.ip6, ETHERTYPE.ipv6);
    }
    if (key.startsWith("ether ")) this.requireMeta(nft.META.IIFTYPE, [nft.ARPHRD_ETHER, 0]);
    if (key === "tcp flags") this.requireMeta(nft.META.L4PROTO, [6]);
    if (key === "icmp type") this.requireMeta(nft.META.L4PROTO, [1]);
    if (key === "icmpv6 type") this.requireMeta(nft.META.L4PROTO, [58]);
  }

  /** A rule that looks into the link layer asks it for the family too, as nft does. */
  private requireFamily(family: number, ethertype: readonly number[]): void {
    if (!this.known.has(ETHER)) return this.requireMeta(nft.META.NFPROTO, [family]);
    this.payload({ base: nft.BASE.LINK, offset: 12, size: 2 }, nft.REG.FIRST);
    this.compare(nft.CMP.EQ, Uint8Array.from(ethertype));
  }

  private requireMeta(key: number, value: readonly number[]): void {
    const name = `${key} ${value.join(" ")}`;
    if (this.known.has(name)) return;
    this.known.add(name);
    this.meta(key, nft.REG.FIRST);
    this.compare(nft.CMP.EQ, Uint8Array.from(value));
  }

  private load(key: Key, into: number, size?: number): void {
    const payload = PAYLOADS[key];
    if (payload !== undefined) return this.payload(size === undefined ? payload : { ...payload, size }, into);
    const meta = METAS[key];
    if (meta !== undefined) return this.meta(meta, into);
    const ct = CTS[key];
    if (ct !== undefined)
      return this.put("ct", () => {
        this.to.be32(1, into);
        this.to.be32(2, ct.key);
        if (ct.direction !== undefined) this.to.u8(3, ct.direction);
      });
    const flag = key === "fib daddr type" ? nft.FIB.DADDR : nft.FIB.SADDR;
    this.put("fib", () => {
      this.to.be32(1, into);
      this.to.be32(2, nft.FIB.ADDRTYPE);
      this.to.be32(3, flag);
    });
  }

  /** Loads the key of a set's look-up, beginning `word` words after the first register. */
  private concat(keys: readonly Key[], set: string, word = 0): void {
    for (const key of keys) this.require(key);
    this.loadAll(keys, word, keys.length > 1 && this.context.isInterval(set));
  }

  private loadAll(keys: readonly Key[], word: number, intervals = false): void {
    let at = word;
    for (const key of keys) {
      this.load(key, register(at));
      // nft turns the byte order of numbers that are compared by size; of a single byte this is nothing.
      if (intervals && key === "meta l4proto") this.byteorder(register(at));
      at += aligned(TYPES[typeOf(key) as Type].size) / 4;
    }
  }

  expression(e: Expression): void {
    const { nameOf } = this.context;
    switch (e.kind) {
      case "match":
        return this.match(e.key, e.not === true, e.value);
      case "among":
        return this.among(e.key, e.values);
      case "flags": {
        const bits = (words: readonly string[]): number =>
          words.reduce((sum, word) => sum | number(TCP_FLAGS, word), 0);
        this.require("tcp flags");
        this.load("tcp flags", nft.REG.FIRST);
        this.mask(1, Uint8Array.of(bits(e.mask)));
        return this.compare(e.not ? nft.CMP.NEQ : nft.CMP.EQ, Uint8Array.of(bits(e.value)));
      }
      case "lookup":
        this.concat(e.keys, e.set);
        return this.lookup(nameOf(e.set), nft.REG.FIRST, undefined, e.not);
      case "vmap":
        this.concat(e.keys, e.map);
        return this.lookup(nameOf(e.map), nft.REG.FIRST, nft.REG.VERDICT);
      case "count":
        return this.count(e);
      case "limit":
        return this.put("limit", () => {
          this.to.be64(1, BigInt(e.count));
          this.to.be64(2, BigInt(number(UNITS, e.per)));
          this.to.be32(3, nft.LIMIT_BURST);
          this.to.be32(4, 0);
          this.to.be32(5, 0);
        });
      case "log":
        return this.put("log", () => {
          this.to.string(2, e.prefix);
          this.to.be32(5, nft.LOG_LEVEL);
        });
      case "reject":
        return this.put("reject", () => {
          this.to.be32(1, e.with === "tcp reset" ? nft.REJECT.TCP_RST : nft.REJECT.ICMPX);
          if (e.with !== "tcp reset") this.to.u8(2, nft.REJECT.PORT_UNREACH);
        });
      case "dnat": {
        this.concat(e.keys, e.address);
        this.lookup(nameOf(e.address), nft.REG.FIRST, nft.REG.FIRST);
        if (e.port !== undefined) {
          this.concat(e.keys, e.port, 4);
          this.lookup(nameOf(e.port), register(4), register(4));
        }
        return this.translate(nft.NAT.DNAT, e.family, e.port !== undefined);
      }
      case "spread":
        return this.spread(e.family, e.targets, e.port);
      case "snat":
        this.concat(e.keys, e.address);
        this.lookup(nameOf(e.address), nft.REG.FIRST, nft.REG.FIRST);
        return this.translate(nft.NAT.SNAT, e.family, false);
      case "masquerade":
        return this.put("masq", () => undefined);
      case "verdict":
        return this.put("immediate", () => {
          this.to.be32(1, nft.REG.VERDICT);
          encodeVerdict(this.to, 2, e.target);
        });
    }
  }

  /** In the order of nft_dynset_dump, with what it says of an element that never expires and of a counter at its start. */
  private count({ number, keys, set }: Extract<Expression, { kind: "count" }>): void {
    for (const key of keys) this.require(key);
    if (number !== undefined)
      this.put("immediate", () => {
        this.to.be32(1, nft.REG.FIRST);
        this.data(2, valueBytes("mark", number));
      });
    this.loadAll(keys, number === undefined ? 0 : 1);
    this.put("dynset", () => {
      const { to } = this;
      to.be32(4, nft.REG.FIRST);
      to.be32(3, nft.DYNSET_UPDATE);
      to.string(1, this.context.nameOf(set));
      to.be64(6, 0n);
      const counter = to.open(7, 0);
      to.string(nft.EXPR.NAME, "counter");
      const data = to.open(nft.EXPR.DATA, 0);
      to.be64(1, 0n);
      to.be64(2, 0n);
      to.close(data);
      to.close(counter);
      to.be32(9, 0);
    });
  }

  private match(key: Key, not: boolean, value: Part): void {
    this.require(key);
    const equal = not ? nft.CMP.NEQ : nft.CMP.EQ;
    const bits = BITS[key];
    if (bits !== undefined) {
      this.load(key, nft.REG.FIRST);
      this.mask(4, word(number(bits, value as string)));
      return this.compare(not ? nft.CMP.EQ : nft.CMP.NEQ, word(0));
    }
    if (key.startsWith("fib ")) {
      this.load(key, nft.REG.FIRST);
      return this.compare(equal, word(number(ROUTE_TYPES, value as string)));
    }
    const bytes = BYTES[key];
    if (bytes !== undefined) {
      this.load(key, nft.REG.FIRST);
      return this.compare(equal, Uint8Array.of(number(bytes, value as string)));
    }
    const type = typeOf(key) as Type;
    if (key === "meta l4proto" && !not) this.known.add(`${nft.META.L4PROTO} ${value as number}`);
    if (typeof value !== "object") {
      this.load(key, nft.REG.FIRST);
      return this.compare(equal, valueBytes(type, value));
    }
    const length = asPrefix(type, value.from, value.to);
    const from = valueBytes(type, value.from);
    if (length !== undefined && length > 0 && length % 8 === 0) {
      this.load(key, nft.REG.FIRST, length / 8);
      return this.compare(equal, from.subarray(0, length / 8));
    }
    if (not) throw new Error(`a range that must not match: ${key}`);
    this.load(key, nft.REG.FIRST);
    this.compare(nft.CMP.GTE, from);
    this.compare(nft.CMP.LTE, valueBytes(type, value.to));
  }

  private among(key: Key, values: readonly Part[]): void {
    this.require(key);
    this.load(key, nft.REG.FIRST);
    const words = BYTES[key];
    const elements = values.map((value) => ({
      key:
        words === undefined
          ? valueBytes(typeOf(key) as Type, value as number)
          : Buffer.of(number(words, value as string)),
    }));
    const size = elements[0]?.key.length ?? 1;
    // TYPE_ICMP_TYPE 14, TYPE_ICMP6_TYPE 29 (nftables: include/datatype.h)
    const type = key === "icmp type" ? 14 : key === "icmpv6 type" ? 29 : TYPES[typeOf(key) as Type].id;
    const id = this.context.declare({ map: false, key: { type, size }, elements });
    this.lookup(ANONYMOUS_SET, nft.REG.FIRST, undefined, false, id);
  }

  private spread(family: 4 | 6, targets: readonly (number | bigint)[], port: number | undefined): void {
    const data: Type = family === 4 ? "ipv4_addr" : "ipv6_addr";
    this.put("numgen", () => {
      this.to.be32(1, nft.REG.FIRST);
      this.to.be32(2, targets.length);
      this.to.be32(3, 0);
      this.to.be32(4, 0);
    });
    const elements = targets.map((target, i) => ({ key: Buffer.from(word(i)), data: valueBytes(data, target) }));
    // TYPE_INTEGER 4
    const id = this.context.declare({ map: true, key: { type: 4, size: 4 }, data, elements });
    this.lookup(ANONYMOUS_MAP, nft.REG.FIRST, nft.REG.FIRST, false, id);
    if (port !== undefined)
      this.put("immediate", () => {
        this.to.be32(1, register(4));
        this.data(2, valueBytes("inet_service", port));
      });
    this.translate(nft.NAT.DNAT, family, port !== undefined);
  }

  /** Address in the first register, port in the second. */
  private translate(type: number, family: 4 | 6, withPort: boolean): void {
    this.put("nat", () => {
      const { to } = this;
      to.be32(1, type);
      to.be32(2, family === 4 ? nft.NFPROTO.ip : nft.NFPROTO.ip6);
      to.be32(3, nft.REG.FIRST);
      to.be32(4, nft.REG.FIRST);
      if (withPort) {
        to.be32(5, register(4));
        to.be32(6, register(4));
      }
      to.be32(7, nft.NAT.MAP_IPS | (withPort ? nft.NAT.PROTO_SPECIFIED : 0));
    });
  }
}

/** The kernel puts a number for the `%d`. */
export const ANONYMOUS_SET = "__set%d";
export const ANONYMOUS_MAP = "__map%d";

export function encodeVerdict(to: Encoder, type: number, target: Target): void {
  const data = to.open(type, 0);
  const verdict = to.open(nft.DATA.VERDICT, 0);
  to.be32(nft.VERDICT.CODE, nft.CODE[target.verdict]);
  if ("chain" in target) to.string(nft.VERDICT.CHAIN, target.chain);
  to.close(verdict);
  to.close(data);
}

function number(words: Readonly<Record<string, number>>, name: string): number {
  const value = words[name];
  if (value === undefined) throw new Error(`no number for '${name}'`);
  return value;
}

/** Four bytes of the host's order. */
function word(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value, 0);
  return bytes;
}
