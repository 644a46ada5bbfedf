/**
 * Which connections there are, for who asks again and again: the kernel is asked for all once, which means a walk through
 * the table that all network namespaces share, and tells of new ones from then on.
 */
import { readFileSync } from "node:fs";
import type { Covered } from "../backend/backend.js";
import { FAMILIES, parseAddress } from "../net/address.js";
import type { Connection } from "../system/conntrack.js";
import { dumpConnections, NewConnections } from "../system/netlink/conntrack.js";

/** More than this are forgotten, and those that there are asked for anew: most have ended. */
const MOST = 300_000;

export class Flows {
  private newcomers: NewConnections | undefined;
  /** What connections' packets are; that of one that has ended stays, which costs a look too many and no more. */
  private readonly known = new Set<string>();

  /** Whether there is a connection whose packets are covered by one of these. Throws `NetlinkError`. */
  cover(all: readonly Covered[]): boolean {
    if (all.length === 0) return false;
    const told = this.newcomers?.take((connection) => this.note(connection));
    if (told !== true || this.known.size > MOST) this.begin();
    return all.some(({ source, destination, protocol, port }) =>
      this.known.has(textOf(source, destination, protocol, port)),
    );
  }

  /** Has the kernel tell of nothing any more. */
  rest(): void {
    this.newcomers?.close();
    this.newcomers = undefined;
    this.known.clear();
  }

  private begin(): void {
    this.rest();
    // Before the walk: what begins during it is told of.
    if (tells()) this.newcomers = new NewConnections();
    for (const connection of dumpConnections(FAMILIES)) this.note(connection);
  }

  private note({ protocol, original, reply }: Connection): void {
    const [source, destination] = [parseAddress(original.source)?.value, parseAddress(reply.source)?.value];
    if (source === undefined || destination === undefined) return;
    const { known } = this;
    known.add(textOf(source, destination, 0, 0));
    known.add(textOf(source, destination, protocol, 0));
    if (reply.sourcePort === undefined) return;
    known.add(textOf(source, destination, protocol, reply.sourcePort));
    known.add(textOf(undefined, destination, protocol, reply.sourcePort));
  }
}

function textOf(source: Covered["source"], destination: number | bigint, protocol: number, port: number): string {
  return `${source ?? "*"} ${destination} ${protocol} ${port}`;
}

/** 1: always, 2: where somebody listens (nf_conntrack-sysctl). */
function tells(): boolean {
  try {
    return readFileSync("/proc/sys/net/netfilter/nf_conntrack_events", "utf8").trim() !== "0";
  } catch {
    return false;
  }
}
