/** Packets as they are sent, chosen and judged without what diff makes of two policies: by every value one by one. */
import { endpointAt, evaluate, type End, type Packet } from "../../src/ir/evaluate.js";
import type { PeerSet, Policy } from "../../src/ir/policy.js";
import { type Address, formatAddress, LOOPBACK, hasAddress, OF_NO_HOST, parseAddress } from "../../src/net/address.js";
import { bounds } from "../../src/net/prefix.js";

/** By name, in both policies; or an address outside. */
export type Who =
  | { readonly container: string; readonly network: string; readonly family: 4 | 6 }
  | { readonly zone: "host" | "world"; readonly address: Address };

export interface Try {
  readonly from: Who;
  readonly to: Who;
  readonly protocol: number;
  readonly port: number | undefined;
}

export const whoText = (who: Who): string =>
  "container" in who ? `${who.container}/${who.network}/${who.family}` : `${who.zone} ${formatAddress(who.address)}`;

/** Every container, and outside every address at which some statement of the policies begins or ends, and its neighbours. */
export function everybody(policies: readonly Policy[]): Who[] {
  const out = new Map<string, Who>();
  const outside = new Map<string, Address>();
  const note = (address: Address | undefined): void => {
    if (address !== undefined) outside.set(formatAddress(address), address);
  };
  for (const text of ["198.51.100.99", "127.0.0.1", "8.8.8.8", "::1", "2001:db8:77::1", "10.83.0.1"])
    note(parseAddress(text));
  for (const policy of policies) {
    for (const { name, endpoints } of policy.containers)
      for (const { network, addresses } of endpoints)
        for (const { family } of addresses)
          out.set(`${name}/${network}/${family}`, { container: name, network, family });
    for (const { gateways } of policy.networks) gateways.forEach(note);
    for (const { hostAddress } of policy.publishes) note(hostAddress);
    const sets: PeerSet[] = policy.rules.flatMap(({ from, to }) => [from, to]);
    for (const { from } of policy.publishes) if (from !== undefined) sets.push(from);
    for (const set of sets)
      for (const zone of [set.host, set.world]) {
        for (const value of zone.v4)
          for (const near of [value - 1, value, value + 1])
            if (near >= 0 && near < 2 ** 32) note({ family: 4, value: near });
        for (const value of zone.v6)
          for (const near of [value - 1n, value, value + 1n])
            if (near >= 0n && near < 1n << 128n) note({ family: 6, value: near });
      }
  }
  const own = (address: Address): boolean => policies.some((policy) => endpointAt(policy, address) !== undefined);
  const local = policies.flatMap((policy) => [
    ...policy.networks.flatMap((n) => n.gateways),
    ...policy.publishes.flatMap((p) => p.hostAddress ?? []),
  ]);
  // What goes to many is the host's, and of that nobody tells it apart.
  const many = policies.flatMap(({ networks }) =>
    networks.flatMap(({ subnets }) => subnets.flatMap((one) => (one.family === 4 ? [bounds(one)[1] as number] : []))),
  );
  for (const [text, address] of outside) {
    if (own(address) || hasAddress(OF_NO_HOST, address)) continue;
    if (address.family === 4 && many.includes(address.value)) continue;
    out.set(`host ${text}`, { zone: "host", address });
    if (!hasAddress(LOOPBACK, address) && !local.some((one) => formatAddress(one) === text))
      out.set(`world ${text}`, { zone: "world", address });
  }
  return [...out.values()];
}

/** Every protocol, and every port at which something begins or ends, and its neighbours; host's and containers'. */
export function everything(policies: readonly Policy[]): { protocol: number; port: number | undefined }[] {
  const edges = new Set<number>([1, 22, 65535]);
  const note = (port: number): void =>
    void [port - 1, port, port + 1].forEach((one) => one > 0 && one < 65536 && edges.add(one));
  for (const { rules, publishes } of policies) {
    for (const { ports } of rules) if (!ports.all) for (const [, list] of ports.protocols) list?.forEach(note);
    for (const {
      hostPorts: [first, last],
      port,
    } of publishes) {
      [first, last, port, port + last - first].forEach(note);
      for (const edge of [...edges]) if (edge >= port && edge <= port + last - first) note(edge - port + first);
    }
  }
  return [
    ...[6, 17, 132].flatMap((protocol) => [...edges].map((port) => ({ protocol, port }))),
    { protocol: 1, port: undefined },
    { protocol: 47, port: undefined },
  ];
}

const family = (who: Who): 4 | 6 => ("container" in who ? who.family : who.address.family);
const loops = (who: Who): boolean => "address" in who && hasAddress(LOOPBACK, who.address);

/** Whether such a packet is ever on its way through a host. */
export function exists({ from, to }: Try): boolean {
  if (family(from) !== family(to)) return false;
  if ("container" in from && "container" in to && from.container === to.container) return false;
  if (loops(to) && !("zone" in from && from.zone === "host")) return false;
  return true;
}

/** Verdict and, where it passes, whereto; `absent` where an end isn't there. */
export function judge(policy: Policy, { from, to, protocol, port }: Try): string {
  const end = (who: Who): End | undefined => {
    if ("zone" in who) return who;
    const container = policy.containers.find((one) => one.name === who.container);
    const endpoint = container?.endpoints.find((one) => one.network === who.network);
    const address = endpoint?.addresses.find((one) => one.family === who.family);
    return address && { zone: "container", address };
  };
  const [source, destination] = [end(from), end(to)];
  if (source === undefined || destination === undefined) return "absent";
  const number = protocol === 1 && source.address.family === 6 ? 58 : protocol;
  if (destination.zone === "host" && port !== undefined)
    for (const via of policy.publishes) {
      if (via.protocol !== protocol || port < via.hostPorts[0] || port > via.hostPorts[1]) continue;
      if (!via.families.includes(source.address.family)) continue;
      if (via.hostAddress !== undefined && formatAddress(via.hostAddress) !== formatAddress(destination.address))
        continue;
      const inside = via.port + port - via.hostPorts[0];
      const ways = via.targets.flatMap((target) =>
        target.addresses
          .filter((address) => address.family === source.address.family)
          .map((address) => {
            const packet: Packet = { source, destination: { zone: "container", address }, protocol, port: inside, via };
            return [target.container, evaluate(policy, packet).verdict] as const;
          }),
      );
      const verdicts = new Set(ways.map(([, verdict]) => verdict));
      if (verdicts.size > 1)
        return `mixed ${ways
          .map((way) => `${way.join(" ")} ${inside}`)
          .sort()
          .join()}`;
      const [verdict] = verdicts;
      return verdict === "allow"
        ? `allow ${ways
            .map(([name]) => `${name} ${inside}`)
            .sort()
            .join()}`
        : String(verdict);
    }
  return evaluate(policy, { source, destination, protocol: number, port }).verdict;
}
