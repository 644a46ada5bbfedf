/** Collects the sets and chains of a table while a plan is made; equal generated chains are made once. */
import type { Origin } from "../../ir/policy.js";
import { hashText } from "../../net/hash.js";
import type { Action } from "../shape/lanes.js";
import type { Chain, Element, Expression, Hook, Key, Part, Rule, Set as NftSet, Target, Type } from "./ruleset.js";
import { elementsOf } from "./tuple-elements.js";
import type { Tuples } from "../shape/tuples.js";

export class TableBuilder {
  readonly sets: NftSet[] = [];
  readonly chains: Chain[] = [];
  private readonly generated = new Map<string, string>();
  private readonly known = new Set<string>();

  set(name: string, type: readonly Type[], elements: readonly Element[], comment: string): string {
    this.sets.push({ name, type, interval: hasRanges(elements), elements, comment });
    return name;
  }

  /** A set named by its content, which several ask for. */
  setOnce(name: string, type: readonly Type[], elements: readonly Element[], comment: string): string {
    if (this.known.has(name)) return name;
    this.known.add(name);
    return this.set(name, type, elements, comment);
  }

  /** A set of tuples. */
  exact(name: string, type: readonly Type[], tuples: Tuples, comment: string): string {
    this.sets.push({
      name,
      type,
      interval: false,
      get elements() {
        return elementsOf(tuples, type.length);
      },
      tuples,
      comment,
    });
    return name;
  }

  /** A set that is filled while the policy is live. */
  timed(name: string, type: readonly Type[], comment: string): string {
    this.sets.push({ name, type, interval: false, timeout: true, elements: [], comment });
    return name;
  }

  /** A set in which rules count packets. */
  counting(name: string, type: readonly Type[], comment: string): string {
    if (this.known.has(name)) return name;
    this.known.add(name);
    this.sets.push({ name, type, interval: false, timeout: true, counts: true, elements: [], comment });
    return name;
  }

  map(
    name: string,
    type: readonly Type[],
    data: Type | "verdict",
    elements: readonly Element[],
    comment: string,
  ): string {
    this.sets.push({ name, type, data, interval: hasRanges(elements), elements, comment });
    return name;
  }

  chain(name: string, rules: readonly Rule[], hook?: Hook): string {
    this.chains.push(hook === undefined ? { name, rules } : { name, rules, hook });
    return name;
  }

  /** The name of what is named by its content. */
  nameOf(prefix: string, content: string): string {
    return `${prefix}-${hashText(10, prefix, content)}`;
  }

  /** A chain named by its content, so that an edit elsewhere never renames it. `make` is called once per content. */
  generate(prefix: string, content: string, make: (name: string) => readonly Rule[]): string {
    const key = `${prefix}\0${content}`;
    const known = this.generated.get(key);
    if (known !== undefined) return known;
    const name = this.nameOf(prefix, content);
    this.generated.set(key, name);
    this.chain(name, make(name));
    return name;
  }
}

function hasRanges(elements: readonly Element[]): boolean {
  return elements.some((element) => element.key.some((part) => typeof part === "object"));
}

export const ACCEPT: Target = { verdict: "accept" };
export const DROP: Target = { verdict: "drop" };
export const jump = (chain: string): Target => ({ verdict: "jump", chain });
export const goto = (chain: string): Target => ({ verdict: "goto", chain });

export function rule(expressions: readonly Expression[], comment?: string, from: readonly Origin[] = []): Rule {
  return comment === undefined ? { expressions, from } : { expressions, comment, from };
}

export const then = (target: Target): Expression => ({ kind: "verdict", target });
export const match = (key: Key, value: Part): Expression => ({
  kind: "match",
  key,
  value,
});
export const lookup = (set: string, ...keys: Key[]): Expression => ({ kind: "lookup", keys, set });

/** What an action that is a verdict leads to. */
export function targetOf(action: Action): Target {
  return action === "allow" ? ACCEPT : action === "deny" ? DROP : goto("refuse");
}

/** Names of a family's keys, so that the same code writes both halves of the ruleset. */
export const IN = {
  4: {
    source: "ip saddr",
    destination: "ip daddr",
    type: "ipv4_addr",
    icmp: 1,
    icmpType: "icmp type",
    originalSource: "ct original ip saddr",
    originalDestination: "ct original ip daddr",
    replySource: "ct reply ip saddr",
    nfproto: "ipv4",
    redirect: "redirect",
  },
  6: {
    source: "ip6 saddr",
    destination: "ip6 daddr",
    type: "ipv6_addr",
    icmp: 58,
    icmpType: "icmpv6 type",
    originalSource: "ct original ip6 saddr",
    originalDestination: "ct original ip6 daddr",
    replySource: "ct reply ip6 saddr",
    nfproto: "ipv6",
    redirect: "nd-redirect",
  },
} as const;
