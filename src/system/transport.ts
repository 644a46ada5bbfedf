/**
 * How the kernel is spoken to: by netlink messages of this process, or by the tools (nft, ip, nsenter, unshare, umount).
 *
 * Both do the same. Netlink needs koffi, an optional dependency, and is much faster: no process is started.
 */
import { systemCalls, unavailable } from "./netlink/ffi.js";

/** `auto` is netlink where it loads, else the tools. */
export const TRANSPORTS = ["auto", "netlink", "nft"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** The environment's variable that chooses where no option does. */
export const VARIABLE = "TSNET_TRANSPORT";

let chosen: Transport | undefined;

/** Overrules the environment, from now on. */
export function chooseTransport(transport: Transport): void {
  chosen = transport;
}

/** What was chosen. Throws when the environment asks for something unknown. */
export function transport(): Transport {
  if (chosen !== undefined) return chosen;
  const asked = process.env[VARIABLE] ?? "";
  const known = TRANSPORTS.find((each) => each === (asked === "" ? "auto" : asked));
  if (known === undefined) throw new Error(`${VARIABLE} is ${JSON.stringify(asked)}, not ${TRANSPORTS.join(", ")}`);
  return (chosen = known);
}

/** Throws when netlink was asked for by name and can't be had. */
export function usesNetlink(): boolean {
  const asked = transport();
  if (asked === "nft") return false;
  if (systemCalls() !== undefined) return true;
  if (asked === "netlink") throw new Error(`netlink was asked for, but ${unavailable()}`);
  return false;
}
