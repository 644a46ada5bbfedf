/** A difference for people and for programs. */
import { formatAddress } from "../../net/address.js";
import { formatPorts, PORT, protocolIn } from "../../net/ports.js";
import { normalise } from "../../net/ranges.js";
import { DEFAULTS, type End, endpointAt, type Verdict } from "../../ir/evaluate.js";
import { serviceText } from "../../ir/packet-text.js";
import type { Container, Origin, Policy } from "../../ir/policy.js";
import { location } from "../../text/source.js";
import type { Change, Difference, Side } from "./diff.js";
import { isSame } from "./diff.js";
import { OTHER } from "./services.js";
import { wayText } from "./words.js";

/** What a change does, in a word. */
export type Effect = "opens" | "closes" | "redirects" | "changes";

export function effectOf({ before, after }: Change): Effect {
  const [was, is] = [before, after].map(({ verdict }) => verdict === "allow" || verdict === "mixed");
  if (was !== is) return is ? "opens" : "closes";
  return is && before.verdict === after.verdict ? "redirects" : "changes";
}

export interface SideJson {
  readonly verdict: Verdict | "absent" | "mixed";
  readonly leads: readonly { readonly container: string; readonly port: string; readonly verdict: string }[];
  readonly by: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly text: string;
  }[];
  readonly defaults: readonly string[];
}

/** One object, as documented for `diff --json`. */
export function differenceJson(before: Policy, after: Policy, difference: Difference): object {
  const { changes, added, removed, moved } = difference;
  return {
    same: isSame(difference),
    changes: changes.map((change) => ({
      box: boxText(change),
      source: change.source,
      destination: change.destination,
      service: change.service ?? null,
      family: change.family ?? null,
      effect: effectOf(change),
      before: sideJson(change, change.before),
      after: sideJson(change, change.after),
      example: exampleJson(before, after, change),
    })),
    containers: {
      added: added.map(containerJson),
      removed: removed.map(containerJson),
      moved: moved.map(([was, is]) => ({ name: is.name, before: addressesOf(was), after: addressesOf(is) })),
    },
  };
}

const containerJson = (one: Container): object => ({ name: one.name, addresses: addressesOf(one) });

function addressesOf({ endpoints }: Container): string[] {
  return endpoints.flatMap(({ addresses }) => addresses.map(formatAddress));
}

export function originJson(origin: Origin): { file: string; line: number; column: number; text: string } {
  const { line, column } = origin.span.file.position(origin.span.start);
  return { file: origin.span.file.name, line, column, text: origin.text };
}

function sideJson(change: Change, { verdict, leads, by, defaults }: Side): SideJson {
  return {
    verdict,
    leads: leads.map((one) => ({ container: one.container, port: portsAt(change, one.offset), verdict: one.verdict })),
    by: by.map(originJson),
    defaults,
  };
}

/** The ports of a change's packets at the container that they are led to. */
function portsAt({ extent }: Change, offset: number): string {
  const ports = extent.services.flatMap(({ protocol, ports = [] }) =>
    ports.map((port) => [protocol, port + offset] as const),
  );
  const protocols = new Map<number, number[]>();
  for (const [protocol, port] of ports) protocols.set(protocol, [...(protocols.get(protocol) ?? []), port]);
  const set = new Map([...protocols].map(([one, list]) => [one, normalise(list, PORT)]));
  return formatPorts({ all: false, protocols: set }).replaceAll("/tcp", "");
}

const boxText = ({ source, destination, service, family }: Change): string =>
  wayText(source, destination, service, family);

function exampleJson(before: Policy, after: Policy, { example: { sent, ends } }: Change): object {
  const policy = ends[1] === undefined ? before : after;
  const end = ({ zone, address }: End): object => {
    const container = endpointAt(policy, address)?.container.name;
    return { zone, address: formatAddress(address), ...(zone === "container" ? { container } : {}) };
  };
  return { source: end(sent.source), destination: { ...end(sent.destination), service: sentService(sent) } };
}

function sentService({ source, protocol, port }: Change["example"]["sent"]): string {
  return serviceText(protocol === OTHER ? OTHER : protocolIn(source.address.family, protocol), port);
}

// For people ---------------------------------------------------------------------------------------------------------

/** Lines without colours; what is named in them is not yet escaped. */
export function differenceLines(before: Policy, after: Policy, difference: Difference): string[] {
  const { changes, added, removed, moved } = difference;
  return [
    ...added.map((one) => `new container ${one.name} (${addressesOf(one).join(", ")})`),
    ...removed.map((one) => `container ${one.name} is gone (${addressesOf(one).join(", ")})`),
    ...moved.map(
      ([was, is]) => `container ${is.name} moves from ${addressesOf(was).join(", ")} to ${addressesOf(is).join(", ")}`,
    ),
    ...changes.flatMap((change) => changeLines(before, after, change)),
  ];
}

/** More reasons than this are counted. */
const REASONS = 4;

function changeLines(before: Policy, after: Policy, change: Change): string[] {
  const { sent, ends } = change.example;
  const policy = ends[1] === undefined ? before : after;
  const end = ({ zone, address }: End): string =>
    `${zone === "container" ? (endpointAt(policy, address)?.container.name ?? zone) : zone} (${formatAddress(address)})`;
  const side = (word: string, one: Side): string[] => {
    const reasons = reasonLines(one);
    const more = reasons.length - REASONS;
    const shown = more > 1 ? [...reasons.slice(0, REASONS), `and ${more} more`] : reasons;
    const [first = "", ...rest] = shown;
    return [
      `  ${word}  ${verdictText(change, one).padEnd(9)}  ${first}`.trimEnd(),
      ...rest.map((text) => `${" ".repeat(22)}${text}`),
    ];
  };
  return [
    `${effectOf(change)} ${boxText(change)}`,
    ...side("before ", change.before),
    ...side("after  ", change.after),
    `  example  ${end(sent.source)} -> ${end(sent.destination)}:${sentService(sent)}`,
  ];
}

function verdictText(change: Change, { verdict, leads }: Side): string {
  if (verdict === "absent") return "not there";
  if (leads.length === 0) return verdict;
  const ways = leads.map(
    ({ container, offset, verdict: one }) =>
      `${verdict === "mixed" ? `${one}: ` : ""}${container}:${portsAt(change, offset)}`,
  );
  return `${verdict}, to ${ways.join(" or ")}`;
}

function reasonLines({ by, defaults }: Side): string[] {
  return [
    ...by.map((origin) => `${location(origin.span)}  ${origin.text}`),
    ...defaults.map((name) => `default: ${DEFAULTS[name as keyof typeof DEFAULTS]}`),
  ];
}
