/**
 * Finds the rules that cover a packet by bits: one vector for each end and each service, worked out once, whose
 * conjunction is the answer. Many packets between few ends then cost a word for every 32 rules.
 */
import { hasPort } from "../net/ports.js";
import type { End, Packet } from "./evaluate.js";
import { hasPeer } from "./peers.js";
import type { PeerSet, Rule } from "./policy.js";

/** One bit for each rule, in their order. */
export type Bits = Uint32Array;

type Matched = Pick<Rule, "from" | "to" | "ports">;

/** Ends are known by identity: ask with the same object for the same end. */
export class Matcher<R extends Matched = Rule> {
  readonly rules: readonly R[];
  private readonly froms = new Map<End, Bits>();
  private readonly tos = new Map<End, Bits>();
  private readonly services = new Map<number, Bits>();

  constructor(rules: readonly R[]) {
    this.rules = rules;
  }

  from(end: End): Bits {
    return this.endBits(this.froms, end, (rule) => rule.from);
  }

  to(end: End): Bits {
    return this.endBits(this.tos, end, (rule) => rule.to);
  }

  service(protocol: number, port: number | undefined): Bits {
    const key = protocol * 65536 + (port ?? 0);
    let bits = this.services.get(key);
    if (bits === undefined) {
      bits = this.bitsOf((rule) => hasPort(rule.ports, protocol, port));
      this.services.set(key, bits);
    }
    return bits;
  }

  /** The rules that cover a packet, in their order. */
  speaking({ source, destination, protocol, port }: Packet): R[] {
    return this.pick(both(both(this.from(source), this.to(destination)), this.service(protocol, port)));
  }

  /** The rules of the set bits. */
  pick(bits: Bits): R[] {
    const out: R[] = [];
    bits.forEach((word, i) => {
      for (let rest = word; rest !== 0; rest &= rest - 1)
        out.push(this.rules[i * 32 + 31 - Math.clz32(rest & -rest)] as R);
    });
    return out;
  }

  private endBits(known: Map<End, Bits>, end: End, side: (rule: R) => PeerSet): Bits {
    let bits = known.get(end);
    if (bits === undefined) {
      bits = this.bitsOf((rule) => hasPeer(side(rule), end.zone, end.address));
      known.set(end, bits);
    }
    return bits;
  }

  private bitsOf(covers: (rule: R) => boolean): Bits {
    const bits = new Uint32Array((this.rules.length + 31) >> 5);
    this.rules.forEach((rule, i) => {
      if (covers(rule)) bits[i >> 5] = (bits[i >> 5] as number) | (1 << (i & 31));
    });
    return bits;
  }
}

export function both(a: Bits, b: Bits): Bits {
  const out = new Uint32Array(a.length);
  for (let i = 0; i < a.length; i++) out[i] = (a[i] as number) & (b[i] as number);
  return out;
}
