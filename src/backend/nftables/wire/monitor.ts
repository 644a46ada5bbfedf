/**
 * What others do to the ruleset, as the kernel tells it: where the generation has moved, but nobody has touched a table of
 * ours, nothing need be read, which takes half a second where there are 100,000 elements.
 *
 * The kernel also tells what we do, for longer than that takes itself: nobody listens during commits of our own.
 */
import { scan, textAt } from "../../../system/netlink/decoder.js";
import { NetlinkError } from "../../../system/netlink/errors.js";
import { generationIn } from "../../../system/netlink/nf-tables.js";
import { NetlinkSocket, PROTOCOL } from "../../../system/netlink/socket.js";
import { MSG, NFNLGRP_NFTABLES } from "./constants.js";

/** The table's name, in the messages about everything that a table has. */
const TABLE = 1;

export class Monitor {
  /** Of the tables in all families that are listened for. */
  readonly name: string;
  /** The generation at which those are as they were when it began. */
  generation: number;
  private readonly socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  private touched = false;

  private constructor(name: string, generation: number) {
    this.name = name;
    this.generation = generation;
  }

  /** `generation`: to be what it still is once this listens. Undefined where the kernel tells this process nothing. */
  static begin(name: string, generation: number): Monitor | undefined {
    const monitor = new Monitor(name, generation);
    try {
      monitor.socket.join(NFNLGRP_NFTABLES);
      return monitor;
    } catch (error) {
      monitor.close();
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }

  /** Whether, up to this generation, the kernel has told everything, and nothing of the tables. */
  isUntouchedAt(generation: number): boolean {
    const whole = this.socket.pending((body, type) => {
      // Each commit ends with its generation.
      if ((type & 0xff) === MSG.NEWGEN) this.generation = generationIn(body);
      else
        scan(body, 4, body.length, (attribute, start, end) => {
          if (attribute === TABLE && textAt(body, start, end) === this.name) this.touched = true;
        });
    });
    if (!whole) this.touched = true;
    return !this.touched && this.generation === generation;
  }

  close(): void {
    this.socket.close();
  }
}
