/**
 * How the kernel's tables become the plan's, in steps between which no packet meets half of a policy.
 *
 * One nf_tables transaction is atomic for who reads the ruleset, not for a packet under way: each look-up in a set asks
 * for the newest content, each hook takes its rules when it is entered, and intervals serve their new content a moment
 * after the rules. So:
 *
 * - Base chains stay. All rules of a hook change at once for a packet that enters it.
 * - What nothing refers to yet (new sets, new chains) is made first, in a transaction of its own.
 * - Where one set is all that changes for a packet, its elements change in place: a look-up finds the old or the new.
 * - Where several change, or rules with them, the rules are switched to copies of the changed sets, in one transaction;
 *   then, when no packet uses the sets themselves any more, these are made anew, and the rules are switched back.
 * - What nothing refers to any more goes last, after the packets that might still use it.
 */
import type { Chain, Set as NftSet, Table } from "../ruleset.js";
import { type Change, refersTo, type Transaction } from "./changes.js";
import { compareElements } from "./compare.js";
import { count, type Elements } from "./elements.js";
import type { TableName } from "./encode.js";
import { type ChainState, intervalsOf, type SetState, type TableState } from "./state.js";

/** The steps, in their order; each is a transaction where it has changes. */
interface Steps {
  readonly prepare: Change[];
  readonly change: Change[];
  readonly restore: Change[];
  readonly revert: Change[];
  readonly collect: Change[];
}

/** `have` must hold the kernel's state of every table of the plan that is there. */
export function difference(
  plans: readonly Table[],
  want: readonly TableState[],
  have: readonly TableState[],
): Transaction[] {
  const steps: Steps = { prepare: [], change: [], restore: [], revert: [], collect: [] };
  plans.forEach((plan, i) => {
    const there = have.find((state) => same(state.table, plan));
    const wanted = want[i] as TableState;
    if (there === undefined) create(steps.change, plan, wanted);
    else if (hangsElsewhere(wanted, there)) {
      steps.change.push({ kind: "delete table", table: there.table });
      create(steps.change, plan, wanted);
    } else new TableDifference(steps, plan, wanted, there).run();
  });
  for (const { table } of have)
    if (!plans.some((plan) => same(table, plan))) steps.collect.push({ kind: "delete table", table });
  const settled = steps.restore.length > 0;
  const list: (readonly [Change[], boolean])[] = [
    [steps.prepare, false],
    [steps.change, false],
    [steps.restore, true],
    [steps.revert, false],
    [steps.collect, !settled || steps.revert.length > 0],
  ];
  return list.filter(([changes]) => changes.length > 0).map(([changes, settle]) => ({ changes, settle }));
}

/** The tables made whole, whatever is there: what the kernel is asked to check. */
export function replacement(
  plans: readonly Table[],
  want: readonly TableState[],
  have: readonly TableState[],
): Transaction {
  const changes: Change[] = have.map(({ table }) => ({ kind: "delete table", table }));
  plans.forEach((plan, i) => create(changes, plan, want[i] as TableState));
  return { changes, settle: false };
}

const same = (a: TableName, b: TableName): boolean => a.family === b.family && a.name === b.name;

const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** A base chain of another hook or priority is another chain. Only another version of tsnet plans it otherwise. */
function hangsElsewhere(want: TableState, have: TableState): boolean {
  return [...want.chains].some(([name, { hook }]) => (have.chains.get(name)?.hook ?? hook) !== hook);
}

/** A table that isn't there: nothing passes through it yet. */
function create(out: Change[], plan: Table, want: TableState): void {
  const { table } = want;
  const isInterval = intervalsOf(plan);
  out.push({ kind: "add table", table });
  for (const chain of plan.chains) out.push({ kind: "add chain", table, chain });
  for (const set of plan.sets) addSet(out, table, set, want.sets.get(set.name) as SetState);
  for (const { name, rules } of plan.chains)
    for (const rule of rules) out.push({ kind: "add rule", table, chain: name, rule, names: NO_NAMES, isInterval });
}

function addSet(out: Change[], table: TableName, set: NftSet, { elements }: SetState, name = set.name): void {
  out.push({ kind: "add set", table, set, name });
  if (count(elements) > 0) out.push({ kind: "add elements", table, set: name, elements });
}

interface SetChange {
  readonly set: NftSet;
  readonly added: Elements;
  readonly removed: Elements;
  /** It can't be changed in place: another definition, or too small. */
  readonly anew: boolean;
}

class TableDifference {
  private readonly steps: Steps;
  private readonly plan: Table;
  private readonly want: TableState;
  private readonly have: TableState;
  private readonly table: TableName;
  private readonly isInterval: (set: string) => boolean;

  constructor(steps: Steps, plan: Table, want: TableState, have: TableState) {
    this.steps = steps;
    this.plan = plan;
    this.want = want;
    this.have = have;
    this.table = want.table;
    this.isInterval = intervalsOf(plan);
  }

  run(): void {
    const { plan, want, have, steps, table } = this;
    if (have.flags !== want.flags) steps.change.push({ kind: "add table", table });
    const changed = plan.sets.flatMap((set) => {
      const there = have.sets.get(set.name);
      return there === undefined ? [] : (setChange(set, want.sets.get(set.name) as SetState, there) ?? []);
    });
    const rewritten = plan.chains.filter((chain) => {
      const there = have.chains.get(chain.name);
      return there !== undefined && !sameRules(want.chains.get(chain.name) as ChainState, there);
    });
    const names = inPlace(changed, rewritten) ? NO_NAMES : this.copies(changed);

    for (const chain of plan.chains)
      if (!have.chains.has(chain.name)) steps.prepare.push({ kind: "add chain", table, chain });
    for (const set of plan.sets)
      if (!have.sets.has(set.name)) addSet(steps.prepare, table, set, want.sets.get(set.name) as SetState);
    for (const { set } of changed) {
      const copy = names.get(set.name);
      if (copy !== undefined) addSet(steps.prepare, table, set, want.sets.get(set.name) as SetState, copy);
    }
    for (const chain of plan.chains) if (!have.chains.has(chain.name)) this.addRules(steps.prepare, chain, names);

    if (names.size === 0) for (const change of changed) this.changeElements(change);
    for (const chain of plan.chains) {
      const there = have.chains.get(chain.name);
      if (there === undefined) continue;
      if (mentions(chain, names)) this.replaceRules(steps.change, chain, names);
      else if (rewritten.includes(chain)) this.editRules(chain, there);
    }
    const late = names.size === 0 ? steps.collect : steps.restore;
    this.collect(late, changed, names);
    for (const { set } of changed)
      if (names.has(set.name)) addSet(steps.restore, table, set, want.sets.get(set.name) as SetState);
    for (const chain of plan.chains) if (mentions(chain, names)) this.replaceRules(steps.revert, chain, NO_NAMES);
    for (const name of names.values()) steps.collect.push({ kind: "delete set", table, name });
  }

  /** Names for copies of sets, unlike every name that the kernel has. */
  private copies(changed: readonly SetChange[]): ReadonlyMap<string, string> {
    const names = new Map<string, string>();
    for (const { set } of changed) {
      let n = 1;
      while (this.have.sets.has(`${set.name}.${n}`)) n++;
      names.set(set.name, `${set.name}.${n}`);
    }
    return names;
  }

  private addRules(out: Change[], chain: Chain, names: ReadonlyMap<string, string>): void {
    const { table, isInterval } = this;
    for (const rule of chain.rules) out.push({ kind: "add rule", table, chain: chain.name, rule, names, isInterval });
  }

  private replaceRules(out: Change[], chain: Chain, names: ReadonlyMap<string, string>): void {
    out.push({ kind: "flush", table: this.table, chain: chain.name });
    this.addRules(out, chain, names);
  }

  /** Only the rules between the first and the last that differ. */
  private editRules(chain: Chain, there: ChainState): void {
    const { table, isInterval } = this;
    const { name } = chain;
    const rules = (this.want.chains.get(name) as ChainState).rules;
    let first = 0;
    while (first < rules.length && first < there.rules.length && rules[first] === there.rules[first]) first++;
    let last = 0;
    while (
      last < rules.length - first &&
      last < there.rules.length - first &&
      rules[rules.length - 1 - last] === there.rules[there.rules.length - 1 - last]
    )
      last++;
    const { change } = this.steps;
    for (const handle of there.handles.slice(first, there.rules.length - last))
      change.push({ kind: "delete rule", table, chain: name, handle });
    const before = there.handles[there.rules.length - last];
    for (const rule of chain.rules.slice(first, rules.length - last))
      change.push({
        ...{ kind: "add rule", table, chain: name, rule, names: NO_NAMES, isInterval },
        ...(before === undefined ? {} : { before }),
      });
  }

  private changeElements({ set, added, removed }: SetChange): void {
    const { table, steps } = this;
    // Deletions first: a full set takes additions only then.
    if (count(removed) > 0) steps.change.push({ kind: "delete elements", table, set: set.name, elements: removed });
    if (count(added) > 0) steps.change.push({ kind: "add elements", table, set: set.name, elements: added });
  }

  /** What isn't in the plan, and the sets that were copied. Rules first, then what they refer to. */
  private collect(out: Change[], changed: readonly SetChange[], names: ReadonlyMap<string, string>): void {
    const { table, have, want } = this;
    const gone = [...have.chains.keys()].filter((name) => !want.chains.has(name));
    for (const chain of gone) out.push({ kind: "flush", table, chain });
    for (const name of have.sets.keys()) if (!want.sets.has(name)) out.push({ kind: "delete set", table, name });
    for (const { set } of changed) if (names.has(set.name)) out.push({ kind: "delete set", table, name: set.name });
    for (const name of gone) out.push({ kind: "delete chain", table, name });
  }
}

function sameRules(a: ChainState, b: ChainState): boolean {
  return a.rules.length === b.rules.length && a.rules.every((rule, i) => rule === b.rules[i]);
}

/** Undefined where the set is as it should be. */
function setChange(set: NftSet, want: SetState, have: SetState): SetChange | undefined {
  const anew = want.definition !== have.definition || (have.size !== undefined && count(want.elements) > have.size);
  if (set.timeout === true) return anew ? { set, added: want.elements, removed: have.elements, anew } : undefined;
  const { added, removed } = compareElements(want.elements, have.elements);
  if (!anew && count(added) === 0 && count(removed) === 0) return undefined;
  return { set, added, removed, anew };
}

/**
 * Whether each packet meets at most one of the changes. A packet is of one family, and sets of one family bear its
 * number behind their first word.
 */
function inPlace(changed: readonly SetChange[], rewritten: readonly Chain[]): boolean {
  if (changed.length === 0) return true;
  if (rewritten.length > 0 || changed.some(({ anew }) => anew)) return false;
  if (changed.length === 1) return true;
  const families = changed.map(({ set }) => /^[a-z-]+?([46])(?:-|$)/.exec(set.name)?.[1]);
  return changed.length === 2 && families.includes("4") && families.includes("6");
}

function mentions(chain: Chain, names: ReadonlyMap<string, string>): boolean {
  return names.size > 0 && chain.rules.some((rule) => refersTo(rule, names));
}
