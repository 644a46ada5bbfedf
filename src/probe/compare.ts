/** A cell beside what was measured. Pure. */
import { formatAddress } from "../net/address.js";
import type { Cell } from "./cells.js";
import { type Answer, NO_PING, type Outcome } from "./protocol.js";

export type Measured = "allow" | "deny" | "reject";

/** What the probes of one cell brought. */
export interface Measurement {
  /** Several where connections are spread; none where the cell can't be measured here. */
  readonly answers: readonly Answer[];
  /** Why nothing was measured, or why silence proves nothing. */
  readonly unmeasured?: string | undefined;
}

export interface Result {
  readonly cell: Cell;
  /** Undefined: not measured. `mixed`: connections that are spread ended differently, as the policy says. */
  readonly measured: Measured | "mixed" | undefined;
  readonly agrees: boolean;
  /** Not measured although it should have been: the probes failed, or silence proves nothing. */
  readonly unproven: boolean;
  /** Why it wasn't measured, or what differs besides the verdict. */
  readonly remark: string | undefined;
  readonly answer: Answer | undefined;
}

const MEASURED: Readonly<Record<Outcome, Measured | undefined>> = {
  open: "allow",
  refused: "reject",
  unreachable: "reject",
  silent: "deny",
  failed: undefined,
};

export function compare(cell: Cell, { answers, unmeasured }: Measurement): Result {
  const verdicts = answers.map((answer) => MEASURED[answer.outcome]);
  const failed = answers.find((answer) => answer.outcome === "failed");
  const open = answers.find((answer) => answer.outcome === "open");
  const answer = open ?? failed ?? answers[0];
  const blank = (remark: string, unproven: boolean): Result => {
    return { cell, measured: undefined, agrees: false, unproven, remark, answer };
  };
  if (answers.length === 0) return blank(unmeasured ?? "not asked", false);
  if (failed !== undefined) return blank(failed.error ?? "the probe failed", failed.error !== NO_PING);
  // An answer proves that the way is open; silence proves nothing unless an answer could have come.
  if (unmeasured !== undefined && open === undefined) return blank(unmeasured, true);
  const distinct = [...new Set(verdicts)] as Measured[];
  const measured = distinct.length === 1 ? (distinct[0] as Measured) : "mixed";
  const possible = new Set<string>(cell.decisions.map((decision) => decision.verdict));
  const wrong = answers.map((answer) => (answer.outcome === "open" ? oddity(cell, answer) : undefined));
  const remark = wrong.find((text) => text !== undefined);
  const agrees = remark === undefined && distinct.every((verdict) => possible.has(verdict));
  return { cell, measured, agrees, unproven: false, remark, answer };
}

/** What is wrong with an answer although it came: somebody else gave it, or the packet came from a wrong address. */
function oddity({ targets, seenAs }: Cell, { by, peer }: Answer): string | undefined {
  if (by !== undefined && !targets.some((target) => target.name === by)) {
    return `${by} answered instead of ${targets.map((target) => target.name).join(" or ")}`;
  }
  if (peer === undefined || seenAs === undefined || seenAs.map(formatAddress).includes(peer)) return undefined;
  return `${by ?? "the other end"} saw it come from ${peer} instead of ${seenAs.map(formatAddress).join(" or ")}`;
}
