/** Finds the publish that a rule on the host means by its port. */
import { type Address, hasAddress, isEmptySet } from "../net/address.js";
import { coversPorts, OnePort, overlapsPorts, portSet, type PortSet } from "../net/ports.js";
import type { Publish, Rule } from "./policy.js";

/** Publishes of one host address or, under undefined, all. */
type ByAddress<T> = Map<number | bigint | undefined, T>;

export class Published {
  private readonly addressed: readonly Publish[];
  private readonly lists: ByAddress<Publish[]> = new Map();
  /** The first publish of a single port, by protocol and port; of those lists that have no ranges. */
  private readonly firsts: ByAddress<Map<number, Publish> | undefined> = new Map();

  constructor(publishes: readonly Publish[]) {
    this.addressed = publishes.filter((publish) => publish.hostAddress !== undefined);
    for (const publish of publishes) {
      this.add(undefined, publish);
      if (publish.hostAddress !== undefined) this.add(publish.hostAddress.value, publish);
    }
  }

  /** Whether something is published on this host address. */
  isOn(address: number | bigint): boolean {
    return this.lists.has(address);
  }

  private add(address: number | bigint | undefined, publish: Publish): void {
    const list = this.lists.get(address);
    if (list === undefined) this.lists.set(address, [publish]);
    else list.push(publish);
  }

  /** The first publish whose ports the rule's cover, or overlap where they are a range. */
  meant({ to: { host, world }, ports }: Pick<Rule, "to" | "ports">): Publish | undefined {
    let address: number | bigint | undefined;
    // Without `host` by name, only an address that something is published on means the host for certain.
    if (!isEmptySet(world)) {
      const [from, to, more] = [...host.v4, ...host.v6];
      if (more !== undefined) return undefined;
      if (from !== to)
        return this.addressed.find(
          (publish) => hasAddress(host, publish.hostAddress as Address) && means(ports, publish),
        );
      address = from;
    }
    const list = this.lists.get(address);
    if (list === undefined) return undefined;
    if (ports instanceof OnePort) {
      const first = this.firstOf(address, list);
      if (first !== undefined) return first.get(keyOf(ports.protocol, ports.port));
    }
    return list.find((publish) => means(ports, publish));
  }

  private firstOf(address: number | bigint | undefined, list: readonly Publish[]): Map<number, Publish> | undefined {
    if (!this.firsts.has(address)) this.firsts.set(address, firstOf(list));
    return this.firsts.get(address);
  }
}

function firstOf(list: readonly Publish[]): Map<number, Publish> | undefined {
  const first = new Map<number, Publish>();
  for (const publish of list) {
    const [from, to] = publish.hostPorts;
    if (from !== to) return undefined;
    const key = keyOf(publish.protocol, from);
    if (!first.has(key)) first.set(key, publish);
  }
  return first;
}

function keyOf(protocol: number, port: number): number {
  return protocol * 65536 + port;
}

function means(ports: PortSet, { protocol, hostPorts }: Publish): boolean {
  const published = portSet(protocol, hostPorts);
  return overlapsPorts(ports, published) && (coversPorts(ports, published) || hostPorts[0] !== hostPorts[1]);
}
