/**
 * Who may talk to whom, as a value: what every form of `tsnet graph` is printed from, and what the page carries as JSON.
 * Nothing in it points back into the policy, so the page's script can read it too.
 */

export type Outcome = "allow" | "deny" | "reject";

/** Packets between two ends of which the same statements decide. */
export interface Case {
  readonly verdict: Outcome;
  /** `22`, `53/udp`, `icmp`; none where the case is every service, or every other one. */
  readonly services: readonly string[];
  /** Every service that no other case of the flow has; with `services` empty, every service. */
  readonly rest: boolean;
  /** The same for programs: protocol, first and last port; of a published port those of the host. */
  readonly ports: readonly (readonly [protocol: number, low: number, high: number])[];
  /** Which addresses of the source and of the destination, where it holds for some only. */
  readonly from?: string;
  readonly to?: string;
  /** Through a published port of the host: the publish's statement, and the ways, such as `8443 -> 443`. */
  readonly via?: { readonly statement: number; readonly ways: readonly string[] };
  /** Statements that decide, by their index. */
  readonly by: readonly number[];
  /** The default in words, where no rule speaks. */
  readonly default?: string;
  /** A denial of what would pass without it. */
  readonly cuts: boolean;
}

/** `all` and `none` of the direct services; `some`: certain services or addresses, or a published port only. */
export type Extent = "all" | "some" | "none";

export interface Flow {
  readonly extent: Extent;
  /** What is allowed, in a few words: `22, 53/udp`, `all but 22`, `:8443`; empty where nothing is. */
  readonly label: string;
  /** Where nothing is allowed: whether a statement says so, and how. */
  readonly refusal?: "deny" | "reject";
  readonly cases: readonly Case[];
}

export interface EndGroup {
  readonly zone: "container" | "host" | "world";
  /** Containers that nothing tells apart; `host`; `world`. */
  readonly names: readonly string[];
  readonly networks: readonly string[];
  /** Of containers, for each member, its addresses. */
  readonly addresses: readonly (readonly string[])[];
}

export interface GraphNetwork {
  readonly name: string;
  readonly subnets: readonly string[];
  readonly icc: boolean;
  readonly internal: boolean;
  readonly masquerade: boolean;
}

export interface GraphStatement {
  readonly text: string;
  /** Position in `files`. */
  readonly file: number;
  /** All from 1; `endLine` is its last line. */
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
}

export interface Graph {
  readonly policy: string;
  readonly networks: readonly GraphNetwork[];
  /** Kinds of containers, then `host` and `world`. */
  readonly groups: readonly EndGroup[];
  /**
   * The flow from each group to each, as a position in `flows`: of two members where both are the same group; -1 where
   * no packet is a policy's business.
   */
  readonly matrix: readonly (readonly number[])[];
  /** The flow of a container of each group to itself, through the host; -1 where there is none. */
  readonly self: readonly number[];
  readonly flows: readonly Flow[];
  readonly statements: readonly GraphStatement[];
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** Containers without a network of their own, and what they are instead. */
  readonly others: readonly { readonly name: string; readonly what: string }[];
}
