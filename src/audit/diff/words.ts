/** Groups of ends and of services in a policy's words: the fewest that mean exactly this. */
import {
  type AddressSet,
  type Family,
  formatAddress,
  intersectSet,
  isEmptySet,
  subtractSet,
  unionSet,
} from "../../net/address.js";
import { coversPorts, formatPorts, ICMP, type PortSet, PORT } from "../../net/ports.js";
import { normalise } from "../../net/ranges.js";
import { common, EMPTY_GROUP, type Group, inFamilies, isEmpty, joined, within, without } from "./group.js";
import type { Named, Names } from "./names.js";
import { OTHER, type Service } from "./services.js";
import { rangeTexts } from "./range-text.js";
import type { Place } from "./ends.js";

/** At least `must`, at most `may`. */
export interface Room<T> {
  readonly must: T;
  readonly may: T;
}

/** Words, and all that they mean. */
export interface Worded {
  readonly text: string;
  readonly group: Group;
}

/** @param families those of the packets: the words may mean more in the other family */
export function endWords(room: Room<Group>, families: ReadonlySet<Family>, names: Names): Worded {
  const must = inFamilies(room.must, families);
  const may = inFamilies(room.may, families);
  const named = candidatesOf(names, families);
  const everyone = (named[0] as Candidate).part;
  let best = items({ must, may }, named);
  let text = braced(best);
  let group = meaning(best);
  let exact: Candidate | undefined;
  let beyond = Infinity;
  for (const whole of named) {
    if (isEmpty(whole.part) || !within(must, whole.part)) continue;
    const holes = without(whole.part, may);
    if (isEmpty(holes)) {
      // Of several names that will do, the one that means least beyond what must be.
      const more = weight(without(whole.part, must));
      if (more < beyond) [exact, beyond] = [whole, more];
      continue;
    }
    const except = items({ must: holes, may: without(everyone, must) }, named);
    // An exception reads worse than one more name.
    if (cost(except) + 1 >= cost(best)) continue;
    best = except;
    text = `${whole.text} except ${braced(except)}`;
    group = without(whole.group, meaning(except));
  }
  return exact ?? { text, group };
}

interface Candidate extends Named {
  /** In the families of the packets. */
  readonly part: Group;
}

/** Kept by the families, since a policy has as many names as containers, and every box is described by them. */
const candidates = new WeakMap<Names, Map<string, readonly Candidate[]>>();

function candidatesOf(names: Names, families: ReadonlySet<Family>): readonly Candidate[] {
  let known = candidates.get(names);
  if (known === undefined) candidates.set(names, (known = new Map()));
  const key = [...families].sort().join();
  let list = known.get(key);
  if (list === undefined)
    known.set(key, (list = names.ends.map((one) => ({ ...one, part: inFamilies(one.group, families) }))));
  return list;
}

const braced = (list: readonly Worded[]): string =>
  list.length === 1 ? (list[0] as Worded).text : `{${list.map(({ text }) => text).join(", ")}}`;

const meaning = (list: readonly Worded[]): Group => list.reduce((all, { group }) => joined(all, group), EMPTY_GROUP);

const cost = (list: readonly Worded[]): number => list.flatMap(({ text }) => text.split(",")).length;

/** Names that together cover what must be, the one that covers most first; then what no name covers. */
function items({ must, may }: Room<Group>, named: readonly Candidate[]): Worded[] {
  const fitting = named
    .filter(({ part }) => !isEmpty(part) && within(part, may))
    .map((one) => ({ one, gain: weight(common(must, one.part)) }))
    .filter(({ gain }) => gain > 0)
    .sort((a, b) => b.gain - a.gain);
  const out: Worded[] = [];
  let left = must;
  for (const { one } of fitting) {
    if (isEmpty(left)) break;
    if (isEmpty(common(left, one.part))) continue;
    out.push(one);
    left = without(left, one.part);
  }
  return isEmpty(left) ? out : [...out, ...unnamed(left, may).map((text) => ({ text, group: left }))];
}

const weight = ({ places, host, world }: Group): number => places.size + count(host) + count(world);
const count = ({ v4, v6 }: AddressSet): number => (v4.length + v6.length) / 2;

/** Addresses: as in a policy where they mean the same in every zone, else with the zone. */
function unnamed({ places, host, world }: Group, may: Group): string[] {
  const shared = unionSet(
    intersectSet(host, unionSet(world, may.world)),
    intersectSet(world, unionSet(host, may.host)),
  );
  return [
    ...[...places].map(placeText),
    ...rangeTexts(shared),
    ...zoned("host", subtractSet(host, shared)),
    ...zoned("world", subtractSet(world, shared)),
  ];
}

function placeText({ container, in: [before, after] }: Place): string {
  const inside = after ?? before;
  return `${container} (${inside === undefined ? "?" : formatAddress(inside.end.address)})`;
}

function zoned(zone: string, set: AddressSet): string[] {
  return isEmptySet(set) ? [] : [`${zone} (${rangeTexts(set).join(", ")})`];
}

// Services -----------------------------------------------------------------------------------------------------------

/** Undefined: every service. */
export function serviceWords(
  room: Room<readonly Service[]>,
  all: readonly Service[],
  names: Names,
): string | undefined {
  if (room.may.length === all.length) return undefined;
  const named = names.ports.find(
    ({ ports }) => coversPorts(ports, portsOfServices(room.must)) && coversPorts(portsOfServices(room.may), ports),
  );
  if (named !== undefined && !room.must.some(({ protocol }) => protocol === OTHER)) return named.text;
  const list = serviceItems(room.must);
  const rest = serviceItems(all.filter((one) => !room.may.includes(one)));
  return rest.length + 2 < list.length ? `every service but ${rest.join(", ")}` : list.join(", ");
}

function serviceItems(services: readonly Service[]): string[] {
  const text = formatPorts(portsOfServices(services));
  // As in a policy, a port without a protocol is TCP.
  const ported =
    text === "" ? [] : text.split(", ").map((one) => one.replace(/^1-65535\//, "").replace(/^([\d-]+)\/tcp$/, "$1"));
  return services.some(({ protocol }) => protocol === OTHER) ? [...ported, "other protocols"] : ported;
}

function portsOfServices(services: readonly Service[]): PortSet {
  const flat = new Map<number, number[] | null>();
  for (const { protocol, ports } of services)
    if (protocol === ICMP) flat.set(ICMP, null);
    else if (ports !== undefined) flat.set(protocol, [...(flat.get(protocol) ?? []), ...ports]);
  return {
    all: false,
    protocols: new Map([...flat].map(([protocol, ports]) => [protocol, ports && normalise(ports, PORT)])),
  };
}

/** `web -> db:{22, icmp}`, as a rule says it; what no rule can say follows in words. */
export function wayText(source: string, destination: string, service?: string, family?: Family): string {
  const only = family === undefined ? "" : ` (IPv${family} only)`;
  if (service === undefined) return `${source} -> ${destination}${only}`;
  if (/^every |other /.test(service)) return `${source} -> ${destination}${only}, ${service}`;
  // Behind an IPv6 address nobody could tell where the port begins.
  const to = /^[0-9a-f]*:[0-9a-f:]*$/.test(destination)
    ? `[${destination}]`
    : destination.replace(/(?:^|(?<= ))\S*:[0-9a-f:]*:[0-9a-f]*$/, "{$&}");
  return `${source} -> ${to}:${service.includes(", ") ? `{${service}}` : service}${only}`;
}
