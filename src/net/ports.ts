/**
 * Protocols and ports.
 *
 * A port set maps IP protocol numbers (IANA) to the ports it covers; `null` means every packet of the protocol. ICMP
 * stands under 1 for both families: `protocolIn` turns it into 58 (ICMPv6) where the packet is IPv6.
 */
import type { Family } from "./address.js";
import { type Domain, intersect, normalise, type Ranges, subtract } from "./ranges.js";

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMPV6 = 58;
export const SCTP = 132;

/** The protocols that the language names, and those of them that have ports. */
export const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ["tcp", TCP],
  ["udp", UDP],
  ["sctp", SCTP],
  ["icmp", ICMP],
]);
export const PORTED: readonly number[] = [TCP, UDP, SCTP];

export const PORT: Domain<number> = { min: 0, max: 65535, next: (v) => v + 1, previous: (v) => v - 1 };

export type PortSet =
  /** Every protocol. */
  { readonly all: true } | { readonly all: false; readonly protocols: ReadonlyMap<number, Ranges<number> | null> };

/** One port: by far the most common set of large policies, and a map for each would be most of what they weigh. */
export class OnePort {
  readonly all: false;
  readonly protocol: number;
  readonly port: number;

  constructor(protocol: number, port: number) {
    this.all = false;
    this.protocol = protocol;
    this.port = port;
  }

  get protocols(): ReadonlyMap<number, Ranges<number>> {
    return new Map([[this.protocol, [this.port, this.port]]]);
  }
}

export const ALL_PORTS: PortSet = { all: true };
export const NO_PORTS: PortSet = { all: false, protocols: new Map() };

export function protocolName(protocol: number): string {
  if (protocol === ICMPV6) return "icmpv6";
  for (const [name, number] of PROTOCOLS) if (number === protocol) return name;
  return String(protocol);
}

/** The protocol number on the wire: ICMP is 58 in IPv6. */
export function protocolIn(family: Family, protocol: number): number {
  return protocol === ICMP && family === 6 ? ICMPV6 : protocol;
}

export function portSet(protocol: number, ports: Ranges<number> | null): PortSet {
  if (ports?.length === 2 && ports[0] === ports[1]) return new OnePort(protocol, ports[0] as number);
  return { all: false, protocols: new Map([[protocol, ports]]) };
}

/** The union of several sets, in about the time that sorting all of their ranges takes. */
export function unionOfPorts(all: readonly PortSet[]): PortSet {
  const sets = all.filter((set) => set.all || set instanceof OnePort || set.protocols.size > 0);
  const [first, second] = sets;
  if (first === undefined) return NO_PORTS;
  if (second === undefined) return first;
  const parts = new Map<number, Ranges<number>[] | null>();
  for (const set of sets) {
    if (set.all) return ALL_PORTS;
    for (const [protocol, ports] of set.protocols) {
      const known = parts.get(protocol);
      if (ports === null) parts.set(protocol, null);
      else if (known === undefined) parts.set(protocol, [ports]);
      else if (known !== null) known.push(ports);
    }
  }
  const protocols = new Map<number, Ranges<number> | null>();
  for (const [protocol, list] of parts) protocols.set(protocol, list && normalise(list.flat(), PORT));
  return { all: false, protocols };
}

/** The ports of a protocol in a set: `null` for all, undefined for none. */
export function portsOf(set: PortSet, protocol: number): Ranges<number> | null | undefined {
  if (set.all) return null;
  if (set instanceof OnePort) return set.protocol === protocol ? [set.port, set.port] : undefined;
  return set.protocols.get(protocol);
}

/** Whether a packet of this protocol (1 for ICMP of either family) and port is covered. */
export function hasPort(set: PortSet, protocol: number, port: number | undefined): boolean {
  if (set.all) return true;
  if (set instanceof OnePort) return port === set.port && protocol === set.protocol;
  const ports = set.protocols.get(protocol === ICMPV6 ? ICMP : protocol);
  if (ports === undefined) return false;
  if (ports === null) return true;
  if (port === undefined) return false;
  for (let i = 0; i < ports.length; i += 2)
    if (port >= (ports[i] as number) && port <= (ports[i + 1] as number)) return true;
  return false;
}

export function overlapsPorts(a: PortSet, b: PortSet): boolean {
  if (a.all) return b.all || b.protocols.size > 0;
  if (b.all) return a.protocols.size > 0;
  if (b instanceof OnePort) return hasPort(a, b.protocol, b.port);
  if (a instanceof OnePort) return hasPort(b, a.protocol, a.port);
  for (const [protocol, ports] of a.protocols) {
    const other = b.protocols.get(protocol);
    if (other === undefined) continue;
    if (ports === null || other === null || intersect(ports, other).length > 0) return true;
  }
  return false;
}

/** Whether every packet of `b` is one of `a`. */
export function coversPorts(a: PortSet, b: PortSet): boolean {
  if (a.all) return true;
  if (b.all) return false;
  if (b instanceof OnePort) return hasPort(a, b.protocol, b.port);
  for (const [protocol, ports] of b.protocols) {
    const mine = a.protocols.get(protocol);
    if (mine === undefined) return false;
    if (mine === null) continue;
    if (ports === null || subtract(ports, mine, PORT).length > 0) return false;
  }
  return true;
}

/** `22`, `53/udp`, `8000-8010/sctp`, `icmp`, in a fixed order. */
export function formatPorts(set: PortSet): string {
  if (set.all) return "every protocol";
  const parts: string[] = [];
  for (const [protocol, ports] of [...set.protocols].sort((a, b) => a[0] - b[0])) {
    const name = protocolName(protocol);
    if (ports === null) parts.push(name);
    else
      for (let i = 0; i < ports.length; i += 2)
        parts.push(`${ports[i]}${ports[i] === ports[i + 1] ? "" : `-${ports[i + 1]}`}/${name}`);
  }
  return parts.join(", ");
}
