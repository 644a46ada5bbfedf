/** The catalogue of every diagnostic: what a code means, whatever the policy. */
import { adviceCodes, type AdviceCode } from "./advice-codes.js";
import type { Entry } from "./entry.js";
import { requestCodes, type RequestCode } from "./request-codes.js";
import { semanticCodes, type SemanticCode } from "./semantic-codes.js";
import { syntaxCodes, type SyntaxCode } from "./syntax-codes.js";

export type Code = SyntaxCode | SemanticCode | AdviceCode | RequestCode;

let all: Readonly<Record<string, Entry>> | undefined;

/** Every code's entry: made when somebody asks, which a short command doesn't. */
export function catalogue(): Readonly<Record<string, Entry>> {
  all ??= { ...syntaxCodes(), ...semanticCodes(), ...adviceCodes(), ...requestCodes() };
  return all;
}
