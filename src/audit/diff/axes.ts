/** The ends of packets, those together that no statement of either policy tells apart. */
import { type AddressSet, type Family, isLoopback, V4, V6 } from "../../net/address.js";
import { prefixLength } from "../../net/prefix.js";
import { type Domain, type Ranges, subtract } from "../../net/ranges.js";
import { familiar } from "../../ir/classes.js";
import { NOBODY } from "../../ir/peers.js";
import { isInternal, type PeerSet, type Policy, type Publish, type Rule } from "../../ir/policy.js";
import { coverage } from "./coverage.js";
import { type Outside, outsideOf, type Piece, piecesOf, type Place, placesOf } from "./ends.js";
import type { Relevant } from "./regions.js";
import { type Service, servicesOf } from "./services.js";

/** Ends that one of each family speaks for: endpoints of containers, or pieces of the outside. */
export interface Class {
  readonly places: readonly Place[];
  readonly pieces: readonly Piece[];
  /** What decides beside the rules: where it is equal and no rule speaks, packets fare alike. */
  readonly nature: string;
  /** Which rules have it on this side. */
  readonly rules: readonly number[];
  /** Of sources, which publishes' `from` have it. */
  readonly admitted: readonly number[];
}

export interface Axes {
  readonly places: readonly Place[];
  readonly outside: Outside;
  readonly sources: readonly Class[];
  readonly destinations: readonly Class[];
  readonly services: readonly Service[];
  /** Indices of the services that a publish that matters may translate. */
  readonly translated: readonly number[];
  /** The rules that matter, of both policies: an index into this is what stands for one. */
  readonly rules: readonly RuleOf[];
  /** The publishes that matter, of both: likewise in `admitted`. */
  readonly published: readonly PublishOf[];
  /** Addresses that statements speak of, as they are written or the gaps between. */
  readonly literals: readonly AddressSet[];
}

export interface RuleOf {
  readonly rule: Rule;
  readonly policy: 0 | 1;
  /** The services that it tells from others; none where it covers all. */
  readonly told: readonly number[];
}

export interface PublishOf {
  readonly publish: Publish;
  readonly policy: 0 | 1;
}

/** @param split sides whose classes hold one family only, for where the families don't fare alike */
export function axesOf(
  policies: readonly Policy[],
  { rules, publishes }: Relevant,
  split: { readonly sources?: boolean; readonly destinations?: boolean } = {},
): Axes {
  const all = of(rules);
  const published = of(publishes);
  const places = placesOf(policies);
  const outside = outsideOf(policies);
  const gateways = policies.flatMap(({ networks }) => networks.flatMap((network) => network.gateways)).reverse();
  const sides = {
    from: all.map(({ one, policy }) => ({ set: one.from, policy })),
    to: all.map(({ one, policy }) => ({ set: one.to, policy })),
    // A publish without `from` admits all, and tells nobody apart.
    admitting: published.map(({ one, policy }) => ({ set: one.from ?? NOBODY, policy })),
  };
  const placed = (side: keyof typeof sides): number[][] => ofPlaces(places, sides[side]);
  const pieced = (pieces: readonly Piece[], side: keyof typeof sides): number[][] =>
    coverage(
      pieces.map(({ end }) => end),
      setsOf(sides[side]),
    );
  const sources = new Classes(split.sources === true);
  const destinations = new Classes(split.destinations === true);
  const [from, to, admitted] = [placed("from"), placed("to"), placed("admitting")];
  places.forEach((place, p) => {
    sources.addPlace(place, `container ${standing(policies, place)}`, from[p], admitted[p]);
    const nature = `container ${place.in.map((one) => one !== undefined).join()} ${place.network}`;
    destinations.addPlace(place, nature, to[p]);
  });
  const senders = piecesOf(outside, [...setsOf(sides.from), ...setsOf(sides.admitting)], gateways);
  const [sending, admittedSenders] = [pieced(senders, "from"), pieced(senders, "admitting")];
  senders.forEach((piece, p) => {
    const nature = `${piece.zone} ${isLoopback(piece.end.address)}`;
    sources.addPiece(piece, nature, sending[p], admittedSenders[p]);
  });
  const asked = published.flatMap(({ one: { hostAddress } }) => (hostAddress === undefined ? [] : [hostAddress]));
  const receivers = piecesOf(outside, [...setsOf(sides.to), ...asked.map(alone)], gateways);
  const receiving = pieced(receivers, "to");
  const known = new Set<number | bigint>(asked.map(({ value }) => value));
  receivers.forEach((piece, p) => {
    const { value } = piece.end.address;
    const own = piece.zone === "host" && known.has(value) ? `${value}` : "";
    destinations.addPiece(piece, `${piece.zone} ${isLoopback(piece.end.address)} ${own}`, receiving[p]);
  });
  const { services, told } = servicesOf(
    all.map(({ one }) => one.ports),
    published.map(({ one }) => one),
  );
  const translated = services.flatMap((service, z) => (published.some(({ one }) => isAsked(one, service)) ? [z] : []));
  return {
    places,
    outside,
    sources: sources.list(),
    destinations: destinations.list(),
    services,
    translated,
    rules: all.map(({ one, policy }, at) => ({ rule: one, policy, told: told[at] ?? [] })),
    published: published.map(({ one, policy }) => ({ publish: one, policy })),
    literals: literalsOf([...setsOf(sides.from), ...setsOf(sides.to), ...setsOf(sides.admitting)]),
  };
}

function of<T>(lists: readonly (readonly T[])[]): { readonly one: T; readonly policy: 0 | 1 }[] {
  return lists.flatMap((list, i) => list.map((one) => ({ one, policy: i as 0 | 1 })));
}

interface SetOf {
  readonly set: PeerSet;
  readonly policy: 0 | 1;
}

const setsOf = (list: readonly SetOf[]): PeerSet[] => list.map(({ set }) => set);

/** A place is another end in each policy: a policy's statements are asked for its own. */
function ofPlaces(places: readonly Place[], list: readonly SetOf[]): number[][] {
  const lists = ([0, 1] as const).map((i) =>
    coverage(
      places.map((place) => place.in[i]?.end),
      list.map(({ set, policy }) => (policy === i ? set : NOBODY)),
    ),
  );
  return places.map((_, p) => lists.flatMap((found) => found[p] ?? []));
}

/** Whether a publish covers a service, as it is asked for at the host. */
export function isAsked({ protocol, hostPorts: [first, last] }: Publish, { protocol: own, port }: Service): boolean {
  return protocol === own && port !== undefined && port >= first && port <= last;
}

/** The intervals of the peers' addresses, and the gaps between them: what a statement or its `except` has written. */
function literalsOf(peers: readonly PeerSet[]): AddressSet[] {
  const found = new Map<string, AddressSet>();
  const seen = new Set<AddressSet>();
  for (const { world, host } of peers)
    for (const set of [world, host]) {
      if (seen.has(set)) continue;
      seen.add(set);
      for (const list of [set.v4, gaps(4, set.v4, V4)])
        for (let i = 0; i < list.length; i += 2) {
          const range = [list[i] as number, list[i + 1] as number] as const;
          if (range[1] - range[0] < V4.max) found.set(range.join(), { v4: range, v6: [] });
        }
      for (const list of [set.v6, gaps(6, set.v6, V6)])
        for (let i = 0; i < list.length; i += 2) {
          const range = [list[i] as bigint, list[i + 1] as bigint] as const;
          if (range[1] - range[0] < V6.max) found.set(range.join("/"), { v4: [], v6: range });
        }
    }
  return [...found.values()];
}

/** What is before the first or after the last is nobody's words, unless it could be written as one. */
function gaps<T extends number | bigint>(family: Family, set: Ranges<T>, domain: Domain<T>): Ranges<T> {
  const all = subtract([domain.min, domain.max], set, domain);
  const out: T[] = [];
  for (let i = 0; i < all.length; i += 2) {
    const [first, last] = [all[i] as T, all[i + 1] as T];
    const isBetween = first !== domain.min && last !== domain.max;
    if (isBetween || prefixLength(family, first, last) !== undefined) out.push(first, last);
  }
  return out;
}

function alone(address: NonNullable<Publish["hostAddress"]>): PeerSet {
  const set =
    address.family === 4
      ? { v4: [address.value, address.value], v6: [] }
      : { v4: [], v6: [address.value, address.value] };
  return { container: { v4: [], v6: [] }, host: set, world: set };
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

function familiarity({ zone, family, end }: Piece): number {
  const at = familiar(zone, family).indexOf(end.address.value);
  return at === -1 ? Infinity : at;
}

class Classes {
  private readonly found = new Map<string, Class & { places: Place[]; pieces: Piece[] }>();
  private readonly split: boolean;

  constructor(split: boolean) {
    this.split = split;
  }

  addPlace(place: Place, nature: string, rules?: readonly number[], admitted?: readonly number[]): void {
    this.of(place.family, nature, rules, admitted).places.push(place);
  }

  addPiece(piece: Piece, nature: string, rules?: readonly number[], admitted?: readonly number[]): void {
    this.of(piece.family, nature, rules, admitted).pieces.push(piece);
  }

  list(): Class[] {
    const all = [...this.found.values()];
    // The first stands for the others: what people know comes first.
    for (const { pieces } of all)
      pieces.sort((a, b) => (familiarity(a) < familiarity(b) ? -1 : familiarity(a) > familiarity(b) ? 1 : 0));
    return all;
  }

  private of(family: Family, nature: string, rules: readonly number[] = [], admitted: readonly number[] = []) {
    const key = `${this.split ? family : ""} ${nature} ${rules.join(".")} ${admitted.join(".")}`;
    let known = this.found.get(key);
    if (known === undefined) this.found.set(key, (known = { places: [], pieces: [], nature, rules, admitted }));
    return known;
  }
}
