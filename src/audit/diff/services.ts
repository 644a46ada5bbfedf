/** The services of packets, cut where any statement of either policy tells them apart. */
import { hasPort, ICMP, type PortSet, PORT, PORTED, portsOf } from "../../net/ports.js";
import { cuts } from "../../net/ranges.js";
import type { Matcher } from "../../ir/matcher.js";
import type { Publish } from "../../ir/policy.js";

/** 47 (GRE) stands for every protocol that the language has no word for. */
export const OTHER = 47;

/** Services that the same statements cover. `ports` is undefined for protocols without ports. */
export interface Service {
  /** As in port sets: 1 is ICMP of either family. */
  readonly protocol: number;
  readonly ports: readonly number[] | undefined;
  /** The port that stands for the others. */
  readonly port: number | undefined;
}

/** Ports that people know, rather than the first of a piece. */
const FAMILIAR = [22, 80, 443, 53, 8080];

/**
 * @param sets the ports of all statements that matter
 * @param published the publishes that matter: asked for by their host's ports, decided by the containers'
 * @param matchers tell apart what several pieces have in common
 */
export function servicesOf(
  sets: readonly PortSet[],
  published: readonly Publish[],
  matchers: readonly Pick<Matcher, "service">[],
): Service[] {
  const found = new Map<string, { protocol: number; ports: number[] }>();
  for (const protocol of PORTED) {
    const ranges = sets.flatMap((set) => {
      const ports = portsOf(set, protocol);
      return ports === undefined || ports === null ? [] : [ports];
    });
    const mine = published.filter((publish) => publish.protocol === protocol);
    const asked = mine.flatMap(({ hostPorts: [first, last], port }) => {
      // A rule that ends amidst the container's ports also ends amidst the host's.
      const inner = cuts([...ranges, [port, port + last - first]], PORT).map((one) => one - port + first);
      return [first, last + 1, ...inner.filter((one) => one > first && one <= last)];
    });
    const points = [...new Set([...cuts([...ranges, [1, 65535]], PORT), ...asked])].filter((one) => one > 0);
    points.sort((a, b) => a - b);
    points.forEach((from, i) => {
      const to = (points[i + 1] ?? 65536) - 1;
      if (from > to) return;
      const ways = mine.flatMap((publish, at) => {
        if (!hasPort({ all: false, protocols: new Map([[protocol, publish.hostPorts]]) }, protocol, from)) return [];
        const inside = publish.port + from - publish.hostPorts[0];
        return [`${at} ${matchers.map((matcher) => matcher.service(protocol, inside).join(".")).join("/")}`];
      });
      const key = `${protocol} ${matchers.map((matcher) => matcher.service(protocol, from).join(".")).join("/")} ${ways.join()}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { protocol, ports: [from, to] });
      else known.ports.push(from, to);
    });
  }
  const ported = [...found.values()].map(({ protocol, ports }): Service => {
    const known = FAMILIAR.find((one) =>
      ports.some((from, i) => i % 2 === 0 && one >= from && one <= (ports[i + 1] as number)),
    );
    return { protocol, ports, port: known ?? ports[0] };
  });
  return [
    ...ported,
    { protocol: ICMP, ports: undefined, port: undefined },
    { protocol: OTHER, ports: undefined, port: undefined },
  ];
}
