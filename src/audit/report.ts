/** What an audit finds, as plain values. */
import type { Origin } from "../ir/policy.js";
import type { Severity } from "../text/diagnostic.js";

/** Something of the policy's that isn't as the policy has it. */
export interface Drift {
  readonly object: string;
  /** The statement that no longer holds; undefined where it is the policy as a whole, or none. */
  readonly origin: Origin | undefined;
  /** What is wrong: a sentence that begins with the object. */
  readonly message: string;
  /** What a packet can do because of it. */
  readonly effect: string;
  /** Of what an apply doesn't put right: what does. */
  readonly byHand?: ByHand;
}

export interface ByHand {
  readonly mend: string;
  /** As long as it is so, an apply refuses the whole policy. */
  readonly first: boolean;
}

/** What somebody else's rule does to packets of the policy. */
export type Effect = "drops" | "rejects" | "translates" | "bypasses" | "copies" | "untracks" | "unclear";

export interface Foreign {
  /** The rule or chain, with its table. */
  readonly object: string;
  readonly effect: Effect;
  readonly origin: Origin | undefined;
  readonly severity: Severity;
  readonly message: string;
}

export interface Finding {
  /** Stable: scripts rely on it. */
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string | null;
  readonly line: number | null;
}

export interface PolicyReport {
  readonly policy: string;
  /** The file that was named first. */
  readonly file: string | undefined;
  readonly drift: readonly Drift[];
  readonly foreign: readonly Foreign[];
  readonly findings: readonly Finding[];
  /** Parts into which the proof cut all packets; undefined where nothing could be proved. */
  readonly classes: number | undefined;
}
