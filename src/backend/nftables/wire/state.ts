/**
 * A table as comparable bytes: what a plan wants and what the kernel has come to the same form here. Strings are bytes
 * (latin1), so that they can be members of sets.
 */
import { Encoder } from "../../../system/netlink/encoder.js";
import { be32, list, scan, textAt } from "../../../system/netlink/decoder.js";
import type { Chain, Rule, Ruleset, Set, Table } from "../ruleset.js";
import * as nft from "./constants.js";
import { type Elements, encodeElements } from "./elements.js";
import { encodeDefinition, encodeHook, type TableName } from "./encode.js";
import { encodeRule } from "./expressions.js";

export interface SetState {
  /** Flags, key and data: what can't be changed in a set that exists. */
  readonly definition: string;
  /** Undefined: the set has no size of its own. */
  readonly size: number | undefined;
  /** Filled while the policy is live: its elements are no part of the plan. */
  readonly timeout: boolean;
  readonly elements: Elements;
  /** Where only their number was read. */
  readonly count?: number | undefined;
}

export interface ChainState {
  readonly hook: string;
  readonly rules: readonly string[];
  /** The kernel's number of each rule; none in a plan. */
  readonly handles: readonly bigint[];
}

export interface TableState {
  readonly table: TableName;
  /** 0 in every plan. */
  readonly flags: number;
  readonly sets: ReadonlyMap<string, SetState>;
  readonly chains: ReadonlyMap<string, ChainState>;
}

/** What the plan wants. */
export function desiredState(ruleset: Ruleset, size: (set: Table["sets"][number]) => number | undefined): TableState[] {
  return ruleset.tables.map((table): TableState => {
    const isInterval = intervalsOf(table);
    return {
      table: { family: table.family, name: table.name },
      flags: 0,
      sets: new Map(table.sets.map((set) => [set.name, new WantedSet(set, size(set))])),
      chains: new Map(
        table.chains.map((chain) => [
          chain.name,
          {
            hook: chain.hook === undefined ? "" : hookOf(table, chain),
            rules: chain.rules.map((rule) => ruleText(table, rule, isInterval)),
            handles: [],
          },
        ]),
      ),
    };
  });
}

/** A set of a plan; its elements are encoded when somebody asks for them. */
class WantedSet implements SetState {
  readonly definition: string;
  readonly size: number | undefined;
  readonly timeout: boolean;
  private readonly set: Set;
  private encoded: Elements | undefined;

  constructor(set: Set, size: number | undefined) {
    this.set = set;
    this.definition = written((encoder) => encodeDefinition(encoder, set));
    this.size = size;
    this.timeout = set.timeout === true;
  }

  get elements(): Elements {
    return (this.encoded ??= encodeElements(this.set));
  }

  /** Of tuples, which are as many elements. */
  get count(): number | undefined {
    return this.set.tuples?.length;
  }
}

/** One for all: a large policy has thousands of rules, and memory of its own for each costs more than writing them. */
const scratch = new Encoder(1 << 12);

function written(write: (encoder: Encoder) => void): string {
  scratch.reset();
  write(scratch);
  return scratch.bytes.toString("latin1", 0, scratch.length);
}

function hookOf(table: Table, chain: Chain): string {
  scratch.reset();
  encodeHook(scratch, table, chain);
  return hookText(scratch.bytes, 0, scratch.length);
}

/** What rules came to that bring no set along: they are sent as they are compared. */
const encodedRules = new WeakMap<Rule, string>();

/** The expressions and comment of a rule whose state was asked for, as bytes (latin1); undefined where they aren't known. */
export function encodedRule(rule: Rule): string | undefined {
  return encodedRules.get(rule);
}

function ruleText({ family }: TableName, rule: Rule, isInterval: (set: string) => boolean): string {
  let plain = true;
  const declare = (): number => {
    plain = false;
    return 0;
  };
  const bytes = written((to) => encodeRule(to, rule, { family, nameOf: (set) => set, isInterval, declare }));
  if (!plain) return normalRule(bytes);
  encodedRules.set(rule, bytes);
  return bytes;
}

/** Which sets of a table hold intervals. */
export function intervalsOf(table: Table): (set: string) => boolean {
  const names = new Set(table.sets.filter((set) => set.interval).map((set) => set.name));
  return (set) => names.has(set);
}

/** A base chain's hook, from its attributes; empty for other chains. */
export function hookText(bytes: Buffer, from: number, to: number): string {
  let place = "";
  let type = "";
  let policy = "";
  scan(bytes, from, to, (attribute, start, end) => {
    if (attribute === nft.CHAIN.HOOK)
      scan(bytes, start, end, (inner, at) => {
        if (inner === nft.HOOK.NUM || inner === nft.HOOK.PRIORITY) place += ` ${be32(bytes, at) | 0}`;
      });
    if (attribute === nft.CHAIN.POLICY) policy = String(be32(bytes, start) | 0);
    if (attribute === nft.CHAIN.TYPE) type = textAt(bytes, start, end);
  });
  return place === "" ? "" : `${type}${place} ${policy}`;
}

/**
 * A rule's expressions and comment. The numbers of anonymous sets are the kernel's and of no meaning: they are left out.
 */
export function normalRule(bytes: string): string {
  if (!bytes.includes("__set") && !bytes.includes("__map")) return bytes;
  const out: string[] = [];
  for (const [attribute, value] of list(Buffer.from(bytes, "latin1"))) {
    if (attribute !== nft.RULE.EXPRESSIONS) {
      out.push(`${attribute}=${value.toString("latin1")}`);
      continue;
    }
    for (const [, expression] of list(value))
      for (const [part, content] of list(expression))
        if (part === nft.EXPR.DATA && content.includes("__"))
          for (const [name, inner] of list(content)) {
            const word = inner.toString("latin1");
            // NFTA_LOOKUP_SET_ID is said in a batch only.
            if (name !== 4) out.push(`${name}=${/^__(set|map)/.test(word) ? word.slice(0, 5) : word}`);
          }
        else out.push(`${part}=${content.toString("latin1")}`);
  }
  return out.join("\u0001");
}
