/** How a plan stands in the kernel, and the way there. */
import { beginDigest } from "../../system/digest.js";
import { ownAddresses } from "../../ir/own.js";
import type { Policy } from "../../ir/policy.js";
import { type Family, FAMILIES } from "../../net/address.js";
import type { Ending } from "../../system/ending.js";
import type { Approach, Committed, Source } from "../backend.js";
import { Refused } from "../refused.js";
import { settle } from "../../system/settle.js";
import { Ahead } from "./ahead.js";
import { type Chains, hasChains, readChains } from "./kernel.js";
import { commitAll } from "./commit.js";
import { objectChanges } from "./object-changes.js";
import { prefixOf } from "./names.js";
import { plan } from "./plan.js";
import type { Ruleset } from "./ruleset.js";
import {
  changesOf,
  changeText,
  isAbsent,
  readState,
  standsBy,
  type State,
  type TableChange,
  wantedState,
} from "./standing.js";
import { beginState, type Both, each, statesOf } from "./states.js";
import { ruleText, toText } from "./text.js";
import { recordedVariant, rehearse, restore, tool, type Variant, VARIANTS, workingVariant } from "./tools.js";

/** `known` is what was remembered of the policy's last commit. */
export async function approach(
  policy: Policy,
  known: Committed | undefined,
  { hurry = false, ending }: Pick<Source, "hurry" | "ending"> = {},
): Promise<Approach> {
  const { variant: first, chains: there, idle, end } = await beginStanding(policy, known, ending);
  const ahead = hurry && there !== undefined ? await beginAhead(policy.name, first, there, ending) : [];
  try {
    if (policy.ruleList.length > FEW) for (const one of ahead) if (!idle.includes(one.family)) one.begin();
    // While the tools are at it.
    const ruleset = plan(policy, [ahead[0]?.sink, ahead[1]?.sink]);
    return await approachOf(policy, ruleset, await end(), ahead, ending);
  } catch (error) {
    await abandon(ahead);
    await end().catch(() => undefined);
    throw error;
  }
}

function beginAhead(
  policy: string,
  variant: Variant,
  there: Chains,
  ending: Ending | undefined,
): Promise<readonly Ahead[]> {
  return Promise.all(
    FAMILIES.map(async (family) => new Ahead(policy, await tool(variant, family, "restore"), family, there, ending)),
  );
}

async function abandon(ahead: readonly Ahead[]): Promise<void> {
  await Promise.all(ahead.map((one) => one.abandon()));
}

async function approachOf(
  policy: Policy,
  ruleset: Ruleset,
  { variant, states: found, chains: before }: Standing,
  ahead: readonly Ahead[],
  ending: Ending | undefined,
): Promise<Approach> {
  // Chains that the other variant has were read instead.
  if (before === undefined) await abandon(ahead);
  const begun = before === undefined ? [] : ahead;
  const states: Both<State> = [asBefore(found[0], begun[0]), asBefore(found[1], begun[1])];
  const digest = `iptables-${variant}:${digestOf(ruleset)}`;
  const changes = changesTo(ruleset, states, begun);
  const objects = changes.flat().reduce((sum, change) => sum + change.operations, 0);
  const absent = states.every(isAbsent);
  const commits = begun.reduce((sum, { batches }) => sum + batches, changes.flat().length);
  const chains = `${prefixOf(policy.name)}… of iptables (${variant})`;
  return {
    standing: objects === 0 ? "equal" : absent ? "absent" : "different",
    conflict: undefined,
    now: { digest, generation: undefined },
    objects,
    loosens: false,
    describe: () =>
      absent
        ? `load the chains ${chains}`
        : `change ${objects} ${objects === 1 ? "rule" : "rules"} of the chains ${chains}`,
    async check() {
      for (const rules of ruleset.families) await rehearse(variant, rules.family, toText(rules));
    },
    async commit(meanwhile) {
      await commitAll(policy.name, variant, states, changes, { ahead: begun, ending, meanwhile });
      return { digest, generation: undefined, operations: objects };
    },
    async verify() {
      // Without reading each rule where nobody but us has changed any since they were read.
      const now = before && readChains(prefixOf(policy.name));
      if (now !== undefined && now.generation === (before?.generation ?? 0) + commits && standsBy(ruleset, now))
        return undefined;
      await verifyRules(ruleset, variant, ending);
      return undefined;
    },
    list: (before) => objectChanges(ruleset, states, before && plan(before)),
    abandon: () => abandon(begun),
  };
}

/** How often our jumps are put to the head of their chains again, where somebody else puts rules before them meanwhile. */
const TRIES = 10;

/** Reads every rule. Throws `Refused` where they aren't the plan's, but for jumps that others' rules came before. */
async function verifyRules(ruleset: Ruleset, variant: Variant, ending: Ending | undefined): Promise<void> {
  for (let tries = 0; ; tries++) {
    const changes = changesTo(ruleset, await statesOf(ruleset.policy, variant, { needed: true, ending }));
    const left = changes.flat().find(({ moves }) => !moves || tries === TRIES);
    if (left !== undefined)
      throw new Refused(
        `the rules aren't as they were committed (${left.name}: ${left.pieces.at(-1)?.split("\n").at(-1) ?? ""}): ${left.moves ? "somebody else puts rules before them again and again" : "somebody else has changed them meanwhile"}`,
        "look for what else manages iptables on this host, and apply again",
      );
    if (changes.flat().length === 0) return;
    await settle(FAMILIES.map((family, i) => restore(variant, family, changeText(changes[i] ?? []), ending)));
  }
}

/** What stood before anything was ahead: the tool that reads it may have been overtaken. */
function asBefore(state: State, ahead: Ahead | undefined): State {
  if (ahead === undefined || ahead.names.size === 0) return state;
  const chains = [...state.filter.chains].filter(([name]) => !ahead.names.has(name));
  return { ...state, filter: { ...state.filter, chains: new Map(chains) } };
}

/** Names of chains are digests of their content, but for those of the entries. */
function digestOf({ families }: Ruleset): string {
  const hash = beginDigest("sha1");
  for (const { family, tables } of families)
    for (const { name, chains } of tables) {
      hash.update(`${family} ${name}\n`);
      for (const chain of chains) {
        hash.update(`${chain.name}\n`);
        if (chain.hook !== undefined) for (const rule of chain.rules) hash.update(`${ruleText(rule, family)}\n`);
      }
    }
  return hash.hex();
}

function changesTo(ruleset: Ruleset, states: Both<State>, ahead: readonly Ahead[] = []): Both<TableChange[]> {
  const change = (i: 0 | 1): TableChange[] =>
    changesOf(states[i], wantedState(ruleset.families[i]), ruleset.policy, ahead[i]?.names);
  return [change(0), change(1)];
}

interface Standing {
  readonly variant: Variant;
  readonly states: Both<State>;
  /** What nf_tables told of the policy's chains before they were read; undefined where it can't, or isn't asked. */
  readonly chains: Chains | undefined;
}

/** Statements of which it doesn't pay to have a tool wait for their rules. */
const FEW = 300;

interface Reading {
  /** The variant that is read, and what nf_tables told of it. */
  readonly variant: Variant;
  readonly chains: Chains | undefined;
  /** Families of which nothing is planned, and nothing stands. */
  readonly idle: readonly Family[];
  /** Waits for it; in the end it may be the other variant. */
  readonly end: () => Promise<Standing>;
}

/** What carried a policy when this process last looked: the way back need not try again which variant works. */
const carriers = new Map<string, Variant>();

/** Begins to read. */
async function beginStanding(
  policy: Policy,
  known: Committed | undefined,
  ending: Ending | undefined,
): Promise<Reading> {
  const recorded = recordedVariant(known);
  const first = recorded ?? carriers.get(policy.name) ?? (await workingVariant());
  carriers.set(policy.name, first);
  const chains = first === "nft" ? readChains(prefixOf(policy.name)) : undefined;
  const own = ownAddresses(policy.containers);
  const idle = FAMILIES.filter(
    (family) => chains !== undefined && !hasChains(chains, family) && (family === 4 ? own.v4 : own.v6).length === 0,
  );
  const reading = FAMILIES.map((family) =>
    idle.includes(family) ? undefined : beginState(policy.name, first, family, { needed: true, ending, chains }),
  );
  // Whoever waits for them hears of it.
  for (const begun of reading) begun?.catch(() => undefined);
  const read = async (): Promise<Standing> => {
    const nothing = readState("", policy.name);
    const [v4 = nothing, v6 = nothing] = await each(reading.map(async (begun) => (await begun)?.()));
    const states: Both<State> = [v4, v6];
    if (recorded !== undefined || !states.every(isAbsent)) return { variant: first, states, chains };
    const other = first === "nft" ? "legacy" : "nft";
    const others = await statesOf(policy.name, other, { ending });
    if (others.every(isAbsent)) return { variant: first, states, chains };
    carriers.set(policy.name, other);
    return { variant: other, states: others, chains: undefined };
  };
  let ended: Promise<Standing> | undefined;
  return { variant: first, chains, idle, end: () => (ended ??= read()) };
}

/** Where the policy's chains stand; else the usual variant. */
export async function variantOf(policy: string): Promise<Variant> {
  const first = carriers.get(policy) ?? (await workingVariant());
  const order = first === "nft" ? VARIANTS : [...VARIANTS].reverse();
  for (const variant of order) if (!(await statesOf(policy, variant)).every(isAbsent)) return variant;
  return first;
}

/** Takes away every chain of the policy's, in both variants and families; returns a phrase for each. */
export async function removeChains(policy: string): Promise<string[]> {
  const phrases: string[] = [];
  const nothing = wantedState({ family: 4, tables: [] });
  for (const variant of VARIANTS) {
    const states = await statesOf(policy, variant);
    for (const [i, family] of FAMILIES.entries()) {
      const changes = changesOf(states[i] as State, nothing, policy);
      if (changes.length === 0) continue;
      await restore(variant, family, changeText(changes));
      const tables = changes.map(({ name }) => name).join(", ");
      phrases.push(`chains ${prefixOf(policy)}… of ${family === 4 ? "iptables" : "ip6tables"} (${variant}: ${tables})`);
    }
  }
  return phrases;
}
