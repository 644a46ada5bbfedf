/**
 * Whether others have taken devices of a policy from this host, their addresses, routes or forwarding, or switched them off:
 * for who edits rules again and again, and doesn't read the network each time. What happens inside a sandbox isn't told here,
 * and nobody tells of other sysctls.
 */
import { DeviceEvents } from "../system/netlink/device-events.js";
import { dumpNetwork } from "../system/netlink/dump.js";
import { NetlinkError } from "../system/netlink/errors.js";
import { now } from "../text/clock.js";
import { policyMark } from "./names.js";

/** For how long what was heard is taken to hold, in milliseconds: to ask takes a tenth of an edit of rules. */
const HOLDS = 2;

export class Watch {
  private readonly events: DeviceEvents;
  private readonly mark: string;
  /** Names of the policy's devices, by index. */
  private devices: ReadonlyMap<number, string> | undefined;
  private untouched = true;
  private asked = -HOLDS;

  private constructor(events: DeviceEvents, policy: string) {
    this.events = events;
    this.mark = policyMark(policy);
  }

  /** To begin with the network as it should be. Undefined where the kernel tells this process nothing. */
  static begin(policy: string): Watch | undefined {
    try {
      return new Watch(new DeviceEvents(), policy);
    } catch (error) {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }

  /** Whether, up to now, nothing was taken. */
  isUntouched(): boolean {
    const time = now();
    if (time - this.asked < HOLDS) return this.untouched;
    this.asked = time;
    // Only now: of most applies nobody asks. A device that has gone since is told of with its mark.
    this.devices ??= this.own();
    const { devices, mark } = this;
    const whole = this.events.take(({ device, gone, up, name, alias }) => {
      const known = devices.get(device);
      if (known === undefined ? gone && alias?.startsWith(mark) === true : gone || up === false || name !== known)
        this.untouched = false;
    });
    if (!whole) this.untouched = false;
    return this.untouched;
  }

  private own(): Map<number, string> {
    const own = dumpNetwork(undefined).links.filter(({ alias }) => alias?.startsWith(this.mark) === true);
    return new Map(own.map(({ index, name }) => [index, name]));
  }

  end(): void {
    this.events.close();
  }
}
