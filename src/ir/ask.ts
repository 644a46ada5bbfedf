/** Reads a query such as `c2 -> c1:22` in a policy's own names. */
import type { LetStatement } from "../ast/nodes.js";
import type { Tree } from "../ast/tree.js";
import { type AddressSet, LOOPBACK, NO_ADDRESSES, subtractSet, unionSet } from "../net/address.js";
import { ALL_PORTS } from "../net/ports.js";
import type { Diagnostics } from "../text/diagnostic.js";
import { SourceFile } from "../text/source.js";
import type { Query } from "./classes.js";
import { hostsOf } from "./hosts.js";
import type { Lowering } from "./lowering.js";
import { Origins } from "./origins.js";
import { intersectPeers } from "./peers.js";
import type { PeerSet, Policy } from "./policy.js";
import { Scope } from "./scope.js";
import { lowerPeers, lowerPorts, type Peers } from "./values.js";

/** The words before a query that make it a statement of the language. */
const VERB = "allow ";

/**
 * Undefined, with diagnostics, when the text is no query of this policy. `local`: addresses that are known to be this
 * host's besides those that the policy names.
 */
export function readQuery(
  policy: Policy,
  text: string,
  parse: (file: SourceFile, diagnostics: Diagnostics) => Tree,
  diagnostics: Diagnostics,
  local: AddressSet = NO_ADDRESSES,
): Query | undefined {
  const file = new SourceFile("query", VERB + text);
  const tree = parse(file, diagnostics);
  const [statement, second] = tree.statements;
  if (diagnostics.hasErrors || statement?.kind !== "rule" || second !== undefined || statement.log !== undefined) {
    if (!diagnostics.hasErrors)
      diagnostics.error("bad-query", { file, start: 0, end: file.text.length }, "this is no query", {
        why: "A query is a source, '->' and a destination, as in a rule, and nothing else.",
        help: "ask for one way: 'c2 -> c1:22'",
      });
    return undefined;
  }
  const low = reopen(policy, file, diagnostics);
  const from = lowerPeers(low, statement.from);
  const to = lowerPeers(low, statement.to);
  const ports = statement.ports === undefined ? ALL_PORTS : lowerPorts(low, statement.ports);
  if (from === undefined || to === undefined || diagnostics.hasErrors) return undefined;
  return { from: placed(policy, from, local), to: placed(policy, to, local), ports };
}

/** A lowering context that knows the policy's names, and these lets beside them. None of the latter may be the former's. */
export function reopen(
  policy: Policy,
  file: SourceFile,
  diagnostics: Diagnostics,
  lets: readonly LetStatement[] = [],
): Lowering {
  const scope = new Scope(lets, diagnostics, true);
  for (const { name } of policy.networks) scope.names.set(name, { kind: "network", name, statement: undefined });
  for (const { name } of policy.containers) scope.names.set(name, { kind: "container", name, statement: undefined });
  for (const name of policy.lets.keys()) scope.names.set(name, { kind: "let", name, statement: undefined as never });
  return {
    name: policy.name,
    diagnostics,
    scope,
    origins: new Origins(),
    incomplete: false,
    anywhere: { file, start: 0, end: file.text.length },
    containers: new Map(policy.containers.map((container) => [container.name, container])),
    networks: new Map(policy.networks.map((network) => [network.name, network])),
    confined: new Set(),
    peers: new Map(),
    lets: new Map(policy.lets),
  };
}

/**
 * A literal address that no container has is taken to be out in the world, unless it is loopback or this host's for
 * certain (hosts.ts): the host's other addresses are not known from the text. `host` and `any` still mean all of them.
 */
function placed(policy: Policy, peers: Peers, local: AddressSet): PeerSet {
  if (peers.host || peers.set.container === NO_ADDRESSES) return peers.set;
  const whole = peers.set.host.v4.length === 2 && peers.set.host.v4[1] === 0xffffffff && peers.set.host.v4[0] === 0;
  if (whole) return peers.set;
  const hosts = unionSet(unionSet(LOOPBACK, hostsOf(policy).certain), local);
  const all = { container: peers.set.container, host: hosts, world: peers.set.world };
  return { ...intersectPeers(peers.set, all), world: subtractSet(peers.set.world, hosts) };
}
