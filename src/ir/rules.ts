/** Lowers rules and assertions, and checks that each covers packets of this policy's containers. */
import type { AssertStatement, Name, RuleStatement } from "../ast/nodes.js";
import { type AddressSet, isEmptySet, overlapsSet } from "../net/address.js";
import { ALL_PORTS } from "../net/ports.js";
import { overlaps } from "../net/ranges.js";
import type { Lowering } from "./lowering.js";
import type { Assertion, PeerSet, Rule } from "./policy.js";
import { internalAmong, lowerPeers, lowerPorts, type Peers } from "./values.js";

export function lowerRule(low: Lowering, statement: RuleStatement, own: AddressSet): Rule | undefined {
  const from = lowerPeers(low, statement.from);
  const to = lowerPeers(low, statement.to);
  const ports = statement.ports === undefined ? ALL_PORTS : lowerPorts(low, statement.ports);
  if (from === undefined || to === undefined) return undefined;
  checkReach(low, statement, from.set, to.set, own, true);
  if (statement.verb === "allow") checkInternal(low, statement, from, to, own);
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
    origin: low.origins.of(statement),
  };
}

export function lowerAssertion(low: Lowering, statement: AssertStatement, own: AddressSet): Assertion | undefined {
  const from = lowerPeers(low, statement.from);
  const to = lowerPeers(low, statement.to);
  const ports = statement.ports === undefined ? ALL_PORTS : lowerPorts(low, statement.ports);
  if (from === undefined || to === undefined) return undefined;
  checkReach(low, statement, from.set, to.set, own, false);
  return { verb: statement.verb, from: from.set, to: to.set, ports, origin: low.origins.of(statement) };
}

/** The kernel's log prefix holds 127 bytes; nft's strings have no escape for a quote. */
function logPrefix(low: Lowering, prefix: Name | undefined): string {
  if (prefix === undefined) return "";
  const bad = [...prefix.text].find((c) => c < " " || c === "\x7f" || c === '"' || c === "\\" || c === "$");
  if (bad !== undefined || new TextEncoder().encode(prefix.text).length > 120)
    low.diagnostics.error("bad-log-prefix", prefix.span, "this can't be a log prefix", {
      why: "The kernel takes up to 127 bytes, and nft's strings know neither quotes, backslashes, '$' nor control characters.",
      help: "shorten it, and use plain characters",
    });
  return prefix.text;
}

const isOutside = (set: PeerSet): boolean => !isEmptySet(set.host) || !isEmptySet(set.world);

/** Whether a packet of this family, with one of our containers at an end, can be from `from` to `to`. */
function involves(family: "v4" | "v6", from: PeerSet, to: PeerSet, own: AddressSet): boolean {
  const some = (set: AddressSet): boolean => set[family].length > 0;
  const fromOwn = overlaps<number | bigint>(from.container[family], own[family]);
  const toOwn = overlaps<number | bigint>(to.container[family], own[family]);
  if (fromOwn && (toOwn || some(to.host) || some(to.world))) return true;
  return toOwn && (some(from.host) || some(from.world));
}

/** A rule covers only packets with a container of this policy at one end; says so where its text reads wider. */
function checkReach(
  low: Lowering,
  statement: RuleStatement | AssertStatement,
  from: PeerSet,
  to: PeerSet,
  own: AddressSet,
  warn: boolean,
): void {
  if (!involves("v4", from, to, own) && !involves("v6", from, to, own)) {
    low.diagnostics.error("rule-without-container", statement.span, "no packet of a container can match this", {
      why: "A policy speaks of its own containers' packets alone; anything else on this machine is never touched.",
      help: "name a container, or an address that one of them has, on one side; both sides need a common IP family",
    });
    return;
  }
  if (warn && isOutside(from) && isOutside(to))
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

/** An allow that names an internal container and the world or the host can never hold. */
function checkInternal(low: Lowering, statement: RuleStatement, from: Peers, to: Peers, own: AddressSet): void {
  const outside = (peers: Peers): boolean =>
    peers.world ||
    (peers.containers.length === 0 &&
      !peers.host &&
      !isEmptySet(peers.set.world) &&
      !overlapsSet(peers.set.container, own));
  const inside = outside(to) || to.host ? internalAmong(low, from)[0] : undefined;
  const blamed = inside ?? (outside(from) ? internalAmong(low, to)[0] : undefined);
  if (blamed === undefined) return;
  low.diagnostics.error("internal-reach", statement.span, `'${blamed}' is on internal networks only`, {
    why: "Containers of an internal network reach neither the world nor the host, and the world doesn't reach them.",
    help: `put '${blamed}' on another network too, or take 'internal' away`,
  });
}
