/** What is worth knowing of a policy that is right, and how such a thing, or a warning, is silenced. */
import { type Entry, entry } from "./entry.js";

export const adviceCodes = () =>
  ({
    // Worth knowing
    "publish-open": entry(
      "info",
      "A published port that anyone may use",
      "A publish without 'from' admits every source that reaches the host.",
    ),
    "container-unreached": entry(
      "info",
      "A container that nothing reaches",
      "No other container and no publish reaches it: right for what only asks others.",
    ),
    "not-applied-yet": entry(
      "info",
      "A statement that this version can't carry out",
      "It is checked as it is meant, but an apply refuses it: nothing is ever widened.",
    ),
    "wide-range": entry(
      "info",
      "A CIDR that allows more than it seems to",
      "A CIDR means its addresses whoever has them, containers and this host included.",
    ),

    // Silencing
    "ignore-unknown": entry(
      "warning",
      "A comment that ignores something unknown",
      "'# tsnet: ignore CODE reason' names the code of a diagnostic.",
    ),
    "ignore-without-reason": entry(
      "warning",
      "A comment that ignores something without a reason",
      "'# tsnet: ignore CODE reason' says why; without that it silences nothing.",
    ),
    "ignore-unused": entry(
      "info",
      "A comment that silences nothing",
      "What '# tsnet: ignore CODE reason' silenced is no longer said of its line.",
    ),
  }) satisfies Record<string, Entry>;

export type AdviceCode = keyof ReturnType<typeof adviceCodes>;
