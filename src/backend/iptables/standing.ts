/** What stands in the kernel, as iptables-save says it, and what must be done to it. */
import { type Entry, entryName, prefixOf } from "./names.js";
import { type Chains, keyOf } from "./kernel.js";
import type { Chain, Printed, Rules, Ruleset, TableName } from "./ruleset.js";
import { TABLES } from "./ruleset.js";
import { printed } from "./text.js";

/** A table: chains of this policy, and every rule of the built-in ones. */
export interface TableState {
  /** Rules without their chain's name. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly builtin: ReadonlyMap<string, readonly string[]>;
}

export type State = Readonly<Record<TableName, TableState>>;

/** What a plan wants: chains, and which of them the built-in ones lead to, in this order. */
interface Wanted {
  readonly chains: ReadonlyMap<string, Pick<Printed, "text" | "count">>;
  readonly hooks: ReadonlyMap<string, readonly string[]>;
}

/** Reads what iptables-save printed. */
export function readState(text: string, policy: string): State {
  const prefix = prefixOf(policy);
  const state = Object.fromEntries(
    TABLES.map((name) => [name, { chains: new Map<string, string[]>(), builtin: new Map<string, string[]>() }]),
  ) as Record<TableName, { chains: Map<string, string[]>; builtin: Map<string, string[]> }>;
  let table: (typeof state)[TableName] | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = state[line.slice(1) as TableName];
    else if (table === undefined) continue;
    else if (line.startsWith(":")) {
      const name = line.slice(1, line.indexOf(" "));
      if (name.startsWith(prefix)) table.chains.set(name, []);
      else if (!line.includes(" - ")) table.builtin.set(name, []);
    } else if (line.startsWith("-A ")) {
      const space = line.indexOf(" ", 3);
      const name = line.slice(3, space);
      (table.chains.get(name) ?? table.builtin.get(name))?.push(line.slice(space + 1));
    }
  }
  return state;
}

/** Whether anything of the policy is there. */
export function isAbsent(state: State): boolean {
  return TABLES.every((name) => state[name].chains.size === 0);
}

/** A plan's rules of a family, as they are to stand. */
export function wantedState(rules: Rules): Readonly<Record<TableName, Wanted>> {
  const chainsOf = (name: TableName): readonly Chain[] =>
    rules.tables.find((table) => table.name === name)?.chains ?? [];
  const wanted = (name: TableName): Wanted => {
    const hooks = new Map<string, string[]>();
    const chains = new Map<string, Printed>();
    for (const chain of chainsOf(name)) {
      chains.set(chain.name, printed(chain, rules.family));
      if (chain.hook !== undefined) hooks.set(chain.hook, [...(hooks.get(chain.hook) ?? []), chain.name]);
    }
    return { chains, hooks };
  };
  return { raw: wanted("raw"), nat: wanted("nat"), filter: wanted("filter") };
}

/** Whether nf_tables has a plan's chains and no other of the policy's, each with as many rules and ways in. */
export function standsBy({ families }: Ruleset, { uses }: Chains): boolean {
  let number = 0;
  for (const { family, tables } of families)
    for (const { name, chains } of tables) {
      const wanted = new Map<string, number>();
      const count = (chain: string, more: number): void => void wanted.set(chain, (wanted.get(chain) ?? 0) + more);
      for (const chain of chains) {
        const rules = printed(chain, family);
        count(chain.name, rules.count + (chain.hook === undefined ? 0 : 1));
        for (const [to, ways] of rules.leads) count(to, ways);
      }
      for (const [chain, use] of wanted) {
        const there = uses.get(keyOf(family, name, chain));
        if (there === undefined || (isTimed(chain) ? there < use : there !== use)) return false;
      }
      number += wanted.size;
    }
  return number === uses.size;
}

/** What a state wants of itself: the way back to it. */
export function wantedAgain(state: State, policy: string): Readonly<Record<TableName, Wanted>> {
  const prefix = `-j ${prefixOf(policy)}`;
  const wanted = ({ chains, builtin }: TableState): Wanted => ({
    chains: new Map([...chains].map(([name, lines]) => [name, { text: lines.join("\n"), count: lines.length }])),
    hooks: new Map(
      [...builtin].map(([name, rules]) => [
        name,
        rules.filter((rule) => rule.startsWith(prefix)).map((rule) => rule.slice(3)),
      ]),
    ),
  });
  return { raw: wanted(state.raw), nat: wanted(state.nat), filter: wanted(state.filter) };
}

/** What takes a table from one state to another in one commit, and how many rules that adds and deletes. */
export interface TableChange {
  readonly name: TableName;
  /** Lines, those of a chain in one piece. */
  readonly pieces: readonly string[];
  readonly operations: number;
  /** Whether all that differs is the place of jumps, which stand behind rules of others'. */
  readonly moves: boolean;
}

const JUMP = /^-j TSNET-[0-9a-z]{6}-([a-z]+)$/;

/**
 * Tables in the order of their commits: what may be sent, then what passes, then what published ports lead to, and last
 * what need no longer be kept from being sent. So between two commits nothing passes that the new rules deny: who may send an
 * address is asked as long as the filter, old or new, lets it pass; and what the old table leads somewhere waits while the
 * new filter, which doesn't know that way, would take it for sent there directly. Of chains of the filter table that are `ahead` on their
 * way, no line is said, but their rules count.
 */
export function changesOf(
  state: State,
  wanted: Readonly<Record<TableName, Wanted>>,
  policy: string,
  ahead: ReadonlySet<string> = NONE_AHEAD,
): TableChange[] {
  const [guard, unguard] = guardChanges(state.raw, wanted.raw, policy);
  const nat = tableChange("nat", state.nat, wanted.nat, policy);
  const held = heldWays(state.nat, wanted.nat);
  const [filter, unheld] = filterChanges(state.filter, wanted.filter, policy, ahead, held);
  const changes = [guard, filter, nat, unheld, unguard];
  return changes.filter(
    (change): change is TableChange => change !== undefined && (change.pieces.length > 0 || change.operations > 0),
  );
}

/**
 * Rules that drop what begins by the ways of published ports that go away: by each, packets of the protocol, sent to that
 * port and led to that address. A sender of TCP tries again.
 */
function heldWays(state: TableState, wanted: Wanted): string[] {
  const old = new Set([...state.chains.values()].flat().filter((line) => line.includes(" DNAT ")));
  if (old.size === 0) return [];
  for (const { text } of wanted.chains.values()) for (const line of text.split("\n")) old.delete(line);
  return [...new Set([...old].flatMap((line) => held(line) ?? []))];
}

function held(line: string): string | undefined {
  const to = /--to-destination (?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+)|([0-9a-f:]+))/.exec(line);
  if (to === null) return undefined;
  const protocol = /(?:^| )-p (\S+)/.exec(line)?.[1];
  const port = /--dport (\S+)/.exec(line)?.[1];
  return [
    `-d ${to[1] ?? to[2] ?? to[3]}`,
    ...(protocol === undefined ? [] : [`-p ${protocol}`]),
    "-m conntrack --ctstate DNAT",
    `-m conntrack --ctstate NEW${port === undefined ? "" : ` --ctorigdstport ${port}`}`,
    "-j DROP",
  ].join(" ");
}

/** First the new rules behind those that hold something back, then without these. */
function filterChanges(
  state: TableState,
  wanted: Wanted,
  policy: string,
  ahead: ReadonlySet<string>,
  held: readonly string[],
): [first: TableChange, last: TableChange | undefined] {
  const whole = tableChange("filter", state, wanted, policy, ahead);
  const entries = (["forward", "output"] as const).map((entry) => entryName(policy, entry));
  const ways = entries.flatMap((name) => {
    const chain = wanted.chains.get(name);
    return chain === undefined ? [] : [[name, chain] as const];
  });
  if (held.length === 0 || whole.operations === 0 || ways.length === 0) return [whole, undefined];
  const behind = new Map(
    ways.map(([name, { text, count }]) => [name, { text: [...held, text].join("\n"), count: held.length + count }]),
  );
  const first = tableChange(
    "filter",
    state,
    { ...wanted, chains: new Map([...wanted.chains, ...behind]) },
    policy,
    ahead,
  );
  const between = new Map([...behind].map(([name, { text }]) => [name, text.split("\n")]));
  const last = tableChange(
    "filter",
    { chains: between, builtin: new Map() },
    { chains: new Map(ways), hooks: new Map() },
    policy,
  );
  return [
    { ...first, operations: whole.operations },
    { ...last, operations: 0 },
  ];
}

/**
 * First the old guard besides the new one: what passes is what both let pass, which is all that either policy has an honest
 * sender of. Then the new one alone. A guard that is only taken away goes last.
 */
function guardChanges(
  state: TableState,
  wanted: Wanted,
  policy: string,
): [first: TableChange | undefined, last: TableChange | undefined] {
  const whole = tableChange("raw", state, wanted, policy);
  const name = entryName(policy, "guard");
  const guard = wanted.chains.get(name);
  if (guard === undefined) return [undefined, whole];
  const lines = guard.text.split("\n");
  const old = (state.chains.get(name) ?? []).filter((line) => !lines.includes(line));
  if (old.length === 0) return [whole, undefined];
  const both = [...lines, ...old];
  const isKept = ([chain]: readonly [string, unknown]): boolean => wanted.chains.has(chain);
  const kept = new Map([...state.chains].filter(isKept));
  const gone = new Map([...state.chains].filter((one) => !isKept(one)));
  const chains = new Map([...wanted.chains, [name, { text: both.join("\n"), count: both.length }]]);
  const first = tableChange("raw", { ...state, chains: kept }, { ...wanted, chains }, policy);
  const between = { chains: new Map([...gone, [name, both]]), builtin: new Map() };
  const last = tableChange("raw", between, { chains: new Map([[name, guard]]), hooks: new Map() }, policy);
  return [first, { ...last, operations: Math.max(0, whole.operations - first.operations) }];
}

const NONE_AHEAD: ReadonlySet<string> = new Set();

function tableChange(
  name: TableName,
  state: TableState,
  wanted: Wanted,
  policy: string,
  ahead: ReadonlySet<string> = NONE_AHEAD,
): TableChange {
  const declared: string[] = [];
  const rules: string[] = [];
  const hooks: string[] = [];
  const gone: string[] = [];
  let operations = 0;
  for (const [chain, rulesWanted] of wanted.chains) {
    const { count } = rulesWanted;
    const there = state.chains.get(chain);
    if (there === undefined && ahead.has(chain)) {
      operations += count;
      continue;
    }
    // Its text is put together where it is looked at.
    const { text } = rulesWanted;
    if (there !== undefined && (isTimed(chain) || (there.length === count && there.join("\n") === text))) continue;
    operations += count + (there?.length ?? 0);
    declared.push(declaration(chain));
    if (count > 0) rules.push(rulesOf(chain, text));
  }
  const builtins = new Set([...state.builtin.keys(), ...wanted.hooks.keys()]);
  let moves = operations === 0;
  for (const builtin of builtins) {
    const [there, targets] = [state.builtin.get(builtin) ?? [], wanted.hooks.get(builtin) ?? []];
    const lines = hookLines(builtin, there, targets, policy);
    hooks.push(...lines);
    const jumps = targets.map((chain) => `-j ${chain}`);
    moves &&= jumpsOf(there, policy).sort().join() === jumps.sort().join();
    operations += lines.length;
  }
  const old = [...state.chains.keys()].filter((chain) => !wanted.chains.has(chain));
  for (const chain of old) {
    gone.push(`-F ${chain}`);
    operations += state.chains.get(chain)?.length ?? 0;
  }
  for (const chain of old) gone.push(`-X ${chain}`);
  moves &&= old.length === 0;
  return { name, pieces: [...declared, ...rules, ...hooks, ...gone], operations, moves };
}

/** Said of a chain that is there, this empties it. */
export function declaration(chain: string): string {
  return `:${chain} - [0:0]`;
}

/** The lines of a chain's rules, of which there are some. */
export function rulesOf(chain: string, text: string): string {
  return `-A ${chain} ${text.replaceAll("\n", `\n-A ${chain} `)}`;
}

function isTimed(chain: string): boolean {
  return chain.endsWith("-cut" satisfies `-${Entry}`);
}

/**
 * What puts our jumps to the head of a built-in chain, where no foreign rule decides before. Several policies stand
 * there beside each other: what accepts comes behind all that may deny. No line says a number: the chain that was read may be
 * another by the time of the commit, and iptables knows the place by the rule that stood there.
 */
function hookLines(builtin: string, there: readonly string[], wanted: readonly string[], policy: string): string[] {
  const prefix = `-j ${prefixOf(policy)}`;
  const targets = wanted.map((chain) => `-j ${chain}`);
  const accepts = targets.some(isAccept);
  const denying = there.filter((rule) => !rule.startsWith(prefix) && JUMP.test(rule) && !isAccept(rule));
  const first = there.findIndex((rule) => !JUMP.test(rule));
  const head = first === -1 ? there : there.slice(0, first);
  const mine = jumpsOf(there, policy);
  if (mine.length === targets.length && targets.every((rule) => head.includes(rule))) {
    const last = there.findLastIndex((rule) => denying.includes(rule));
    if (!accepts || head.findIndex((rule) => targets.includes(rule) && isAccept(rule)) > last) return [];
  }
  const behind = accepts ? denying : [];
  const order = [...targets.filter((rule) => !isAccept(rule)), ...behind, ...targets.filter(isAccept)];
  return [
    ...[...mine, ...behind].map((rule) => `-D ${builtin} ${rule}`),
    // Each comes before those that came already.
    ...order.toReversed().map((rule) => `-I ${builtin} ${rule}`),
  ];
}

/** A policy's jumps of a built-in chain. */
function jumpsOf(there: readonly string[], policy: string): string[] {
  const prefix = `-j ${prefixOf(policy)}`;
  return there.filter((rule) => rule.startsWith(prefix));
}

function isAccept(rule: string): boolean {
  return JUMP.exec(rule)?.[1] === ("accept" satisfies Entry);
}

/** As iptables-restore takes it. */
export function changeText(changes: readonly TableChange[]): string {
  return changes.map(({ name, pieces }) => `*${name}\n${pieces.join("\n")}\nCOMMIT\n`).join("");
}
