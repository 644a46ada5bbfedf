/** How a plan stands in the kernel, and the way there. */
import { createHash } from "node:crypto";
import type { Policy } from "../../ir/policy.js";
import { FAMILIES } from "../../net/address.js";
import type { Approach, Committed } from "../backend.js";
import { Refused } from "../refused.js";
import { objectChanges } from "./object-changes.js";
import { prefixOf } from "./names.js";
import { plan } from "./plan.js";
import type { Ruleset } from "./ruleset.js";
import {
  changesOf,
  changeText,
  isAbsent,
  readState,
  type State,
  type TableChange,
  wantedAgain,
  wantedState,
} from "./standing.js";
import { ruleText, toText } from "./text.js";
import { recordedVariant, rehearse, restore, save, type Variant, VARIANTS, workingVariant } from "./tools.js";

/** Per family, IPv4 first. */
type Both<T> = readonly [T, T];

/** `known` is what was remembered of the policy's last commit. */
export async function approach(policy: Policy, known: Committed | undefined): Promise<Approach> {
  const ruleset = plan(policy);
  const { variant, states } = await standingOf(policy.name, known);
  const digest = `iptables-${variant}:${digestOf(ruleset)}`;
  const changes = changesTo(ruleset, states);
  const objects = changes.flat().reduce((sum, change) => sum + change.operations, 0);
  const absent = states.every(isAbsent);
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
    async commit() {
      await commitAll(policy.name, variant, states, changes);
      return { digest, generation: undefined, operations: objects };
    },
    async verify() {
      const left = changesTo(ruleset, await statesOf(policy.name, variant)).flat()[0];
      if (left !== undefined)
        throw new Refused(
          `the rules aren't as they were committed (${left.name}: ${left.lines.at(-1) ?? ""}): somebody else has changed them meanwhile`,
          "look for what else manages iptables on this host, and apply again",
        );
      return undefined;
    },
    list: (before) => objectChanges(ruleset, states, before && plan(before)),
  };
}

/** Names of chains are digests of their content, but for those of the entries. */
function digestOf({ families }: Ruleset): string {
  const hash = createHash("sha1");
  for (const { family, tables } of families)
    for (const { name, chains } of tables) {
      hash.update(`${family} ${name}\n`);
      for (const chain of chains) {
        hash.update(`${chain.name}\n`);
        if (chain.hook !== undefined) for (const rule of chain.rules) hash.update(`${ruleText(rule, family)}\n`);
      }
    }
  return hash.digest("hex");
}

function changesTo(ruleset: Ruleset, states: Both<State>): Both<TableChange[]> {
  const change = (i: 0 | 1): TableChange[] => changesOf(states[i], wantedState(ruleset.families[i]), ruleset.policy);
  return [change(0), change(1)];
}

/** The variant in which the policy's chains stand, or else the usual one; and what stands there. */
async function standingOf(
  policy: string,
  known: Committed | undefined,
): Promise<{ readonly variant: Variant; readonly states: Both<State> }> {
  const recorded = recordedVariant(known);
  const first = recorded ?? (await workingVariant());
  const states = await statesOf(policy, first);
  if (recorded !== undefined || !states.every(isAbsent)) return { variant: first, states };
  const other = first === "nft" ? "legacy" : "nft";
  const others = await statesOf(policy, other);
  return others.every(isAbsent) ? { variant: first, states } : { variant: other, states: others };
}

/** Where the policy's chains stand. */
export async function variantOf(policy: string): Promise<Variant> {
  return (await standingOf(policy, undefined)).variant;
}

async function statesOf(policy: string, variant: Variant): Promise<Both<State>> {
  const [v4 = "", v6 = ""] = await Promise.all(FAMILIES.map((family) => save(variant, family)));
  return [readState(v4, policy), readState(v6, policy)];
}

/**
 * Each table and family is a commit of its own: where one is refused, all go back to what they were. Throws `Refused`,
 * which also says what couldn't go back.
 */
async function commitAll(
  policy: string,
  variant: Variant,
  before: Both<State>,
  changes: Both<readonly TableChange[]>,
): Promise<void> {
  const results = await Promise.allSettled(
    FAMILIES.map((family, i) => restore(variant, family, changeText(changes[i] ?? []))),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return;
  const left = await takeBack(policy, variant, before);
  const reason = failed.reason as Error;
  if (left.length > 0) reason.message += `; and taking back what was loaded failed: ${left.join("; ")}`;
  throw reason;
}

/** The one family whatever becomes of the other. Returns what failed, a phrase each. */
async function takeBack(policy: string, variant: Variant, before: Both<State>): Promise<string[]> {
  const left: string[] = [];
  try {
    const now = await statesOf(policy, variant);
    for (const [i, family] of FAMILIES.entries()) {
      const back = changesOf(now[i] as State, wantedAgain(before[i] as State, policy), policy);
      await restore(variant, family, changeText(back.toReversed())).catch((error: Error) => {
        left.push(`IPv${family}: ${error.message}`);
      });
    }
  } catch (error) {
    left.push((error as Error).message);
  }
  return left;
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
