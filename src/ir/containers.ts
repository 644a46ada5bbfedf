/** Lowers containers: their sandbox, their endpoints with addresses, what they expose and their environment. */
import type { ContainerProperty, ContainerStatement } from "../ast/nodes.js";
import { type Address, formatAddress, parseAddress } from "../net/address.js";
import { formatPrefix, inPrefix } from "../net/prefix.js";
import { NO_PORTS } from "../net/ports.js";
import type { Code } from "../text/codes.js";
import { deviceName, endpointAddress, macOf, toAddress, usable } from "./addresses.js";
import type { Lowering } from "./lowering.js";
import type { Container, Endpoint, Network, Sandbox } from "./policy.js";
import { lowerPorts } from "./values.js";

type Of<K extends ContainerProperty["kind"]> = Extract<ContainerProperty, { kind: K }>;

function properties<K extends ContainerProperty["kind"]>(statement: ContainerStatement | undefined, kind: K): Of<K>[] {
  return (statement?.properties.filter((property) => property.kind === kind) ?? []) as Of<K>[];
}

/** Whether any container stands on the network `default`. */
export function needsDefault(low: Lowering): boolean {
  return low.scope.containers().some((declared) => {
    const statement = declared.statement as ContainerStatement | undefined;
    const networks = properties(statement, "endpoint");
    if (networks.some((property) => property.network.text === "default")) return true;
    return networks.length === 0 && properties(statement, "mode").length === 0;
  });
}

/** An endpoint before its addresses are known. */
interface Draft {
  readonly container: string;
  readonly network: Network;
  readonly statement: ContainerStatement | undefined;
  readonly property: Of<"endpoint"> | undefined;
  readonly addresses: Map<4 | 6, Address>;
  mac: string | undefined;
}

export function lowerContainers(low: Lowering, networks: readonly Network[]): Container[] {
  const byName = new Map(networks.map((network) => [network.name, network]));
  const drafts = new Map<string, Draft[]>();
  const containers = low.scope.containers().map((declared) => {
    const statement = declared.statement as ContainerStatement | undefined;
    const sandbox = sandboxOf(low, declared.name, statement);
    const own = sandbox.kind === "own" || sandbox.kind === "netns" || sandbox.kind === "pid";
    drafts.set(declared.name, own ? draftEndpoints(low, declared.name, statement, byName) : []);
    if (!own) forbidNetworks(low, statement);
    return { name: declared.name, statement, sandbox };
  });
  checkShared(low, containers);
  const all = [...drafts.values()].flat();
  for (const network of networks)
    assign(
      low,
      network,
      all.filter((draft) => draft.network === network),
    );
  return containers.map(({ name, statement, sandbox }) => ({
    name,
    sandbox,
    endpoints: (drafts.get(name) ?? []).map((draft, at) => endpointOf(low, draft, at)),
    expose: exposeOf(low, statement),
    env: envOf(low, statement),
    origin: statement && low.origins.of(statement),
  }));
}

function sandboxOf(low: Lowering, name: string, statement: ContainerStatement | undefined): Sandbox {
  const kinds = [...properties(statement, "mode"), ...properties(statement, "netns"), ...properties(statement, "pid")];
  const [first, second] = kinds;
  if (second !== undefined)
    low.diagnostics.error("duplicate-mode", second.span, `'${name}' already says where its network stack comes from`, {
      why: "A container has one sandbox: its own, the host's, another's, none, or an adopted one.",
      help: "keep one of mode, netns and pid",
    });
  if (first === undefined) return { kind: "own" };
  if (first.kind === "netns") {
    if (!first.path.text.startsWith("/") || first.path.text.includes("\0"))
      low.diagnostics.error("bad-path", first.path.span, `'${first.path.text}' is no absolute path`, {
        why: "A policy means the same wherever it is compiled, so no path depends on the current directory.",
        help: 'write the whole path, such as netns "/run/netns/x"',
      });
    return { kind: "netns", path: first.path.text };
  }
  if (first.kind === "pid") {
    if (first.value.value < 1)
      low.diagnostics.error("bad-pid", first.value.span, `${first.value.value} is no process id`, {
        why: "A process id is a number from 1 upwards.",
        help: "give the id of a running process",
      });
    return { kind: "pid", pid: first.value.value };
  }
  if (first.other !== undefined) return { kind: "container", other: first.other.text };
  if (first.mode.text === "host") return { kind: "host" };
  if (first.mode.text === "none") return { kind: "none" };
  low.diagnostics.error("unknown-mode", first.mode.span, `there is no mode '${first.mode.text}'`, {
    why: "A mode says whose network stack a container uses instead of one of its own.",
    help: "use 'mode host', 'mode none' or 'mode container:OTHER'; without a mode the container has its own network",
  });
  return { kind: "own" };
}

function forbidNetworks(low: Lowering, statement: ContainerStatement | undefined): void {
  for (const property of properties(statement, "endpoint"))
    low.diagnostics.error("mode-network", property.span, "this container has no network of its own to connect", {
      why: "With 'mode' it uses the host's stack, another container's, or none.",
      help: "take away either the mode or the network",
    });
}

function checkShared(
  low: Lowering,
  containers: readonly { name: string; statement: ContainerStatement | undefined; sandbox: Sandbox }[],
): void {
  for (const { statement, sandbox } of containers) {
    if (sandbox.kind !== "container") continue;
    const property = properties(statement, "mode")[0];
    const name = property?.other;
    if (name === undefined) continue;
    const other = containers.find((container) => container.name === sandbox.other);
    if (other === undefined) low.scope.unknown(name.text, name.span, "container");
    else if (other.sandbox.kind === "container" || other.sandbox.kind === "host" || other.sandbox.kind === "none")
      low.diagnostics.error("mode-shared", name.span, `'${name.text}' has no sandbox of its own to share`, {
        why: "What uses the host's stack, another container's or none has nothing to give away.",
        help: "name a container that has networks",
      });
  }
}

function draftEndpoints(
  low: Lowering,
  container: string,
  statement: ContainerStatement | undefined,
  networks: ReadonlyMap<string, Network>,
): Draft[] {
  const lines = properties(statement, "endpoint");
  if (lines.length === 0) {
    const network = networks.get("default");
    if (network === undefined) return [];
    low.scope.used.add("default");
    return [{ container, network, statement, property: undefined, addresses: new Map(), mac: undefined }];
  }
  const drafts: Draft[] = [];
  for (const property of lines) {
    const declared = low.scope.lookUp(property.network, "network", true);
    const network = networks.get(property.network.text);
    if (declared === undefined || network === undefined) {
      low.scope.unknown(property.network.text, property.network.span, "network");
      continue;
    }
    if (drafts.some((draft) => draft.network === network)) {
      low.diagnostics.error("duplicate-endpoint", property.span, `'${container}' is on '${network.name}' twice`, {
        why: "A container has at most one endpoint on a network.",
        help: "put the addresses on one line: network NAME ip ADDRESS ip ADDRESS",
      });
      continue;
    }
    drafts.push({ container, network, statement, property, addresses: new Map(), mac: undefined });
  }
  return drafts;
}

/** Gives the endpoints of one network their addresses: explicit ones first, then by name, in order of declaration. */
function assign(low: Lowering, network: Network, drafts: readonly Draft[]): void {
  const taken: Record<4 | 6, Map<bigint, Draft>> = { 4: new Map(), 6: new Map() };
  for (const draft of drafts) explicitAddresses(low, network, draft, taken);
  network.subnets.forEach((subnet, at) => {
    const gateway = network.gateways[at] as Address;
    const used = new Set(taken[subnet.family].keys());
    for (const draft of drafts) {
      if (draft.addresses.has(subnet.family)) continue;
      const found = endpointAddress(draft.container, subnet, gateway, used);
      const span = draft.property?.span ?? draft.statement?.name.span;
      if (found === undefined) {
        const where = span ?? low.anywhere;
        low.diagnostics.error("subnet-full", where, `no free address is left in network '${network.name}'`, {
          why: "The gateway takes one address of the subnet, and each container another.",
          help: "give the network a larger subnet",
        });
        continue;
      }
      if (found.moved !== undefined) {
        const [holder, others] =
          found.moved === "gateway" ? ["The network's gateway", "the gateway"] : ["Another container", "the others"];
        const text = formatAddress(found.address);
        low.diagnostics.warning("address-moved", span ?? low.anywhere, `'${draft.container}' moves on to ${text}`, {
          why: `${holder} holds the address that its name gives, so which one it has depends on ${others}.`,
          help: `pin it: container ${draft.container} { network ${network.name} ip ${text} }`,
        });
      }
      used.add(BigInt(found.address.value));
      draft.addresses.set(subnet.family, found.address);
    }
  });
  checkMacs(low, drafts);
}

/** A MAC that is given leads to one device of the network; those that addresses give differ as these do. */
function checkMacs(low: Lowering, drafts: readonly Draft[]): void {
  const holders = new Map<string, Draft>();
  const isGiven = (draft: Draft): boolean => draft.mac !== undefined;
  for (const draft of [...drafts.filter((one) => !isGiven(one)), ...drafts.filter(isGiven)]) {
    const mac = macAt(draft);
    const holder = holders.get(mac);
    const given = draft.property?.macs[0];
    if (holder === undefined) holders.set(mac, draft);
    else if (given !== undefined)
      low.diagnostics.error("address-taken", given.span, `'${holder.container}' has the MAC address ${mac} already`, {
        why: "On one network a MAC address leads to one container.",
        help: "choose another one, or leave it out",
      });
  }
}

function macAt({ mac, addresses }: Draft): string {
  const first = addresses.get(4) ?? addresses.get(6);
  return mac ?? (first === undefined ? "02:42:00:00:00:00" : macOf(first));
}

function explicitAddresses(
  low: Lowering,
  network: Network,
  draft: Draft,
  taken: Record<4 | 6, Map<bigint, Draft>>,
): void {
  for (const literal of draft.property?.ips ?? []) {
    const fail = (code: Code, message: string, why: string, help: string): void =>
      low.diagnostics.error(code, literal.span, message, { why, help });
    const address = parseAddress(literal.text);
    if (address === undefined) {
      fail(
        "bad-address",
        `'${literal.text}' is no address`,
        "IPv4 addresses are four decimal numbers, IPv6 ones have '::' or seven colons.",
        "write it as 172.17.0.5 or fd17::5",
      );
      continue;
    }
    const subnet = network.subnets.find((prefix) => inPrefix(prefix, address));
    const gateway = network.gateways.find((other) => other.family === address.family);
    if (subnet === undefined) {
      fail(
        "address-outside",
        `${literal.text} is in no subnet of network '${network.name}'`,
        "An endpoint has an address inside a subnet of its network, or nothing there would find it.",
        `choose one inside ${network.subnets.map(formatPrefix).join(" or ")}`,
      );
      continue;
    }
    const [from, to] = usable(subnet);
    const value = BigInt(address.value);
    if (value < from || value > to || gateway?.value === address.value) {
      fail(
        "address-taken",
        `${literal.text} is the network's own address`,
        "The gateway's, the subnet's first and IPv4's broadcast address belong to no container.",
        "choose another one",
      );
      continue;
    }
    const holder = taken[address.family].get(value);
    if (holder !== undefined) {
      fail(
        "address-taken",
        `'${holder.container}' has the address ${literal.text} already`,
        "On one network an address leads to one container.",
        "choose another one",
      );
      continue;
    }
    if (draft.addresses.has(address.family)) {
      fail(
        "duplicate-address",
        `a second IPv${address.family} address`,
        "An endpoint has one address of each family.",
        "keep one of them, or put the container on another network too",
      );
      continue;
    }
    taken[address.family].set(value, draft);
    draft.addresses.set(address.family, toAddress(address.family, value));
  }
  const [mac, another] = draft.property?.macs ?? [];
  if (another !== undefined)
    low.diagnostics.error("duplicate-property", another.span, "a second MAC address", {
      why: "An endpoint is one device, and a device has one MAC address.",
      help: "keep one of them",
    });
  if (mac !== undefined) {
    draft.mac = mac.text.toLowerCase();
    if ((Number.parseInt(draft.mac.slice(0, 2), 16) & 1) === 1 || draft.mac === "00:00:00:00:00:00")
      low.diagnostics.error("bad-mac", mac.span, `${mac.text} can't be a device's address`, {
        why: "It is a multicast address or all zeros.",
        help: "make the first byte even, such as 02:42:ac:11:00:05",
      });
  }
}

function endpointOf(low: Lowering, draft: Draft, at: number): Endpoint {
  const addresses = [...draft.addresses.values()].sort((a, b) => a.family - b.family);
  return {
    container: draft.container,
    network: draft.network.name,
    addresses,
    mac: macAt(draft),
    device: deviceName(low.name, draft.container, draft.network.name),
    inside: `eth${at}`,
  };
}

function exposeOf(low: Lowering, statement: ContainerStatement | undefined): Container["expose"] {
  let ports = NO_PORTS;
  for (const property of properties(statement, "expose"))
    ports = lowerPorts(low, property.ports, { ported: true, join: ports });
  return ports;
}

function envOf(low: Lowering, statement: ContainerStatement | undefined): Map<string, string> {
  const env = new Map<string, string>();
  for (const { key, value } of properties(statement, "env")) {
    const before = env.get(key.text);
    if (before !== undefined && before !== value.text)
      low.diagnostics.error("duplicate-env", key.span, `'${key.text}' is given two values`, {
        why: "A variable has one value, and order never decides which.",
        help: "keep one of them",
      });
    env.set(key.text, value.text);
  }
  return env;
}
