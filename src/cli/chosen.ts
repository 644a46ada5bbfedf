/** What people and programs hear of the backend that `--backend auto` has chosen. */
import { type Choice, reasonsOf, reasonText } from "../backend/choice.js";
import { APPLICABLE } from "../backend/registry.js";
import { note, shown } from "./output.js";

/** On standard error, where it isn't the default. */
export function noteChoice(choice: Choice | undefined): void {
  const text = choice === undefined ? undefined : choiceText(choice);
  if (text !== undefined) note(`tsnet: ${shown(text)}`);
}

/** Undefined where there is nothing to say. Pure. */
export function choiceText({ backend, live, passed }: Choice): string | undefined {
  if (live) return backend === APPLICABLE[0] ? undefined : `backend ${backend}, by which the policy is live`;
  if (passed.length === 0) return undefined;
  return `backend ${backend}, since others can't carry the policy here: ${passed.map(reasonText).join("; ")}`;
}

/** `chosen` in what programs read. Pure. */
export function choiceJson({ backend, live, passed }: Choice): Record<string, unknown> {
  return {
    backend,
    live,
    passed: passed.flatMap((candidate) =>
      reasonsOf(candidate).map(({ what, mend }) => ({ backend: candidate.backend, what, mend })),
    ),
  };
}
