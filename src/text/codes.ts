/** The catalogue of every diagnostic: what a code means, whatever the policy. */
import { ADVICE_CODES, type AdviceCode } from "./advice-codes.js";
import type { Entry } from "./entry.js";
import { SEMANTIC_CODES, type SemanticCode } from "./semantic-codes.js";
import { SYNTAX_CODES, type SyntaxCode } from "./syntax-codes.js";

export type Code = SyntaxCode | SemanticCode | AdviceCode;

export const CODES: Readonly<Record<string, Entry>> = { ...SYNTAX_CODES, ...SEMANTIC_CODES, ...ADVICE_CODES };
