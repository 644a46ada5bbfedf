/**
 * The kernel's connection table, over ctnetlink or through the conntrack tool, which say the same.
 */
import { dumpConnections, removeConnection } from "./netlink/conntrack.js";
import { run } from "./run.js";
import { usesNetlink } from "./transport.js";

/** One direction of a connection, addresses as text. */
export interface Tuple {
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number | undefined;
  readonly destinationPort: number | undefined;
}

export interface Connection {
  readonly family: 4 | 6;
  /** IP protocol number. */
  readonly protocol: number;
  readonly original: Tuple;
  readonly reply: Tuple;
  /** Of both directions; undefined where the kernel doesn't count (nf_conntrack_acct). */
  readonly bytes?: number;
  /** Whether a packet has come back. */
  readonly answered: boolean;
  /** Whether a TCP connection is about to end, or has ended. */
  readonly closing: boolean;
  /** ICMP's type, code and id, which identify its flows as ports do others. */
  readonly icmp: { readonly type: string; readonly code: string; readonly id: string } | undefined;
}

/** Every connection of these families that this network namespace knows. */
export async function listConnections(families: readonly (4 | 6)[]): Promise<Connection[]> {
  if (usesNetlink()) return dumpConnections(families);
  const found: Connection[] = [];
  for (const family of families) {
    const { stdout } = await run("conntrack", ["-L", "-f", family === 4 ? "ipv4" : "ipv6"], { accept: [1] });
    found.push(...stdout.split("\n").flatMap((line) => parseConnection(family, line) ?? []));
  }
  return found;
}

/** TCP's states from FIN_WAIT on, as the tool names them. */
const ENDING = /^tcp\s.* (?:FIN_WAIT|CLOSE_WAIT|LAST_ACK|TIME_WAIT|CLOSE) src=/;

/** A line of `conntrack -L`: protocol name and number, timers and state, then both tuples as key=value. */
export function parseConnection(family: 4 | 6, line: string): Connection | undefined {
  const protocol = /^\S+\s+(\d+)\s/.exec(line)?.[1];
  if (protocol === undefined) return undefined;
  const all = (key: string): string[] =>
    [...line.matchAll(new RegExp(`\\b${key}=(\\S+)`, "g"))].map((m) => m[1] as string);
  const [sources, destinations, sports, dports] = [all("src"), all("dst"), all("sport"), all("dport")];
  const tuple = (i: number): Tuple | undefined => {
    const source = sources[i];
    const destination = destinations[i];
    if (source === undefined || destination === undefined) return undefined;
    const port = (list: string[]): number | undefined => (list[i] === undefined ? undefined : Number(list[i]));
    return { source, destination, sourcePort: port(sports), destinationPort: port(dports) };
  };
  const original = tuple(0);
  const reply = tuple(1);
  if (original === undefined || reply === undefined) return undefined;
  const [type, code, id] = [all("type")[0], all("code")[0], all("id")[0]];
  const icmp = type !== undefined && code !== undefined && id !== undefined ? { type, code, id } : undefined;
  const bytes = all("bytes").reduce((sum, one) => sum + Number(one), 0);
  const counted = all("bytes").length > 0 ? { bytes } : {};
  const state = { answered: !line.includes("[UNREPLIED]"), closing: ENDING.test(line) };
  return { family, protocol: Number(protocol), original, reply, icmp, ...counted, ...state };
}

/** Deletes one connection. One that has ended meanwhile is no error. */
export async function deleteConnection(connection: Connection): Promise<void> {
  if (usesNetlink() && removeConnection(connection)) return;
  const { family, protocol, original, icmp } = connection;
  const args = ["-D", "-f", family === 4 ? "ipv4" : "ipv6", "-p", String(protocol)];
  args.push("--orig-src", original.source, "--orig-dst", original.destination);
  if (original.sourcePort !== undefined && original.destinationPort !== undefined)
    args.push("--sport", String(original.sourcePort), "--dport", String(original.destinationPort));
  if (icmp !== undefined) {
    const version = family === 4 ? "icmp" : "icmpv6";
    args.push(`--${version}-type`, icmp.type, `--${version}-code`, icmp.code, `--${version}-id`, icmp.id);
  }
  await run("conntrack", args, { accept: [1] });
}
