/**
 * Containers that nothing in the policy tells apart are one kind: each of them reaches, and is reached by, the same ends
 * in the same way. What is said of a pair of kinds holds for each pair of their members, so the cost of a graph grows
 * with the statements and not with the pairs of containers. Pure.
 */
import { hasPeer } from "../ir/peers.js";
import type { Container, Endpoint, PeerSet, Policy, Rule } from "../ir/policy.js";
import type { Address } from "../net/address.js";

/** Positions of the rules that name an address as their source and as their destination. */
export interface Named {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export interface Kind {
  readonly members: readonly Container[];
  /** Names of the networks, in the order of the endpoints. */
  readonly networks: readonly string[];
  /** By the rules' positions: those that name any of its addresses. */
  readonly named: Named;
  /** Positions of the publishes that lead to it. */
  readonly published: readonly number[];
  /** What the rules say of each address, in words that two kinds share if they are alike in this. */
  readonly shape: string;
  /** The same of the publishes that name their sources. */
  readonly admitted: string;
}

/** In the order of their first members. Containers without a network of their own are in none. */
export function kindsOf(policy: Policy): Kind[] {
  const targets = publishedTo(policy);
  const kinds = new Map<string, { kind: Kind; members: Container[] }>();
  for (const container of policy.containers) {
    if (container.endpoints.length === 0) continue;
    const published = targets.get(container.name) ?? [];
    const { named, shape } = namedIn(policy, container);
    const admitted = admittedBy(policy, container);
    const key = [shape, published.join(), admitted].join("|");
    const known = kinds.get(key);
    if (known !== undefined) {
      known.members.push(container);
      continue;
    }
    const members = [container];
    const networks = [...new Set(container.endpoints.map(({ network }) => network))];
    kinds.set(key, { members, kind: { members, networks, named, published, shape, admitted } });
  }
  return [...kinds.values()].map(({ kind }) => kind);
}

function publishedTo({ publishes }: Policy): Map<string, number[]> {
  const out = new Map<string, number[]>();
  publishes.forEach(({ targets }, position) => {
    for (const { container } of targets) {
      const list = out.get(container);
      if (list === undefined) out.set(container, [position]);
      else list.push(position);
    }
  });
  return out;
}

function namedIn({ rules }: Policy, { endpoints }: Container): { named: Named; shape: string } {
  const from = new Set<number>();
  const to = new Set<number>();
  const shapes = endpoints.flatMap((endpoint) =>
    endpoint.addresses.map((address) => {
      const sources = positions(rules, "from", address);
      const destinations = positions(rules, "to", address);
      for (const position of sources) from.add(position);
      for (const position of destinations) to.add(position);
      return `${shapeOf(endpoint, address)}<${sources.join()}>${destinations.join()}`;
    }),
  );
  return { named: { from: ascending(from), to: ascending(to) }, shape: shapes.join(";") };
}

function shapeOf({ network }: Endpoint, { family }: Address): string {
  return `${JSON.stringify(network)}/${family}`;
}

function ascending(set: ReadonlySet<number>): number[] {
  return [...set].sort((a, b) => a - b);
}

function positions(rules: readonly Rule[], side: "from" | "to", address: Address): number[] {
  const out: number[] = [];
  rules.forEach((rule, position) => {
    if (hasPeer(rule[side], "container", address)) out.push(position);
  });
  return out;
}

/** Which addresses of a container the publishes admit that name their sources. */
function admittedBy({ publishes }: Policy, { endpoints }: Container): string {
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses);
  const admits = (from: PeerSet | undefined, address: Address) =>
    from !== undefined && hasPeer(from, "container", address);
  return publishes
    .flatMap(({ from }, position) => {
      const bits = addresses.map((address) => (admits(from, address) ? "1" : "0")).join("");
      return bits.includes("1") ? [`${position}:${bits}`] : [];
    })
    .join();
}
