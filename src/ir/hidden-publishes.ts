/** Published ports that a deny hides: all of one, or one of its ports or containers. */
import type { Diagnostics } from "../text/diagnostic.js";
import { type Address, hasAddress, isLoopback, sameAddress } from "../net/address.js";
import { overlapsPorts, PORT, portSet, portsOf } from "../net/ports.js";
import { cuts } from "../net/ranges.js";
import { familiar, packetClasses } from "./classes.js";
import { evaluate } from "./evaluate.js";
import { hostsOf } from "./hosts.js";
import { addressesIn, ownAddresses } from "./own.js";
import { ANY, hasPeer, inContainers, overlapsPeers } from "./peers.js";
import { insidePorts, type Policy, type Publish, type PublishTarget, type Rule } from "./policy.js";
import { RuleIndex } from "./rule-index.js";

/** What fares alike of a publish: a container, and ports of it that no statement tells apart. */
interface Part {
  readonly target: PublishTarget;
  /** Of the container. */
  readonly ports: readonly [number, number];
}

/** Who gets through to a part. */
interface Way {
  readonly part: Part;
  open: boolean;
  world: boolean;
  /** What stops somebody of the world. */
  denied: Rule["origin"] | undefined;
}

/** Of a publish in more parts only the whole is asked about. */
const MOST_PARTS = 256;

/** A part of a publish is hidden when every packet that would come to it is denied or rejected. */
export function hiddenPublishes(policy: Policy, diagnostics: Diagnostics): void {
  if (policy.publishes.length === 0) return;
  const blocking = policy.ruleList.pick((verb) => verb !== "allow");
  if (blocking.length === 0) return;
  const blockers = new RuleIndex(blocking, policy);
  let everyone: RuleIndex | undefined;
  const reported = new Set<unknown>();
  for (const publish of policy.publishes) {
    if (reported.has(publish.origin)) continue;
    const ports = portSet(publish.protocol, insidePorts(publish));
    const to = inContainers(addressesIn(publish.targets));
    const addresses = publish.targets.flatMap((target) => target.addresses);
    const near = blockers
      .to(addresses)
      .filter((rule) => overlapsPorts(rule.ports, ports) && overlapsPeers(rule.to, to));
    if (near.length === 0) continue;
    const parts = partsOf(publish, near);
    if (parts.every((part) => isOpenToWorld(policy, publish, part, near))) continue;
    everyone ??= new RuleIndex(policy.rules, policy);
    const options = { among: everyone.to(addresses), through: [publish] };
    const { packets, rules } = packetClasses(policy, { from: publish.from ?? ANY, to, ports }, options);
    const ways: Way[] = parts.map((part) => ({ part, open: false, world: false, denied: undefined }));
    for (const packet of packets) {
      const { via, port, source, destination } = packet;
      const way = ways.find(({ part }) => isIn(part, destination.address, port));
      if (via !== publish || way === undefined) continue;
      const decision = evaluate(policy, packet, rules);
      if (decision.verdict === "allow") {
        way.open = true;
        if (source.zone === "world") way.world = true;
      } else if (source.zone === "world") way.denied ??= decision.by[0];
    }
    const closed = ways.filter(({ open }) => !open);
    const hidden = closed.length > 0 ? closed : ways.filter(({ world, denied }) => !world && denied !== undefined);
    if (hidden.length === 0) continue;
    reported.add(publish.origin);
    const what =
      hidden.length === ways.length
        ? "this published port"
        : `a part of this publish (${named(publish, ways, hidden)})`;
    const denied = hidden.find((way) => way.denied !== undefined)?.denied;
    diagnostics.warning(
      "publish-hidden",
      publish.origin.span,
      `a deny hides ${what} from ${closed.length > 0 ? "everybody" : "the world"}`,
      {
        why: "Rules speak of endpoints after translation, so a deny on the container also holds for the host's port.",
        help: "narrow the deny, or take the publish away",
        related: denied === undefined ? [] : [{ span: denied.span, message: "hides it" }],
      },
    );
  }
}

function isIn({ target, ports: [first, last] }: Part, address: Address, port: number | undefined): boolean {
  return (
    port !== undefined && first <= port && port <= last && target.addresses.some((one) => sameAddress(one, address))
  );
}

/** Cut where what blocks begins and ends. */
function partsOf(publish: Publish, near: readonly Rule[]): Part[] {
  const [first, last] = insidePorts(publish);
  const sets = near.map(({ ports }) => portsOf(ports, publish.protocol) ?? []);
  const begins = [first, ...cuts(sets, PORT).filter((begin) => first < begin && begin <= last)];
  const sorted = begins.length * publish.targets.length > MOST_PARTS ? [first] : begins;
  return publish.targets.flatMap((target) =>
    sorted.map((begin, i): Part => ({ target, ports: [begin, (sorted[i + 1] ?? last + 1) - 1] })),
  );
}

/** `port 81`, `c2`, `port 81 of c2`. */
function named(publish: Publish, ways: readonly Way[], hidden: readonly Way[]): string {
  const one = ({ part: { target, ports } }: Way): string => {
    const [first, last] = ports.map((port) => port - publish.port + publish.hostPorts[0]) as [number, number];
    const number = first === last ? `port ${first}` : `ports ${first}-${last}`;
    if (publish.targets.length === 1) return number;
    const whole = ways.filter(({ part }) => part.target === target).length === 1;
    return whole ? target.container : `${number} of ${target.container}`;
  };
  return hidden.map(one).join(", ");
}

/** Whether an address that people know gets through what blocks: then no class of packets need be asked. */
function isOpenToWorld(policy: Policy, publish: Publish, { target, ports }: Part, blocking: readonly Rule[]): boolean {
  const { hostAddress, families, protocol, from } = publish;
  if (hostAddress !== undefined && isLoopback(hostAddress)) return false;
  const own = ownAddresses(policy.containers);
  const isSource = (address: Address): boolean =>
    !hasAddress(own, address) &&
    !hasAddress(hostsOf(policy).certain, address) &&
    (from === undefined || hasPeer(from, "world", address));
  return target.addresses.some(
    (address) =>
      families.includes(address.family) &&
      familiar("world", address.family).some((value) => {
        const source = { zone: "world", address: { family: address.family, value } as Address } as const;
        if (!isSource(source.address)) return false;
        const destination = { zone: "container", address } as const;
        return (
          evaluate(policy, { source, destination, protocol, port: ports[0], via: publish }, blocking).verdict ===
          "allow"
        );
      }),
  );
}
