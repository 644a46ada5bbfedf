/**
 * In which other network namespaces something was done to devices, addresses, routes or neighbours: one socket hears of all
 * that have a number in this one (ip-netns(8), nsid), as those have in which a veth of this one has its other end.
 */
import { closeSync, openSync } from "node:fs";
import { attempt } from "../attempt.js";
import { s32, scan } from "./decoder.js";
import { Encoder, NLM_F } from "./encoder.js";
import { NetlinkError } from "./errors.js";
import * as rt from "./rtnetlink.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

/** linux/rtnetlink.h: rtnetlink_groups. Links, neighbours, addresses and routes of both families, and namespaces' numbers. */
const GROUPS = [1, 3, 5, 7, 9, 11, 28] as const;
/**
 * RTNLGRP_NEXTHOP, since Linux 5.3: an IPv4 route goes with its nexthop object, and nothing is said of the route
 * (net/ipv4/fib_semantics.c).
 */
const NEXTHOPS = 32;

/** `struct rtgenmsg` with its padding, and `struct ifinfomsg`. */
const HEADER_SIZE = 4;
const LINK_HEADER_SIZE = 16;

export class NamespaceEvents {
  private readonly told: NetlinkSocket;
  private readonly asked: NetlinkSocket;
  private readonly encoder = new Encoder(1 << 7);

  /** Throws `NetlinkError` where the kernel tells this process nothing. */
  constructor() {
    this.told = new NetlinkSocket(PROTOCOL.ROUTE);
    try {
      this.told.hearOthers();
      for (const group of GROUPS) this.told.join(group);
      this.joinNexthops();
      this.asked = new NetlinkSocket(PROTOCOL.ROUTE);
    } catch (error) {
      this.told.close();
      throw error;
    }
  }

  private joinNexthops(): void {
    try {
      this.told.join(NEXTHOPS);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
    }
  }

  /**
   * Hands over the number of each namespace in which something was done since the last time, or to the other end of a veth
   * in it, or which is gone, and waits for nothing. False where there was more than there was room for.
   */
  take(each: (namespace: number) => void): boolean {
    return this.told.pending((body, type, from) => {
      const namespace = from ?? concerned(type, body);
      if (namespace !== undefined) each(namespace);
    });
  }

  /** The number of the namespace at `path`; undefined where it has none, and nothing is told of it. Throws `NetlinkError`. */
  numberOf(path: string): number | undefined {
    attempt(`number of ${path}`);
    const { encoder } = this;
    const file = openSync(path, "r");
    try {
      encoder.reset();
      const at = encoder.begin(rt.RTM.GETNSID, NLM_F.REQUEST);
      encoder.put(0, 0, 0, 0);
      encoder.u32(rt.NETNSA.FD, file);
      encoder.end(at);
      const answer = this.asked.get(encoder);
      return answer && numberIn(answer);
    } finally {
      closeSync(file);
    }
  }

  close(): void {
    this.told.close();
    this.asked.close();
  }
}

/** The other namespace that a message of this one is about: a device there knows its other end here by its number alone. */
function concerned(type: number, body: Buffer): number | undefined {
  if (type === rt.RTM.DELNSID) return numberIn(body);
  if (type !== rt.RTM.NEWLINK && type !== rt.RTM.DELLINK) return undefined;
  let found: number | undefined;
  scan(body, LINK_HEADER_SIZE, body.length, (attribute, start) => {
    if (attribute === rt.IFLA.LINK_NETNSID) found = s32(body, start);
  });
  return found;
}

function numberIn(body: Buffer): number | undefined {
  let found: number | undefined;
  scan(body, HEADER_SIZE, body.length, (attribute, start) => {
    if (attribute === rt.NETNSA.NSID) found = s32(body, start);
  });
  return found === undefined || found < 0 ? undefined : found;
}
