/** The services of packets, cut where any statement of either policy tells them apart. */
import { ICMP, type PortSet, PORT, PORTED, portsOf } from "../../net/ports.js";
import { firstFrom } from "../../net/intervals.js";
import { cuts } from "../../net/ranges.js";
import { insidePorts, type Publish } from "../../ir/policy.js";

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

export interface Services {
  readonly services: readonly Service[];
  /** Of each set the services that it tells from others, by index; none where it covers all. */
  readonly told: readonly (readonly number[])[];
}

/**
 * @param sets the ports of all statements that matter
 * @param published the publishes that matter: asked for by their host's ports, decided by the containers'
 */
export function servicesOf(sets: readonly PortSet[], published: readonly Publish[]): Services {
  const found = new Map<string, { protocol: number; ports: number[]; sets: readonly number[] }>();
  for (const protocol of PORTED) {
    const ranges = sets.map((set) => portsOf(set, protocol) ?? []);
    const mine = published.filter((publish) => publish.protocol === protocol);
    const own = cuts([...ranges, [1, 65535], ...mine.map(insidePorts)], PORT);
    const asked = mine.flatMap(({ hostPorts: [first, last], port }) => {
      // A rule that ends amidst the container's ports also ends amidst the host's.
      const inner = own.slice(firstFrom(own, port + 1), firstFrom(own, port + last - first + 1));
      return [first, last + 1, ...inner.map((one) => one - port + first)];
    });
    const points = [...new Set([...own, ...asked])].filter((one) => one > 0).sort((a, b) => a - b);
    const covering = points.map((): number[] => []);
    ranges.forEach((list, at) => {
      for (let i = 0; i < list.length; i += 2)
        for (let p = firstFrom(points, list[i] as number); (points[p] as number) <= (list[i + 1] as number); p++)
          covering[p]?.push(at);
    });
    const marks = covering.map((list) => list.join("."));
    const ways = points.map((): string[] => []);
    mine.forEach(({ hostPorts: [first, last], port }, at) => {
      for (let p = firstFrom(points, first); (points[p] as number) <= last; p++) {
        const inside = firstFrom(points, port + (points[p] as number) - first + 1) - 1;
        ways[p]?.push(`${at} ${marks[inside]}`);
      }
    });
    points.forEach((from, i) => {
      const to = (points[i + 1] ?? 65536) - 1;
      if (from > to) return;
      const key = `${protocol} ${marks[i]} ${ways[i]?.join()}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { protocol, ports: [from, to], sets: covering[i] as number[] });
      else known.ports.push(from, to);
    });
  }
  const pieces = [...found.values()];
  const services = [
    ...pieces.map(({ protocol, ports }): Service => {
      const known = FAMILIAR.find((one) =>
        ports.some((from, i) => i % 2 === 0 && one >= from && one <= (ports[i + 1] as number)),
      );
      return { protocol, ports, port: known ?? ports[0] };
    }),
    { protocol: ICMP, ports: undefined, port: undefined },
    { protocol: OTHER, ports: undefined, port: undefined },
  ];
  const told = sets.map((set): number[] => {
    if (set.all) return [];
    const whole = [ICMP, ...PORTED].filter((protocol) => portsOf(set, protocol) === null);
    return whole.length === 0 ? [] : services.flatMap(({ protocol }, z) => (whole.includes(protocol) ? [z] : []));
  });
  pieces.forEach((piece, z) => piece.sets.forEach((at) => told[at]?.push(z)));
  return { services, told };
}
