/** Cuts the connections that a policy no longer allows, and no others; and leads UDP to ports that are published anew. */
import { networkInterfaces } from "node:os";
import type { Backend, Standing, StoppedFlow } from "../backend/backend.js";
import { type End, evaluate, type Packet, translate, type Translation } from "../ir/evaluate.js";
import { inhabitedFamilies, ownAddresses } from "../ir/own.js";
import type { Policy, Zone } from "../ir/policy.js";
import {
  type Address,
  type AddressSet,
  hasAddress,
  isLoopback,
  OF_NO_HOST,
  parseAddress,
  sameAddress,
} from "../net/address.js";
import { SCTP, TCP, UDP } from "../net/ports.js";
import { type Connection, deleteConnection, listConnections } from "../system/conntrack.js";
import { MissingTool } from "../system/run.js";

/** A flow that was cut and has no beginning to tell it by. */
export type CutFlow = StoppedFlow;

export interface Cut {
  readonly flows: readonly CutFlow[];
  /** What couldn't be done, a sentence each. */
  readonly problems: readonly string[];
}

/** Protocols of which connection tracking takes only what begins a connection for a beginning; 1 and 58 are ICMP. */
const HAS_BEGINNING: ReadonlySet<number> = new Set([1, TCP, 58, SCTP]);

/** As long as the kernel by default keeps a UDP stream that is silent (nf_conntrack_udp_timeout_stream). */
const MEMORY = 120_000;

/**
 * Looks at every tracked connection of a container of either policy and deletes those that `policy` denies, so that
 * their replies stop too; packets of their first direction are decided anew by the rules anyway.
 *
 * UDP, GRE and their like have no beginning: what the other side sends next would make the entry anew, reversed, and the
 * denied side would then be answering. So the tuples of such flows are stopped for a while. `remembered` are those of
 * earlier cuts.
 *
 * And UDP has no end: whoever asked a port of the host before it was published would never get through while asking on.
 * `before` is undefined when the policy wasn't applied.
 */
export async function cutConnections(
  backend: Pick<Backend, "stop">,
  policy: Policy,
  before: Policy | undefined,
  remembered: readonly CutFlow[],
  now = Date.now(),
): Promise<Cut> {
  // An apply that is the first of its policy has nothing to cut.
  if (before === undefined && !policy.publishes.some(({ protocol }) => protocol === UDP))
    return { flows: [], problems: [] };
  const mine = ownAddresses(policy.containers);
  const old = ownAddresses(before?.containers ?? []);
  const families = new Set([policy, before].flatMap((one) => inhabitedFamilies(one?.containers ?? [])));
  const local = memo(localAddresses);
  const denied = (connection: Connection): boolean =>
    before !== undefined && isCut(policy, before, mine, old, local, connection);
  const flows = remembered.filter((flow) => flow.until > now && denied(flow.connection));
  try {
    const doomed: Connection[] = [];
    const missing: Connection[] = [];
    for (const connection of await listConnections([...families])) {
      if (denied(connection)) doomed.push(connection);
      if (missesPublish(policy, local, connection)) missing.push(connection);
    }
    for (const connection of doomed)
      if (!HAS_BEGINNING.has(connection.protocol)) flows.push({ connection, until: now + MEMORY });
    await backend.stop(policy, flows, remembered.length > 0, doomed);
    const gone = [...doomed, ...missing];
    for (let i = 0; i < gone.length; i += 8) await Promise.all(gone.slice(i, i + 8).map(deleteConnection));
    return { flows, problems: [] };
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error;
    return { flows, problems: [`connections that are no longer allowed may still get replies: ${error.message}`] };
  }
}

/**
 * The connections of a policy's containers that connection tracking knows and the policy allows: for a backend that hasn't
 * seen them begin. Throws `MissingTool`.
 */
export async function standingConnections(policy: Policy): Promise<Standing[]> {
  const own = ownAddresses(policy.containers);
  const local = memo(localAddresses);
  const out: Standing[] = [];
  for (const connection of await listConnections(inhabitedFamilies(policy.containers))) {
    const packet = packetOf(policy, own, local, connection);
    const asked = parseAddress(connection.original.destination);
    if (packet === undefined || asked === undefined || evaluate(policy, packet).verdict !== "allow") continue;
    const [from, to] = [packet.source.zone, packet.destination.zone];
    const zone = zoneOf(asked, own, local);
    const published = packet.via !== undefined;
    // What somebody else translates is decided as what it was sent to, too.
    const untranslated = {
      ...packet,
      destination: { zone, address: asked },
      port: connection.original.destinationPort,
    };
    if (to !== "container" && evaluate(policy, untranslated).verdict !== "allow") continue;
    out.push({ connection, from, to, asked: zone, published });
  }
  return out;
}

function zoneOf(address: Address, own: AddressSet, local: Local): Zone {
  if (hasAddress(own, address)) return "container";
  // Multicast is heard here, or nowhere.
  const heard = isLoopback(address) || hasAddress(OF_NO_HOST, address);
  return heard || local().some((one) => sameAddress(one, address)) ? "host" : "world";
}

/** Asked for where there is a connection to look at. */
export type Local = () => readonly Address[];

function memo<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** The addresses of this host. */
export function localAddresses(): Address[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap((one) => parseAddress(one.address.replace(/%.*/, "")) ?? []),
  );
}

/** Whether the policy denies a connection that has a container, present (`now`) or gone (`old`), at an end. */
function isCut(
  policy: Policy,
  before: Policy,
  now: AddressSet,
  old: AddressSet,
  local: Local,
  connection: Connection,
): boolean {
  const source = parseAddress(connection.original.source);
  const destination = parseAddress(connection.reply.source);
  if (source === undefined || destination === undefined) return false;
  const ends = [source, destination];
  if (ends.some((address) => hasAddress(old, address) && !hasAddress(now, address))) return true;
  if (!ends.some((address) => hasAddress(now, address))) return false;

  const packet = packetOf(policy, now, local, connection);
  // Our publish that led here is gone or leads elsewhere now; what the direct way allows doesn't matter.
  if (packet?.via === undefined && wayOf(before, connection) !== undefined) return true;
  return packet !== undefined && evaluate(policy, packet).verdict !== "allow";
}

/**
 * The packets of a connection as they are after translation, by the policy's publish where one led them there. `own`: the
 * addresses of its containers. Undefined where an address can't be read.
 */
export function packetOf(policy: Policy, own: AddressSet, local: Local, connection: Connection): Packet | undefined {
  const source = parseAddress(connection.original.source);
  const destination = parseAddress(connection.reply.source);
  if (source === undefined || destination === undefined) return undefined;
  const end = (address: Address): End => ({ zone: zoneOf(address, own, local), address });
  const packet: Packet = {
    source: end(source),
    destination: end(destination),
    protocol: connection.protocol,
    port: connection.reply.sourcePort,
  };
  const way = wayOf(policy, connection);
  return way === undefined ? packet : { ...packet, via: way.publish };
}

/** The publish by which a policy would have led a connection where it went. */
function wayOf(policy: Policy, { protocol, original, reply }: Connection): Translation | undefined {
  const asked = parseAddress(original.destination);
  const destination = parseAddress(reply.source);
  const port = original.destinationPort;
  if (asked === undefined || destination === undefined || port === undefined) return undefined;
  if (sameAddress(asked, destination) && port === reply.sourcePort) return undefined;
  return translate(policy, asked, protocol, port).find(
    (way) => sameAddress(way.address, destination) && way.port === reply.sourcePort,
  );
}

/** Whether datagrams keep coming to this host itself, by an entry from before their port was published. */
function missesPublish(policy: Policy, local: Local, { protocol, original, reply }: Connection): boolean {
  const asked = parseAddress(original.destination);
  if (protocol !== UDP || asked === undefined || original.destinationPort === undefined) return false;
  if (reply.source !== original.destination || !(isLoopback(asked) || local().some((one) => sameAddress(one, asked))))
    return false;
  return translate(policy, asked, UDP, original.destinationPort).length > 0;
}
