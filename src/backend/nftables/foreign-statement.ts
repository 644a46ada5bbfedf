/**
 * What statements of nft that no plan has do to a packet, of rules that are only interpreted. Pure. What isn't known to
 * be harmless is taken to be none of it.
 */
import type { Listed } from "./listing.js";
import type { Expression } from "./ruleset.js";

/**
 * `vague`: whether the rule goes on behind it depends on more than the packet. `rewrites`: the packet is another one
 * afterwards. `rezones`: its connection is looked up elsewhere.
 */
export type Standing = "harmless" | "vague" | "rewrites" | "rezones";

/** Undefined: it is a condition or a verdict, or is unknown. `kind` and `inner` are nft's JSON. */
export function standing(kind: string, inner: Listed | null): Standing | undefined {
  if (kind === "mangle") return writes((inner?.["key"] ?? {}) as Record<string, Listed | undefined>);
  // A threshold; and a set that is full takes no more, which ends the rule.
  if (kind === "ct count" || kind === "set" || kind === "map") return "vague";
  return HARMLESS.has(kind) ? "harmless" : undefined;
}

/** Statements that decide nothing about the packet at hand. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["snat", "masquerade", "ct helper", "ct timeout", "ct expectation", "log"],
  ...["dup", "secmark", "synproxy", "last"],
]);

/** What may be written without a packet faring otherwise, by where it is written. */
const MARKS: ReadonlySet<unknown> = new Set(["mark", "priority", "nftrace", "secmark", "label", "event"]);
const QUALITIES: ReadonlySet<unknown> = new Set(["dscp", "ecn", "ttl", "hoplimit", "flowlabel"]);

function writes({ meta, ct, payload, ...others }: Record<string, Listed | undefined>): Standing {
  if (ct?.["key"] === "zone") return "rezones";
  const what = meta ?? ct;
  if (what !== undefined) return MARKS.has(what["key"]) ? "harmless" : "rewrites";
  if (payload !== undefined)
    return payload["base"] === undefined && QUALITIES.has(payload["field"]) ? "harmless" : "rewrites";
  return "tcp option" in others ? "harmless" : "rewrites";
}

/** What only packets behind the first of a connection have. */
const LATER: ReadonlySet<unknown> = new Set([
  ...["ct state established", "ct state related", "ct direction reply"],
  ...["ct status snat", "ct status assured", "ct status confirmed", "ct status seen-reply"],
]);

/**
 * A rule that refuses later packets of connections, without what it asks for that the first one never has: that is the
 * packet that is followed. Undefined of any other rule.
 */
export function withoutLater(expressions: readonly Expression[]): readonly Expression[] | undefined {
  const last = expressions.at(-1);
  const refuses =
    last?.kind === "reject" ||
    (last?.kind === "verdict" && !("chain" in last.target) && last.target.verdict === "drop");
  if (!refuses) return undefined;
  const rest = expressions.filter((e) => {
    const values = e.kind === "match" && e.not !== true ? [e.value] : e.kind === "among" ? e.values : [];
    const about = (e as { key?: string }).key;
    return values.includes("new") || !values.some((value) => LATER.has(`${about} ${String(value)}`));
  });
  return rest.length === expressions.length ? undefined : rest;
}
