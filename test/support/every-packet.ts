/** A rule's packets, one of every cell of values that no statement cuts, without merging or looking up anything. */
import type { End, Packet } from "../../src/ir/evaluate.js";
import { matches } from "../../src/ir/evaluate.js";
import type { PeerSet, Policy, Rule, Zone } from "../../src/ir/policy.js";
import { type Address, hasAddress, LOOPBACK, formatAddress } from "../../src/net/address.js";

const key = ({ zone, address }: End): string => `${zone} ${formatAddress(address)}`;

/** Containers by each address; outside the first address of every interval and of every gap. */
function everyEnd(policy: Policy): End[] {
  const out = new Map<string, End>();
  const own = new Set(policy.containers.flatMap((c) => c.endpoints.flatMap((e) => e.addresses.map(formatAddress))));
  const note = (zone: Zone, address: Address): void => {
    if ((zone === "container") === own.has(formatAddress(address))) out.set(key({ zone, address }), { zone, address });
  };
  for (const { endpoints } of policy.containers)
    for (const { addresses } of endpoints) for (const address of addresses) note("container", address);
  const known = [
    ...policy.networks.flatMap((n) => n.gateways),
    ...policy.publishes.flatMap((p) => p.hostAddress ?? []),
  ];
  const local = new Set(known.map(formatAddress));
  const sets: PeerSet[] = policy.rules.flatMap(({ from, to }) => [from, to]);
  for (const { from } of policy.publishes) if (from !== undefined) sets.push(from);
  for (const zone of ["host", "world"] as const) {
    const v4 = new Set([
      0,
      0x08080808,
      0x7f000000,
      0x80000000,
      ...sets.flatMap((set) => set[zone].v4.map((value, i) => value + (i % 2))),
    ]);
    const v6 = new Set([
      0n,
      1n,
      2n,
      0x20010db8n << 96n,
      ...sets.flatMap((set) => set[zone].v6.map((value, i) => value + BigInt(i % 2))),
    ]);
    // Where a cell begins with an address that something else has, the next one stands for it.
    for (const start of v4)
      for (let value = start, i = 0; i < 4 && value < 2 ** 32; value++, i++)
        if (zone === "host" || !local.has(formatAddress({ family: 4, value }))) note(zone, { family: 4, value });
    for (const start of v6)
      for (let value = start, i = 0; i < 4 && value < 1n << 128n; value++, i++)
        if (zone === "host" || !local.has(formatAddress({ family: 6, value }))) note(zone, { family: 6, value });
    if (zone === "host") for (const address of known) note(zone, address);
  }
  return [...out.values()];
}

function everyService(policy: Policy): { protocol: number; port: number | undefined }[] {
  const edges = new Set<number>([1]);
  for (const { ports } of policy.rules)
    if (!ports.all) for (const [, list] of ports.protocols) list?.forEach((port, i) => edges.add(port + (i % 2)));
  for (const {
    hostPorts: [first, last],
    port,
  } of policy.publishes)
    for (const edge of [first, last + 1, port, port + last - first + 1]) edges.add(edge);
  const ports = [...edges].filter((port) => port > 0 && port < 65536);
  return [
    ...[6, 17, 132].flatMap((protocol) => ports.map((port) => ({ protocol, port }))),
    { protocol: 1, port: undefined },
    { protocol: 58, port: undefined },
    { protocol: 47, port: undefined },
  ];
}

/** Direct ones and those through every publish, as they arrive. */
export function* packetsOf(policy: Policy, rule: Rule): Generator<Packet> {
  const ends = everyEnd(policy);
  const services = everyService(policy);
  const holder = (address: Address): string | undefined =>
    policy.containers.find((c) =>
      c.endpoints.some((e) => e.addresses.some((a) => formatAddress(a) === formatAddress(address))),
    )?.name;
  const loops = ({ address }: End): boolean => hasAddress(LOOPBACK, address);
  const covered = (packet: Packet): boolean => matches(rule, packet);
  for (const source of ends)
    for (const destination of ends) {
      if (source.address.family !== destination.address.family) continue;
      if (
        !hasAddress(rule.from[source.zone], source.address) ||
        !hasAddress(rule.to[destination.zone], destination.address)
      )
        continue;
      for (const service of services) {
        if (service.protocol === (source.address.family === 4 ? 58 : 1)) continue;
        const packet: Packet = { source, destination, ...service };
        if (!covered(packet)) continue;
        if (destination.zone === "container")
          for (const via of policy.publishes) {
            const { port } = packet;
            const target = via.targets.some(({ addresses }) =>
              addresses.some((a) => formatAddress(a) === formatAddress(destination.address)),
            );
            if (!target || via.protocol !== packet.protocol || port === undefined) continue;
            if (!via.families.includes(source.address.family)) continue;
            if (port < via.port || port > via.port + via.hostPorts[1] - via.hostPorts[0]) continue;
            if (via.hostAddress !== undefined && hasAddress(LOOPBACK, via.hostAddress) && source.zone !== "host")
              continue;
            yield { ...packet, via };
          }
        if (source.zone !== "container" && destination.zone !== "container") continue;
        if (destination.zone !== "container" && loops(destination)) continue;
        if (
          source.zone === "container" &&
          destination.zone === "container" &&
          holder(source.address) === holder(destination.address)
        )
          continue;
        const published = policy.publishes.some(
          (via) =>
            destination.zone === "host" &&
            via.protocol === packet.protocol &&
            packet.port !== undefined &&
            packet.port >= via.hostPorts[0] &&
            packet.port <= via.hostPorts[1] &&
            via.families.includes(source.address.family) &&
            (via.hostAddress === undefined || formatAddress(via.hostAddress) === formatAddress(destination.address)),
        );
        if (!published) yield packet;
      }
    }
}
