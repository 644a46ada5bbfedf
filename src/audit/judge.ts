/** Holds what a ruleset does with boxes of packets against the evaluator, piece by piece. For proof.ts. */
import { type Box, cutPorts } from "../backend/nftables/box.js";
import type { Universe, Value } from "../backend/nftables/universe.js";
import { type End, evaluate, type Packet } from "../ir/evaluate.js";
import { rangesOf } from "../ir/classes.js";
import { hasPeer } from "../ir/peers.js";
import { type Policy, type Publish } from "../ir/policy.js";
import { formatValue } from "../net/address.js";
import { both, hull, indexSet, type IndexSet, meets, places, without } from "../net/index-set.js";
import { Intervals } from "../net/intervals.js";
import { ICMP, ICMPV6, portsOf } from "../net/ports.js";
import type { Ranges } from "../net/ranges.js";
import { Apart } from "./apart.js";
import { alike, type Difference, endsIn, isOfOne, type Judged, numberOf, type Seen, type Way } from "./pieces.js";

const EVERY_PORT = [0, 65535];

/** In their order. */
function pick<T>(list: readonly T[], at: Iterable<number>): T[] {
  return [...at].sort((a, b) => a - b).map((i) => list[i] as T);
}

export class Judge {
  /** Pieces that the evaluator was asked about. */
  pieces = 0;
  private readonly policy: Policy;
  private readonly universe: Universe;
  private readonly sources: readonly End[];
  private readonly destinations: readonly End[];
  private readonly report: (key: string, difference: Difference) => void;
  private readonly rules: readonly Seen[];
  private readonly apart: Apart;
  /** Places of rules, by what they speak of. */
  private readonly bySource = new Intervals();
  private readonly byDestination = new Intervals();
  private readonly byPorts = new Intervals();
  /** By the addresses of containers, which a publish leads to. */
  private readonly byTarget = new Intervals();
  /** The publishes that packets of the universe can meet, by the host's ports. */
  private readonly publishes = new Intervals();
  /** Destinations on this host by their addresses. */
  private readonly hosts: ReadonlyMap<Value, IndexSet>;

  constructor(
    policy: Policy,
    universe: Universe,
    sources: readonly End[],
    destinations: readonly End[],
    report: (key: string, difference: Difference) => void,
  ) {
    this.policy = policy;
    this.universe = universe;
    this.sources = sources;
    this.destinations = destinations;
    this.report = report;
    const protocol = universe.protocol === ICMPV6 ? ICMP : universe.protocol;
    this.rules = policy.rules.flatMap((rule): Seen[] => {
      const ports = portsOf(rule.ports, protocol);
      if (ports === undefined) return [];
      const from = endsIn(sources, rule.from);
      if (from.length === 0) return [];
      return [{ rule, sources: from, destinations: endsIn(destinations, rule.to), ports: ports ?? EVERY_PORT }];
    });
    this.rules.forEach((rule, i) => {
      this.bySource.add(hull(rule.sources), i);
      this.byDestination.add(hull(rule.destinations), i);
      this.byPorts.add(rule.ports, i);
      this.byTarget.add(rangesOf(rule.rule.to.container, universe.family), i);
    });
    for (const index of [this.bySource, this.byDestination, this.byPorts, this.byTarget]) index.build();
    policy.publishes.forEach(({ protocol, families, hostPorts }, i) => {
      if (universe.ported && protocol === universe.protocol && families.includes(universe.family))
        this.publishes.add(hostPorts, i);
    });
    this.publishes.build();
    this.hosts = new Map(
      destinations.flatMap(({ zone, address }, i) => (zone === "host" ? [[address.value, indexSet([i])]] : [])),
    );
    this.apart = new Apart(policy, sources, destinations);
  }

  judge(outcome: Judged): void {
    const { box } = outcome;
    const { universe } = this;
    const here = both(box.destinations, universe.local);
    const elsewhere = without(box.destinations, universe.local);
    // Somebody translates what isn't for this host: the policy never does.
    if (elsewhere !== undefined) {
      const part = { ...box, destinations: elsewhere };
      if (box.target !== undefined && outcome.verdict === "allow") this.misled(part, outcome, box.target);
      else this.direct(part, outcome);
    }
    if (here === undefined) return;
    let rest: Box[] = [{ ...box, destinations: here }];
    const met = new Set<number>();
    this.publishes.collect([box.from, box.to], met);
    for (const publish of pick(this.policy.publishes, met)) {
      if (rest.length === 0) break;
      const next: Box[] = [];
      for (const one of rest) this.published(publish, one, outcome, next);
      rest = next;
    }
    for (const one of rest)
      if (box.target !== undefined && outcome.verdict === "allow") this.misled(one, outcome, box.target);
      // Who leads it elsewhere, and to its end there, takes it away from this host.
      else if (universe.entry === "container") this.direct(one, outcome);
  }

  /** Judges what a publish speaks of, and leaves the rest. */
  private published(publish: Publish, box: Box, outcome: Judged, rest: Box[]): void {
    const { hostAddress } = publish;
    let destinations: IndexSet | undefined = box.destinations;
    if (hostAddress !== undefined) {
      const wanted = this.hosts.get(hostAddress.value) ?? [];
      const others = without(box.destinations, wanted);
      destinations = both(box.destinations, wanted);
      if (destinations === undefined) {
        rest.push(box);
        return;
      }
      if (others !== undefined) rest.push({ ...box, destinations: others });
    }
    const inside: Box[] = [];
    cutPorts({ ...box, destinations }, [publish.hostPorts], inside, rest);
    for (const one of inside) this.through(publish, one, outcome);
  }

  /** Packets to a published port, translated or not. */
  private through(publish: Publish, box: Box, outcome: Judged): void {
    const { target } = box;
    const { family } = this.universe;
    const addresses = publish.targets.flatMap((one) => one.addresses.filter((address) => address.family === family));
    const shift = publish.port - publish.hostPorts[0];
    const known = target && addresses.find((address) => address.value === target.address);
    const kept = target !== undefined && (target.port === undefined ? shift === 0 : target.port === box.from + shift);
    const right = known !== undefined && kept && (target.port === undefined || box.from === box.to);
    for (const address of right ? [known] : addresses) {
      const way: Way = { via: publish, target: address, shift };
      const wrong = target === undefined ? "isn't translated" : "is translated to something else";
      this.pieceByPiece(box, outcome, way, right || outcome.verdict !== "allow" ? undefined : wrong);
    }
  }

  /** Translated to `target` and let through, though no publish says so. */
  private misled(box: Box, outcome: Judged, target: NonNullable<Box["target"]>): void {
    const translation = `is led to ${formatValue(this.universe.family, target.address)}${target.port === undefined ? "" : `, port ${target.port}`}`;
    if (!meets(box.destinations, this.universe.local)) {
      this.pieceByPiece(box, outcome, undefined, translation);
      return;
    }
    const packet = this.example(box, undefined);
    const end = this.destinations.find(({ zone, address }) => zone === "container" && address.value === target.address);
    // Another port of this host that leads to a container is as good as the direct way there.
    if (end === undefined || packet === undefined) return;
    const direct = {
      ...packet,
      destination: end,
      port: packet.port === undefined ? undefined : (target.port ?? packet.port),
    };
    const expected = evaluate(this.policy, direct, this.policy.rules);
    if (expected.verdict !== "allow")
      this.tell("led", outcome, { packet: direct, expected, actual: outcome.verdict, translation });
  }

  private direct(box: Box, outcome: Judged): void {
    this.pieceByPiece(box, outcome, undefined, undefined);
  }

  // Pieces -----------------------------------------------------------------------------------------------------------

  private relevant(box: Box, way: Way | undefined): readonly Seen[] {
    const shift = way?.shift ?? 0;
    const ports = [box.from + shift, box.to + shift];
    return this.candidates(box, way).filter(
      (rule) =>
        meets(rule.ports, ports) &&
        (way === undefined
          ? meets(rule.destinations, box.destinations)
          : hasPeer(rule.rule.to, "container", way.target)) &&
        meets(rule.sources, box.sources),
    );
  }

  /** The rules to ask, by their sources, destinations or ports, whichever are fewest; in their order. */
  private candidates({ sources, destinations, from, to }: Box, way: Way | undefined): readonly Seen[] {
    const shift = way?.shift ?? 0;
    const indices: readonly (readonly [Intervals, Ranges<Value>])[] = [
      [this.bySource, hull(sources)],
      [this.byPorts, [from + shift, to + shift]],
      way === undefined
        ? [this.byDestination, hull(destinations)]
        : [this.byTarget, [way.target.value, way.target.value]],
    ];
    const counted = indices.map(([index, asked]) => ({ index, asked, count: index.count(asked) }));
    const best = counted.reduce((a, b) => (b.count < a.count ? b : a));
    if (best.count >= this.rules.length) return this.rules;
    const found = new Set<number>();
    best.index.collect(best.asked, found);
    return pick(this.rules, found);
  }

  private pieceByPiece(box: Box, outcome: Judged, way: Way | undefined, translation: string | undefined): void {
    const relevant = this.relevant(box, way);
    for (const part of this.byDefaults(box, way))
      for (const [piece, rules] of this.cut(part, relevant, way)) {
        const packet = this.example(piece, way);
        if (packet === undefined) continue;
        this.pieces++;
        const among = rules.map(({ rule }) => rule);
        const expected = evaluate(this.policy, packet, among);
        if (translation === undefined && expected.verdict === outcome.verdict) continue;
        // What is denied on its way may as well not have been translated: it doesn't reach the container.
        const elsewhere = translation !== undefined && (outcome.verdict !== "allow" || box.target === undefined);
        if (elsewhere && expected.verdict !== "allow") continue;
        const by = expected.by.map((origin) => origin.index).join();
        this.tell(`${by} ${way?.via.origin.index}`, outcome, {
          packet,
          expected,
          actual: outcome.verdict,
          ...(translation === undefined ? {} : { translation }),
        });
      }
  }

  /** Pieces whose packets meet the same rules, and those rules; of ports that meet the same ones the first interval. */
  private *cut(box: Box, rules: readonly Seen[], way: Way | undefined): Generator<[Box, readonly Seen[]]> {
    const ports = [this.universe.ported ? Math.max(box.from, 1) : box.from, box.to];
    if ((ports[0] as number) > box.to) return;
    const shift = way?.shift ?? 0;
    const insideOf = (rule: Seen): IndexSet => (shift === 0 ? rule.ports : rule.ports.map((port) => port - shift));
    for (const near of alike(box.sources, rules, (rule) => rule.sources)) {
      const whole = [{ places: box.destinations, rules: near.rules }];
      for (const far of way ? whole : alike(box.destinations, near.rules, (rule) => rule.destinations))
        for (const { places, rules: all } of alike(ports, far.rules, insideOf)) {
          const [from, to] = [places[0] as number, places[1] as number];
          yield [{ ...box, sources: near.places, destinations: far.places, from, to }, all];
        }
    }
  }

  /** One for each rule, statement and way of being different. */
  private tell(key: string, { by, box: { translator, target }, perhaps }: Judged, difference: Difference): void {
    const { expected, actual, translation } = difference;
    const place = by ?? translator;
    const [rule, led] = [place, translator].map(
      (one) => one && `${one.table.family} ${one.table.name} ${one.chain} ${numberOf(one.rule)}`,
    );
    // Of what may be otherwise, what goes to this host or a container isn't as what goes to the world.
    const zone = perhaps === true ? difference.packet.destination.zone : "";
    this.report(`${key} ${expected.verdict} ${expected.default} ${actual} ${translation} ${rule} ${led} ${zone}`, {
      ...difference,
      ...(place === undefined ? {} : { by: place }),
      ...(translator === undefined ? {} : { translator }),
      ...(target === undefined ? {} : { target }),
      ...(perhaps === true ? { perhaps } : {}),
    });
  }

  private *byDefaults(box: Box, way: Way | undefined): Generator<Box> {
    if (way === undefined) for (const part of this.apart.direct(box)) yield { ...box, ...part };
    else {
      const { from } = way.via;
      const admits = from && endsIn(this.sources, from);
      for (const sources of this.apart.through(box.sources, admits)) yield { ...box, sources };
    }
  }

  /** Some packet of a piece; undefined where all of them stay inside one container. */
  private example(box: Box, way: Way | undefined): Packet | undefined {
    const { universe } = this;
    const port = universe.ported ? Math.max(box.from, 1) : undefined;
    if (port !== undefined && port > box.to) return undefined;
    for (const i of places(box.sources)) {
      const source = this.sources[i] as End;
      if (way !== undefined)
        return {
          source,
          destination: { zone: "container", address: way.target },
          protocol: universe.protocol,
          port: (port ?? 0) + way.shift,
          via: way.via,
        };
      for (const k of places(box.destinations)) {
        const destination = this.destinations[k] as End;
        if (isOfOne(this.policy, source, destination)) continue;
        return { source, destination, protocol: universe.protocol, port };
      }
    }
    return undefined;
  }
}
