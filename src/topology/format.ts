/** A topology for people: the `ip` and `sysctl` commands that would make it, grouped by object. */
import * as lines from "./lines.js";
import type { IpLine } from "./lines.js";
import type { BridgePlan, EndpointPlan, SandboxPlan, Sysctl, Topology } from "./topology.js";

/** Ends with a newline. What is indented runs in the sandbox's namespace. */
export function formatTopology(topology: Topology): string {
  const blocks = [...topology.bridges.map(bridgeBlock), ...topology.sandboxes.map(sandboxBlock)];
  const { v4, v6 } = topology.forwards;
  const families = [...(v4 ? ["IPv4"] : []), ...(v6 ? ["IPv6"] : [])].join(" and ");
  const forwarding = families === "" ? "# forwards nothing\n" : `# forwards ${families}\n`;
  return [`# policy ${printable(topology.policy)}\n${forwarding}`, ...blocks].join("\n");
}

function bridgeBlock(bridge: BridgePlan): string {
  const { device } = bridge;
  return block(`network ${printable(bridge.network)}`, bridge.from, [
    ip(lines.addBridge(bridge)),
    ip(lines.setAlias(device, bridge.alias)),
    ...bridge.sysctls.map(sysctl),
    ...bridge.addresses.map((address) => ip(lines.addAddress(address, device, "bridge"))),
    ip(lines.setUp(device)),
    ...bridge.routes.map((route) => ip(lines.addRoute(route))),
  ]);
}

function sandboxBlock(sandbox: SandboxPlan): string {
  const hosts = sandbox.hosts.split("\n").slice(6, -1);
  return block(`container ${printable(sandbox.container)}`, sandbox.from, [
    sandbox.adopted ? `# adopts ${printable(sandbox.path)}` : `unshare --net=${sandbox.path} true`,
    "    ip link set dev lo up",
    ...sandbox.endpoints.flatMap((endpoint) => endpointLines(sandbox, endpoint)),
    ...hosts.map((line) => `# hosts: ${line.replace("\t", " ")}`),
  ]);
}

function endpointLines(sandbox: SandboxPlan, endpoint: EndpointPlan): string[] {
  const { device, inside } = endpoint;
  const netns = /^[\w@%+=:,./-]+$/.test(sandbox.path) ? sandbox.path : JSON.stringify(sandbox.path);
  return [
    `# on network ${printable(endpoint.network)}`,
    ip(lines.addVethFromHost(endpoint, netns)),
    ip(lines.setAlias(device, endpoint.alias)),
    ...endpoint.hostSysctls.map(sysctl),
    ...endpoint.hostAddresses.map((address) => ip(lines.addAddress(address, device, "endpoint"))),
    ip(lines.setUp(device)),
    ...endpoint.hostRoutes.map((route) => ip(lines.addRoute(route))),
    ...endpoint.hostNeighbours.map((neighbour) => ip(lines.setNeighbour(neighbour))),
    ...[
      ...inside.sysctls.map(sysctl),
      ...inside.addresses.map((address) => ip(lines.addAddress(address, inside.device, "endpoint"))),
      ip(lines.setUp(inside.device)),
      ...inside.routes.map((route) => ip(lines.addRoute(route, "replace"))),
      ...inside.neighbours.map((neighbour) => ip(lines.setNeighbour(neighbour))),
    ].map((line) => `    ${line}`),
  ];
}

function block(title: string, from: string | undefined, body: readonly string[]): string {
  return `# ${title}${from === undefined ? "" : `  (${printable(from)})`}\n${body.join("\n")}\n`;
}

function ip(line: IpLine): string {
  return `ip ${line.join(" ")}`;
}

function sysctl({ path, value, optional }: Sysctl): string {
  return `sysctl -w net/${path}=${value}${optional ? "  # where the kernel has it" : ""}`;
}

/** A name as it is if it is plain, else quoted, so that a newline in it can't end the comment. */
function printable(name: string): string {
  return /^[\w.:/@%+=,-]+$/.test(name) ? name : JSON.stringify(name);
}
