/** What iptables can't say exactly. */
import type { Log, Policy } from "../../ir/policy.js";
import { isRun } from "../../ir/rule-list.js";
import { Inexpressible } from "../inexpressible.js";

/** What the LOG target holds of a prefix, in bytes (linux/netfilter/xt_LOG.h, with its final NUL). */
const PREFIX_BYTES = 29;
/** The fastest that the limit match counts, a second (iptables-extensions(8)). */
const FASTEST = 10_000;
const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400 } as const;

/** A prefix as it is written: apart from the kernel's own words behind it. */
export function logPrefix(log: Log | undefined): string {
  if (log === undefined || log.prefix === "") return "tsnet: ";
  return log.prefix.endsWith(" ") ? log.prefix : `${log.prefix} `;
}

/** The first statement that iptables can't carry out exactly. */
export function inexpressible(policy: Policy): Inexpressible | undefined {
  for (const part of policy.ruleList.parts) {
    if (isRun(part) || part.log === undefined) continue;
    const { log, origin } = part;
    const bytes = Buffer.byteLength(logPrefix(log));
    if (bytes > PREFIX_BYTES)
      return new Inexpressible(
        `iptables' log prefixes have at most ${PREFIX_BYTES - 1} bytes and a space; this one has ${bytes - 1}`,
        origin.span,
      );
    if (log.limit !== undefined && log.limit.count > FASTEST * SECONDS[log.limit.per])
      return new Inexpressible(`iptables' limits count at most ${FASTEST} a second`, origin.span);
  }
  return undefined;
}
