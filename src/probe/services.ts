/** Which protocols and ports are worth a probe between two ends. Pure. */
import type { Policy } from "../ir/policy.js";
import { ICMP, type PortSet, PORT, PORTED, protocolName, TCP, UDP } from "../net/ports.js";
import { normalise, type Ranges, subtract } from "../net/ranges.js";

export interface Service {
  /** As the language has it: 1 is ICMP of either family. */
  readonly protocol: number;
  /** Undefined for ICMP. */
  readonly port: number | undefined;
}

/** Services that no statement names, by protocol: they show what the defaults do. */
export type Unnamed = ReadonlyMap<number, number>;

/** Services of one pair that are probed at most, besides published ports. */
export const MOST_SERVICES = 12;
/** Published ports that one pair's probes go through at most. */
export const MOST_PUBLISHED = 48;

/** A port that nobody would name; the next free one where somebody did. */
const UNLIKELY = 40404;

export function unnamedPorts(policy: Policy): Unnamed {
  const out = new Map<number, number>();
  for (const protocol of PORTED) {
    const named: number[] = [];
    for (const rule of policy.rules) named.push(...rangesIn(rule.ports, protocol));
    for (const container of policy.containers) named.push(...rangesIn(container.expose, protocol));
    for (const publish of policy.publishes) {
      const length = publish.hostPorts[1] - publish.hostPorts[0];
      if (publish.protocol === protocol) named.push(...publish.hostPorts, publish.port, publish.port + length);
    }
    const free = [...gaps(named, UNLIKELY), ...gaps(named, 1)][0];
    if (free !== undefined) out.set(protocol, free);
  }
  return out;
}

function gaps(named: readonly number[], from: number): Ranges<number> {
  return subtract([from, PORT.max], normalise(named, PORT), PORT);
}

function rangesIn(ports: PortSet, protocol: number): Ranges<number> {
  return ports.all ? [] : (ports.protocols.get(protocol) ?? []);
}

/**
 * The services of a pair: those that no statement names, the ends of what these port sets name, published ones, other
 * ones, and then the ports right outside and the same number in the other protocol. `left` counts what is too much.
 */
export function servicesWorth(
  named: readonly PortSet[],
  published: readonly Service[],
  others: readonly Service[],
  unnamed: Unnamed,
): { services: Service[]; left: number } {
  const first: Service[] = [];
  for (const protocol of [TCP, UDP]) add(first, protocol, unnamed.get(protocol));
  first.push({ protocol: ICMP, port: undefined });
  const ends: Service[] = [];
  const around: Service[] = [];
  for (const ports of named) {
    if (ports.all) continue;
    for (const [protocol, ranges] of ports.protocols) {
      if (ranges === null) add(ends, protocol, unnamed.get(protocol));
      else for (let i = 0; i < ranges.length; i += 2) addRange(ends, around, protocol, ranges[i], ranges[i + 1]);
    }
  }
  const other = ends.find(({ protocol }) => protocol === TCP || protocol === UDP);
  if (other !== undefined) around.unshift({ protocol: other.protocol === TCP ? UDP : TCP, port: other.port });
  const usual = distinct([...first, ...ends, ...others, ...around]);
  const ways = distinct(published);
  const services = distinct([...usual.slice(0, MOST_SERVICES), ...ways.slice(0, MOST_PUBLISHED)]);
  return { services: sorted(services), left: distinct([...usual, ...ways]).length - services.length };
}

function add(list: Service[], protocol: number, port: number | undefined): void {
  if (port !== undefined) list.push({ protocol, port });
}

function addRange(ends: Service[], around: Service[], protocol: number, low = 0, high = 0): void {
  ends.push({ protocol, port: Math.max(low, 1) });
  if (low === high) return;
  ends.push({ protocol, port: high });
  if (low > 1) around.push({ protocol, port: low - 1 });
  if (high < PORT.max) around.push({ protocol, port: high + 1 });
}

export function distinct(services: readonly Service[]): Service[] {
  return [...new Map(services.map((service) => [serviceKey(service), service])).values()];
}

function serviceKey({ protocol, port }: Service): string {
  return `${protocol}:${port}`;
}

/** By protocol, ICMP last, then by port. */
export function sorted(services: readonly Service[]): Service[] {
  const rank = (protocol: number) => (protocol === ICMP ? 256 : protocol);
  return [...services].sort((a, b) => rank(a.protocol) - rank(b.protocol) || (a.port ?? 0) - (b.port ?? 0));
}

/** `22/tcp`, `icmp`. */
export function serviceName({ protocol, port }: Service): string {
  return port === undefined ? protocolName(protocol) : `${port}/${protocolName(protocol)}`;
}
