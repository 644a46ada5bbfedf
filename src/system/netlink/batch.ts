/** Batches of `ip` lines over one rtnetlink socket. */
import { closeSync, openSync } from "node:fs";
import type { IpLine } from "../ip.js";
import { Encoder } from "./encoder.js";
import { NetlinkError } from "./errors.js";
import { systemCalls } from "./ffi.js";
import { encodeLine, type Surroundings } from "./lines.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

export interface Refusal {
  /** Of the refused line, from 0. */
  readonly index: number;
  /** As ip says it. */
  readonly reason: string;
}

/** Where a message names a device that isn't there. */
class NoDevice extends Error {}

const encoder = new Encoder(1 << 12);

/**
 * Sends lines to the namespace at `netns` (this process's when undefined), stopping at the first that is refused, or
 * going on whatever becomes of each. The lines before a refused one are done.
 *
 * One message at a time: the kernel would go on behind a refused one, and an answer takes a few microseconds.
 * Throws when the namespace can't be entered or a line isn't known.
 */
export function sendLines(netns: string | undefined, lines: readonly IpLine[], stop: boolean): Refusal[] {
  const refusals: Refusal[] = [];
  const socket = new NetlinkSocket(PROTOCOL.ROUTE, netns);
  const files = new Map<string, number>();
  const around: Surroundings = {
    index: (device) => {
      const index = socket.deviceIndex(device);
      if (index === undefined) throw new NoDevice(`Cannot find device "${device}"`);
      return index;
    },
    file: (path) => {
      const fd = files.get(path) ?? openSync(path, "r");
      files.set(path, fd);
      return fd;
    },
  };
  try {
    for (const [index, line] of lines.entries()) {
      try {
        encoder.reset();
        encodeLine(encoder, line, around);
        socket.commit(encoder);
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === undefined) throw error;
        refusals.push({ index, reason });
        if (stop) break;
      }
    }
  } finally {
    socket.close();
    for (const fd of files.values()) closeSync(fd);
  }
  return refusals;
}

/** The sentence that ip has for a refusal; undefined for other failures. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof NoDevice) return error.message;
  if (!(error instanceof NetlinkError)) return undefined;
  if (error.said !== undefined) return `Error: ${error.said}${error.said.endsWith(".") ? "" : "."}`;
  return `RTNETLINK answers: ${systemCalls()?.strerror(error.errno) ?? error.code}`;
}
