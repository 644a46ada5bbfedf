/** Policies made by hand for the topology's tests: only what the topology looks at. */
import { bridgeName, deviceName, macOf } from "../../src/ir/addresses.js";
import { Origins } from "../../src/ir/origins.js";
import { RuleList } from "../../src/ir/rule-list.js";
import type { Container, Endpoint, Link, Network, Policy, Publish, Sandbox } from "../../src/ir/policy.js";
import { type Address, FAMILIES, parseAddress } from "../../src/net/address.js";
import { NO_PORTS, TCP } from "../../src/net/ports.js";
import { type Prefix, prefixOf } from "../../src/net/prefix.js";

export interface NetworkText {
  readonly name: string;
  /** `10.83.0.0/16`; the gateway is the address after the first. */
  readonly subnets: readonly string[];
  readonly internal?: boolean;
  readonly mtu?: number;
  readonly bridge?: string;
}

export interface ContainerText {
  readonly name: string;
  /** Network name and addresses, one an endpoint. */
  readonly on?: readonly (readonly [string, ...string[]])[];
  readonly sandbox?: Sandbox;
}

export interface PolicyText {
  readonly name?: string;
  readonly networks: readonly NetworkText[];
  readonly containers: readonly ContainerText[];
  /** Host address or undefined, host port, container, container port. */
  readonly publishes?: readonly (readonly [string | undefined, number, string, number])[];
  /** Linker, target, alias. */
  readonly links?: readonly (readonly [string, string, string])[];
}

export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(`no address: ${text}`);
  return parsed;
}

function prefix(text: string): Prefix {
  const [base = "", length] = text.split("/");
  const parsed = prefixOf(address(base), Number(length));
  if (parsed === undefined) throw new Error(`no prefix: ${text}`);
  return parsed;
}

function network(policy: string, text: NetworkText): Network {
  const subnets = text.subnets.map(prefix);
  return {
    name: text.name,
    driver: "bridge",
    parent: undefined,
    subnets,
    gateways: subnets.map((subnet) =>
      subnet.family === 4 ? { family: 4, value: subnet.base + 1 } : { family: 6, value: subnet.base + 1n },
    ),
    icc: true,
    iccOrigin: undefined,
    internal: text.internal ?? false,
    masquerade: true,
    mtu: text.mtu,
    bridge: text.bridge ?? bridgeName(policy, text.name),
    origin: undefined,
  };
}

function container(policy: string, text: ContainerText): Container {
  const endpoints = (text.on ?? []).map(([on, ...texts], i): Endpoint => {
    const addresses = texts.map(address);
    const [first] = addresses;
    if (first === undefined) throw new Error(`${text.name} has no address on ${on}`);
    return {
      container: text.name,
      network: on,
      addresses,
      mac: macOf(first),
      device: deviceName(policy, text.name, on),
      inside: `eth${i}`,
    };
  });
  return {
    name: text.name,
    sandbox: text.sandbox ?? { kind: "own" },
    endpoints,
    expose: NO_PORTS,
    env: new Map(),
    origin: undefined,
  };
}

const ORIGIN = { index: 0, id: "", text: "" };

export function makePolicy(text: PolicyText): Policy {
  const name = text.name ?? "tsnet";
  const containers = text.containers.map((each) => container(name, each));
  // Spans are class instances, which don't travel to a lab, and the topology never looks at these.
  const origin = ORIGIN as Publish["origin"];
  return {
    name,
    networks: text.networks.map((each) => network(name, each)),
    containers,
    lets: new Map(),
    rules: [],
    ruleList: new RuleList([], new Origins()),
    publishes: (text.publishes ?? []).map(([host, port, target, to]): Publish => {
      const addresses = containers.find((each) => each.name === target)?.endpoints[0]?.addresses ?? [];
      const hostAddress = host === undefined ? undefined : address(host);
      return {
        hostAddress,
        protocol: TCP,
        hostPorts: [port, port],
        port: to,
        targets: [
          {
            container: target,
            addresses: addresses.filter((each) => hostAddress === undefined || each.family === hostAddress.family),
          },
        ],
        families: FAMILIES.filter((family) => addresses.some((each) => each.family === family)),
        from: undefined,
        origin,
      };
    }),
    links: (text.links ?? []).map(([from, target, alias]): Link => ({ from, target, alias, origin })),
    shares: [],
    assertions: [],
    origins: [],
  };
}

/** Two networks of both families and three containers, the last on both networks. */
export const SHOP: PolicyText = {
  networks: [
    { name: "front", subnets: ["10.84.1.0/24", "fd84:1::/64"] },
    { name: "back", subnets: ["10.84.2.0/24"], internal: true },
  ],
  containers: [
    { name: "c1", on: [["front", "10.84.1.11", "fd84:1::11"]] },
    { name: "c2", on: [["front", "10.84.1.12", "fd84:1::12"]] },
    {
      name: "c3",
      on: [
        ["back", "10.84.2.13"],
        ["front", "10.84.1.13", "fd84:1::13"],
      ],
    },
  ],
};
