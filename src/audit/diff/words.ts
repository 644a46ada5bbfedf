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
import { type Candidate, Candidates } from "./candidates.js";
import { type Group, inFamilies, isEmpty, joined, shared, weight, without } from "./group.js";
import type { Names } from "./names.js";
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
  const best = items({ must, may }, named.inside(may), Infinity) ?? [];
  let price = cost(best);
  let text = braced(best);
  let group = meaning(best);
  let exact: Candidate | undefined;
  let beyond = Infinity;
  let elsewhere: { readonly may: Group; readonly fitting: readonly Candidate[] } | undefined;
  for (const whole of named.around(must)) {
    const holes = without(whole.part, may);
    if (isEmpty(holes)) {
      // Of several names that will do, the one that means least beyond what must be.
      const more = weight(without(whole.part, must));
      if (more < beyond) [exact, beyond] = [whole, more];
      continue;
    }
    // An exception reads worse than one more name.
    if (exact !== undefined || price < 3) continue;
    if (elsewhere === undefined) {
      const others = without(named.everyone, must);
      elsewhere = { may: others, fitting: named.inside(others) };
    }
    const except = items({ must: holes, may: elsewhere.may }, elsewhere.fitting, price - 2);
    if (except === undefined) continue;
    price = cost(except);
    text = `${whole.text} except ${braced(except)}`;
    group = without(whole.group, meaning(except));
  }
  return exact ?? { text, group };
}

/** Kept by the families, since a policy has as many names as containers, and every box is described by them. */
const candidates = new WeakMap<Names, Map<string, Candidates>>();

function candidatesOf(names: Names, families: ReadonlySet<Family>): Candidates {
  let known = candidates.get(names);
  if (known === undefined) candidates.set(names, (known = new Map()));
  const key = [...families].sort().join();
  let list = known.get(key);
  if (list === undefined) known.set(key, (list = new Candidates(names, families)));
  return list;
}

const braced = (list: readonly Worded[]): string =>
  list.length === 1 ? (list[0] as Worded).text : `{${list.map(({ text }) => text).join(", ")}}`;

const meaning = (list: readonly Worded[]): Group => joined(...new Set(list.map(({ group }) => group)));

const cost = (list: readonly Worded[]): number => list.reduce((sum, { text }) => sum + text.split(",").length, 0);

/**
 * Names that together cover what must be, the one that covers most first; then what no name covers. Undefined where
 * that would cost more than `most`.
 */
function items({ must, may }: Room<Group>, fitting: readonly Candidate[], most: number): Worded[] | undefined {
  const useful = fitting
    .map((one) => ({ one, gain: shared(must, one.part) }))
    .filter(({ gain }) => gain > 0)
    .sort((a, b) => b.gain - a.gain || a.one.rank - b.one.rank);
  if (leastCost(must, useful, most) > most) return undefined;
  const out: Worded[] = [];
  const places = new Set(must.places);
  let left: Group = { ...must, places };
  for (const { one } of useful) {
    if (isEmpty(left)) break;
    if (shared(left, one.part) === 0) continue;
    out.push(one);
    if (out.length > most) return undefined;
    // Taken out in place: a name may be one of a thousand containers.
    for (const place of one.part.places) places.delete(place);
    left = { places, host: subtractSet(left.host, one.part.host), world: subtractSet(left.world, one.part.world) };
  }
  if (!isEmpty(left)) for (const text of unnamed(left, may)) out.push({ text, group: left });
  return cost(out) > most ? undefined : out;
}

/** What no choice of names can be cheaper than: those that cover most, if they had nothing in common. */
function leastCost(must: Group, useful: readonly { readonly gain: number }[], most: number): number {
  if (most === Infinity) return 0;
  let left = weight(must);
  // An address of the host that is one of the world, too, is two of the weight and one of the words.
  let least = left / 2;
  for (let i = 0; i < Math.min(most, useful.length) && left > 0; i++) {
    left -= useful[i]?.gain ?? 0;
    least = Math.min(least, i + 1 + Math.max(0, left) / 2);
  }
  return least;
}

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
  const [must, may] = [portsOfServices(room.must), portsOfServices(room.may)];
  const named = names.ports.find(({ ports }) => coversPorts(ports, must) && coversPorts(may, ports));
  if (named !== undefined && !room.must.some(({ protocol }) => protocol === OTHER)) return named.text;
  const list = serviceItems(room.must);
  if (list.length < 3) return list.join(", ");
  const meant = new Set(room.may);
  const rest = serviceItems(all.filter((one) => !meant.has(one)));
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
    else if (ports !== undefined) {
      const list = flat.get(protocol) ?? [];
      for (const port of ports) list.push(port);
      flat.set(protocol, list);
    }
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
