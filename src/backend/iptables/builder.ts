/** Collects the chains of a table while a plan is made. */
import type { Origin } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import type { Prefix } from "../../net/prefix.js";
import { Lines } from "./lines.js";
import { type Entry, contentName, entryName } from "./names.js";
import type { Chain, Match, Printed, Rule, Table, TableName, Target } from "./ruleset.js";
import { printRules } from "./text.js";

/** Is told of each chain that rules lead to, as soon as it is made: after those that it leads to. Lines last until then. */
export type ChainSink = (name: string, printed: Printed | Lines) => void;

export class TableBuilder {
  readonly family: Family;
  private readonly policy: string;
  private readonly name: TableName;
  private readonly entries: Chain[] = [];
  private readonly generated = new Map<string, { chain: PrintedChain; own: string }>();
  private readonly sink: ChainSink | undefined;

  constructor(policy: string, family: Family, name: TableName, sink?: ChainSink) {
    this.policy = policy;
    this.family = family;
    this.name = name;
    this.sink = sink;
  }

  get table(): Table {
    return { name: this.name, chains: [...this.entries, ...[...this.generated.values()].map(({ chain }) => chain)] };
  }

  entry(entry: Entry, rules: readonly Rule[], hook: NonNullable<Chain["hook"]>): void {
    this.entries.push({ name: entryName(this.policy, entry), rules, hook });
  }

  timed(entry: Entry): string {
    const name = entryName(this.policy, entry);
    this.entries.push({ name, rules: [], timed: true });
    this.sink?.(name, { text: "", count: 0, leads: new Map() });
    return name;
  }

  /**
   * A chain named by its content and by that of all that it leads to: whatever stands in the kernel under a name is
   * right, equal chains are made once, and an edit leaves the names of all others alone. `own` keeps a chain apart from
   * others of the same rules.
   */
  chain(kind: string, rules: readonly Rule[], own = ""): string {
    return this.printed(kind, printRules(rules, this.family), () => rules, own);
  }

  private printed(kind: string, printed: Printed, make: () => readonly Rule[], own: string): string {
    for (let salt = ""; ; salt += "+") {
      const name = contentName(this.policy, kind, `${own}\n${printed.text}${salt}`);
      const known = this.generated.get(name);
      if (known?.own === own && known.chain.printed.text === printed.text) return name;
      if (known !== undefined) continue;
      this.generated.set(name, { chain: new PrintedChain(name, printed, make), own });
      this.sink?.(name, printed);
      return name;
    }
  }

  begin(kind: string): Lines {
    return new Lines(this.policy, kind, this.family);
  }

  /** The same of rules that were written, and are made when somebody asks for them. */
  written(lines: Lines, make: () => readonly Rule[]): string {
    for (let salt = ""; ; salt += "+") {
      const name = lines.name(salt);
      const known = this.generated.get(name);
      if (known !== undefined) {
        if (known.own === "" && known.chain.printed.text === lines.print().text) return name;
        continue;
      }
      // What was sent on its way is hardly asked for again.
      const printed = this.sink === undefined ? lines.print() : new Later(lines, make, this.family);
      this.generated.set(name, { chain: new PrintedChain(name, printed, make), own: "" });
      this.sink?.(name, lines);
      return name;
    }
  }
}

/** Printed when somebody asks. */
class Later implements Printed {
  readonly count: number;
  readonly leads: Printed["leads"];
  private readonly print: () => string;
  private known: string | undefined;

  constructor({ count, leads }: Lines, make: () => readonly Rule[], family: Family) {
    this.count = count;
    this.leads = leads;
    this.print = () => printRules(make(), family).text;
  }

  get text(): string {
    return (this.known ??= this.print());
  }
}

class PrintedChain implements Chain {
  readonly name: string;
  readonly printed: Printed;
  private readonly make: () => readonly Rule[];
  private made: readonly Rule[] | undefined;

  constructor(name: string, printed: Printed, make: () => readonly Rule[]) {
    this.name = name;
    this.printed = printed;
    this.make = make;
  }

  get rules(): readonly Rule[] {
    return (this.made ??= this.make());
  }
}

export const ACCEPT: Target = { kind: "accept" };
export const DROP: Target = { kind: "drop" };
export const RETURN: Target = { kind: "return" };
export const jump = (chain: string): Target => ({ kind: "jump", chain });
export const goto = (chain: string): Target => ({ kind: "goto", chain });

export function rule(matches: readonly Match[], target: Target, from: readonly Origin[] = [], note?: string): Rule {
  return note === undefined ? { matches, target, from } : { matches, target, from, note };
}

export const connection = (parts: Omit<Extract<Match, { kind: "connection" }>, "kind">): Match => ({
  kind: "connection",
  ...parts,
});
export const from = (prefix: Prefix): Match => ({ kind: "source", prefix });
export const to = (prefix: Prefix): Match => ({ kind: "destination", prefix });

/** One address as a prefix. */
export function alone(family: Family, value: number | bigint): Prefix {
  return family === 4 ? { family, base: value as number, length: 32 } : { family, base: value as bigint, length: 128 };
}

/** The family's loopback addresses. */
export const LOOPBACK: Readonly<Record<Family, Prefix>> = {
  4: { family: 4, base: 0x7f000000, length: 8 },
  6: { family: 6, base: 1n, length: 128 },
};

export const ICMP_OF: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };
