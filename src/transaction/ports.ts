/** Refuses to publish a host port that something else on this host holds. */
import { type Address, formatAddress, parseAddress, sameAddress } from "../net/address.js";
import { protocolName, TCP } from "../net/ports.js";
import type { Policy, Publish } from "../ir/policy.js";
import { type BoundSocket, listening, processOf, servesBoth } from "../system/listening.js";
import { location } from "../text/source.js";
import { Obstacle } from "./obstacle.js";
import { otherApplied, recompile, stampOfOthers } from "./state.js";

/** Throws `Obstacle`, naming the port's holder. Ports that `before` published already are not asked about again. */
export async function holderOfPorts(policy: Policy, before: Policy | undefined): Promise<void> {
  const fresh = new ByPort(notPublished(policy.publishes, before?.publishes ?? []));
  if (fresh.isEmpty) return;
  for (const socket of listening()) {
    const { protocol, port } = socket;
    const address = parseAddress(socket.address);
    if (address === undefined) continue;
    for (const publish of fresh.meeting(protocol, port, port))
      if (holds(publish, address) && (publish.families.includes(address.family) || (await servesBoth(socket))))
        throw heldBy(socket, address, publish);
  }
  for (const { by, publish: other } of othersPublishes(policy.name)) {
    const clash = fresh.meeting(other.protocol, ...other.hostPorts).find((publish) => meet(publish, other));
    if (clash !== undefined)
      throw new Obstacle(
        `host port ${Math.max(clash.hostPorts[0], other.hostPorts[0])}/${protocolName(clash.protocol)} is published by the policy '${by}' already (${location(clash.origin.span)})`,
        "publish another host port, or remove the other policy",
      );
  }
}

/** What the other applied policies publish, and which of them does. */
function* othersPublishes(policy: string): Generator<{ readonly by: string; readonly publish: Publish }> {
  for (const applied of otherApplied(policy))
    // Compiling a large policy takes longer than looking whether it can publish anything.
    if (applied.files.some(({ text }) => text.includes("publish")))
      for (const publish of recompile(applied).policy.publishes) yield { by: applied.policy, publish };
}

/**
 * Whether something may hold one of these TCP ports of the host, on whatever address: a program, or another policy. Only
 * `holderOfPorts` says for certain, and who it is.
 */
export function mayBeHeld(ports: readonly number[], policy: string): boolean {
  if (ports.length === 0) return false;
  const asked = new Set(ports);
  if (listening().some(({ protocol, port }) => protocol === TCP && asked.has(port))) return true;
  const others = portsOfOthers(policy);
  return ports.some((port) => others.meeting(TCP, port, port).length > 0);
}

let known: { readonly stamp: string; readonly ports: ByPort } | undefined;

/** The same by port; compiled again only where a record of them has changed. */
function portsOfOthers(policy: string): ByPort {
  const stamp = stampOfOthers(policy);
  if (known?.stamp !== stamp)
    known = { stamp, ports: new ByPort(Array.from(othersPublishes(policy), ({ publish }) => publish)) };
  return known.ports;
}

function heldBy({ protocol, port, inode }: BoundSocket, address: Address, { origin }: Publish): Obstacle {
  return new Obstacle(
    `host port ${port}/${protocolName(protocol)} is held by ${processOf(inode)} on ${formatAddress(address)} (${location(origin.span)})`,
    "stop that program, or publish another host port",
  );
}

/** The publishes of ports that no single one of the others publishes on the same addresses. */
function notPublished(publishes: readonly Publish[], others: readonly Publish[]): readonly Publish[] {
  if (others.length === 0) return publishes;
  const lists = new Map<string, Publish[]>();
  for (const other of others) {
    const place = placeOf(other);
    const list = lists.get(place);
    if (list === undefined) lists.set(place, [other]);
    else list.push(other);
  }
  const known = new Map([...lists].map(([place, list]) => [place, new ByPort(list)]));
  return publishes.filter((publish) => {
    const [from, to] = publish.hostPorts;
    const same = known.get(placeOf(publish))?.meeting(publish.protocol, from, to) ?? [];
    return !same.some(({ hostPorts: [first, last] }) => first <= from && to <= last);
  });
}

/** What a publish answers on. */
function placeOf({ hostAddress, families }: Publish): string {
  return hostAddress === undefined ? families.join() : formatAddress(hostAddress);
}

/** Publishes by protocol and host port: there may be thousands, and most are of one port each. */
class ByPort {
  private readonly single = new Map<number, Publish[]>();
  private readonly ranges: Publish[] = [];
  private readonly all: readonly Publish[];

  constructor(publishes: readonly Publish[]) {
    this.all = publishes;
    for (const publish of publishes) {
      const [from, to] = publish.hostPorts;
      const key = keyOf(publish.protocol, from);
      const there = this.single.get(key);
      if (from !== to) this.ranges.push(publish);
      else if (there === undefined) this.single.set(key, [publish]);
      else there.push(publish);
    }
  }

  get isEmpty(): boolean {
    return this.all.length === 0;
  }

  /** Those that have a port of these. */
  meeting(protocol: number, from: number, to: number): Publish[] {
    const meets = (publish: Publish): boolean =>
      publish.protocol === protocol && publish.hostPorts[0] <= to && from <= publish.hostPorts[1];
    if (from !== to) return this.all.filter(meets);
    return [...(this.single.get(keyOf(protocol, from)) ?? []), ...this.ranges.filter(meets)];
  }
}

function keyOf(protocol: number, port: number): number {
  return protocol * 65536 + port;
}

/** Whether two publishes of a common port answer on a common address. */
function meet(a: Publish, b: Publish): boolean {
  if (!a.families.some((family) => b.families.includes(family))) return false;
  return a.hostAddress === undefined || b.hostAddress === undefined || sameAddress(a.hostAddress, b.hostAddress);
}

/** Whether a socket that has a port of the publish is on an address of it. */
function holds(publish: Publish, address: Address): boolean {
  const wild = BigInt(address.value) === 0n;
  // Such a socket serves IPv4 too, unless it says otherwise.
  if (wild && address.family === 6) return true;
  if (!publish.families.includes(address.family)) return false;
  return wild || publish.hostAddress === undefined || sameAddress(publish.hostAddress, address);
}
