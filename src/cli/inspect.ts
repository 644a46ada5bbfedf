/** `tsnet inspect`: the shape of `docker inspect` and `docker network inspect`, filled from the policy that is live. */
import { createHash } from "node:crypto";
import {
  addressOf,
  type Container,
  containerNamed,
  type Endpoint,
  gatewayOf,
  type Network,
  networkNamed,
  type Policy,
  subnetOf,
} from "../ir/policy.js";
import { formatAddress } from "../net/address.js";
import { formatPrefix } from "../net/prefix.js";
import { protocolName } from "../net/ports.js";
import { exposed, variables } from "../topology/variables.js";
import { findLive } from "./live.js";
import { printJson } from "./output.js";
import { planShares } from "../topology/shares.js";
import { sandboxPath } from "./sandbox.js";

export function inspect(name: string): void {
  const found = findLive(name);
  printJson([
    found.kind === "container"
      ? containerJson(found.policy, found.container)
      : networkJson(found.policy, found.network),
  ]);
}

const id = (...words: string[]): string => createHash("sha256").update(words.join("\0")).digest("hex");

function containerJson(policy: Policy, container: Container): unknown {
  const { sandbox } = container;
  const shown = sandbox.kind === "container" ? containerNamed(policy, sandbox.other) : container;
  const [first] = shown.endpoints;
  const mode = {
    own: first?.network ?? "none",
    netns: first?.network ?? "none",
    pid: first?.network ?? "none",
    host: "host",
    none: "none",
    container: "",
  };
  return {
    Id: id("container", policy.name, container.name),
    Name: `/${container.name}`,
    Config: {
      Env: Object.entries(variables(policy, container)).map(([key, value]) => `${key}=${value}`),
      Labels: { "tsnet.policy": policy.name },
    },
    HostConfig: {
      NetworkMode: sandbox.kind === "container" ? `container:${sandbox.other}` : mode[sandbox.kind],
      Links: links(policy, container),
    },
    Mounts: mounts(policy, shown),
    NetworkSettings: {
      SandboxID: id("sandbox", policy.name, shown.name),
      SandboxKey: sandboxPath(policy, container) ?? "/proc/self/ns/net",
      Ports: ports(policy, container),
      EndpointID: first === undefined ? "" : id("endpoint", policy.name, shown.name, first.network),
      ...(first === undefined ? EMPTY : addresses(policy, first)),
      Networks: networks(policy, shown),
    },
  };
}

/** A container without a network of the policy is on one that Docker has for its mode, with no addresses. */
function networks(policy: Policy, { name, sandbox, endpoints }: Container): Record<string, unknown> {
  const entry = (network: string, more: typeof EMPTY): [string, unknown] => [
    network,
    {
      NetworkID: id("network", policy.name, network),
      EndpointID: id("endpoint", policy.name, name, network),
      ...more,
    },
  ];
  if (endpoints.length === 0) return Object.fromEntries([entry(sandbox.kind === "host" ? "host" : "none", EMPTY)]);
  return Object.fromEntries(endpoints.map((endpoint) => entry(endpoint.network, addresses(policy, endpoint))));
}

const EMPTY = {
  IPAddress: "",
  IPPrefixLen: 0,
  Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  IPv6Gateway: "",
  MacAddress: "",
};

function addresses(policy: Policy, endpoint: Endpoint): typeof EMPTY {
  const network = networkNamed(policy, endpoint.network);
  const text = (address: ReturnType<typeof addressOf>): string => (address === undefined ? "" : formatAddress(address));
  return {
    IPAddress: text(addressOf(endpoint, 4)),
    IPPrefixLen: subnetOf(network, 4)?.length ?? 0,
    Gateway: text(gatewayOf(network, 4)),
    GlobalIPv6Address: text(addressOf(endpoint, 6)),
    GlobalIPv6PrefixLen: subnetOf(network, 6)?.length ?? 0,
    IPv6Gateway: text(gatewayOf(network, 6)),
    MacAddress: endpoint.mac,
  };
}

/** `8080/tcp` to the host's addresses and ports that lead there; null for what is exposed only. */
function ports(policy: Policy, container: Container): Record<string, { HostIp: string; HostPort: string }[] | null> {
  const out: Record<string, { HostIp: string; HostPort: string }[] | null> = {};
  for (const { port, protocol } of exposed(container)) out[`${port}/${protocol}`] = null;
  for (const publish of policy.publishes) {
    if (!publish.targets.some((target) => target.container === container.name)) continue;
    for (let i = 0; i <= publish.hostPorts[1] - publish.hostPorts[0]; i++) {
      const key = `${publish.port + i}/${protocolName(publish.protocol)}`;
      const HostPort = String(publish.hostPorts[0] + i);
      const hosts =
        publish.hostAddress === undefined
          ? publish.families.map((family) => (family === 4 ? "0.0.0.0" : "::"))
          : [formatAddress(publish.hostAddress)];
      out[key] = [...(out[key] ?? []), ...hosts.map((HostIp) => ({ HostIp, HostPort }))];
    }
  }
  return out;
}

/** Shares, as Docker has bind mounts. */
function mounts(policy: Policy, { name }: Container): unknown[] {
  return planShares(policy)
    .filter(({ containers }) => containers.includes(name))
    .map(({ path, directory }) => ({
      ...{ Type: "bind", Source: directory, Destination: path },
      ...{ Mode: "", RW: true, Propagation: "rprivate" },
    }));
}

function links(policy: Policy, container: Container): string[] | null {
  const mine = policy.links.filter((link) => link.from === container.name);
  return mine.length === 0 ? null : mine.map((link) => `/${link.target}:/${link.from}/${link.alias}`);
}

function networkJson(policy: Policy, network: Network): unknown {
  const members = policy.containers.flatMap((container) =>
    container.endpoints
      .filter((endpoint) => endpoint.network === network.name)
      .map((endpoint) => [container, endpoint] as const),
  );
  const cidr = (endpoint: Endpoint, family: 4 | 6): string => {
    const address = addressOf(endpoint, family);
    return address === undefined ? "" : `${formatAddress(address)}/${subnetOf(network, family)?.length}`;
  };
  return {
    Name: network.name,
    Id: id("network", policy.name, network.name),
    Scope: "local",
    Driver: network.driver,
    EnableIPv6: subnetOf(network, 6) !== undefined,
    IPAM: {
      Driver: "tsnet",
      Config: network.subnets.map((subnet, i) => ({
        Subnet: formatPrefix(subnet),
        Gateway: formatAddress(network.gateways[i] as NonNullable<ReturnType<typeof gatewayOf>>),
      })),
    },
    Internal: network.internal,
    Containers: Object.fromEntries(
      members.map(([container, endpoint]) => [
        id("container", policy.name, container.name),
        {
          Name: container.name,
          EndpointID: id("endpoint", policy.name, container.name, network.name),
          MacAddress: endpoint.mac,
          IPv4Address: cidr(endpoint, 4),
          IPv6Address: cidr(endpoint, 6),
        },
      ]),
    ),
    Options: {
      "com.docker.network.bridge.name": network.bridge,
      "com.docker.network.bridge.enable_icc": String(network.icc),
      "com.docker.network.bridge.enable_ip_masquerade": String(network.masquerade),
      ...(network.mtu === undefined ? {} : { "com.docker.network.driver.mtu": String(network.mtu) }),
    },
    Labels: { "tsnet.policy": policy.name },
  };
}
