import type { Severity } from "./diagnostic.js";

/** What a code stands for. `severity` is what it is reported with. */
export interface Entry {
  readonly severity: Severity;
  readonly title: string;
  readonly explanation: string;
}

export const entry = (severity: Severity, title: string, explanation: string): Entry => ({
  severity,
  title,
  explanation,
});
