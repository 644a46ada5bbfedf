/** Reads `a -> b:22` as the rule of a policy that it would be: addresses mean whoever has them. */
import { compile, compiledFrom } from "../../src/ir/compile.js";
import type { Policy, Rule } from "../../src/ir/policy.js";

/** Undefined where it is no rule of the policy. */
export function readStatement(policy: Policy, text: string): Rule | undefined {
  const [file] = compiledFrom(policy).files;
  const { policy: edited, failed } = compile(`${file?.text ?? ""}\nallow ${text}`);
  if (failed) return undefined;
  return edited.rules.find(({ origin }) => origin.span.start > (file?.text ?? "").length);
}
