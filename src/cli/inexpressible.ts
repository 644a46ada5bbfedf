/** A statement that is in the language and can't be applied, reported as a diagnostic. */
import type { Inexpressible } from "../backend/inexpressible.js";
import { EXIT, Failure } from "./exit.js";
import { diagnosticsJson, noteDiagnostic, printJson } from "./output.js";

export function failInexpressible({ span, message }: Inexpressible, json: boolean): never {
  const diagnostic = {
    code: "not-applicable",
    severity: "error" as const,
    span,
    message,
    why: "It is parsed and checked, but this version has no way to carry it out exactly, and nothing is ever widened.",
    help: "take the statement out to apply the rest",
  };
  if (json) printJson({ diagnostics: diagnosticsJson([diagnostic]) });
  else noteDiagnostic(diagnostic);
  throw new Failure(EXIT.policy, "");
}
