/** How a cell of the matrix looks. */
import type { Flow } from "../graph/model.js";

export interface Look {
  readonly kind: "all" | "some" | "published" | "none" | "refused" | "nothing";
  readonly sign: string;
}

/** A sign for each kind of cell, so that colour is never alone. */
export const LOOKS: Readonly<Record<Look["kind"], { sign: string; words: string }>> = {
  all: { sign: "●", words: "everything" },
  some: { sign: "◐", words: "some of it" },
  published: { sign: "◇", words: "published port only" },
  refused: { sign: "×", words: "denied by a statement" },
  none: { sign: "·", words: "nothing" },
  nothing: { sign: "", words: "" },
};

export function lookOf(flow: Flow | undefined): Look {
  const kind = kindOf(flow);
  return { kind, sign: LOOKS[kind].sign };
}

function kindOf(flow: Flow | undefined): Look["kind"] {
  if (flow === undefined) return "nothing";
  if (flow.extent === "all") return "all";
  if (flow.extent === "none") return flow.refusal === undefined ? "none" : "refused";
  return flow.cases.some((one) => one.via === undefined && one.verdict === "allow") ? "some" : "published";
}

/** A cell's text where there is room for words. */
export function wordsOf(flow: Flow | undefined): string {
  if (flow === undefined) return "";
  if (flow.label !== "") return flow.label;
  return flow.refusal ?? LOOKS.none.sign;
}
