/**
 * What the dataplane looks up, as plain values: the contents of its maps. The program itself is fixed (dataplane/); all
 * that a policy says is in here. Names and order of the maps are those of dataplane/maps.h.
 */
import type { Origin } from "../../ir/policy.js";
import type { Address } from "../../net/address.js";
import type { planDiverted } from "./diverted.js";
import type { ExactRows } from "./exact.js";
import type { Statements } from "./statements.js";

/** The ways that a packet can take; the numbers are those that the maps hold. */
export const LANE = { cc: 0, cw: 1, ch: 2, wc: 3, hc: 4 } as const;
export type LaneName = keyof typeof LANE;

/** The statements that speak of a packet: the first of each verb, one that logs before one that doesn't. */
export interface Verdict {
  readonly deny?: Origin;
  readonly reject?: Origin;
  readonly allow?: Origin;
}

/** The host end of an endpoint. The kernel's map is keyed by its index, which is known when the device is there. */
export interface Device {
  readonly device: string;
  readonly mac: string;
  readonly container: number;
  readonly from: readonly Origin[];
}

/** An address of a container. */
export interface Own {
  readonly address: Address;
  readonly container: number;
  readonly network: number;
  /** The network's default between containers. */
  readonly icc: boolean;
  /** All networks of the container are internal; the address is on an internal network. */
  readonly confined: boolean;
  readonly inside: boolean;
  readonly from: readonly Origin[];
}

/** A container has an endpoint on a network. */
export interface Member {
  readonly container: number;
  readonly network: number;
}

/** Between single addresses. Without a port, all of the protocol; without a protocol, everything. */
export interface Exact {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number | undefined;
  readonly port: number | undefined;
  readonly verdict: Verdict;
}

/** The container's side of a lane leads to a class. */
export interface Near {
  readonly lane: LaneName;
  readonly address: Address;
  readonly class: number;
  readonly from: readonly Origin[];
}

/** The other side of a class, by its longest prefix, leads to a profile of ports. */
export interface Far {
  readonly class: number;
  readonly base: Address;
  readonly length: number;
  readonly profile: number;
  readonly from: readonly Origin[];
}

/** A profile's verdicts, by the longest prefix of protocol and port. */
export interface Ports {
  readonly profile: number;
  readonly protocol: number | undefined;
  /** The first port and how many leading bits of 16 count. */
  readonly port: number;
  readonly length: number;
  readonly verdict: Verdict;
}

/** A host port that leads to containers. */
export interface Published {
  /** Undefined: every address of the host, of this family. */
  readonly host: Address | undefined;
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly port: number;
  /** The container's port. */
  readonly to: number;
  /** Which containers it leads to: see `Goal`. */
  readonly goal: number;
  /** Classes of the sources that may use it, by zone; 0: any. */
  readonly sources: Readonly<Record<"container" | "host" | "world", number>>;
  readonly from: Origin;
}

/** A container that published ports lead to. Several of one number: connections are spread over them. */
export interface Goal {
  readonly goal: number;
  readonly address: Address;
}

export interface Maps {
  readonly policy: string;
  readonly statements: Statements;
  readonly devices: readonly Device[];
  readonly own: readonly Own[];
  readonly members: readonly Member[];
  readonly exact: ExactRows;
  readonly near: readonly Near[];
  readonly far: readonly Far[];
  readonly ports: readonly Ports[];
  readonly published: readonly Published[];
  readonly goals: readonly Goal[];
  readonly translation: Translation;
}

/** What the static table of translations needs besides the published ports. */
export interface Translation {
  /** Containers that go out under the host's address. */
  readonly masquerade: readonly Address[];
  /** The addresses of one container, in pairs. */
  readonly self: readonly (readonly [Address, Address])[];
  /** What is said again of packets that somebody else leads elsewhere. */
  readonly diverted: ReturnType<typeof planDiverted>;
  /** Subnet, first and last address, and its gateway. */
  readonly gateways: readonly { readonly first: Address; readonly last: Address; readonly gateway: Address }[];
}
