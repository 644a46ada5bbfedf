/** Lowers rules and assertions, and checks that each covers packets of this policy's containers. */
import type { AssertStatement, Name, RuleStatement } from "../ast/nodes.js";
import { isEmptySet, overlapsSet } from "../net/address.js";
import { ownAddresses } from "./own.js";
import { ALL_PORTS } from "../net/ports.js";
import type { Lowering } from "./lowering.js";
import type { Assertion, Publish, Rule } from "./policy.js";
import { Published } from "./published.js";
import { isOutside, isOwn, joins, type Reach } from "./reach.js";
import { lowerPeers, lowerPorts, lowerRulePorts, lowerSide, type Peers } from "./values.js";

export function lowerRule(
  low: Lowering,
  statement: RuleStatement,
  reach: Reach,
  publishes: readonly Publish[],
): Rule | undefined {
  const from = lowerSide(low, statement, "from");
  const to = lowerSide(low, statement, "to");
  const ports = lowerRulePorts(low, statement);
  if (from === undefined || to === undefined) return undefined;
  const source = reach.places(from.set);
  const destination = reach.places(to.set);
  if (!joins(source, destination)) {
    if (isOwn(source) || isOwn(destination)) warnOfFamilies(low, statement);
    // The warning about what is published says more.
    else if (new Published(publishes).meant({ to: to.set, ports }) === undefined) reportUnreached(low, statement);
  } else if (isOutside(source) && isOutside(destination)) warnOfReading(low, statement);
  if (statement.verb === "allow" && low.confined.size > 0) checkInternal(low, statement, from, to);
  const { log } = statement;
  return {
    verb: statement.verb,
    from: from.set,
    to: to.set,
    ports,
    log: log && {
      prefix: logPrefix(low, log.prefix),
      limit: log.limit && { count: log.limit.count, per: log.limit.per },
    },
    origin: low.origins.add(statement),
  };
}

export function lowerAssertion(low: Lowering, statement: AssertStatement, reach: Reach): Assertion | undefined {
  const from = lowerPeers(low, statement.from);
  const to = lowerPeers(low, statement.to);
  const ports = statement.ports === undefined ? ALL_PORTS : lowerPorts(low, statement.ports);
  if (from === undefined || to === undefined) return undefined;
  if (!joins(reach.places(from.set), reach.places(to.set))) reportUnreached(low, statement);
  return { verb: statement.verb, from: from.set, to: to.set, ports, origin: low.origins.of(statement) };
}

/** The kernel's log prefix holds 127 bytes, of which some are left for what backends write behind ours: a space. */
const PREFIX_BYTES = 120;

/** nft's strings have no escape for a quote. */
function logPrefix(low: Lowering, prefix: Name | undefined): string {
  if (prefix === undefined) return "";
  const bad = [...prefix.text].find((c) => c < " " || c === "\x7f" || c === '"' || c === "\\" || c === "$");
  const bytes = new TextEncoder().encode(prefix.text).length;
  if (bad !== undefined)
    low.diagnostics.error("bad-log-prefix", prefix.span, "this can't be a log prefix", {
      why: "nft's strings know neither quotes, backslashes, '$' nor control characters.",
      help: "use plain characters",
    });
  else if (bytes > PREFIX_BYTES)
    low.diagnostics.error("bad-log-prefix", prefix.span, `a log prefix of ${bytes} bytes is too long`, {
      why:
        `A prefix has at most ${PREFIX_BYTES} bytes: the kernel's field holds 127, ` +
        "and the rest is kept for the space behind it.",
      help: "shorten it",
    });
  return prefix.text;
}

/** A rule covers only packets with a container of this policy at one end: here there can be none. */
function reportUnreached(low: Lowering, statement: RuleStatement | AssertStatement): void {
  low.diagnostics.error("rule-without-container", statement.span, "no packet of a container can match this", {
    why: "A policy speaks of its own containers' packets alone; anything else on this machine is never touched.",
    help: "name a container, or an address that one of them has, on one side; both sides need a common IP family",
  });
}

/** A container is named, but has no address of the family that the other side has. */
function warnOfFamilies(low: Lowering, statement: RuleStatement): void {
  low.diagnostics.warning("rule-of-two-families", statement.span, "the two sides have no IP family in common", {
    why: "One side has IPv4 addresses only and the other IPv6 addresses only, so no packet goes from the one to the other.",
    help: "give the containers' network a subnet of the other family, or delete the rule",
  });
}

function warnOfReading(low: Lowering, statement: RuleStatement): void {
  low.diagnostics.warning(
    "rule-reads-wider",
    statement.span,
    "packets with no container at either end stay untouched",
    {
      why: "This text could match traffic between the host and the world too, but a policy covers only its own containers.",
      help: "protect the host itself with its own firewall; write the side that means containers as their network's name",
    },
  );
}

/**
 * An allow between an internal container and the world or the host can never hold: an error where it says nothing else
 * about that container, a warning where a part of it does hold.
 */
function checkInternal(low: Lowering, statement: RuleStatement, from: Peers, to: Peers): void {
  for (const [mine, other, outward] of [
    [from, to, true],
    [to, from, false],
  ] as const)
    for (const name of mine.containers) {
      if (!low.confined.has(name)) continue;
      const outside = !isEmptySet(other.set.world) || (outward && !isEmptySet(other.set.host));
      if (!outside) continue;
      const others = ownAddresses([...low.containers.values()].filter((container) => container.name !== name));
      // The host still reaches internal containers, so a rule from it may be meant.
      const holds = overlapsSet(other.set.container, others) || (!outward && !isEmptySet(other.set.host));
      const named = other.world || (outward && other.host);
      const what = outward ? "reaches neither the world nor the host" : "isn't reached by the world";
      const more = {
        why: `A container of internal networks only ${what}, whatever an allow says.`,
        help: `put '${name}' on another network too, take 'internal' away, or name only containers on the other side`,
      };
      const message = `'${name}' is on internal networks only`;
      if (named || !holds) low.diagnostics.error("internal-reach", statement.span, message, more);
      else
        low.diagnostics.warning("internal-partly", statement.span, `${message}, so a part of this never holds`, more);
      return;
    }
}
