/**
 * What differs between the rules that a policy compiles to and those that the kernel has, object by object. Pure.
 *
 * Both sides are of the plan's type (from-json.ts), so this is a comparison of texts. Each drift comes with the ruleset
 * as it would be with this drift alone, so that the proof can tell what a packet may do because of it.
 */
import type { ReadChain, ReadElement, ReadSet, ReadTable } from "../backend/nftables/from-json.js";
import type { Chain, Rule, Ruleset, Set, Table } from "../backend/nftables/ruleset.js";
import { elementText, ruleText } from "../backend/nftables/text.js";
import { comment, tidy } from "../backend/nftables/values.js";
import type { Origin } from "../ir/policy.js";
import { align } from "./align.js";
import { effective } from "./working.js";

export interface RuleDrift {
  /** `inet tsnet-shop allow-port4 { 10.0.0.1 . … }`. */
  readonly object: string;
  /** What is wrong, as the end of a sentence that begins with the object. */
  readonly what: string;
  readonly from: readonly Origin[];
  /** Name of the set or chain; undefined of a table. */
  readonly place: string | undefined;
  /** False where packets can't be affected. */
  readonly matters: boolean;
  /** False where somebody's rule or element has something that can't be interpreted. */
  readonly understood: boolean;
  /** The plan with this drift alone. */
  readonly alone: Pick<Ruleset, "tables">;
}

/** More of one kind in one set or chain are told in one. */
const MOST = 8;

/** `have`: the tables of the plan's names that the kernel has. */
export function rulesDrift(want: Ruleset, have: readonly ReadTable[]): RuleDrift[] {
  const drifts = want.tables.flatMap((plan) => {
    const there = have.find(({ family, name }) => family === plan.family && name === plan.name);
    return tableDrift(want, plan, there);
  });
  for (const table of have)
    if (!want.tables.some(({ family, name }) => family === table.family && name === table.name))
      drifts.push(drift(want, `table ${table.family} ${table.name}`, "is there, and the policy doesn't need it", {}));
  return drifts;
}

type Details = Partial<Pick<RuleDrift, "from" | "place" | "matters" | "understood" | "alone">>;

function drift(want: Ruleset, object: string, what: string, details: Details): RuleDrift {
  return { object, what, from: [], place: undefined, matters: true, understood: true, alone: want, ...details };
}

const nameOf = ({ family, name }: Pick<Table, "family" | "name">): string => `${family} ${name}`;

function tableDrift(want: Ruleset, plan: Table, have: ReadTable | undefined): RuleDrift[] {
  const object = `table ${nameOf(plan)}`;
  const gone = { tables: want.tables.filter((table) => table !== plan) };
  if (have === undefined) return [drift(want, object, "is missing", { alone: gone })];
  const out: RuleDrift[] = [];
  if (have.dormant) out.push(drift(want, object, "is dormant: none of its chains is on its hook", { alone: gone }));
  const into = new Place(want, plan);
  const [sets, chains] = [byName(have.sets), byName(have.chains)];
  for (const set of plan.sets) out.push(...setDrift(into, set, sets.get(set.name)));
  for (const chain of plan.chains) out.push(...chainDrift(into, chain, chains.get(chain.name)));
  const planned = { sets: byName(plan.sets), chains: byName(plan.chains) };
  for (const { name, elements } of have.sets)
    if (!planned.sets.has(name))
      out.push(
        into.drift(`set ${name}`, `isn't the policy's; it has ${elements.length} elements`, {
          matters: false,
          place: name,
        }),
      );
  for (const chain of have.chains) if (!planned.chains.has(chain.name)) out.push(addedChain(into, chain));
  return out;
}

function byName<T extends { readonly name: string }>(list: readonly T[]): ReadonlyMap<string, T> {
  return new Map(list.map((one) => [one.name, one]));
}

/** A chain of somebody's in our table; it matters where it is on a hook, or a rule leads there. */
function addedChain(into: Place, chain: ReadChain): RuleDrift {
  const { name, hook, rules } = chain;
  const where = hook === undefined ? "" : ` on the hook ${hook.hook}, priority ${hook.priority}`;
  return into.drift(`chain ${name}`, `isn't the policy's; it has ${rules.length} rules${where}`, {
    place: name,
    matters: hook !== undefined,
    understood: rules.every(({ understood }) => understood),
    alone: into.with({ chains: [...into.plan.chains, effective(chain)] }),
  });
}

/** A table of the plan, into which a drift is put alone. */
class Place {
  readonly plan: Table;
  private readonly want: Ruleset;

  constructor(want: Ruleset, plan: Table) {
    this.want = want;
    this.plan = plan;
  }

  with(change: Partial<Pick<Table, "sets" | "chains">>): Pick<Ruleset, "tables"> {
    return { tables: this.want.tables.map((table) => (table === this.plan ? { ...table, ...change } : table)) };
  }

  withSet(set: Set): Pick<Ruleset, "tables"> {
    return this.with({ sets: this.plan.sets.map((other) => (other.name === set.name ? set : other)) });
  }

  withChain(chain: Chain): Pick<Ruleset, "tables"> {
    return this.with({ chains: this.plan.chains.map((other) => (other.name === chain.name ? chain : other)) });
  }

  drift(object: string, what: string, details: Details): RuleDrift {
    return drift(this.want, `${object} of table ${nameOf(this.plan)}`, what, details);
  }
}

// Sets ---------------------------------------------------------------------------------------------------------------

function setDrift(into: Place, set: Set, have: ReadSet | undefined): RuleDrift[] {
  const kind = set.data === undefined ? "set" : "map";
  const object = `${kind} ${set.name}`;
  const place = set.name;
  if (have === undefined) {
    const alone = into.withSet({ ...set, elements: [] });
    return [into.drift(object, "is missing", { place, alone, from: originsOf(set.elements) })];
  }
  const out: RuleDrift[] = [];
  const types = (one: Set): string =>
    `${one.type.join(" . ")} : ${one.data ?? ""} ${one.interval} ${one.timeout ?? false}`;
  if (types(set) !== types(have)) out.push(into.drift(object, "is of another type", { place }));
  // What packets count in is theirs. nft doesn't list that a set is one; the plan knows.
  if (set.counts === true) return out;
  if (!have.understood)
    out.push(into.drift(object, "has an element that can't be interpreted", { place, understood: false }));
  if (set.timeout === true) return [...out, ...lastingElements(into, set, have.lasting ?? [], object)];
  return [...out, ...elementDrift(into, set, have, object)];
}

const originsOf = (list: readonly { readonly from: readonly Origin[] }[]): Origin[] =>
  [...new Set(list.flatMap(({ from }) => from))] as unknown as Origin[];

function elementDrift(into: Place, set: Set, have: ReadSet, object: string): RuleDrift[] {
  const plain = (element: Set["elements"][number]): string => elementText(set, { ...element, from: [] });
  const keyText = (element: Set["elements"][number]): string => plain(keyOnly(element));
  const live = new Map(have.elements.map((element) => [keyText(element), element]));
  const lost: Set["elements"][number][] = [];
  const out: RuleDrift[] = [];
  const place = set.name;
  for (const element of set.elements) {
    const key = keyText(element);
    const found = live.get(key);
    live.delete(key);
    if (found === undefined) lost.push(element);
    else if (plain(found) !== plain(element)) {
      const changed = set.elements.map((one) => (one === element ? found : one));
      out.push(
        into.drift(
          `element { ${key} } in ${object}`,
          `is '${dataText(plain(found))}', not '${dataText(plain(element))}'`,
          {
            place,
            from: element.from,
            alone: into.withSet({ ...set, elements: changed }),
          },
        ),
      );
    } else if (commentOf(element) !== found.comment)
      out.push(
        into.drift(
          `element { ${key} } in ${object}`,
          `has the comment ${quoted(found.comment)}, which isn't its statement's`,
          {
            place,
            from: element.from,
            matters: false,
          },
        ),
      );
  }
  const without = (gone: readonly unknown[]): Pick<Ruleset, "tables"> =>
    into.withSet({ ...set, elements: set.elements.filter((one) => !gone.includes(one)) });
  if (lost.length > MOST || (lost.length > 1 && lost.length === set.elements.length))
    out.push(
      into.drift(object, `has lost ${lost.length === set.elements.length ? "all its" : lost.length} elements`, {
        place,
        from: originsOf(lost),
        alone: without(lost),
      }),
    );
  else
    for (const element of lost)
      out.push(
        into.drift(`element { ${plain(element)} } in ${object}`, "is missing", {
          place,
          from: element.from,
          alone: without([element]),
        }),
      );
  return [...out, ...addedElements(into, set, [...live.values()], object)];
}

function addedElements(into: Place, set: Set, added: readonly ReadElement[], object: string): RuleDrift[] {
  const place = set.name;
  const adding = (list: readonly ReadElement[]): Pick<Ruleset, "tables"> =>
    into.withSet({ ...set, interval: set.interval, elements: [...set.elements, ...list] });
  if (added.length > MOST)
    return [
      into.drift(object, `has ${added.length} elements that the policy doesn't`, { place, alone: adding(added) }),
    ];
  return added.map((element) =>
    into.drift(`element { ${elementText(set, element)} } in ${object}`, "was added: no statement says so", {
      place,
      alone: adding([element]),
    }),
  );
}

/** Elements of a set that tsnet fills for minutes while the policy is live. */
function lastingElements(into: Place, set: Set, lasting: readonly ReadElement[], object: string): RuleDrift[] {
  if (lasting.length === 0) return [];
  const [first] = lasting;
  const which =
    lasting.length === 1 && first !== undefined ? `element { ${elementText(set, first)} } in ${object}` : object;
  const what =
    lasting.length === 1
      ? "was added for longer than tsnet ever does"
      : `has ${lasting.length} elements that were added for longer than tsnet ever does`;
  return [into.drift(which, what, { place: set.name, alone: into.withSet({ ...set, elements: lasting }) })];
}

const keyOnly = ({ key }: Set["elements"][number]): Set["elements"][number] => ({ key, from: [] });
const commentOf = ({ from }: Set["elements"][number]): string | undefined => comment(from);
const quoted = (text: string | undefined): string => (text === undefined ? "(none)" : `"${text}"`);

/** What stands behind the colon of a map's element. */
const dataText = (text: string): string => text.slice(text.lastIndexOf(" : ") + 3);

// Chains -------------------------------------------------------------------------------------------------------------

function chainDrift(into: Place, chain: Chain, have: ReadChain | undefined): RuleDrift[] {
  const object = `chain ${chain.name}`;
  const place = chain.name;
  if (have === undefined) {
    const alone = into.with({ chains: into.plan.chains.filter((other) => other !== chain) });
    return [into.drift(object, "is missing", { place, alone, from: originsOf(chain.rules) })];
  }
  const out: RuleDrift[] = [];
  const { hook } = chain;
  const hookText = (one: Chain["hook"]): string =>
    one === undefined ? "on no hook" : `${one.type}, hook ${one.hook}, priority ${one.priority}`;
  if (hookText(hook) !== hookText(have.hook))
    out.push(
      into.drift(object, `is ${hookText(have.hook)}, not ${hookText(hook)}`, {
        place,
        alone: into.withChain({
          name: chain.name,
          rules: chain.rules,
          ...(have.hook === undefined ? {} : { hook: have.hook }),
        }),
      }),
    );
  if (have.policy !== "accept")
    out.push(
      into.drift(object, "has the policy drop, not accept", {
        place,
        alone: into.withChain(
          effective({ ...have, rules: chain.rules as ReadChain["rules"], hook: hook ?? have.hook } as ReadChain),
        ),
      }),
    );
  return [...out, ...ruleDrift(into, chain, have)];
}

function ruleDrift(into: Place, chain: Chain, have: ReadChain): RuleDrift[] {
  const place = chain.name;
  const where = `chain ${chain.name}`;
  const plain = (rule: Rule): string => ruleText({ expressions: normal(rule), from: [] });
  const wanted = chain.rules.map(plain);
  const found = have.rules.map((rule) =>
    rule.understood
      ? plain(rule) + rule.text.slice(ruleText({ expressions: rule.expressions, from: [] }).length)
      : rule.text,
  );
  const { pairs, lost, added } = align(wanted, found);
  const out: RuleDrift[] = [];
  const alone = (rules: readonly Rule[]): Pick<Ruleset, "tables"> => into.withChain({ ...chain, rules });
  for (const [i, k] of pairs) {
    const rule = chain.rules[i] as Rule;
    const words = rule.comment === undefined ? comment(rule.from) : tidy(rule.comment);
    if (words === have.rules[k]?.comment) continue;
    const what = `has the comment ${quoted(have.rules[k]?.comment)}, not ${quoted(words)}`;
    out.push(into.drift(`rule '${wanted[i]}' in ${where}`, what, { place, from: rule.from, matters: false }));
  }
  if (lost.length > 1 && lost.length === chain.rules.length && added.length === 0)
    return [into.drift(where, "has lost all its rules", { place, from: originsOf(chain.rules), alone: alone([]) })];
  const moved = new Set<number>();
  for (const i of lost) {
    const at = added.find((k) => !moved.has(k) && found[k] === wanted[i]);
    const rule = chain.rules[i] as Rule;
    const rest = chain.rules.filter((_, other) => other !== i);
    const object = `rule '${wanted[i]}' in ${where}`;
    if (at === undefined) {
      out.push(into.drift(object, "is missing", { place, from: rule.from, alone: alone(rest) }));
      continue;
    }
    moved.add(at);
    const position = Math.min(at, rest.length);
    out.push(
      into.drift(object, `has moved from place ${i + 1} to ${at + 1}`, {
        place,
        from: rule.from,
        alone: alone([...rest.slice(0, position), rule, ...rest.slice(position)]),
      }),
    );
  }
  for (const k of added) {
    const rule = have.rules[k];
    if (moved.has(k) || rule === undefined) continue;
    const position = pairs.filter(([, other]) => other < k).length;
    out.push(
      into.drift(`rule '${found[k]}' in ${where}`, `was added at place ${k + 1}: no statement says so`, {
        place,
        understood: rule.understood,
        alone: alone([...chain.rules.slice(0, position), rule, ...chain.rules.slice(position)]),
      }),
    );
  }
  return out;
}

/** nft sorts the members of anonymous sets. */
function normal({ expressions }: Rule): Rule["expressions"] {
  return expressions.map((e) =>
    e.kind === "among" ? { ...e, values: [...e.values].sort((a, b) => (String(a) < String(b) ? -1 : 1)) } : e,
  );
}
