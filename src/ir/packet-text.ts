/** Packets and their ends in words. */
import { formatAddress } from "../net/address.js";
import { PORTED, protocolName } from "../net/ports.js";
import { type End, endpointAt, type Packet } from "./evaluate.js";
import type { Policy } from "./policy.js";

/** `c1 (10.83.4.7)`, `world (198.51.100.1)`. */
export function endText(policy: Policy, end: End): string {
  const name = end.zone === "container" ? (endpointAt(policy, end.address)?.container.name ?? "?") : end.zone;
  return `${name} (${formatAddress(end.address)})`;
}

/** `22/tcp`, `icmp`, `protocol 47`. */
export function serviceText(protocol: number, port: number | undefined): string {
  if (port !== undefined) return `${port}/${protocolName(protocol)}`;
  const name = protocolName(protocol);
  return name === String(protocol) ? `protocol ${name}` : PORTED.includes(protocol) ? `${name} of any port` : name;
}

/** `c2 (…) -> c1 (…):22/tcp`, with the publish that it came through. */
export function packetText(policy: Policy, packet: Packet): string {
  const way = `${endText(policy, packet.source)} -> ${endText(policy, packet.destination)}:${serviceText(packet.protocol, packet.port)}`;
  if (packet.via === undefined || packet.port === undefined) return way;
  const host = packet.via.hostPorts[0] + packet.port - packet.via.port;
  return `${way}, through the host's port ${host},`;
}
