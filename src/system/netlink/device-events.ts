/** What becomes of devices, their addresses, routes and forwarding in this network namespace, as rtnetlink tells it. */
import { scan, textAt, u16, u32 } from "./decoder.js";
import * as rt from "./rtnetlink.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

/** linux/rtnetlink.h: rtnetlink_groups; the last two are RTNLGRP_IPV4_NETCONF and RTNLGRP_IPV6_NETCONF. */
const GROUPS = [1, 5, 7, 9, 11, 24, 25] as const;

/** Something is gone of a device, or the device is as it is now said to be. */
export interface DeviceEvent {
  readonly device: number;
  /** The device itself, or an address or route of it, or that packets are forwarded from it. */
  readonly gone: boolean;
  /** Of what is told of a device itself. */
  readonly up?: boolean;
  readonly name?: string;
  readonly alias?: string;
}

export class DeviceEvents {
  private readonly socket = new NetlinkSocket(PROTOCOL.ROUTE);

  /** Throws `NetlinkError` where the kernel tells this process nothing. */
  constructor() {
    try {
      for (const group of GROUPS) this.socket.join(group);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  /** Hands over what was told since the last time, and waits for nothing. False where there was more than there was room for. */
  take(each: (event: DeviceEvent) => void): boolean {
    return this.socket.pending((body, type) => {
      const event = toEvent(body, type);
      if (event !== undefined) each(event);
    });
  }

  close(): void {
    this.socket.close();
  }
}

function toEvent(body: Buffer, type: number): DeviceEvent | undefined {
  if (type === rt.RTM.DELADDR) return { device: u32(body, 4), gone: true };
  if (type === rt.RTM.DELROUTE) {
    let device = 0;
    scan(body, 12, body.length, (attribute, start) => {
      if (attribute === rt.RTA.OIF) device = u32(body, start);
    });
    return { device, gone: true };
  }
  if (type === rt.RTM.NEWNETCONF) {
    const { IFINDEX, FORWARDING, FORCE_FORWARDING } = rt.NETCONFA;
    // IPv6's `forwarding` is the host's matter: we set the other.
    const asked = body[0] === rt.AF.INET ? FORWARDING : FORCE_FORWARDING;
    let [device, on] = [0, true];
    scan(body, 4, body.length, (attribute, start) => {
      if (attribute === IFINDEX) device = u32(body, start);
      if (attribute === asked) on = u32(body, start) !== 0;
    });
    return { device, gone: !on };
  }
  // What a bridge tells of its ports is of another family.
  if ((type !== rt.RTM.NEWLINK && type !== rt.RTM.DELLINK) || u16(body, 0) !== 0) return undefined;
  let [name, alias] = ["", ""];
  scan(body, 16, body.length, (attribute, start, end) => {
    if (attribute === rt.IFLA.IFNAME) name = textAt(body, start, end);
    if (attribute === rt.IFLA.IFALIAS) alias = textAt(body, start, end);
  });
  const up = (u32(body, 8) & rt.IFF_UP) !== 0;
  return { device: u32(body, 4), gone: type === rt.RTM.DELLINK, up, name, alias };
}
