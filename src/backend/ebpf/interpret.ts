/**
 * Runs the first packet of a connection through the maps as the dataplane does: the proof that the plan means what the
 * policy says. The order of the look-ups is that of dataplane/decide.h; what later packets meet is the tracking of
 * connections, which tests on the kernel cover.
 */
import type { Origin } from "../../ir/policy.js";
import type { Address } from "../../net/address.js";
import { LOOPBACK, hasAddress } from "../../net/address.js";
import type { Frame, Host } from "../shape/frames.js";
import { addressIn } from "./classes.js";
import { Lookup } from "./lookup.js";
import type { LaneName, Maps, Own, Published, Verdict } from "./maps.js";

export interface Outcome {
  readonly verdict: "allow" | "deny" | "reject";
  readonly destination: number | bigint;
  readonly port: number | undefined;
  /** The statement that decided it; undefined where a default did. */
  readonly by: Origin | undefined;
}

type Decision = Pick<Outcome, "verdict" | "by">;

const DROP: Decision = { verdict: "deny", by: undefined };
const PASS: Decision = { verdict: "allow", by: undefined };

interface Packet {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  readonly port: number | undefined;
  readonly via?: Published | undefined;
}

export class Interpreter {
  private readonly maps: Lookup;

  constructor(maps: Maps) {
    this.maps = new Lookup(maps);
  }

  /** `pick` chooses among several targets of a published port. */
  run(frame: Frame, host: Host, pick = 0): Outcome {
    const { family, protocol, port, device } = frame;
    const source = addressIn(family, frame.source);
    const destination = addressIn(family, frame.destination);
    const sender = device === undefined ? undefined : this.maps.device(device);
    const outcome = (decision: Decision, to: Address = destination, toPort = port): Outcome => ({
      ...decision,
      destination: to.value,
      port: toPort,
    });
    if (sender !== undefined) {
      const entering = this.ingress(frame, sender, { source, destination, protocol, port }, host);
      if (entering !== undefined) return outcome(entering);
    }
    const way = this.translation(frame, destination, host);
    const goals = way === undefined ? [] : this.maps.goal(way.goal);
    const to = way === undefined ? destination : (goals[pick % goals.length] as Address);
    const toPort = way === undefined ? port : way.to;
    const receiver = this.maps.own(to);
    if (receiver === undefined) return outcome(PASS);
    const packet = { source, destination: to, protocol, port: toPort, via: way };
    const zone = device === undefined ? "host" : sender === undefined ? "world" : "container";
    return outcome(this.egress(packet, receiver, zone, sender?.container), to, toPort);
  }

  /** What a container sends: undefined where it is decided at the device that it leaves by. */
  private ingress(
    frame: Frame,
    sender: { mac: string; container: number },
    packet: Packet,
    host: Host,
  ): Decision | undefined {
    const owner = this.maps.own(packet.source);
    if (frame.mac !== sender.mac || owner?.container !== sender.container) return DROP;
    if (frame.family === 4 && hasAddress(LOOPBACK, packet.destination)) return DROP;
    if (this.maps.own(packet.destination) !== undefined) return undefined;
    if (!host.isLocal(frame.family, frame.destination)) return this.decide("cw", packet, owner, undefined);
    if (this.maps.published(packet.destination, packet.protocol, packet.port) !== undefined) return undefined;
    return this.decide("ch", packet, owner, undefined);
  }

  /** What the static table of translations does. */
  private translation(
    { family, device, protocol, port }: Frame,
    destination: Address,
    host: Host,
  ): Published | undefined {
    if (!host.isLocal(family, destination.value)) return undefined;
    if (device !== undefined && hasAddress(LOOPBACK, destination)) return undefined;
    return this.maps.published(destination, protocol, port);
  }

  private egress(
    packet: Packet,
    receiver: Own,
    zone: "container" | "host" | "world",
    container: number | undefined,
  ): Decision {
    const owner = this.maps.own(packet.source);
    if (owner?.container !== container) return DROP;
    const lane = zone === "container" ? "cc" : zone === "host" ? "hc" : "wc";
    return this.decide(lane, packet, owner, receiver);
  }

  private decide(lane: LaneName, packet: Packet, sender: Own | undefined, receiver: Own | undefined): Decision {
    const { source, via } = packet;
    const { deny, reject, allow } = this.statements(lane, packet);
    if (deny !== undefined) return { verdict: "deny", by: deny };
    if (via !== undefined) {
      const number = via.sources[lane === "cc" ? "container" : lane === "hc" ? "host" : "world"];
      if (number !== 0 && this.maps.far(number, source) === undefined) return { verdict: "deny", by: via.from };
    }
    if (reject !== undefined) return { verdict: "reject", by: reject };
    if (sender?.confined && (receiver === undefined || via !== undefined)) return DROP;
    if (lane === "wc" && receiver?.inside) return DROP;
    if (via !== undefined) return { verdict: "allow", by: via.from };
    if (allow !== undefined) return { verdict: "allow", by: allow };
    if (lane === "wc") return DROP;
    if (lane !== "cc" || sender === undefined || receiver === undefined) return PASS;
    return receiver.icc && this.maps.isMember(sender.container, receiver.network) ? PASS : DROP;
  }

  private statements(lane: LaneName, { source, destination, protocol, port }: Packet): Verdict {
    const { maps } = this;
    let found = maps.exact(source, destination, undefined, undefined);
    found = { ...maps.exact(source, destination, protocol, undefined), ...found };
    if (port !== undefined) found = { ...maps.exact(source, destination, protocol, port), ...found };
    const fromNear = lane === "cc" || lane === "cw" || lane === "ch";
    const number = maps.near(lane, fromNear ? source : destination);
    if (number === undefined) return found;
    const profile = maps.far(number, fromNear ? destination : source);
    return profile === undefined ? found : { ...maps.ports(profile, protocol, port), ...found };
  }
}
