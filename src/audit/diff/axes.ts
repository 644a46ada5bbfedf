/** The ends of packets, those together that no statement of either policy tells apart. */
import { type AddressSet, hasAddress, isLoopback, V4, V6 } from "../../net/address.js";
import { subtract } from "../../net/ranges.js";
import { familiar } from "../../ir/classes.js";
import type { End } from "../../ir/evaluate.js";
import { type Bits, Matcher } from "../../ir/matcher.js";
import { hasPeer } from "../../ir/peers.js";
import { isInternal, type PeerSet, type Policy, type Publish, type Rule } from "../../ir/policy.js";
import { type Outside, outsideOf, type Piece, piecesOf, type Place, placesOf } from "./ends.js";
import type { Relevant } from "./regions.js";
import { type Service, servicesOf } from "./services.js";

/** Ends that one of each family speaks for: endpoints of containers, or pieces of the outside. */
export interface Class {
  readonly places: readonly Place[];
  readonly pieces: readonly Piece[];
  /** Bits of the regions that it is in. */
  readonly regions: Bits;
}

export interface Axes {
  readonly places: readonly Place[];
  readonly outside: Outside;
  readonly sources: readonly Class[];
  readonly destinations: readonly Class[];
  readonly services: readonly Service[];
  /** Indices of the services that a publish that matters may translate. */
  readonly translated: readonly number[];
  /** Of each policy, over the rules that matter. */
  readonly matchers: readonly Matcher[];
  /** Addresses that statements speak of, as they are written or the gaps between. */
  readonly literals: readonly AddressSet[];
}

/** @param split sides whose classes hold one family only, for where the families don't fare alike */
export function axesOf(
  policies: readonly Policy[],
  { regions, rules, publishes }: Relevant,
  split: { readonly sources?: boolean; readonly destinations?: boolean } = {},
): Axes {
  const matchers = rules.map((list) => new Matcher<Rule>(list));
  const around = new Matcher(regions);
  const all = [...rules.flat(), ...regions];
  const published = publishes.flat();
  const places = placesOf(policies);
  const outside = outsideOf(policies);
  const froms = published.flatMap(({ from }) => (from === undefined ? [] : [from]));
  const regionBits = (side: "from" | "to", ends: readonly (End | undefined)[]): Bits =>
    ends
      .map((end) => (end === undefined ? new Uint32Array((regions.length + 31) >> 5) : around[side](end)))
      .reduce(either);
  const inside = (place: Place): readonly (End | undefined)[] => place.in.map((one) => one?.end);
  const gateways = policies.flatMap(({ networks }) => networks.flatMap((network) => network.gateways)).reverse();
  const sources = new Classes((ends) => regionBits("from", ends), split.sources === true);
  const destinations = new Classes((ends) => regionBits("to", ends), split.destinations === true);
  for (const place of places) {
    const ends = inside(place);
    sources.addPlace(
      place,
      `container ${words(matchers, "from", ends)} ${admitted(froms, ends)} ${standing(policies, place)}`,
    );
    destinations.addPlace(
      place,
      `container ${words(matchers, "to", ends)} ${place.in.map((one) => one !== undefined).join()} ${place.network}`,
    );
  }
  for (const piece of piecesOf(outside, [...all.map(({ from }) => from), ...froms], gateways)) {
    const ends = policies.map(() => piece.end);
    sources.addPiece(
      piece,
      `${piece.zone} ${isLoopback(piece.end.address)} ${words(matchers, "from", ends)} ${admitted(froms, ends)}`,
    );
  }
  const asked = published.flatMap(({ hostAddress }) => (hostAddress === undefined ? [] : [hostAddress]));
  for (const piece of piecesOf(outside, [...all.map(({ to }) => to), ...asked.map(alone)], gateways)) {
    const ends = policies.map(() => piece.end);
    const [address] =
      piece.zone === "host" ? asked.filter((one) => hasAddress(alone(one).host, piece.end.address)) : [];
    destinations.addPiece(
      piece,
      `${piece.zone} ${isLoopback(piece.end.address)} ${words(matchers, "to", ends)} ${address?.value}`,
    );
  }
  const services = servicesOf(
    all.map(({ ports }) => ports),
    published,
    [...matchers, around],
  );
  const translated = services.flatMap((one, z) => (published.some((publish) => isAsked(publish, one)) ? [z] : []));
  const literals = literalsOf([...rules.flat().flatMap(({ from, to }) => [from, to]), ...froms]);
  return {
    places,
    outside,
    sources: sources.list(),
    destinations: destinations.list(),
    services,
    translated,
    matchers,
    literals,
  };
}

function isAsked({ protocol, hostPorts: [first, last] }: Publish, { protocol: own, port }: Service): boolean {
  return protocol === own && port !== undefined && port >= first && port <= last;
}

/** The intervals of the peers' addresses, and the gaps between them: what a statement or its `except` has written. */
function literalsOf(peers: readonly PeerSet[]): AddressSet[] {
  const found = new Map<string, AddressSet>();
  for (const { world, host } of peers)
    for (const { v4, v6 } of [world, host]) {
      for (const set of [v4, subtract([V4.min, V4.max], v4, V4)])
        for (let i = 0; i < set.length; i += 2) {
          const range = [set[i] as number, set[i + 1] as number] as const;
          if (range[1] - range[0] < V4.max) found.set(range.join(), { v4: range, v6: [] });
        }
      for (const set of [v6, subtract([V6.min, V6.max], v6, V6)])
        for (let i = 0; i < set.length; i += 2) {
          const range = [set[i] as bigint, set[i + 1] as bigint] as const;
          if (range[1] - range[0] < V6.max) found.set(range.join("/"), { v4: [], v6: range });
        }
    }
  return [...found.values()];
}

function alone(address: NonNullable<Publish["hostAddress"]>): PeerSet {
  const set =
    address.family === 4
      ? { v4: [address.value, address.value], v6: [] }
      : { v4: [], v6: [address.value, address.value] };
  return { container: { v4: [], v6: [] }, host: set, world: set };
}

/** Which rules of each policy cover an end, as text. */
function words(matchers: readonly Matcher[], side: "from" | "to", ends: readonly (End | undefined)[]): string {
  return matchers.map((matcher, i) => (ends[i] === undefined ? "" : matcher[side](ends[i]).join("."))).join("/");
}

function admitted(froms: readonly PeerSet[], ends: readonly (End | undefined)[]): string {
  return ends
    .map((end) => froms.map((from) => (end !== undefined && hasPeer(from, end.zone, end.address) ? 1 : 0)).join(""))
    .join("/");
}

/** What the defaults ask of a source: whose network it is on, and whether all are internal. */
function standing(policies: readonly Policy[], place: Place): string {
  return place.in
    .map((one, i) => {
      if (one === undefined) return "absent";
      const { endpoints } = one.container;
      return `${isInternal(policies[i] as Policy, one.container)} ${endpoints
        .map(({ network }) => network)
        .sort()
        .join()}`;
    })
    .join("/");
}

function either(a: Bits, b: Bits): Bits {
  return a.map((word, i) => word | (b[i] as number));
}

function familiarity({ zone, family, end }: Piece): number {
  const at = familiar(zone, family).indexOf(end.address.value);
  return at === -1 ? Infinity : at;
}

class Classes {
  private readonly found = new Map<string, { places: Place[]; pieces: Piece[]; regions: Bits }>();
  private readonly regionsOf: (ends: readonly (End | undefined)[]) => Bits;
  private readonly split: boolean;

  constructor(regionsOf: (ends: readonly (End | undefined)[]) => Bits, split: boolean) {
    this.regionsOf = regionsOf;
    this.split = split;
  }

  addPlace(place: Place, signature: string): void {
    this.of(
      place.family,
      place.in.map((one) => one?.end),
      signature,
    ).places.push(place);
  }

  addPiece(piece: Piece, signature: string): void {
    this.of(piece.family, [piece.end], signature).pieces.push(piece);
  }

  list(): Class[] {
    const all = [...this.found.values()];
    // The first stands for the others: what people know comes first.
    for (const { pieces } of all)
      pieces.sort((a, b) => (familiarity(a) < familiarity(b) ? -1 : familiarity(a) > familiarity(b) ? 1 : 0));
    return all;
  }

  private of(family: 4 | 6, ends: readonly (End | undefined)[], signature: string) {
    const regions = this.regionsOf(ends);
    const key = `${this.split ? family : ""} ${signature} ${regions.join(".")}`;
    let known = this.found.get(key);
    if (known === undefined) this.found.set(key, (known = { places: [], pieces: [], regions }));
    return known;
  }
}
