/**
 * What rules of others do to packets of a policy: other tables on the same hooks are interpreted together with ours.
 *
 * In nftables a drop is final and an accept is not, so a foreign table can take away what the policy allows, and never
 * give what it denies unless it leads packets around our rules. Of a rule that asks for something that isn't
 * interpreted, only the rest is known: what it certainly does is told as such, what it may do as something that can't
 * be told.
 */
import type { ReadRule, ReadTable } from "../backend/nftables/from-json.js";
import type { RulePlace } from "../backend/nftables/box.js";
import { packetText } from "../ir/packet-text.js";
import type { Policy } from "../ir/policy.js";
import { PAST } from "../ir/assertions.js";
import { type Address, type AddressSet, FAMILIES, formatValue } from "../net/address.js";
import type { Chain, Expression, Rule } from "../backend/nftables/ruleset.js";
import { isPlain, openingOf } from "./altered.js";
import { type Difference, prove, type ProofOptions } from "./proof.js";
import type { Effect, Foreign } from "./report.js";
import { effective, working } from "./working.js";
import { behindDecision } from "./statement.js";

export interface ForeignTable extends ReadTable {
  /** Whose it seems to be, and how it is looked at: `iptables (legacy)`; undefined for plain nft. */
  readonly owner?: string;
  /** The text of a rule, by its handle. */
  readonly textOf: (rule: ReadRule) => string;
}

/** Entries of one rule that are told one by one. */
const MOST = 5;

/** What this host has besides rules. */
export interface Surroundings {
  /** The device by which packets from or to an address of the world come or go. */
  readonly deviceOf: (address: Address) => string | undefined;
  /** Its own addresses. */
  readonly local: AddressSet;
}

/** `own`: the policy's tables as the kernel has them. */
export function foreignEffects(
  policy: Policy,
  own: readonly ReadTable[],
  tables: readonly ForeignTable[],
  { deviceOf, local }: Surroundings,
): Foreign[] {
  const awake = tables.filter(({ dormant }) => !dormant);
  if (awake.length === 0) return [];
  const isForeign = ({ table }: RulePlace): boolean =>
    awake.some(({ family, name }) => family === table.family && name === table.name);
  const others = awake.map((table) => ({
    ...table,
    chains: table.chains.map((chain) => redirected(policy, effective(chain))),
  }));
  const ruleset = { tables: [...working(own).tables, ...others] };
  const options: ProofOptions = { deviceOf, host: true };
  const suspect = (place: RulePlace): ReturnType<typeof fates> => (isForeign(place) ? fates(place) : []);
  const opening: NonNullable<ProofOptions["opening"]> = (by, met) => {
    const rule = by.rule as ReadRule;
    if (!isForeign(by) || !isPlain(rule)) return undefined;
    const found = openingOf(policy, local, rule, met);
    return found && { ...found, actual: "allow", by, perhaps: true };
  };
  const certain = prove(policy, ruleset, { ...options, suspect, opening }).differences.flatMap(
    (difference): Difference[] => {
      const { by, translator, expected, actual } = difference;
      // What is refused in another way than the policy's is refused.
      if (expected.verdict !== "allow" && actual !== "allow") return [];
      if (by !== undefined && isForeign(by)) return [difference];
      // What somebody leads elsewhere and our rules then drop, he takes away.
      return translator !== undefined && isForeign(translator) ? [{ ...difference, by: translator }] : [];
    },
  );
  // Whether a rewritten packet gets through instead is told of rules that aren't told for what they take away.
  const rank = (one: Difference): number => (one.becomes !== undefined ? 1 : opens(one) ? 2 : 0);
  certain.sort((a, b) => rank(a) - rank(b));
  const told: Foreign[] = [];
  for (const difference of certain) {
    const one = toForeign(policy, difference, awake);
    if (rank(difference) < 2 || !told.some(({ object }) => object === one.object)) told.push(one);
  }
  if (!awake.some(({ chains }) => chains.some(({ rules }) => rules.some(({ uncertain }) => uncertain))))
    return few(told);
  const known = new Set(told.map(({ object }) => object));
  const strict = prove(policy, ruleset, { ...options, reading: "strict" }).differences;
  for (const difference of strict) {
    if (difference.by === undefined || !isForeign(difference.by) || difference.expected.verdict !== "allow") continue;
    const one = toForeign(policy, { ...difference, perhaps: true }, awake);
    if (!known.has(one.object)) told.push(one);
  }
  return few(told);
}

const opens = ({ perhaps, actual }: Difference): boolean => perhaps === true && actual === "allow";

/** A redirection leads to this host itself: to the gateway, as containers know it. */
function redirected(policy: Policy, chain: Chain): Chain {
  if (!chain.rules.some((rule) => (rule as ReadRule).kinds?.includes("redirect"))) return chain;
  const gateways = policy.networks.flatMap((network) => network.gateways);
  return {
    ...chain,
    rules: chain.rules.flatMap((rule): Rule[] => {
      const { kinds, port } = rule as ReadRule;
      if (!kinds?.includes("redirect")) return [rule];
      return FAMILIES.flatMap((family): Rule[] => {
        const targets = gateways.filter((gateway) => gateway.family === family).map(({ value }) => value);
        if (targets.length === 0) return [];
        const to: Expression = {
          kind: "spread",
          family,
          targets: targets.slice(0, 1),
          ...(port === undefined ? {} : { port }),
        };
        return [{ ...rule, expressions: [...rule.expressions, to] }];
      });
    }),
  };
}

/** The first few of each object and effect, and how many more there are. */
function few(all: readonly Foreign[]): Foreign[] {
  const groups = new Map<string, Foreign[]>();
  for (const one of all) {
    const key = `${one.effect} ${one.object}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].flatMap((group) => {
    const shown = group.slice(0, group[0]?.effect === "unclear" ? 1 : MOST);
    const more = group.length - shown.length;
    const last = shown.at(-1);
    if (more === 0 || last === undefined) return shown;
    return [...shown.slice(0, -1), { ...last, message: `${last.message} (and ${more} more of its kind)` }];
  });
}

/** What may become of a packet at a rule in place of what the other rules do. */
function fates(place: RulePlace): readonly Difference["actual"][] {
  const effect = special(place);
  if (effect === undefined) return [];
  if (effect === "copies") return ["allow"];
  const { rewrites } = place.rule as ReadRule;
  return rewrites === true && !isPlain(place.rule as ReadRule) ? ["deny", "allow"] : ["deny"];
}

/** What a rule does besides a verdict, or may do; undefined of a plain one. */
function special({ rule }: RulePlace): Effect | undefined {
  const { kinds, uncertain, rewrites, expressions } = rule as ReadRule;
  if (kinds === undefined) return undefined;
  if (kinds.includes("notrack")) return "untracks";
  if (kinds.includes("tproxy")) return "bypasses";
  if (kinds.includes("flow")) return "bypasses";
  if (rewrites === true) return uncertain === true ? "unclear" : "translates";
  if (kinds.includes("dup")) return "copies";
  if (uncertain !== true) return undefined;
  const harmless = expressions.at(-1);
  const accepts =
    harmless?.kind === "verdict" && (harmless.target.verdict === "accept" || harmless.target.verdict === "return");
  return accepts || !decides(kinds) ? undefined : "unclear";
}

/** Whether a rule that isn't understood can do anything to a packet. */
function decides(kinds: readonly string[]): boolean {
  return kinds.some((kind) => ["drop", "reject", "queue", "jump", "goto", "vmap", "dnat", "fwd", "xt"].includes(kind));
}

function toForeign(policy: Policy, difference: Difference, tables: readonly ForeignTable[]): Foreign {
  const { packet, expected, actual, by, perhaps, becomes } = difference;
  const place = by as RulePlace;
  const table = tables.find(({ family, name }) => family === place.table.family && name === place.table.name);
  const object = describe(place, table);
  const what = packetText(policy, packet).replace(/,$/, "");
  const byDefault = expected.default === null ? "" : " by default";
  const policySays = `which the policy ${expected.verdict === "allow" ? "allows" : "denies"}${byDefault}`;
  const read = place.rule as ReadRule;
  const rewrites = read.rewrites === true;
  const may = rewrites ? "make another packet of" : actual === "reject" ? "reject" : "drop";
  const unknown = opens(difference)
    ? "whether that gets through in its place can't be told"
    : "whether it does can't be told, since it asks for something that tsnet doesn't interpret";
  const { effect, severity } = kindOf(difference, special(place));
  const does = {
    drops: `drops ${what}, ${policySays}`,
    rejects: `rejects ${what}, ${policySays}`,
    translates: becomes
      ? `lets ${what} through, ${policySays}: it makes ${packetText(policy, becomes).replace(/,$/, "")} of it`
      : `translates ${what}, ${policySays}: it ${ledText(difference, rewrites)}`,
    copies: `sends a copy of ${what}, ${policySays}, to ${read.copies || "an address that it works out"}, by a way on which the policy isn't asked`,
    bypasses: `takes ${what} out of the policy's sight, ${policySays}`,
    untracks: `keeps ${what}, ${policySays}, from connection tracking, so that its answers aren't known as such and are dropped`,
    unclear: `may ${may} ${what}, ${policySays}: ${unknown}`,
  }[effect];
  return { object, effect, origin: behindDecision(policy, packet, expected), severity, message: `${object} ${does}` };

  function kindOf(
    { translation: led }: Difference,
    kind: Effect | undefined,
  ): { effect: Effect; severity: Foreign["severity"] } {
    const outside = packet.destination.zone === "world";
    if (perhaps === true) {
      if (becomes !== undefined) return { effect: kind ?? "unclear", severity: "error" };
      // To who mirrors packets, say.
      if (kind === "copies") return { effect: kind, severity: "info" };
      if (kind === undefined || kind === "unclear" || opens(difference)) return { effect: "unclear", severity: "info" };
      return { effect: kind, severity: kind === "translates" && outside ? "info" : "error" };
    }
    if (led !== undefined) {
      const harmless = expected.verdict === "allow" && actual === "allow" && outside;
      return { effect: "translates", severity: harmless ? "info" : "error" };
    }
    if (place === difference.translator) {
      // Nobody said that this port of the host is to be reached: another's use of it may be meant.
      const isMeant = packet.destination.zone === "host" && expected.default !== null;
      return { effect: "translates", severity: isMeant ? "warning" : "error" };
    }
    return { effect: actual === "reject" ? "rejects" : "drops", severity: "error" };
  }
}

/** What becomes of a packet that is led elsewhere, as the end of a sentence that begins with it. */
function ledText({ packet, translation, target, actual }: Difference, rewrites: boolean): string {
  if (rewrites) return "is another packet from there on";
  if (translation !== undefined) return translation;
  if (target === undefined) return "is led elsewhere";
  const port = target.port === undefined ? "" : `, port ${target.port}`;
  const fate = actual === "allow" ? "" : `, and ${PAST[actual]} on its way there`;
  return `is led to ${formatValue(packet.source.address.family, target.address)}${port}${fate}`;
}

/** `rule 'ct state new drop' of chain ip filter FORWARD (hook forward, priority 0)`. */
function describe({ table: { family, name }, chain, rule }: RulePlace, table: ForeignTable | undefined): string {
  const hook = table?.chains.find((one) => one.name === chain)?.hook;
  const where = hook === undefined ? "" : ` (hook ${hook.hook}, priority ${hook.priority})`;
  const owner = table?.owner === undefined ? "" : `, ${table.owner}`;
  const read = rule as Partial<ReadRule>;
  const of = `chain ${chain} of table ${family} ${name}${owner}${where}`;
  if (read.handle === undefined) return `the policy 'drop' of ${of}`;
  return `rule '${table?.textOf(read as ReadRule) ?? read.text}' of ${of}`;
}
