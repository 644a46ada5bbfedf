/**
 * The services between two ends, cut so that every statement speaks of a whole part or of none of it. Pure.
 *
 * A set of services is a port set (src/net/ports.ts) with one protocol more: 47 (GRE) stands for every protocol that the
 * language has no word for, as in src/ir/classes.ts.
 */
import { ICMP, PORT, PORTED, type PortSet, portsOf, protocolName } from "../net/ports.js";
import { cuts, normalise, type Ranges } from "../net/ranges.js";

export const OTHER = 47;

/** A part that no statement divides: ports `low` to `high` of a protocol; no ports where the protocol has none. */
export interface Part {
  readonly protocol: number;
  readonly ports: readonly [low: number, high: number] | undefined;
}

/** Every service, in parts; `sets` are the ports of the statements that speak of it. */
export function partsOf(sets: readonly PortSet[]): Part[] {
  const parts: Part[] = [];
  for (const protocol of PORTED) {
    const ranges = sets.flatMap((set) => {
      const own = portsOf(set, protocol);
      return own === null || own === undefined ? [] : [own];
    });
    const points = cuts<number>([...ranges, [1, PORT.max]], PORT).filter((point) => point > 0);
    points.forEach((low, i) => parts.push({ protocol, ports: [low, (points[i + 1] ?? PORT.max + 1) - 1] }));
  }
  return [...parts, { protocol: ICMP, ports: undefined }, { protocol: OTHER, ports: undefined }];
}

/** Flat: protocol, first and last port; without ports 0 and 0. */
export type Services = readonly (readonly [protocol: number, low: number, high: number])[];

/** Parts joined where they touch, by protocol and port. */
export function join(parts: readonly Part[]): Services {
  const byProtocol = new Map<number, number[]>();
  for (const { protocol, ports } of parts) {
    const list = byProtocol.get(protocol) ?? [];
    byProtocol.set(protocol, list);
    list.push(...(ports ?? [0, 0]));
  }
  const order = [...PORTED, ICMP, OTHER];
  return order.flatMap((protocol) => {
    const ranges: Ranges<number> = normalise(byProtocol.get(protocol) ?? [], PORT);
    const out: [number, number, number][] = [];
    for (let i = 0; i < ranges.length; i += 2) out.push([protocol, ranges[i] as number, ranges[i + 1] as number]);
    return out;
  });
}

/** Whether it is what remains of everything: protocols without a name are in it. */
export function isRest(services: Services): boolean {
  return services.some(([protocol]) => protocol === OTHER);
}

/** `22`, `53/udp`, `8000-8010`, `icmp`, `udp`: a port without a protocol is TCP, as in the language. */
export function serviceWords(services: Services): string[] {
  return services.map(([protocol, low, high]) => {
    if (protocol === OTHER) return "other protocols";
    const name = protocolName(protocol);
    if (high === 0 || (low === 1 && high === PORT.max)) return name;
    return `${portsText(low, high)}${name === "tcp" ? "" : `/${name}`}`;
  });
}

export function portsText(low: number, high: number): string {
  return low === high ? String(low) : `${low}-${high}`;
}
