/** A flow in a few words. Pure. */
import type { Case, Flow } from "./model.js";
import { type Services, serviceWords } from "./services.js";

/** Behind words that hold for some addresses of the ends only. */
export const SOME_ADDRESSES = "*";

export function summary(cases: readonly Case[]): Flow {
  const direct = cases.filter(({ via }) => via === undefined);
  const allowed = direct.filter(({ verdict }) => verdict === "allow");
  const refused = direct.filter(({ verdict }) => verdict !== "allow");
  const ways = cases.filter(({ via, verdict }) => via !== undefined && verdict === "allow").flatMap(wayWords);
  if (allowed.length > 0 && refused.length === 0) return { extent: "all", label: "all", cases };
  const words = [...distinct(directWords(allowed, refused)), ...distinct(ways)];
  if (words.length > 0) return { extent: "some", label: words.join(", "), cases };
  const refusal = refusalOf(refused);
  return { extent: "none", label: "", ...(refusal === undefined ? {} : { refusal }), cases };
}

function directWords(allowed: readonly Case[], refused: readonly Case[]): string[] {
  const open = allowed.some((one) => one.rest && !isPartial(one));
  if (!open) return allowed.flatMap((one) => marked(one, one.rest ? ["all"] : one.services));
  const but = refused.flatMap((one) => marked(one, one.rest ? ["others"] : one.services));
  return [`all but ${distinct(but).join(", ")}`];
}

/** `:8443`: the host's port. */
function wayWords(one: Case): string[] {
  return marked(
    one,
    serviceWords(one.ports as Services).map((word) => `:${word}`),
  );
}

function marked(one: Case, words: readonly string[]): string[] {
  return isPartial(one) ? words.map((word) => `${word}${SOME_ADDRESSES}`) : [...words];
}

export function isPartial({ from, to }: Case): boolean {
  return from !== undefined || to !== undefined;
}

/** How a statement refuses, where one does. */
function refusalOf(refused: readonly Case[]): "deny" | "reject" | undefined {
  const said = refused.filter((one) => one.by.length > 0 && one.default === undefined);
  if (said.length === 0) return undefined;
  return said.some(({ verdict }) => verdict === "deny") ? "deny" : "reject";
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)];
}
