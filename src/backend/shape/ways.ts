/** Publishes as runs of host ports, each with where it leads in one family. */
import type { Policy, Publish } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import type { Value } from "./lanes.js";

/** A run of host ports of a publish in one family, and where it leads. */
export interface Way {
  readonly publish: Publish;
  readonly host: Value | undefined;
  readonly hostPorts: readonly [number, number];
  readonly port: number;
  readonly targets: readonly Value[];
}

/** The ways of a family, in the order of the publishes. */
export function waysOf(policy: Pick<Policy, "publishes">, family: Family): Way[] {
  const ways: Way[] = [];
  for (const publish of policy.publishes) {
    if (!publish.families.includes(family)) continue;
    const targets: Value[] = [];
    for (const target of publish.targets) {
      const address = target.addresses.find((other) => other.family === family);
      if (address !== undefined) targets.push(address.value);
    }
    if (targets.length === 0) continue;
    const { hostAddress, hostPorts, port } = publish;
    ways.push({ publish, host: hostAddress?.value, hostPorts, port, targets });
  }
  return ways;
}

/** A way whose ports shift as one way a port; one that keeps its numbers stays as it is. */
export function portByPort(way: Way): Way[] {
  const [from, to] = way.hostPorts;
  if (from === to || from === way.port) return [way];
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    ...way,
    hostPorts: [from + i, from + i] as const,
    port: way.port + i,
  }));
}
