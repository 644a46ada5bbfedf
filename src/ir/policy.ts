/**
 * The IR: a policy after every name is resolved and every address assigned.
 *
 * Everything below this point of the road (evaluate, the backends' plans, the topology's plan) is a pure function of a
 * `Policy`. Nothing here points back into the tree except spans, which only diagnostics read.
 */
import type { Address, AddressSet, Family } from "../net/address.js";
import type { PortSet } from "../net/ports.js";
import type { Prefix } from "../net/prefix.js";
import type { Span } from "../text/source.js";
import type { RuleList } from "./rule-list.js";
import type { Value } from "./values.js";

/** Where an end of a packet is: in a container of this policy, on this machine itself, or elsewhere. */
export type Zone = "container" | "host" | "world";
export const ZONES: readonly Zone[] = ["container", "host", "world"];

/**
 * Peers as addresses per zone. An address, CIDR or range has the same set in every zone ("whoever has them"); `host`
 * and `world` are all addresses of one zone; a container is its endpoints' addresses in the zone `container` alone.
 */
export type PeerSet = Readonly<Record<Zone, AddressSet>>;

/**
 * The identity of a statement in everything compiled from it. `text` is canonical (see ast/format.ts) and therefore
 * survives a move to another line or file; `id` is `text` made unique by a count where a statement is repeated.
 */
export interface Origin {
  readonly index: number;
  readonly id: string;
  readonly text: string;
  readonly span: Span;
}

export interface Network {
  readonly name: string;
  readonly driver: "bridge" | "macvlan";
  /** The parent device of a macvlan network. */
  readonly parent: string | undefined;
  /** At most one of each family, at least one in all. */
  readonly subnets: readonly Prefix[];
  /** One for each subnet, in the same order. */
  readonly gateways: readonly Address[];
  readonly icc: boolean;
  /** The statement that set icc, if one did. */
  readonly iccOrigin: Origin | undefined;
  readonly internal: boolean;
  readonly masquerade: boolean;
  readonly mtu: number | undefined;
  /** The bridge's device name: given, or made from the policy's and the network's name. */
  readonly bridge: string;
  /** Undefined for `default` when nobody declared it. */
  readonly origin: Origin | undefined;
}

export interface Endpoint {
  readonly container: string;
  readonly network: string;
  /** One for each family of the network, IPv4 first. */
  readonly addresses: readonly Address[];
  /** `02:42:…`, lower case. */
  readonly mac: string;
  /** Host end of the veth pair. */
  readonly device: string;
  /** Name of the other end, inside the sandbox: `eth0`, `eth1`, … */
  readonly inside: string;
}

/** How a container comes by its network stack. */
export type Sandbox =
  | { readonly kind: "own" }
  | { readonly kind: "netns"; readonly path: string }
  | { readonly kind: "pid"; readonly pid: number }
  | { readonly kind: "host" }
  | { readonly kind: "none" }
  | { readonly kind: "container"; readonly other: string };

export interface Container {
  readonly name: string;
  readonly sandbox: Sandbox;
  /** Empty unless the sandbox is its own or adopted. */
  readonly endpoints: readonly Endpoint[];
  readonly expose: PortSet;
  readonly env: ReadonlyMap<string, string>;
  /** Undefined for a container that nobody declared. */
  readonly origin: Origin | undefined;
}

export interface Log {
  readonly prefix: string;
  readonly limit: { readonly count: number; readonly per: "second" | "minute" | "hour" | "day" } | undefined;
}

export interface Rule {
  readonly verb: "allow" | "deny" | "reject";
  readonly from: PeerSet;
  readonly to: PeerSet;
  readonly ports: PortSet;
  readonly log: Log | undefined;
  readonly origin: Origin;
}

export interface Assertion {
  readonly verb: "allow" | "deny";
  readonly from: PeerSet;
  readonly to: PeerSet;
  readonly ports: PortSet;
  readonly origin: Origin;
}

export interface PublishTarget {
  readonly container: string;
  /** The addresses that the published port leads to, at most one of each family. */
  readonly addresses: readonly Address[];
}

/**
 * One protocol's range of host ports and where it leads. `publish all` and a publish of several protocols become
 * several of these, with one origin.
 */
export interface Publish {
  /** Undefined: every address of the host, of these families. */
  readonly hostAddress: Address | undefined;
  readonly families: readonly Family[];
  readonly protocol: number;
  readonly hostPorts: readonly [number, number];
  /** The first container port; the range has the length of `hostPorts`. */
  readonly port: number;
  /** More than one: new connections are spread over them evenly. */
  readonly targets: readonly PublishTarget[];
  /** Undefined: any. */
  readonly from: PeerSet | undefined;
  readonly origin: Origin;
}

export interface Link {
  readonly from: string;
  readonly target: string;
  readonly alias: string;
  readonly origin: Origin;
}

export interface Share {
  /** Where they see it: absolute, without `.`, `..` and empty parts. */
  readonly path: string;
  /** Whose sandboxes: a container that uses another's sandbox is named by that one. */
  readonly containers: readonly string[];
  readonly origin: Origin;
}

export interface Policy {
  readonly name: string;
  readonly networks: readonly Network[];
  readonly containers: readonly Container[];
  /** What rules and links say; a link is an allow. An object each, made when somebody asks for them. */
  readonly rules: readonly Rule[];
  /** The same, without an object for each that is plain. */
  readonly ruleList: RuleList;
  readonly publishes: readonly Publish[];
  readonly links: readonly Link[];
  readonly shares: readonly Share[];
  readonly assertions: readonly Assertion[];
  /** What the lets stand for, for queries that use their names. */
  readonly lets: ReadonlyMap<string, Value>;
  /** Every statement that something was compiled from, by `index`. */
  readonly origins: readonly Origin[];
}

// Lookups ------------------------------------------------------------------------------------------------------------

const byName = new WeakMap<readonly Network[], ReadonlyMap<string, Network>>();

export function networkNamed({ networks }: Pick<Policy, "networks">, name: string): Network {
  let index = byName.get(networks);
  if (index === undefined) {
    // The first of a name, though a valid policy has one.
    index = new Map(networks.toReversed().map((network) => [network.name, network]));
    byName.set(networks, index);
  }
  const found = index.get(name);
  if (found === undefined) throw new Error(`no network ${name} in this policy`);
  return found;
}

const onNetworks = new WeakMap<readonly Container[], ReadonlyMap<string, readonly Container[]>>();

/** The containers with an endpoint on a network, in the policy's order. */
export function containersOn({ containers }: Pick<Policy, "containers">, network: string): readonly Container[] {
  let index = onNetworks.get(containers);
  if (index === undefined) {
    const lists = new Map<string, Container[]>();
    for (const container of containers)
      for (const name of new Set(container.endpoints.map((endpoint) => endpoint.network))) {
        const list = lists.get(name);
        if (list === undefined) lists.set(name, [container]);
        else list.push(container);
      }
    index = lists;
    onNetworks.set(containers, index);
  }
  return index.get(network) ?? [];
}

/** The container ports that a publish leads to, from the first to the last. */
export function insidePorts({ hostPorts: [first, last], port }: Publish): readonly [number, number] {
  return [port, port + last - first];
}

export function containerNamed(policy: Policy, name: string): Container {
  const found = policy.containers.find((container) => container.name === name);
  if (found === undefined) throw new Error(`no container ${name} in policy ${policy.name}`);
  return found;
}

/** A container that has networks, all of them internal: it reaches neither the world, nor the host, nor any publish. */
export function isInternal(policy: Pick<Policy, "networks">, container: Container): boolean {
  return container.endpoints.length > 0 && container.endpoints.every((e) => networkNamed(policy, e.network).internal);
}

export function addressOf(endpoint: Endpoint, family: Family): Address | undefined {
  return endpoint.addresses.find((address) => address.family === family);
}

export function subnetOf(network: Network, family: Family): Prefix | undefined {
  return network.subnets.find((subnet) => subnet.family === family);
}

export function gatewayOf(network: Network, family: Family): Address | undefined {
  return network.gateways.find((gateway) => gateway.family === family);
}
