/** A topology for people: the commands that would make it, grouped by object; a script that any shell takes. */
import { dirname } from "node:path";
import * as lines from "./lines.js";
import type { IpLine } from "./lines.js";
import { SHARES_ROOT } from "./names.js";
import type { BridgePlan, EndpointPlan, SandboxPlan, SharePlan, Sysctl, Topology } from "./topology.js";

/** Ends with a newline. */
export function formatTopology(topology: Topology): string {
  const blocks = [
    ...topology.bridges.map(bridgeBlock),
    ...topology.sandboxes.map(sandboxBlock),
    ...topology.shares.map(shareBlock),
  ];
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
  const path = word(sandbox.path);
  return block(`container ${printable(sandbox.container)}`, sandbox.from, [
    ...(sandbox.adopted
      ? [`# adopts ${printable(sandbox.path)}`]
      : [`mkdir -p ${word(dirname(sandbox.path))}`, `touch ${path}`, `unshare --net=${path} true`]),
    `nsenter --net=${path} ip link set dev lo up`,
    ...sandbox.endpoints.flatMap((endpoint) => endpointLines(sandbox, endpoint)),
    ...hosts.map((line) => `# hosts: ${line.replace("\t", " ")}`),
  ]);
}

function shareBlock({ path, directory, containers, from }: SharePlan): string {
  return block(`share ${printable(path)}`, from, [
    `mkdir -p -m 700 ${word(SHARES_ROOT)} ${word(dirname(directory))}`,
    `mkdir -m 755 ${word(directory)}`,
    `# seen at ${printable(path)} by what \`tsnet exec\` runs in ${containers.map(printable).join(", ")}`,
  ]);
}

function endpointLines(sandbox: SandboxPlan, endpoint: EndpointPlan): string[] {
  const { device, inside } = endpoint;
  return [
    `# on network ${printable(endpoint.network)}`,
    ip(lines.addVethFromHost(endpoint, sandbox.path)),
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
    ].map((line) => `nsenter --net=${word(sandbox.path)} ${line}`),
  ];
}

function block(title: string, from: string | undefined, body: readonly string[]): string {
  return `# ${title}${from === undefined ? "" : `  (${printable(from)})`}\n${body.join("\n")}\n`;
}

function ip(line: IpLine): string {
  return `ip ${line.map(word).join(" ")}`;
}

function sysctl({ path, value, optional }: Sysctl): string {
  return `sysctl -w net/${path}=${value}${optional ? " || true  # where the kernel has it" : ""}`;
}

/** A word as a shell takes it. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A name as it is if it is plain, else quoted, so that a newline in it can't end the comment. */
function printable(name: string): string {
  return /^[\w.:/@%+=,-]+$/.test(name) ? name : JSON.stringify(name);
}
