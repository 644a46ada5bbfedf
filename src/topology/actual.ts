/** What was read of the network as it is (read.ts), and what of it is ours. Pure. */
import type { NetnsState } from "../system/netns.js";
import { ENDPOINT_PREFIX } from "../ir/addresses.js";
import { BRIDGE_PREFIX, policyMark } from "./names.js";
import type { Stack, StackLink } from "./stack.js";

export interface Actual {
  readonly policy: string;
  /** Whether a command about the policy was cut off, which may have left devices without a mark. */
  readonly cutOff: boolean;
  readonly host: Stack;
  /** Id of the host's own namespace, as in `NetnsState`. */
  readonly hostId: string | undefined;
  /** By path: every file in the policy's directory, every path that the plan names. */
  readonly sandboxes: ReadonlyMap<string, ActualSandbox>;
  /** Of the host's devices that are ours or ours to be; by path below /proc/sys/net. */
  readonly sysctls: ReadonlyMap<string, string>;
  /** Text of each hosts file in the policy's directory, by path. */
  readonly hosts: ReadonlyMap<string, string>;
  /** What is where the policy's shares are, by path: whether it is a directory. */
  readonly shares: ReadonlyMap<string, boolean>;
}

export interface ActualSandbox {
  readonly path: string;
  readonly state: NetnsState;
  /** Undefined when no namespace is there. */
  readonly stack: Stack | undefined;
  /** Undefined when they weren't asked for, or no namespace is there. */
  readonly sysctls: ReadonlyMap<string, string> | undefined;
}

/** The host's devices that bear the policy's mark. */
export function ownLinks(host: Stack, policy: string): StackLink[] {
  const mark = policyMark(policy);
  return [...host.links.values()].filter((link) => link.alias?.startsWith(mark) === true);
}

/**
 * A device that an apply made and was killed before marking: of a name and kind that only we make, never up and without
 * an address. It may be removed. Where nothing was cut off, such a device is somebody else's.
 */
export function isUnfinished(link: StackLink, { cutOff }: Pick<Actual, "cutOff">): boolean {
  const ours =
    (link.kind === "veth" && link.name.startsWith(ENDPOINT_PREFIX)) ||
    (link.kind === "bridge" && link.name.startsWith(BRIDGE_PREFIX));
  return cutOff && ours && link.alias === undefined && !link.up && link.addresses.length === 0;
}

/** Whether a device bears the policy's mark. */
export function isOurs(link: StackLink, policy: string): boolean {
  return link.alias?.startsWith(policyMark(policy)) === true;
}

/** Names of the devices in a sandbox whose other end is one of the policy's devices on the host. */
export function ownInside(there: ActualSandbox, actual: Actual): string[] {
  const hostEnds = new Map<number, StackLink>();
  for (const link of actual.host.links.values()) {
    if (isOurs(link, actual.policy) || isUnfinished(link, actual)) hostEnds.set(link.index, link);
  }
  return [...(there.stack?.links.values() ?? [])]
    .filter((link) => link.peer !== undefined && hostEnds.get(link.peer)?.peer === link.index)
    .map((link) => link.name);
}
