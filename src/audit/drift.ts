/** Drift of the rules in words: what is wrong, which statement it is about, and what a packet may do because of it. */
import type { ReadTable } from "../backend/nftables/from-json.js";
import type { Ruleset } from "../backend/nftables/ruleset.js";
import { PAST } from "../ir/assertions.js";
import { DEFAULTS } from "../ir/evaluate.js";
import { packetText } from "../ir/packet-text.js";
import type { Origin, Policy } from "../ir/policy.js";
import { type Difference, type Proof, prove } from "./proof.js";
import { type Drift } from "./report.js";
import { type RuleDrift, rulesDrift } from "./rule-drift.js";
import { behindDecision, behindText, placeOf } from "./statement.js";

/** Milliseconds for finding out what each drift does by itself; those beyond it are told without an example. */
export const BUDGET = 3000;

/** Pure but for the clock, which bounds how much is worked out. */
export function ruleDrifts(policy: Policy, want: Ruleset, have: readonly ReadTable[]): Drift[] {
  const deadline = performance.now() + BUDGET;
  return rulesDrift(want, have).map((drift) => {
    const proof = drift.matters && performance.now() < deadline ? tryProof(policy, drift.alone) : undefined;
    const [difference, ...others] = [...(proof?.differences ?? [])].sort(
      (a, b) => weight(a) - weight(b) || place(a) - place(b),
    );
    const origin =
      drift.from[0] ??
      (difference === undefined
        ? behindText(policy, drift.object)
        : behindDecision(policy, difference.packet, difference.expected));
    return {
      object: drift.object,
      origin,
      message: `${drift.object} ${drift.what}`,
      effect: effect(policy, drift, difference) + alsoText(origin, others),
    };
  });
}

/** What opens what a statement denies comes first, and what a default says last. */
function weight({ expected, actual }: Difference): number {
  const opens = actual === "allow" && expected.verdict !== "allow";
  return (opens ? 0 : 2) + (expected.default === null ? 0 : 1);
}

const place = ({ expected }: Difference): number => expected.by[0]?.span.start ?? Infinity;

/** More are counted. */
const MOST = 4;

/** Other statements that no longer hold. */
function alsoText(origin: Origin | undefined, others: readonly Difference[]): string {
  const found = new Set(others.flatMap(({ expected }) => expected.by).filter((by) => by !== origin));
  if (found.size === 0) return "";
  const places = [...found].slice(0, MOST).map((by) => `${placeOf(by).file}:${placeOf(by).line}`);
  const more = found.size > MOST ? ` and ${found.size - MOST} more` : "";
  return `; nor ${found.size === 1 ? "does" : "do"} ${places.join(", ")}${more} hold`;
}

/** Undefined where the ruleset can't be interpreted. */
export function tryProof(policy: Policy, ruleset: Pick<Ruleset, "tables">): Proof | undefined {
  try {
    // Somebody's rule may ask by which device packets leave: a container's is known.
    return prove(policy, ruleset, { patience: BUDGET, deviceOf: () => undefined });
  } catch {
    return undefined;
  }
}

/** `c2 (…) -> c1 (…):22/tcp is now allowed, and the policy denies it (default: …)`. */
export function differenceText(policy: Policy, difference: Difference): string {
  const { packet, expected, actual, translation } = difference;
  const why = expected.default === null ? "" : ` (default: ${DEFAULTS[expected.default as keyof typeof DEFAULTS]})`;
  const what = packetText(policy, packet).replace(/,$/, "");
  if (translation !== undefined) return `${what} ${translation}; the policy has it ${PAST[expected.verdict]}${why}`;
  return `${what} is now ${PAST[actual]}; the policy has it ${PAST[expected.verdict]}${why}`;
}

function effect(policy: Policy, drift: RuleDrift, difference: Difference | undefined): string {
  if (!drift.matters) return "packets aren't affected, but it no longer leads to its statement";
  if (!drift.understood) {
    const perhaps = difference === undefined ? "" : `; if it matches them, ${differenceText(policy, difference)}`;
    return `it asks for something that tsnet never does, so which packets it means can't be told${perhaps}`;
  }
  if (difference !== undefined) return differenceText(policy, difference);
  const meaning = MEANINGS.find(([pattern]) => pattern.test(`${drift.object} ${drift.place ?? ""}`));
  return (
    meaning?.[1] ??
    "the first packets of connections fare as the policy says in spite of it; what it does with later ones isn't worked out"
  );
}

/** What the fixed parts of the ruleset are for, where no packet that begins a connection as it should tells. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/table arp|arp tsnet/, "a container can claim another's address in ARP, or its own ARP is dropped"],
  [
    /\b(guard|frames[46]?)\b/,
    "a container can send from an address that isn't its own, or its own packets are dropped",
  ],
  [
    /\b(state-\w+|self[46]|cut(-bare)?[46])\b/,
    "replies, ICMP errors or packets in the middle of a connection pass or fail otherwise",
  ],
  [
    /\b(translate-out|masquerade[46]|gateway[46])\b/,
    "packets leave with another source address than they should, so answers don't come back",
  ],
  [/\blog-/, "what the statement logs isn't logged, or something else is"],
  [/\brefuse\b/, "rejected packets are answered otherwise, or not at all"],
  [/\b(input|output)\b/, "neighbour discovery or redirects pass otherwise"],
  [/\bveths\b/, "a container's packets are taken for a stranger's"],
];
