/** `tsnet stats --log` and `--drops`: the last packets that an eBPF policy has logged or dropped. */
import { type PacketEvent, readEvents, type Ring } from "../backend/ebpf/events.js";
import type { Policy } from "../ir/policy.js";
import { type Address, formatAddress } from "../net/address.js";
import { PORTED, protocolName } from "../net/ports.js";
import { timestamp } from "../text/clock.js";
import { location } from "../text/source.js";
import { EXIT, Failure } from "./exit.js";
import { print, printJson, shown } from "./output.js";

/** Throws where the policy is live by another backend, whose log is the kernel's. */
export function showEvents(policies: readonly Policy[], ring: Ring, json: boolean): void {
  const all = policies.map((policy) => ({ policy, events: readEvents(policy, ring) ?? elsewhere(policy, ring) }));
  // The programs' clock doesn't know the time of day.
  const since = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  const timeOf = (event: PacketEvent): string => timestamp(Number((event.time + since) / 1_000_000n));
  if (json) {
    const events = all.flatMap(({ policy, events: list }) =>
      list.map((event) => ({ policy: policy.name, time: timeOf(event), ...eventJson(policy, event) })),
    );
    return printJson({ events });
  }
  for (const { policy, events } of all)
    for (const event of events) print(`${timeOf(event)}  ${shown(line(policy, event))}`);
}

function elsewhere({ name }: Policy, ring: Ring): never {
  throw new Failure(
    EXIT.system,
    `${shown(name)} isn't live by eBPF, which alone keeps what it ${ring}`,
    ring === "logged" ? "its log lines are in the kernel's log: dmesg" : "tsnet trace follows packets as they are sent",
  );
}

/** As the kernel's log has it under the other backends; undefined where the statement doesn't log. */
function prefixOf(policy: Policy, { by }: PacketEvent): string | undefined {
  const log = by && policy.rules.find(({ origin, log }) => origin === by && log !== undefined)?.log;
  return log?.prefix === "" ? "tsnet:" : log?.prefix;
}

function eventJson(policy: Policy, event: PacketEvent): Record<string, unknown> {
  const { verdict, reason, by, protocol, source, destination, sourcePort, port } = event;
  const ported = PORTED.includes(protocol);
  return {
    verdict,
    reason,
    prefix: prefixOf(policy, event) ?? null,
    proto: protocolName(protocol),
    source: formatAddress(source),
    sourcePort: ported ? sourcePort : null,
    destination: formatAddress(destination),
    port: ported ? port : null,
    by: by === undefined ? null : { text: by.text, file: by.span.file.name, ...by.span.file.position(by.span.start) },
  };
}

function line(policy: Policy, event: PacketEvent): string {
  const { verdict, reason, by, protocol, source, destination, sourcePort, port } = event;
  const end = (address: Address, number: number): string => {
    const text = formatAddress(address);
    if (!PORTED.includes(protocol)) return text;
    return address.family === 6 ? `[${text}]:${number}` : `${text}:${number}`;
  };
  const prefix = prefixOf(policy, event);
  const said = by === undefined ? reason : `${location(by.span)}  ${by.text}`;
  const packet = `${verdict} ${protocolName(protocol)} ${end(source, sourcePort)} -> ${end(destination, port)}`;
  return `${prefix === undefined ? "" : `${prefix} `}${packet}  ${said}`;
}
