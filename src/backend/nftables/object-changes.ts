/** What differs between two states of a policy's tables, object by object, in nft's own words. */
import type { Origin } from "../../ir/policy.js";
import { plural } from "../../text/display.js";
import type { ObjectChange } from "../backend.js";
import type { Chain, Element, Ruleset, Set as NftSet, Table } from "./ruleset.js";
import { elementText, ruleText } from "./text.js";
import { count, type Elements, encodeElements, textOf } from "./wire/elements.js";
import type { ChainState, SetState, TableState } from "./wire/state.js";

/** A plan and its bytes. */
export interface Planned {
  readonly ruleset: Ruleset;
  readonly states: readonly TableState[];
}

/**
 * What has to change for `have` to become what is planned. Pure.
 *
 * @param before what was planned last, to name what goes away; what isn't of it is counted
 */
export function objectChanges(want: Planned, have: readonly TableState[], before: Planned | undefined): ObjectChange[] {
  const out: ObjectChange[] = [];
  want.ruleset.tables.forEach((plan, i) => {
    const there = have.find((state) => isOf(state, plan));
    const old = before?.ruleset.tables.find(({ family, name }) => family === plan.family && name === plan.name);
    if (there === undefined) out.push({ verb: "add", object: `table ${contents(plan)}`, from: [] });
    else
      new TableChanges(
        out,
        plan,
        want.states[i] as TableState,
        there,
        old,
        before?.states.find((s) => isOf(s, plan)),
      ).run();
  });
  for (const { table } of have)
    if (!want.ruleset.tables.some(({ family, name }) => family === table.family && name === table.name))
      out.push({ verb: "remove", object: `table ${table.family} ${table.name}`, from: [] });
  return out;
}

function isOf({ table }: TableState, { family, name }: Table): boolean {
  return table.family === family && table.name === name;
}

function contents({ family, name, sets, chains }: Table): string {
  const elements = sets.reduce((sum, set) => sum + set.elements.length, 0);
  const rules = chains.reduce((sum, chain) => sum + chain.rules.length, 0);
  const inSets = `${plural(sets.length, "set")} with ${plural(elements, "element")}`;
  return `${family} ${name}: ${inSets}, ${plural(chains.length, "chain")} with ${plural(rules, "rule")}`;
}

class TableChanges {
  private readonly out: ObjectChange[];
  private readonly plan: Table;
  private readonly want: TableState;
  private readonly have: TableState;
  private readonly old: Table | undefined;
  private readonly oldState: TableState | undefined;
  private readonly where: string;

  constructor(
    out: ObjectChange[],
    plan: Table,
    want: TableState,
    have: TableState,
    old: Table | undefined,
    oldState: TableState | undefined,
  ) {
    this.out = out;
    this.plan = plan;
    this.want = want;
    this.have = have;
    this.old = old;
    this.oldState = oldState;
    this.where = `${plan.family} ${plan.name}`;
  }

  run(): void {
    if (this.have.flags !== this.want.flags) this.note("change", "(it is asleep: wake it)");
    for (const set of this.plan.sets) this.set(set, this.want.sets.get(set.name) as SetState);
    for (const chain of this.plan.chains) this.chain(chain, this.want.chains.get(chain.name) as ChainState);
    for (const name of this.have.sets.keys()) if (!this.want.sets.has(name)) this.note("remove", `set ${name}`);
    for (const name of this.have.chains.keys()) if (!this.want.chains.has(name)) this.note("remove", `chain ${name}`);
  }

  private note(verb: ObjectChange["verb"], object: string, from: readonly Origin[] = []): void {
    this.out.push({ verb, object: `${this.where} ${object}`, from });
  }

  private set(set: NftSet, want: SetState): void {
    const have = this.have.sets.get(set.name);
    if (have === undefined) this.note("add", `set ${set.name}`);
    else if (have.definition !== want.definition) this.note("change", `set ${set.name}: another type`);
    if (want.timeout) return;
    const there = pieces(have?.elements);
    const wanted = pieces(want.elements);
    const [missing, extra] = [apart(wanted, there), apart(there, wanted)];
    if (missing.size === 0 && extra.size === 0) return;
    const old = this.old?.sets.find(({ name }) => name === set.name);
    for (const element of old === undefined ? [] : touched(old, extra, false))
      this.note("remove", `${set.name} { ${elementText(old as NftSet, element)} }`, element.from);
    if (extra.size > 0)
      this.note(
        "remove",
        `${set.name}: ${extra.size} ${extra.size === 1 ? "entry" : "entries"} that no policy on record has`,
      );
    for (const element of touched(set, missing, true))
      this.note("add", `${set.name} { ${elementText(set, element)} }`, element.from);
  }

  private chain(chain: Chain, want: ChainState): void {
    const have = this.have.chains.get(chain.name);
    if (have === undefined) this.note("add", `chain ${chain.name}`);
    else if (have.hook !== want.hook) this.note("change", `chain ${chain.name}: another hook or priority`);
    const left = new Map<string, number>();
    for (const rule of have?.rules ?? []) left.set(rule, (left.get(rule) ?? 0) + 1);
    const added = chain.rules.filter((_, i) => {
      const bytes = want.rules[i] as string;
      const there = left.get(bytes) ?? 0;
      if (there > 0) left.set(bytes, there - 1);
      return there === 0;
    });
    const old = this.old?.chains.find(({ name }) => name === chain.name);
    const oldRules = this.oldState?.chains.get(chain.name)?.rules ?? [];
    have?.rules.forEach((bytes, i) => {
      const times = left.get(bytes) ?? 0;
      if (times === 0) return;
      left.set(bytes, times - 1);
      const rule = old?.rules[oldRules.indexOf(bytes)];
      this.note(
        "remove",
        `${chain.name} ${rule === undefined ? `rule ${i + 1}, which no policy on record has` : ruleText(rule)}`,
        rule?.from ?? [],
      );
    });
    for (const rule of added) this.note("add", `${chain.name} ${ruleText(rule)}`, rule.from);
    const sameRules = added.length === 0 && have?.rules.length === want.rules.length;
    if (sameRules && have.rules.some((bytes, i) => bytes !== want.rules[i]))
      this.note("change", `chain ${chain.name}: its rules stand in another order`);
  }
}

function pieces(elements: Elements | undefined): Set<string> {
  const out = new Set<string>();
  for (let i = 0; elements !== undefined && i < count(elements); i++) out.add(textOf(elements, i));
  return out;
}

function apart(a: ReadonlySet<string>, b: ReadonlySet<string>): Set<string> {
  return new Set([...a].filter((piece) => !b.has(piece)));
}

/**
 * The elements that some of these pieces belong to; with `begin`, or all of whose others went. An interval is two
 * pieces for the kernel, and what two intervals share stays. The pieces are taken out.
 */
function touched(set: NftSet, left: Set<string>, begin: boolean): Element[] {
  if (left.size === 0) return [];
  const { tuples: _, ...rest } = set;
  const out = set.elements.filter((element) => {
    const own = [...pieces(encodeElements({ ...rest, elements: [element] }))];
    const some = own.filter((piece) => left.has(piece));
    for (const piece of some) left.delete(piece);
    return some.length > 0;
  });
  // Where an interval tree begins with an end at zero, that is no element of anybody's.
  if (!begin && set.interval && left.size === 1) left.clear();
  return out;
}
