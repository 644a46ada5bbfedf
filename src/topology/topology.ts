/**
 * The desired network: what the kernel must hold besides the rules.
 *
 * A plain value with plain strings, made by plan.ts from a policy, printed by `compile --topology`, made real by
 * apply.ts and read back by read.ts. A network is a bridge that bears the gateway addresses; a sandbox is a network
 * namespace; an endpoint is a veth pair whose host end is routed, not bridged (see ARCHITECTURE.md for why).
 */

/** `address` with its prefix length, as `ip` takes it: `10.83.0.1/16`. */
export type Cidr = string;

export interface BridgePlan {
  readonly network: string;
  readonly device: string;
  /** `tsnet:POLICY/NETWORK`: the mark by which we know our own (see names.ts). */
  readonly alias: string;
  readonly mac: string;
  readonly mtu: number | undefined;
  readonly addresses: readonly Cidr[];
  /** Path below /proc/sys/net (with `/` separators) and value; in the order in which they are written. */
  readonly sysctls: readonly Sysctl[];
  /** The IPv6 subnet's, which the kernel makes only for a device with a carrier (a bridge without ports has none). */
  readonly routes: readonly RoutePlan[];
  /** `file:line:column` of the statement, undefined for the implicit default network. */
  readonly from: string | undefined;
}

export interface Sysctl {
  readonly path: string;
  readonly value: string;
  /** Not every kernel has it: skipped where there is no such sysctl. */
  readonly optional: boolean;
}

export interface RoutePlan {
  /** `default`, or a prefix. */
  readonly to: string;
  readonly via: string | undefined;
  readonly device: string;
  readonly source: string | undefined;
  readonly family: 4 | 6;
  readonly metric: number | undefined;
  /** Route type and table where they are not unicast and main. */
  readonly type?: "local" | undefined;
  readonly table?: "local" | undefined;
}

export interface NeighbourPlan {
  readonly address: string;
  readonly mac: string;
  readonly device: string;
  readonly family: 4 | 6;
}

export interface EndpointPlan {
  readonly network: string;
  /** Host end of the veth pair, and its mark `tsnet:POLICY/NETWORK/CONTAINER`. */
  readonly device: string;
  readonly alias: string;
  /** The host end bears the bridge's MAC, so that the sandbox's gateway is one neighbour whatever the path. */
  readonly hostMac: string;
  readonly mtu: number | undefined;
  /** The gateways once more, as /32 and /128: so the host answers for them by ARP and neighbour discovery here too. */
  readonly hostAddresses: readonly Cidr[];
  readonly hostRoutes: readonly RoutePlan[];
  readonly hostNeighbours: readonly NeighbourPlan[];
  readonly hostSysctls: readonly Sysctl[];
  readonly inside: {
    readonly device: string;
    readonly mac: string;
    readonly addresses: readonly Cidr[];
    readonly routes: readonly RoutePlan[];
    readonly neighbours: readonly NeighbourPlan[];
    readonly sysctls: readonly Sysctl[];
  };
}

export interface SandboxPlan {
  readonly container: string;
  /** Absolute path of the namespace file: ours below /run/tsnet/netns, or the adopted one (`/proc/PID/ns/net`). */
  readonly path: string;
  readonly adopted: boolean;
  readonly endpoints: readonly EndpointPlan[];
  /** The whole text of the sandbox's /etc/hosts. */
  readonly hosts: string;
  readonly from: string | undefined;
}

/** A directory that sandboxes see at a path; commands find it there (see system/mounts.ts), and nothing else does. */
export interface SharePlan {
  readonly path: string;
  /** Absolute path of the directory itself. */
  readonly directory: string;
  readonly containers: readonly string[];
  /** Of the first statement that names the path. */
  readonly from: string | undefined;
}

export interface Topology {
  readonly policy: string;
  readonly bridges: readonly BridgePlan[];
  /** In the policy's order. Containers of the modes `host` and `container:OTHER` have none; `none` has no endpoints. */
  readonly sandboxes: readonly SandboxPlan[];
  readonly shares: readonly SharePlan[];
  /** Whether packets must be forwarded between our devices and others (any container that isn't on `mode none`). */
  readonly forwards: { readonly v4: boolean; readonly v6: boolean };
}
