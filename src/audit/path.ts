/** The path of a packet through the hooks, with the kernel objects that carry it. */
import { frameOf, hostOf } from "../backend/nftables/frames.js";
import { Interpreter, type Step } from "../backend/nftables/interpret.js";
import type { Ruleset } from "../backend/nftables/ruleset.js";
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
}

const interpreters = new WeakMap<Ruleset, Interpreter>();

/** Every rule that decided or moved the packet, hook by hook. */
export function pathOf(policy: Policy, ruleset: Ruleset, packet: Packet): PathStep[] {
  let interpreter = interpreters.get(ruleset);
  if (interpreter === undefined) interpreters.set(ruleset, (interpreter = new Interpreter(ruleset)));
  const outcome = interpreter.run(frameOf(policy, packet), hostOf(policy, packet));
  return outcome.steps.map((step) => pathStep(ruleset, step));
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
  const target =
    last?.kind === "verdict" ? last.target : typeof step.element?.data === "object" ? step.element.data : undefined;
  if (target === undefined) return "";
  return "chain" in target ? target.chain : target.verdict;
}
