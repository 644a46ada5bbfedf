/** What passes between two ends, exactly: every service and address, and the statements that decide. Pure. */
import { DEFAULTS, type Decision, evaluate, type Packet } from "../ir/evaluate.js";
import type { Policy, Publish, Rule } from "../ir/policy.js";
import { formatAddress, isLoopback } from "../net/address.js";
import { portSet, protocolIn, protocolName } from "../net/ports.js";
import type { Case, Flow, Outcome } from "./model.js";
import type { Region } from "./regions.js";
import { isRest, join, type Part, partsOf, portsText, type Services, serviceWords } from "./services.js";
import { summary } from "./summary.js";

/** The two ends of a flow, and the statements that can speak of it. */
export interface Question {
  readonly from: readonly Region[];
  readonly to: readonly Region[];
  readonly rules: readonly Rule[];
  /** Publishes that lead to the destination. */
  readonly publishes: readonly Publish[];
}

/** Packets alike in what becomes of them. */
interface Bundle {
  readonly decision: Decision;
  readonly cuts: boolean;
  readonly via: Publish | undefined;
  /** Its services between two regions, by the regions' positions. */
  readonly places: Map<string, Place & { parts: Part[] }>;
}

interface Place {
  readonly from: Region;
  readonly to: Region;
}

/** `direct` false: only what comes through the host's published ports. */
export function flowOf(policy: Policy, question: Question, direct = true): Flow {
  const { publishes } = question;
  const ways = [...(direct ? [undefined] : []), ...publishes];
  return summary(ways.flatMap((via) => casesThrough(policy, question, via)));
}

/** The direct way, or the way through a published port. */
function casesThrough(policy: Policy, question: Question, via: Publish | undefined): Case[] {
  const { from, to, rules } = question;
  const services = via === undefined ? partsOf(rules.map(({ ports }) => ports)) : publishedParts(via, rules);
  const bundles = new Map<string, Bundle>();
  const all: Place[] = [];
  from.forEach((source, i) =>
    to.forEach((destination, j) => {
      if (source.address.family !== destination.address.family) return;
      if (via !== undefined && !leads(via, source, destination)) return;
      const place = { from: source, to: destination };
      all.push(place);
      for (const part of services) {
        const bundle = bundleOf(policy, bundles, packetOf(source, destination, part, via), rules);
        const known = bundle.places.get(`${i} ${j}`);
        if (known === undefined) bundle.places.set(`${i} ${j}`, { ...place, parts: [part] });
        else known.parts.push(part);
      }
    }),
  );
  const cases = [...bundles.values()].flatMap((bundle) => casesOf(bundle, all));
  // What somebody said first, then what is left.
  return cases.sort((a, b) => Number(a.rest) - Number(b.rest) || Number("default" in a) - Number("default" in b));
}

function bundleOf(policy: Policy, bundles: Map<string, Bundle>, packet: Packet, rules: readonly Rule[]): Bundle {
  const decision = evaluate(policy, packet, rules);
  const cuts = isCut(policy, packet, decision, rules);
  const key = [decision.verdict, cuts, decision.default, ...decision.by.map(({ index }) => index)].join();
  let bundle = bundles.get(key);
  if (bundle === undefined) bundles.set(key, (bundle = { decision, cuts, via: packet.via, places: new Map() }));
  return bundle;
}

/** Whether a published port leads from here to there. What is published on loopback is for the host alone. */
function leads(via: Publish, source: Region, { address }: Region): boolean {
  if (via.hostAddress !== undefined && isLoopback(via.hostAddress) && source.zone !== "host") return false;
  const inner = (other: typeof address) => other.family === address.family && other.value === address.value;
  return via.families.includes(address.family) && via.targets.some(({ addresses }) => addresses.some(inner));
}

/** The container's ports behind a publish, in parts. */
function publishedParts({ protocol, port, hostPorts }: Publish, rules: readonly Rule[]): Part[] {
  const last = port + hostPorts[1] - hostPorts[0];
  const sets = [...rules.map(({ ports }) => ports), portSet(protocol, [port, last])];
  return partsOf(sets).filter(
    ({ protocol: other, ports }) => other === protocol && ports !== undefined && ports[0] >= port && ports[1] <= last,
  );
}

function packetOf(source: Region, destination: Region, { protocol, ports }: Part, via: Publish | undefined): Packet {
  const wire = protocolIn(source.address.family, protocol);
  return { source, destination, protocol: wire, port: ports?.[0], via };
}

/** Whether a statement denies what would pass without such statements. */
function isCut(
  policy: Policy,
  packet: Packet,
  { verdict, by, default: name }: Decision,
  rules: readonly Rule[],
): boolean {
  if (verdict === "allow" || name !== null || by.length === 0) return false;
  const others = rules.filter(({ verb }) => verb === "allow");
  return evaluate(policy, packet, others).verdict === "allow";
}

// Cases --------------------------------------------------------------------------------------------------------------

/** One case for each set of services; with the addresses where not all of both ends have it. */
function casesOf({ decision, cuts, via, places }: Bundle, all: readonly Place[]): Case[] {
  const groups = new Map<string, { services: Services; places: Place[] }>();
  for (const { from, to, parts } of places.values()) {
    const services = join(parts);
    const key = services.join(";");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { services, places: [{ from, to }] });
    else group.places.push({ from, to });
  }
  return [...groups.values()].map(({ services, places }): Case => {
    const rest = isRest(services);
    return {
      verdict: decision.verdict as Outcome,
      services: rest ? [] : serviceWords(services),
      rest,
      ports: via === undefined ? services : hostServices(via, services),
      ...addressesOf(places, all),
      ...(via === undefined ? {} : { via: { statement: via.origin.index, ways: waysOf(via, services) } }),
      by: decision.by.map(({ index }) => index),
      ...(decision.default === null ? {} : { default: DEFAULTS[decision.default as keyof typeof DEFAULTS] }),
      cuts,
    };
  });
}

/** The addresses of an end that are not all of those that packets of this kind have. */
function addressesOf(places: readonly Place[], all: readonly Place[]): { from?: string; to?: string } {
  if (places.length === all.length) return {};
  const some = (side: keyof Place) => {
    const own = new Set(places.map((place) => place[side]));
    return own.size === new Set(all.map((place) => place[side])).size ? undefined : wordsOf([...own]);
  };
  const [from, to] = [some("from"), some("to")];
  if (from === undefined && to === undefined)
    return { from: wordsOf(places.map((place) => place.from)), to: wordsOf(places.map((place) => place.to)) };
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function wordsOf(regions: readonly Region[]): string {
  return [...new Set(regions.map(({ text }) => text))].join(", ");
}

function hostServices({ port, hostPorts }: Publish, services: Services): Services {
  const shift = hostPorts[0] - port;
  return services.map(([protocol, low, high]) => [protocol, low + shift, high + shift]);
}

function waysOf(via: Publish, services: Services): string[] {
  const { hostAddress, protocol } = via;
  const address =
    hostAddress === undefined
      ? ""
      : hostAddress.family === 6
        ? `[${formatAddress(hostAddress)}]:`
        : `${formatAddress(hostAddress)}:`;
  const suffix = protocolName(protocol) === "tcp" ? "" : `/${protocolName(protocol)}`;
  const outer = hostServices(via, services);
  return services.map(([, low, high], i) => {
    const [, first, last] = outer[i] as Services[number];
    return `${address}${portsText(first, last)}${suffix} -> ${portsText(low, high)}`;
  });
}
