/** What a transaction does to the kernel's tables, as values: made by difference.ts, sent by commit.ts. */
import type { Chain, Expression, Rule, Set } from "../ruleset.js";
import type { Elements } from "./elements.js";
import type { Batch, TableName } from "./encode.js";
import { encodedRule } from "./state.js";

export type Change =
  | { readonly kind: "add table" | "delete table"; readonly table: TableName }
  | { readonly kind: "add chain"; readonly table: TableName; readonly chain: Pick<Chain, "name" | "hook"> }
  | { readonly kind: "delete chain"; readonly table: TableName; readonly name: string }
  | { readonly kind: "flush"; readonly table: TableName; readonly chain: string }
  | { readonly kind: "delete rule"; readonly table: TableName; readonly chain: string; readonly handle: bigint }
  | {
      readonly kind: "add rule";
      readonly table: TableName;
      readonly chain: string;
      readonly rule: Rule;
      /** The rule that it comes before; undefined: at the end. */
      readonly before?: bigint;
      /** The kernel's names of sets, where they aren't the plan's. */
      readonly names: ReadonlyMap<string, string>;
      readonly isInterval: (set: string) => boolean;
    }
  | { readonly kind: "add set"; readonly table: TableName; readonly set: Set; readonly name: string }
  | { readonly kind: "delete set"; readonly table: TableName; readonly name: string }
  | {
      readonly kind: "add elements" | "delete elements";
      readonly table: TableName;
      readonly set: string;
      readonly elements: Elements;
    };

/** What the kernel takes in one step: all of it or nothing. */
export interface Transaction {
  readonly changes: readonly Change[];
  /** Packets that were under way when the last transaction was committed must be through first. */
  readonly settle: boolean;
}

/** Objects that a change adds or deletes. */
export function weight(change: Change): number {
  return "elements" in change ? change.elements.offsets.length - 1 : 1;
}

/**
 * Whether the changes can only allow more: additions to the sets of allow statements and the rules that ask them, and
 * deletions from those of deny and reject statements. Sets and chains bear their verb in their names (exact.ts,
 * layers.ts).
 */
export function loosens(transactions: readonly Transaction[]): boolean {
  return transactions.every(({ changes }) => changes.every(allowsMore));
}

function allowsMore(change: Change): boolean {
  switch (change.kind) {
    case "add set":
      return /^(allow|count)-/.test(change.name);
    case "add chain":
      return change.chain.name.startsWith("allow-");
    case "add elements":
      return change.set.startsWith("allow-");
    case "delete elements":
      return change.set.startsWith("deny-") || change.set.startsWith("reject-");
    case "add rule": {
      if (change.chain.startsWith("allow-")) return true;
      const last = change.rule.expressions.at(-1);
      if (last?.kind !== "verdict") return false;
      return "chain" in last.target ? last.target.chain.startsWith("allow-") : last.target.verdict === "accept";
    }
    default:
      return false;
  }
}

export function encodeChange(batch: Batch, change: Change): void {
  const { table } = change;
  switch (change.kind) {
    case "add table":
      return batch.addTable(table);
    case "delete table":
      return batch.deleteTable(table);
    case "add chain":
      return batch.addChain(table, change.chain);
    case "delete chain":
      return batch.deleteChain(table, change.name);
    case "flush":
      return batch.flushChain(table, change.chain);
    case "delete rule":
      return batch.deleteRule(table, change.chain, change.handle);
    case "add rule": {
      const { names, isInterval } = change;
      // Most rules ask none of the sets that are being replaced.
      const asCompared = change.before === undefined && (names.size === 0 || !refersTo(change.rule, names));
      const encoded = asCompared ? encodedRule(change.rule) : undefined;
      if (encoded !== undefined) return batch.appendRule(table, change.chain, encoded);
      const context = { nameOf: (set: string) => names.get(set) ?? set, isInterval };
      return batch.addRule(table, change.chain, change.rule, context, change.before);
    }
    case "add set":
      return batch.addSet(table, change.set, change.name);
    case "delete set":
      return batch.deleteSet(table, change.name);
    case "add elements":
      return batch.elements("add", table, change.set, change.elements);
    case "delete elements":
      return batch.elements("delete", table, change.set, change.elements);
  }
}

/** Whether a rule asks one of the sets. */
export function refersTo({ expressions }: Rule, sets: ReadonlyMap<string, unknown>): boolean {
  return expressions.some((expression) => setsOf(expression).some((set) => sets.has(set)));
}

function setsOf(e: Expression): readonly string[] {
  switch (e.kind) {
    case "lookup":
    case "count":
      return [e.set];
    case "vmap":
      return [e.map];
    case "dnat":
      return e.port === undefined ? [e.address] : [e.address, e.port];
    case "snat":
      return [e.address];
    default:
      return [];
  }
}
