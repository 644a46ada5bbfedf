/** Packets as they are on the wire, which interpreters follow, made of the evaluator's. */
import { type Address, sameAddress } from "../../net/address.js";
import { endpointAt, type Packet } from "../../ir/evaluate.js";
import { gatewayOf, type Policy } from "../../ir/policy.js";

/** A packet as it enters the host, or as the host sends it. */
export interface Frame {
  readonly family: 4 | 6;
  /** Device that it arrives on; undefined when this host sends it. */
  readonly device: string | undefined;
  readonly mac: string;
  readonly source: number | bigint;
  readonly destination: number | bigint;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number | undefined;
  /** ICMP type, in nft's words. */
  readonly icmpType?: string;
}

/** What the routing table knows: addresses of the host itself. */
export interface Host {
  readonly isLocal: (family: 4 | 6, address: number | bigint) => boolean;
}

const UPLINK = { device: "uplink", mac: "02:00:00:00:00:01" } as const;

/** The frame by which the packet's connection begins: before translation, where it enters the host. */
export function frameOf(policy: Policy, packet: Packet): Frame {
  const { source, destination, via } = packet;
  const family = destination.address.family;
  const to = via === undefined ? destination.address : (via.hostAddress ?? hostAddress(policy, family));
  const port = via === undefined || packet.port === undefined ? packet.port : via.hostPorts[0] + packet.port - via.port;
  return {
    family,
    ...entry(policy, packet),
    source: source.address.value,
    destination: to.value,
    protocol: packet.protocol,
    port,
    ...(packet.protocol === 1 || packet.protocol === 58 ? { icmpType: "echo-request" } : {}),
  };
}

function entry(policy: Policy, { source }: Packet): { device: string | undefined; mac: string } {
  if (source.zone === "world") return UPLINK;
  if (source.zone === "host") return { device: undefined, mac: "00:00:00:00:00:00" };
  const found = endpointAt(policy, source.address);
  const endpoint = found?.container.endpoints.find((e) => e.addresses.some((a) => sameAddress(a, source.address)));
  if (endpoint === undefined) throw new Error("a container's packet without an endpoint");
  return { device: endpoint.device, mac: endpoint.mac };
}

/** Some address of the host: a gateway where there is one of the family. */
function hostAddress(policy: Policy, family: 4 | 6): Address {
  for (const network of policy.networks) {
    const gateway = gatewayOf(network, family);
    if (gateway !== undefined) return gateway;
  }
  return family === 4 ? { family, value: 0xc0000201 } : { family, value: 0x20010db8n << 96n };
}

/** A host whose own addresses are the gateways and, for this packet, what it needs to be local. */
export function hostOf(policy: Policy, packet: Packet): Host {
  const local = new Set<number | bigint>();
  for (const network of policy.networks) for (const gateway of network.gateways) local.add(gateway.value);
  if (packet.source.zone === "host") local.add(packet.source.address.value);
  if (packet.destination.zone === "host") local.add(packet.destination.address.value);
  if (packet.via !== undefined)
    local.add((packet.via.hostAddress ?? hostAddress(policy, packet.destination.address.family)).value);
  return { isLocal: (_family, address) => local.has(address) };
}
