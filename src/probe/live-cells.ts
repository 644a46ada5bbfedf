/**
 * The packets of assertions that can be sent where a policy is live: between its containers, and between them and this
 * host. Nobody out in the world is asked, and nothing can be sent in the world's name. Pure.
 */
import { packetClasses, type Query } from "../ir/classes.js";
import { type Decision, endpointAt, evaluate, type Packet } from "../ir/evaluate.js";
import { NOBODY } from "../ir/peers.js";
import { type Assertion, gatewayOf, type PeerSet, type Policy } from "../ir/policy.js";
import {
  type Address,
  type AddressSet,
  formatAddress,
  intersectSet,
  isEmptySet,
  NO_ADDRESSES,
  sameAddress,
  single,
  subtractSet,
  unionSet,
} from "../net/address.js";
import { overlapsPorts, protocolName } from "../net/ports.js";
import type { Cell } from "./cells.js";
import type { Measured, Result } from "./compare.js";
import { HOST, MOST_CONTAINERS } from "./ends.js";
import { isProbed, unprobed } from "./errands.js";

/** Ways of one assertion that are measured at most. */
const MOST_WAYS = 200;

/** One assertion's packets, as indices into the cells that all of them share. */
export interface Plan {
  readonly assertion: Assertion;
  readonly ways: readonly { readonly packet: Packet; readonly cell: number }[];
  /** Why other packets of it aren't measured. */
  readonly missing: readonly string[];
}

export interface LiveCells {
  readonly cells: readonly Cell[];
  readonly plans: readonly Plan[];
}

/** Addresses that this host really has, without the containers'. */
export function addressesHere(policy: Policy, here: readonly Address[]): AddressSet {
  return here
    .filter((address) => endpointAt(policy, address) === undefined)
    .reduce((set, address) => unionSet(set, single(address)), NO_ADDRESSES);
}

/**
 * An assertion where it is known whose addresses are this host's: one that a text names, and that could be anybody's, is the
 * host's or the world's.
 */
export function assertedHere(assertion: Assertion, own: AddressSet): Assertion {
  const side = ({ container, host, world }: PeerSet): PeerSet => {
    const others = subtractSet(world, own);
    return { container, host: subtractSet(host, others), world: others };
  };
  return { ...assertion, from: side(assertion.from), to: side(assertion.to) };
}

/** `own`: see `addressesHere`. */
export function planLive(policy: Policy, assertions: readonly Assertion[], own: AddressSet): LiveCells {
  const collector = new Collector(policy);
  const plans = assertions.map((assertion): Plan => {
    const missing = new Set<string>();
    const ways: { packet: Packet; cell: number }[] = [];
    for (const packet of packetClasses(policy, reachable(assertion, own)).packets) {
      if (ways.length === MOST_WAYS) {
        missing.add(`more than ${MOST_WAYS} ways: the others are left out`);
        break;
      }
      const cell = collector.cellOf(packet);
      if (typeof cell === "string") missing.add(cell);
      else ways.push({ packet, cell });
    }
    for (const side of ["from", "to"] as const)
      if (asksTheWorld(policy, assertion, side))
        missing.add(
          side === "from" ? "packets from the world can't be sent from here" : "nothing in the world is asked",
        );
    if (ways.length === 0 && missing.size === 0) missing.add(whyNone(policy, assertion));
    return { assertion, ways, missing: [...missing] };
  });
  return { cells: collector.cells, plans };
}

function reachable({ from, to, ports }: Assertion, own: AddressSet): Query {
  const side = (peers: PeerSet): PeerSet => ({
    container: peers.container,
    host: intersectSet(peers.host, own),
    world: NO_ADDRESSES,
  });
  return { from: side(from), to: side(to), ports };
}

function asksTheWorld(policy: Policy, assertion: Assertion, side: "from" | "to"): boolean {
  const query = { ...assertion, [side]: { ...NOBODY, world: assertion[side].world } };
  for (const _ of packetClasses(policy, query).packets) return true;
  return false;
}

/** Why an assertion has no packet at all that passes here. */
function whyNone(policy: Policy, { to, ports }: Assertion): string {
  const led = policy.publishes.find(
    ({ protocol, hostPorts: [low, high] }) =>
      !isEmptySet(to.host) && overlapsPorts(ports, { all: false, protocols: new Map([[protocol, [low, high]]]) }),
  );
  if (led === undefined) return "no packet of it passes between containers, or between one and this host";
  const names = led.targets.map(({ container }) => container).join(" or ");
  return `'${led.origin.text}' leads what asks for that port of this host to ${names}: assert what arrives there`;
}

/** Makes cells of packets, each once. */
class Collector {
  readonly cells: Cell[] = [];
  private readonly policy: Policy;
  private readonly known = new Map<string, number>();
  private readonly ends = new Set<string>();

  constructor(policy: Policy) {
    this.policy = policy;
  }

  /** Its index, or why the packet can't be sent. */
  cellOf(packet: Packet): number | string {
    const cell = this.make(packet);
    if (typeof cell === "string") return cell;
    if (!isProbed(cell)) return unprobed(cell);
    const key = [cell.from, cell.source, cell.destination, cell.proto, cell.port ?? ""]
      .map((part) => (typeof part === "object" ? formatAddress(part) : part))
      .join(" ");
    const known = this.known.get(key);
    if (known !== undefined) return known;
    for (const end of [cell.from, ...cell.targets.map(({ name }) => name)]) {
      if (!this.ends.has(end) && this.ends.size > MOST_CONTAINERS)
        return `more than ${MOST_CONTAINERS} containers: the others are left out`;
      this.ends.add(end);
    }
    const index = this.cells.push(cell) - 1;
    this.known.set(key, index);
    return index;
  }

  private make(packet: Packet): Cell | string {
    const { policy } = this;
    const { source, destination, protocol, port, via } = packet;
    const { family } = source.address;
    const decision = evaluate(policy, packet);
    if (decision.verdict === "untouched") return "no container is at either end";
    const common = {
      from: this.nameOf(source),
      to: this.nameOf(destination),
      family,
      source: source.address,
      destination: destination.address,
      proto: protocolName(protocol).replace("icmpv6", "icmp"),
      port,
      expected: decision.verdict,
      decisions: [decision],
      via,
      targets: [{ name: this.nameOf(destination), address: destination.address, port }],
      seenAs: undefined,
    };
    if (via === undefined || port === undefined) return common;
    const spread = via.targets.filter((target) => target.addresses.some((address) => address.family === family));
    if (spread.length > 1) return "connections through this publish are spread over several containers";
    const asked = via.hostAddress ?? this.hostFor(packet);
    if (asked === undefined) return "this host has no address of that family to publish on";
    return { ...common, to: HOST, destination: asked, port: via.hostPorts[0] + port - via.port };
  }

  /** Where a publish on every address is asked: at a gateway, the asking container's own where it is one. */
  private hostFor({ source, destination }: Packet): Address | undefined {
    const at = endpointAt(this.policy, source.address) ?? endpointAt(this.policy, destination.address);
    return at && gatewayOf(at.network, source.address.family);
  }

  private nameOf({ zone, address }: Packet["source"]): string {
    return zone === "container" ? (endpointAt(this.policy, address)?.container.name ?? "?") : HOST;
  }
}

/** What real packets say of an assertion. */
export interface Finding {
  readonly ways: number;
  readonly missing: readonly string[];
  /** A packet that contradicts it, what the policy says of that, and what was measured. */
  readonly contradiction?: { packet: Packet; decision: Decision; measured: Measured } | undefined;
}

/**
 * As `check` in ir/assertions.ts, with what was measured in place of the evaluator: of `assert deny` nothing may pass,
 * of `assert allow` each packet must, directly or through a publish.
 */
export function judge({ assertion, ways, missing }: Plan, results: readonly Result[]): Finding {
  const known = ways.map(({ packet, cell }) => ({ packet, result: results[cell] as Result }));
  const measured = known.filter(({ result }) => result.measured !== undefined);
  const unmeasured = known.flatMap(({ result }) =>
    result.measured === undefined ? [result.remark ?? "not measured"] : [],
  );
  const wrong = measured.find(({ packet, result }) =>
    assertion.verb === "deny"
      ? result.measured === "allow"
      : packet.via === undefined &&
        result.measured !== "allow" &&
        known.every(
          (other) => !sameEnds(other.packet, packet) || ![undefined, "allow"].includes(other.result.measured),
        ),
  );
  return {
    ways: measured.length,
    missing: [...new Set([...missing, ...unmeasured])],
    contradiction: wrong && {
      packet: wrong.packet,
      decision: wrong.result.cell.decisions[0] as Decision,
      measured: wrong.result.measured as Measured,
    },
  };
}

/** Whether they are the same after translation. */
function sameEnds(a: Packet, b: Packet): boolean {
  return (
    sameAddress(a.source.address, b.source.address) &&
    sameAddress(a.destination.address, b.destination.address) &&
    a.protocol === b.protocol &&
    a.port === b.port
  );
}
