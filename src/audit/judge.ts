/** Holds what a ruleset does with boxes of packets against the evaluator, piece by piece. For proof.ts. */
import { type Box, cutPorts } from "../backend/nftables/box.js";
import type { Universe, Value } from "../backend/nftables/universe.js";
import { type End, endpointAt, evaluate, type Packet } from "../ir/evaluate.js";
import { hasPeer } from "../ir/peers.js";
import { isInternal, type Policy, type Publish } from "../ir/policy.js";
import { type Address, formatValue, sameAddress } from "../net/address.js";
import { addBit, type Bits, both, meets, members, noBits, onlyBit, without } from "../net/bits.js";
import { Intervals } from "../net/intervals.js";
import { ICMP, ICMPV6, portsOf } from "../net/ports.js";
import { cut, type Difference, endsIn, groups, type Judged, numberOf, pairsOf, type Seen, type Way } from "./pieces.js";

/** So few rules are asked one by one. */
const FEW = 32;

function pick(rules: readonly Seen[], places: Iterable<number>): Seen[] {
  return [...places].sort((a, b) => a - b).map((i) => rules[i] as Seen);
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
  private readonly sourceGroups: readonly Bits[];
  private readonly destinationGroups: readonly Bits[];
  private readonly byTarget = new Map<Value, readonly Seen[]>();
  /** Places of rules: of those with one source by that, and of the others. */
  private readonly bySource = { narrow: new Map<number, number[]>(), wide: [] as number[] };
  private readonly byPorts = new Intervals();

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
      return [
        {
          rule,
          sources: endsIn(sources, rule.from),
          destinations: endsIn(destinations, rule.to),
          ports: ports === null ? undefined : pairsOf(ports),
          from: ports?.[0] ?? 0,
          to: ports?.at(-1) ?? 65535,
        },
      ];
    });
    this.rules.forEach((rule, i) => {
      this.byPorts.add([rule.from, rule.to], i);
      const only = onlyBit(rule.sources);
      const list = only === undefined ? this.bySource.wide : this.bySource.narrow.get(only);
      if (list !== undefined) list.push(i);
      else this.bySource.narrow.set(only as number, [i]);
    });
    this.byPorts.build();
    this.sourceGroups = groups(sources, (end) => this.placeOf(end));
    this.destinationGroups = groups(destinations, (end) => this.placeOf(end));
  }

  private where(list: readonly End[], holds: (end: End) => boolean): Bits {
    const bits = noBits(list.length);
    list.forEach((end, i) => {
      if (holds(end)) addBit(bits, i);
    });
    return bits;
  }

  /** What the defaults of the policy tell apart. */
  private placeOf(end: End): string {
    if (end.zone !== "container") return end.zone;
    const found = endpointAt(this.policy, end.address);
    if (found === undefined) return "?";
    const networks = found.container.endpoints.map((endpoint) => endpoint.network).sort();
    return `${isInternal(this.policy, found.container)} ${found.network.name} ${networks.join()}`;
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
    for (const publish of this.policy.publishes) {
      if (!universe.ported || publish.protocol !== universe.protocol || rest.length === 0) continue;
      if (!publish.families.includes(universe.family)) continue;
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
    let destinations: Bits | undefined = box.destinations;
    if (hostAddress !== undefined) {
      const wanted = this.where(
        this.destinations,
        ({ zone, address }) => zone === "host" && sameAddress(address, hostAddress),
      );
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
    if (way !== undefined) {
      const [from, to] = [box.from + way.shift, box.to + way.shift];
      return this.rulesTo(way.target).filter(
        (rule) => rule.from <= to && rule.to >= from && meets(rule.sources, box.sources),
      );
    }
    const found: Seen[] = [];
    // What costs least to ask comes first.
    const narrow = box.destinations.length < box.sources.length;
    for (const rule of this.candidates(box)) {
      if (rule.from > box.to || rule.to < box.from) continue;
      if (narrow && !meets(rule.destinations, box.destinations)) continue;
      if (meets(rule.sources, box.sources) && (narrow || meets(rule.destinations, box.destinations))) found.push(rule);
    }
    return found;
  }

  /** The rules to ask, by their ports or by their sources, whichever are fewer; in their order. */
  private candidates({ sources, from, to }: Box): readonly Seen[] {
    const { rules, bySource } = this;
    const only = onlyBit(sources);
    const narrow = only === undefined ? undefined : (bySource.narrow.get(only) ?? []);
    const few = narrow === undefined ? rules.length : bySource.wide.length + narrow.length;
    if (few < FEW || few <= this.byPorts.count([from, to]))
      return narrow === undefined ? rules : pick(rules, [...bySource.wide, ...narrow]);
    const found = new Set<number>();
    this.byPorts.collect([from, to], found);
    return pick(rules, found);
  }

  private rulesTo(target: Address): readonly Seen[] {
    let rules = this.byTarget.get(target.value);
    if (rules === undefined) {
      rules = this.rules.filter(({ rule }) => hasPeer(rule.to, "container", target));
      this.byTarget.set(target.value, rules);
    }
    return rules;
  }

  private pieceByPiece(box: Box, outcome: Judged, way: Way | undefined, translation: string | undefined): void {
    const rules = this.relevant(box, way);
    let pieces: Box[] = this.byGroup(box, way);
    for (const rule of rules) pieces = pieces.flatMap((piece) => cut(piece, rule, way));
    const among = rules.map(({ rule }) => rule);
    for (const piece of pieces) {
      const packet = this.example(piece, way);
      if (packet === undefined) continue;
      this.pieces++;
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

  /** One for each rule, statement and way of being different. */
  private tell(key: string, { by, box: { translator, target }, perhaps }: Judged, difference: Difference): void {
    const { expected, actual, translation } = difference;
    const place = by ?? translator;
    const [rule, led] = [place, translator].map(
      (one) => one && `${one.table.family} ${one.table.name} ${one.chain} ${numberOf(one.rule)}`,
    );
    this.report(`${key} ${expected.verdict} ${expected.default} ${actual} ${translation} ${rule} ${led} ${perhaps}`, {
      ...difference,
      ...(place === undefined ? {} : { by: place }),
      ...(translator === undefined ? {} : { translator }),
      ...(target === undefined ? {} : { target }),
      ...(perhaps === true ? { perhaps } : {}),
    });
  }

  private byGroup(box: Box, way: Way | undefined): Box[] {
    const out: Box[] = [];
    const admitted = way?.via.from;
    const admits = admitted && endsIn(this.sources, admitted);
    for (const group of this.sourceGroups) {
      const inGroup = both(box.sources, group);
      if (inGroup === undefined) continue;
      const halves = admits === undefined ? [inGroup] : [both(inGroup, admits), without(inGroup, admits)];
      for (const sources of halves) {
        if (sources === undefined) continue;
        if (way !== undefined) out.push({ ...box, sources });
        else
          for (const other of this.destinationGroups) {
            const destinations = both(box.destinations, other);
            if (destinations !== undefined) out.push({ ...box, sources, destinations });
          }
      }
    }
    return out;
  }

  /** Some packet of a piece; undefined where all of them stay inside one container. */
  private example(box: Box, way: Way | undefined): Packet | undefined {
    const { universe } = this;
    const port = universe.ported ? Math.max(box.from, 1) : undefined;
    if (port !== undefined && port > box.to) return undefined;
    for (const i of members(box.sources)) {
      const source = this.sources[i] as End;
      if (way !== undefined)
        return {
          source,
          destination: { zone: "container", address: way.target },
          protocol: universe.protocol,
          port: (port ?? 0) + way.shift,
          via: way.via,
        };
      for (const k of members(box.destinations)) {
        const destination = this.destinations[k] as End;
        if (this.sameContainer(source, destination)) continue;
        return { source, destination, protocol: universe.protocol, port };
      }
    }
    return undefined;
  }

  private sameContainer(source: End, destination: End): boolean {
    if (source.zone !== "container" || destination.zone !== "container") return false;
    return (
      endpointAt(this.policy, source.address)?.container === endpointAt(this.policy, destination.address)?.container
    );
  }
}
