/**
 * The desired topology against what is there: what changes, in an order that never lets a packet pass in between.
 * Pure.
 *
 * An endpoint whose devices are right is mended where it stands; one with another MAC, address or name inside is made
 * anew. What a container does to its own namespace besides is its own affair.
 */
import { hashText } from "../net/hash.js";
import { type Actual, isUnfinished, ownInside, ownLinks } from "./actual.js";
import { type Conflict, findConflicts } from "./conflicts.js";
import { mendBridge, mendEndpoint, needsReplacing } from "./mend.js";
import { rename, setDown, setUp } from "./lines.js";
import { BRIDGE_PREFIX, hostsPath, parseMark, policyNetnsDirectory, readable } from "./names.js";

import { recallEndpoint } from "./recall.js";
import type { StackLink } from "./stack.js";
import type { BridgePlan, EndpointPlan, SandboxPlan, Topology } from "./topology.js";
import { bridgeWorks, type Change, endpointWorks, ip, type Work } from "./work.js";

export interface Difference {
  /** With any of these, nothing may be changed. */
  readonly conflicts: readonly Conflict[];
  /** Removals first, then additions and changes in the policy's order. */
  readonly changes: readonly Change[];
}

export function differ(topology: Topology, actual: Actual): Difference {
  const kept = new Set<string>();
  const wanted = [
    ...topology.bridges.flatMap((bridge) => bridgeChanges(bridge, actual, kept)),
    ...topology.sandboxes.flatMap((sandbox) => sandboxChanges(sandbox, topology, actual, kept)),
  ];
  return {
    conflicts: findConflicts(topology, actual),
    changes: [...removals(topology, actual, kept), ...wanted],
  };
}

function bridgeChanges(bridge: BridgePlan, actual: Actual, kept: Set<string>): Change[] {
  const object = `network ${bridge.network}`;
  const { from, device } = bridge;
  const link = actual.host.links.get(device);
  if (link?.alias === bridge.alias && link.kind === "bridge") {
    kept.add(device);
    const { works, what } = mendBridge(bridge, link, actual);
    if (works.length === 0) return [];
    const text = `mend bridge ${device}: ${what.join("; ")}`;
    return [{ verb: "change", object, text, what, from, works, restore: [] }];
  }
  // Born under a name that only we use, so that a killed apply leaves nothing that nobody knows the owner of.
  const born = device.startsWith(BRIDGE_PREFIX) ? device : BRIDGE_PREFIX + hashText(11, "born", device);
  const left = [...new Set([born, device])].flatMap((name) => leftover(actual, name));
  const works = [...left, ...bridgeWorks(bridge, born)];
  return [
    { verb: "add", object, text: `add bridge ${device} with ${bridge.addresses.join(", ")}`, from, works, restore: [] },
  ];
}

/** What a killed apply left under a name that is needed. */
function leftover(actual: Actual, name: string): Work[] {
  const link = actual.host.links.get(name);
  return link !== undefined && isUnfinished(link, actual) ? [{ stage: "unlink", kind: "delete", device: name }] : [];
}

// Sandboxes ----------------------------------------------------------------------------------------------------------

function sandboxChanges(plan: SandboxPlan, topology: Topology, actual: Actual, kept: Set<string>): Change[] {
  const object = `container ${plan.container}`;
  const { from, path } = plan;
  const exists = actual.sandboxes.get(path)?.state.kind === "namespace";
  const changes: Change[] = [];
  if (!exists) {
    const works: Work[] = [{ stage: "found", kind: "netns", verb: "add", path }, ip("up", path, setUp("lo"))];
    changes.push({ verb: "add", object, text: `add namespace ${path}`, from, works, restore: [] });
  } else if (!plan.adopted && actual.sandboxes.get(path)?.stack?.links.get("lo")?.up === false) {
    const works = [ip("up", path, setUp("lo"))];
    changes.push({
      verb: "change",
      object,
      text: `mend ${path}: its loopback device is down`,
      what: ["its loopback device is down"],
      from,
      works,
      restore: [],
    });
  }
  for (const endpoint of plan.endpoints) changes.push(...endpointChanges(plan, endpoint, actual, kept));
  const file = hostsPath(topology.policy, plan.container);
  const before = actual.hosts.get(file);
  if (before !== plan.hosts) {
    const works: Work[] = [{ stage: "address", kind: "file", path: file, text: plan.hosts, before }];
    const verb = before === undefined ? "add" : "change";
    changes.push({ verb, object, text: `write ${file}`, from, works, restore: [] });
  }
  return changes;
}

function endpointChanges(plan: SandboxPlan, endpoint: EndpointPlan, actual: Actual, kept: Set<string>): Change[] {
  const object = `container ${plan.container}`;
  const { from } = plan;
  const { device } = endpoint;
  const on = `${endpoint.inside.device} on ${endpoint.network}, ${endpoint.inside.addresses.join(", ")}`;
  const link = actual.host.links.get(device);
  if (link === undefined || link.alias !== endpoint.alias) {
    const away = outOfTheWay(plan, endpoint, actual);
    const works = [...leftover(actual, device), ...away.works, ...endpointWorks(endpoint, plan.path)];
    return [{ verb: "add", object, text: `add ${on} (${device})${away.text}`, from, works, restore: [] }];
  }
  const sandbox = actual.sandboxes.get(plan.path);
  const reason = needsReplacing(endpoint, link, sandbox);
  kept.add(device);
  if (reason !== undefined) {
    const gone: Work = { stage: "unlink", kind: "delete", device };
    const away = outOfTheWay(plan, endpoint, actual);
    const works = [gone, ...away.works, ...endpointWorks(endpoint, plan.path)];
    return [
      {
        verb: "change",
        object,
        text: `replace ${on} (${device}): ${reason}${away.text}`,
        what: [reason],
        from,
        works,
        restore: restoring(link, actual),
      },
    ];
  }
  const { works, what } = mendEndpoint(endpoint, link, plan.path, sandbox, actual);
  if (works.length === 0) return [];
  const text = `mend ${on} (${device}): ${what.join("; ")}`;
  return [{ verb: "change", object, text, what, from, works, restore: [] }];
}

/**
 * What runs in a sandbox of ours may have put a device of its own where an endpoint belongs. It gives way, under another
 * name: else it could keep the whole policy from changing.
 */
function outOfTheWay(plan: SandboxPlan, { inside }: EndpointPlan, actual: Actual): { works: Work[]; text: string } {
  const there = actual.sandboxes.get(plan.path);
  const link = there?.stack?.links.get(inside.device);
  // Those whose other end is ours are where they belong, or go with it.
  if (there?.stack === undefined || link === undefined || plan.adopted || ownInside(there, actual).includes(link.name))
    return { works: [], text: "" };
  const { links } = there.stack;
  let number = 0;
  while (links.has(`moved${number}`)) number++;
  const name = `moved${number}`;
  const back = link.up ? [setUp(link.name)] : [];
  return {
    works: [
      ip("unlink", plan.path, setDown(link.name), ...back),
      ip("unlink", plan.path, rename(link.name, name), rename(name, link.name)),
    ],
    text: `; the ${link.name} that was there is down now and called ${name}`,
  };
}

// What goes away -----------------------------------------------------------------------------------------------------

function removals(topology: Topology, actual: Actual, kept: ReadonlySet<string>): Change[] {
  const changes: Change[] = [];
  const reused = new Set(topology.bridges.map((bridge) => bridge.device));
  for (const link of ownLinks(actual.host, topology.policy)) {
    if (kept.has(link.name)) continue;
    const mark = parseMark(link.alias ?? "");
    const bridge = link.kind === "bridge";
    const object = mark?.container === undefined ? `network ${mark?.network}` : `container ${mark.container}`;
    // A bridge goes last, unless another network is to have its name.
    const stage = bridge && !reused.has(link.name) ? "retire" : "unlink";
    const text = bridge ? `remove bridge ${link.name}` : `remove ${link.name}, its endpoint on ${mark?.network}`;
    const works: Work[] = [{ stage, kind: "delete", device: link.name }];
    changes.push({
      verb: "remove",
      object,
      text,
      from: undefined,
      works,
      restore: bridge ? [] : restoring(link, actual),
    });
  }
  changes.push(...sandboxRemovals(topology, actual), ...shareChanges(topology, actual));
  return changes;
}

function sandboxRemovals(topology: Topology, actual: Actual): Change[] {
  const changes: Change[] = [];
  const paths = new Set(topology.sandboxes.map((sandbox) => sandbox.path));
  const own = `${policyNetnsDirectory(topology.policy)}/`;
  for (const { path, state } of actual.sandboxes.values()) {
    if (paths.has(path) || !path.startsWith(own)) continue;
    if (state.kind !== "namespace" && state.kind !== "unbound") continue;
    const object = `container ${readable(path.slice(own.length))}`;
    const works: Work[] = [{ stage: "retire", kind: "netns", verb: "remove", path }];
    changes.push({ verb: "remove", object, text: `remove namespace ${path}`, from: undefined, works, restore: [] });
  }
  const files = new Set(topology.sandboxes.map((sandbox) => hostsPath(topology.policy, sandbox.container)));
  for (const [path, before] of actual.hosts) {
    if (files.has(path)) continue;
    const object = `container ${readable(path.split("/").at(-2) ?? "")}`;
    const works: Work[] = [{ stage: "retire", kind: "file", path, text: undefined, before }];
    changes.push({ verb: "remove", object, text: `remove ${path}`, from: undefined, works, restore: [] });
  }
  return changes;
}

function shareChanges({ shares }: Topology, actual: Actual): Change[] {
  const changes: Change[] = [];
  const planned = new Map(shares.map((share) => [share.directory, share]));
  for (const [path, share] of planned) {
    if (actual.shares.has(path)) continue;
    const works: Work[] = [{ stage: "found", kind: "directory", verb: "add", path }];
    const text = `add directory ${path}`;
    changes.push({ verb: "add", object: `share ${share.path}`, text, from: share.from, works, restore: [] });
  }
  for (const [path, isDirectory] of actual.shares) {
    if (planned.has(path) || !isDirectory) continue;
    const object = `share ${readable(path.slice(path.lastIndexOf("/") + 1))}`;
    const works: Work[] = [{ stage: "retire", kind: "directory", verb: "remove", path }];
    changes.push({ verb: "remove", object, text: `remove directory ${path}`, from: undefined, works, restore: [] });
  }
  return changes;
}

function restoring(link: StackLink, actual: Actual): Work[] {
  const recalled = recallEndpoint(link, actual);
  return recalled === undefined ? [] : endpointWorks(recalled.endpoint, recalled.netns);
}
