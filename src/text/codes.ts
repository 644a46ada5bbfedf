/** The catalogue of every diagnostic: what a code means, whatever the policy. */
import type { Severity } from "./diagnostic.js";
import { SYNTAX_CODES } from "./syntax-codes.js";

/** What a code stands for. `severity` is what it is reported with. */
export interface Entry {
  readonly severity: Severity;
  readonly title: string;
  readonly explanation: string;
}

export const CODES: Readonly<Record<string, Entry>> = { ...SYNTAX_CODES };
