/** The path of a packet through the hooks, with the kernel objects that carry it. */
import { frameOf, hostOf } from "../backend/shape/frames.js";
import { Interpreter, type Step } from "../backend/nftables/interpret.js";
import type { Rule, Ruleset } from "../backend/nftables/ruleset.js";
import { elementText, ruleText } from "../backend/nftables/text.js";
import type { Packet } from "../ir/evaluate.js";
import type { Policy } from "../ir/policy.js";

export interface PathStep {
  readonly hook: string;
  readonly chain: string;
  /** `accept`, `drop`, `reject`, `translate`, or the chain that it leads to. */
  readonly effect: string;
  /** The rule, or the element of a set that it found. */
  readonly object: string;
  /** The kernel's handle of the rule, where the policy is live and could be read. */
  readonly handle?: number;
}

/** The kernel's handles of rules that are live as planned. */
export type Handles = (table: string, chain: string, rule: Rule) => number | undefined;

const interpreters = new WeakMap<Ruleset, Interpreter>();

/** Every rule that decided or moved the packet, hook by hook. */
export function pathOf(policy: Policy, ruleset: Ruleset, packet: Packet, handles?: Handles): PathStep[] {
  let interpreter = interpreters.get(ruleset);
  if (interpreter === undefined) interpreters.set(ruleset, (interpreter = new Interpreter(ruleset)));
  const outcome = interpreter.run(frameOf(policy, packet), hostOf(policy, packet));
  return outcome.steps.map((step) => {
    const handle = handles?.(step.table, step.chain, step.rule);
    return { ...pathStep(ruleset, step), ...(handle === undefined ? {} : { handle }) };
  });
}

function pathStep(ruleset: Ruleset, step: Step): PathStep {
  const set = ruleset.tables.find((table) => table.name === step.table)?.sets.find((other) => other.name === step.set);
  const element =
    set !== undefined && step.element !== undefined ? ` (@${set.name}: ${elementText(set, step.element)})` : "";
  return { hook: step.hook, chain: step.chain, effect: effectOf(step), object: `${ruleText(step.rule)}${element}` };
}

function effectOf(step: Step): string {
  const last = step.rule.expressions[step.rule.expressions.length - 1];
  if (last?.kind === "dnat" || last?.kind === "spread") return "translate";
  if (last?.kind === "reject") return "reject";
  if (last?.kind === "masquerade") return "masquerade";
  if (last?.kind === "snat") return "from gateway";
  const target =
    last?.kind === "verdict" ? last.target : typeof step.element?.data === "object" ? step.element.data : undefined;
  if (target === undefined) return "";
  return "chain" in target ? target.chain : target.verdict;
}
