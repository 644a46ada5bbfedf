/**
 * What belongs to someone else and is in the way. Pure. With a conflict nothing is changed: what can't be done without
 * touching another's object is refused with its name.
 */
import { parseAddress } from "../net/address.js";
import { formatPrefix, overlappingPrefixes, type Prefix, prefixOf } from "../net/prefix.js";
import { type Actual, type ActualSandbox, isOurs, isUnfinished, ownInside } from "./actual.js";
import { parseMark } from "./names.js";
import type { Stack, StackLink } from "./stack.js";
import type { SandboxPlan, Topology } from "./topology.js";

export interface Conflict {
  /** What is in the way: `device docker0`, `route 10.0.0.0/8 dev tun0`, `namespace /run/netns/x`. */
  readonly object: string;
  readonly message: string;
  readonly mend: string;
  /** `file:line:column` of the statement that needs it, where there is one. */
  readonly from: string | undefined;
}

/** The plan without the containers whose adopted namespace is gone, and a sentence about each. */
export function withoutGone(topology: Topology, actual: Actual): { topology: Topology; gone: readonly string[] } {
  const isGone = ({ adopted, path }: SandboxPlan): boolean =>
    adopted && actual.sandboxes.get(path)?.state.kind !== "namespace";
  const gone = topology.sandboxes.filter(isGone);
  if (gone.length === 0) return { topology, gone: [] };
  return {
    topology: { ...topology, sandboxes: topology.sandboxes.filter((plan) => !isGone(plan)) },
    gone: gone.map(({ container, path }) => `container ${container} is left out: ${path}, which it adopts, is gone`),
  };
}

export function findConflicts(topology: Topology, actual: Actual): Conflict[] {
  return [
    ...deviceConflicts(topology, actual),
    ...subnetConflicts(topology, actual),
    ...topology.sandboxes.flatMap((sandbox) => sandboxConflicts(sandbox, topology, actual)),
    ...shareConflicts(topology, actual),
  ];
}

function shareConflicts({ shares }: Topology, actual: Actual): Conflict[] {
  return shares
    .filter(({ directory }) => actual.shares.get(directory) === false)
    .map(({ path, directory, from }) => ({
      object: `file ${directory}`,
      message: `${directory}, where the share ${path} is to be, is there already and no directory`,
      mend: `remove it: rm ${directory}`,
      from,
    }));
}

function deviceConflicts({ policy, bridges, sandboxes }: Topology, actual: Actual): Conflict[] {
  const wanted = [
    ...bridges.map(({ device, from, network }) => ({ device, from, of: `network ${network}` })),
    ...sandboxes.flatMap(({ endpoints, container, from }) =>
      endpoints.map(({ device }) => ({ device, from, of: `container ${container}` })),
    ),
  ];
  return wanted.flatMap(({ device, from, of }) => {
    const link = actual.host.links.get(device);
    if (link === undefined || isOurs(link, policy) || isUnfinished(link, actual)) return [];
    const another = 'give the network another device name: bridge "NAME"';
    return {
      object: `device ${device}`,
      message: `the device ${device} that ${of} needs exists already and ${owner(link)}`,
      mend: markOf(link) === undefined ? `remove it (ip link delete ${device}), or ${another}` : another,
      from,
    };
  });
}

function markOf({ alias }: StackLink): ReturnType<typeof parseMark> {
  return alias === undefined ? undefined : parseMark(alias);
}

function owner(link: StackLink): string {
  const mark = markOf(link);
  if (mark !== undefined) return `belongs to the policy ${mark.policy}`;
  return link.alias === undefined ? "isn't tsnet's" : `isn't tsnet's (its alias is ${JSON.stringify(link.alias)})`;
}

// Subnets ------------------------------------------------------------------------------------------------------------

function subnetConflicts({ policy, bridges }: Topology, actual: Actual): Conflict[] {
  const taken = takenPrefixes(actual.host, (device) => {
    const link = actual.host.links.get(device);
    return link !== undefined && (isOurs(link, policy) || isUnfinished(link, actual));
  });
  return bridges.flatMap((bridge) =>
    bridge.addresses.flatMap((address): Conflict[] => {
      const subnet = parsePrefix(address);
      const found = subnet && taken.find((other) => overlappingPrefixes(other.prefix, subnet));
      if (subnet === undefined || found === undefined) return [];
      const link = found.device === undefined ? undefined : actual.host.links.get(found.device);
      const mark = link && markOf(link);
      const whose = mark === undefined ? "isn't tsnet's" : `belongs to the policy ${mark.policy}`;
      return [
        {
          object: found.object,
          message:
            `the subnet ${formatPrefix(subnet)} of network ${bridge.network} overlaps the ${found.object}, ` +
            `which ${whose}`,
          mend: `give the network another subnet: network ${bridge.network} { subnet … }`,
          from: bridge.from,
        },
      ];
    }),
  );
}

interface Taken {
  readonly prefix: Prefix;
  readonly object: string;
  readonly device: string | undefined;
}

/** Routes and addresses of devices that aren't ours. */
function takenPrefixes(stack: Stack, ours: (device: string) => boolean): Taken[] {
  const taken: Taken[] = [];
  for (const route of stack.routes) {
    const { device, to } = route;
    if (route.table === "local" || route.type === "multicast" || route.type === "broadcast") continue;
    if (device !== undefined && ours(device)) continue;
    const prefix = parsePrefix(to);
    if (prefix === undefined || isDefaultLike(prefix)) continue;
    const via = device === undefined ? ` (${route.type})` : ` on ${device}`;
    taken.push({ prefix, device, object: `route ${to}${via}` });
  }
  for (const link of stack.links.values()) {
    if (ours(link.name)) continue;
    for (const { address } of link.addresses) {
      const prefix = parsePrefix(address);
      if (prefix !== undefined) taken.push({ prefix, device: link.name, object: `address ${address} of ${link.name}` });
    }
  }
  return taken;
}

/** A default route, also in the two halves (or the global eighth of IPv6) that VPNs write to win over the real one. */
function isDefaultLike(prefix: Prefix): boolean {
  return prefix.length <= (prefix.family === 4 ? 1 : 3);
}

/** `10.0.0.1`, `10.0.0.0/8`; undefined for `default`. */
function parsePrefix(text: string): Prefix | undefined {
  const [base, length] = text.split("/");
  const address = parseAddress(base ?? "");
  if (address === undefined) return undefined;
  return prefixOf(address, length === undefined ? (address.family === 4 ? 32 : 128) : Number(length));
}

// Sandboxes ----------------------------------------------------------------------------------------------------------

function sandboxConflicts(plan: SandboxPlan, topology: Topology, actual: Actual): Conflict[] {
  const { container, path, from } = plan;
  const there = actual.sandboxes.get(path);
  const state = there?.state ?? { kind: "absent" as const };
  const object = `namespace ${path}`;
  if (!plan.adopted) {
    if (state.kind !== "other" && state.kind !== "forbidden") return [];
    const message = `${path}, where the namespace of container ${container} belongs, is something else`;
    return [{ object, message, mend: `remove ${path}`, from }];
  }
  if (state.kind === "forbidden") {
    const message = `${path}, which container ${container} adopts, may not be read`;
    // Root in a container often lacks what the process of another needs (ptrace(2), PTRACE_MODE_READ).
    const privilege = /^\/proc\//.test(path) ? "CAP_SYS_PTRACE" : "CAP_DAC_READ_SEARCH";
    return [{ object, message, mend: `run it as root of the host, or with ${privilege}`, from }];
  }
  if (state.kind !== "namespace") {
    const what = state.kind === "absent" ? "doesn't exist" : "isn't a network namespace";
    const message = `${path}, which container ${container} adopts, ${what}`;
    return [{ object, message, mend: `start what makes it first, or correct the path or pid`, from }];
  }
  if (state.id === actual.hostId) {
    const message = `${path}, which container ${container} adopts, is this host's own namespace`;
    return [{ object, message, mend: `say \`mode host\` instead`, from }];
  }
  const twin = topology.sandboxes.find((other) => {
    const found = other === plan ? undefined : actual.sandboxes.get(other.path)?.state;
    return found?.kind === "namespace" && found.id === state.id;
  });
  if (twin !== undefined) {
    const message = `containers ${container} and ${twin.container} adopt the same namespace, ${path}`;
    return [{ object, message, mend: `give one of them \`mode container:${twin.container}\``, from }];
  }
  return there?.stack === undefined ? [] : adoptedConflicts(plan, there, there.stack, actual);
}

/** What an adopted namespace holds that the plan needs for itself. */
function adoptedConflicts(plan: SandboxPlan, there: ActualSandbox, stack: Stack, actual: Actual): Conflict[] {
  const { container, path, from } = plan;
  const ours = new Set(ownInside(there, actual));
  const others = otherOwners(stack, actual);
  const [theirs] = plan.endpoints.flatMap(({ inside }) => others.get(inside.device) ?? []);
  // One conflict says it: nobody is to delete that policy's devices and routes one by one.
  if (theirs !== undefined) {
    return [
      {
        object: `namespace ${path}`,
        message: `${path}, which container ${container} adopts, is ${theirs} already`,
        mend: "take the container out of one of the two policies: a namespace has room for one",
        from,
      },
    ];
  }
  const conflicts: Conflict[] = [];
  for (const { inside } of plan.endpoints) {
    if (stack.links.has(inside.device) && !ours.has(inside.device)) {
      conflicts.push({
        object: `device ${inside.device} in ${path}`,
        message: `container ${container} needs a device ${inside.device} in ${path}, where one is that isn't tsnet's`,
        mend: `rename or remove it: nsenter --net=${path} ip link delete ${inside.device}`,
        from,
      });
    }
  }
  const foreign = stack.routes.filter((route) => route.table === "main" && !ours.has(route.device ?? ""));
  for (const route of plan.endpoints.flatMap(({ inside }) => inside.routes)) {
    const found = foreign.find((other) => other.to === route.to && other.family === route.family);
    if (found === undefined) continue;
    const where = found.device === undefined ? "" : ` on ${found.device}`;
    conflicts.push({
      object: `route ${route.to}${where} in ${path}`,
      message: `container ${container} needs the ${name(route.to)} in ${path}, and there is one${where} already`,
      mend: `remove it: nsenter --net=${path} ip ${route.family === 6 ? "-6 " : ""}route delete ${route.to}`,
      from,
    });
  }
  return conflicts;
}

/**
 * Whose the devices in a sandbox are that other policies made, by name: `container x of the policy lab`. A device inside
 * bears no mark, but its other end, which is on the host, does.
 */
function otherOwners(stack: Stack, actual: Actual): Map<string, string> {
  const hostEnds = new Map([...actual.host.links.values()].map((link) => [link.index, link]));
  const owners = new Map<string, string>();
  for (const link of stack.links.values()) {
    const end = link.peer === undefined ? undefined : hostEnds.get(link.peer);
    const mark = end?.peer === link.index && !isOurs(end, actual.policy) ? markOf(end) : undefined;
    if (mark?.container !== undefined)
      owners.set(link.name, `container ${mark.container} of the policy ${mark.policy}`);
  }
  return owners;
}

function name(to: string): string {
  return to === "default" ? "default route" : `route ${to}`;
}
