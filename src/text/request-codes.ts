/** What is wrong with what is asked of a policy, not with its own text. */
import { type Entry, entry } from "./entry.js";

export const requestCodes = () =>
  ({
    "not-applicable": entry(
      "error",
      "A statement that this version can't carry out",
      "It is parsed and checked, but there is no exact way to compile or apply it, and nothing is ever widened.",
    ),
    "bad-query": entry("error", "A query that is none", "A query is a source, '->' and a destination: c2 -> c1:22."),
    "not-a-test": entry(
      "error",
      "A statement that doesn't belong in a file of tests",
      "A file of tests has assert, let and include; what the policy is stands in the policy.",
    ),
    "no-assertion": entry(
      "error",
      "A file of tests that asserts nothing",
      "A test that asserts nothing passes whatever the policy says.",
    ),
    "not-there": entry(
      "error",
      "A statement to remove that isn't there",
      "An update takes away statements of the policy as they stand in it.",
    ),
  }) satisfies Record<string, Entry>;

export type RequestCode = keyof ReturnType<typeof requestCodes>;
