/** Rules that decide nothing: exactly those whose leaving out changes no packet's verdict. */
import type { Diagnostics } from "../text/diagnostic.js";
import { location } from "../text/source.js";
import { combinations } from "./combinations.js";
import { DEFAULTS, evaluate } from "./evaluate.js";
import { OverlapIndex } from "./overlap-index.js";
import { ownAddresses } from "./own.js";
import type { Origin, Policy, Publish, Rule } from "./policy.js";
import { PublishIndex } from "./publish-index.js";
import { joins, Reach } from "./reach.js";
import { somePacket } from "./some-packet.js";

/** Why a rule decides nothing. */
export type Idleness =
  /** Packets that it covers never pass the host. */
  | { readonly kind: "nothing" }
  /** An earlier statement says the same. */
  | { readonly kind: "repeated"; readonly by: readonly [Origin] }
  /** The statements that decide in its place; and the names of defaults that say the same, where none does. */
  | {
      readonly kind: "idle";
      readonly by: readonly Origin[];
      /** Those of them that say the opposite. */
      readonly against: readonly Origin[];
      readonly defaults: readonly string[];
    };

/**
 * The rules that decide nothing. Of two equal rules the later one is idle, and only that. Rules that log are left alone,
 * and so are links, since they also name hosts and set variables: but for one by which nothing passes.
 */
export function idleRules(policy: Policy): Map<Rule, Idleness> {
  const links = new Set(policy.links.map((link) => link.origin));
  const isLink = ({ origin }: Rule): boolean => links.has(origin);
  const isOut = (rule: Rule): boolean => isLink(rule) || rule.log !== undefined;
  const repeated = repetitions(policy.rules);
  // A statement that is there a thousand times need not be compared with itself a million times.
  const once = policy.rules.filter((rule) => !repeated.has(rule));
  const index = new OverlapIndex(once);
  const publishes = new PublishIndex(policy.publishes);
  const idle = new Map<Rule, Idleness>();
  for (const rule of once.toReversed()) {
    if (rule.log !== undefined) continue;
    const idleness = idlenessOf(policy, rule, index.overlapping(rule), () => publishes.concerning(rule), idle);
    if (idleness === undefined || (isLink(rule) && !isStopped(idleness))) continue;
    idle.set(rule, idleness);
  }
  for (const [rule, first] of repeated) {
    if (isOut(rule)) continue;
    const nothing = idle.get(first)?.kind === "nothing";
    idle.set(rule, nothing ? { kind: "nothing" } : { kind: "repeated", by: [first.origin] });
  }
  return idle;
}

/** Whether nothing that the rule speaks of passes, where it would. */
function isStopped(idleness: Idleness): boolean {
  return idleness.kind === "idle" && idleness.defaults.length === 0 && idleness.against.length === idleness.by.length;
}

/** Rules of a statement that the policy has earlier already, each with the rule that the first such statement makes. */
function repetitions(rules: readonly Rule[]): Map<Rule, Rule> {
  const firsts = new Map<string, Rule>();
  const found = new Map<Rule, Rule>();
  let origin: Origin | undefined;
  let nth = 0;
  for (const rule of rules) {
    nth = rule.origin === origin ? nth + 1 : 0;
    origin = rule.origin;
    const key = `${nth} ${origin.text}`;
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, rule);
    else found.set(rule, first);
  }
  return found;
}

function idlenessOf(
  policy: Policy,
  rule: Rule,
  around: readonly Rule[],
  publishes: () => readonly Publish[],
  idle: ReadonlyMap<Rule, Idleness>,
): Idleness | undefined {
  // An idle rule of another verb still counts: without this one it would decide.
  const counts = (other: Rule): boolean => idle.get(other)?.kind !== "idle" || other.verb !== rule.verb;
  const first = somePacket(policy, rule, publishes);
  if (first !== undefined) {
    const rules = around.filter(counts);
    const others = rules.filter((other) => other !== rule);
    if (evaluate(policy, first, rules).verdict !== evaluate(policy, first, others).verdict) return undefined;
  }
  const by = new Set<Origin>();
  const against = new Set<Origin>();
  const defaults = new Set<string>();
  let seen = false;
  for (const { packet, speaking } of combinations(policy, rule, around, publishes())) {
    seen = true;
    const rules = speaking.filter(counts);
    const others = rules.filter((other) => other !== rule);
    const without = evaluate(policy, packet, others);
    if (evaluate(policy, packet, rules).verdict !== without.verdict) return undefined;
    if (without.default !== null) defaults.add(without.default);
    else
      for (const origin of without.by) {
        by.add(origin);
        if (without.verdict !== rule.verb) against.add(origin);
      }
  }
  if (!seen) return { kind: "nothing" };
  return { kind: "idle", by: [...by], against: [...against], defaults: [...defaults] };
}

/** @param known positions of the statements about which something else was said already */
export function reportIdleRules(policy: Policy, diagnostics: Diagnostics, known: ReadonlySet<number>): void {
  const reach = new Reach(ownAddresses(policy.containers));
  for (const [rule, idleness] of idleRules(policy)) {
    if (idleness.kind === "idle") reportIdle(rule, idleness, diagnostics);
    else if (idleness.kind === "repeated") reportRepeated(rule, idleness.by, diagnostics);
    // What no packet can match was said already.
    else if (!known.has(rule.origin.index) && joins(reach.places(rule.from), reach.places(rule.to)))
      diagnostics.warning(
        "rule-without-packet",
        rule.origin.span,
        "no packet that this rule covers ever passes the host",
        {
          why: "Containers that share a sandbox, and a container with itself, talk on their own loopback device.",
          help: "delete it",
        },
      );
  }
}

/** More statements than this are counted. */
const SHOWN = 3;

function reportIdle(
  rule: Rule,
  { by, against, defaults }: Extract<Idleness, { kind: "idle" }>,
  diagnostics: Diagnostics,
): void {
  const { span } = rule.origin;
  const related = by.slice(0, SHOWN).map((origin) => ({ span: origin.span, message: "decides it" }));
  // Who is contradicted must hear of that, though a default may agree with him about the rest: an address may be this host's.
  const opposed = against.length > 0;
  if (defaults.length === 0 || opposed)
    diagnostics.warning("rule-shadowed", span, "this rule can never decide a packet", {
      why:
        defaults.length === 0
          ? `${statements(by)} every packet that it covers; order doesn't matter.`
          : `${statements(against)} against it, whatever the order; the rest has its verdict by default already.`,
      help: "delete it, or narrow the statements that decide first",
      related,
    });
  else
    diagnostics.warning("rule-already-default", span, "this rule says what already holds", {
      why: `Without it the same verdict comes from the default for ${defaults.map((name) => DEFAULTS[name as keyof typeof DEFAULTS]).join(" and ")}.`,
      help:
        rule.verb === "allow" && defaults.includes("icc")
          ? "delete it, or make the default stricter (icc off)"
          : "delete it",
      related,
    });
}

function reportRepeated({ origin }: Rule, [first]: readonly [Origin], diagnostics: Diagnostics): void {
  diagnostics.warning("rule-shadowed", origin.span, "this rule can never decide a packet", {
    why: `${named([first])} says the same; order doesn't matter.`,
    help: "delete it",
    related: [{ span: first.span, message: "says the same" }],
  });
}

/** `'deny any -> c1' (shop.tsnet:3:1) decides`. */
function statements(by: readonly Origin[]): string {
  const more = by.length > SHOWN ? ` and ${by.length - SHOWN} more` : "";
  return `${named(by)}${more} ${by.length === 1 ? "decides" : "decide"}`;
}

function named(by: readonly Origin[]): string {
  return by
    .slice(0, SHOWN)
    .map((origin) => `'${origin.text}' (${location(origin.span)})`)
    .join(" and ");
}
