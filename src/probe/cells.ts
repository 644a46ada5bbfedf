/**
 * The cells of the matrix: which packets are tried, and what the policy says of each. Pure.
 *
 * Ends are the containers (each of their addresses), the host and the world. A cell is one connection that one end
 * tries to open to an address of another; where that is a published address of the host, the cell follows the publish.
 */
import {
  type Decision,
  type End,
  evaluate,
  type Packet,
  type Translation,
  translate,
  type Verdict,
} from "../ir/evaluate.js";
import { hasPeer } from "../ir/peers.js";
import type { Policy, Publish, Rule, Zone } from "../ir/policy.js";
import { type Address, type Family, formatAddress } from "../net/address.js";
import { type PortSet, PORT, protocolIn, protocolName } from "../net/ports.js";
import { pairsOf, type Party } from "./ends.js";
import type { Place } from "./place.js";
import { seenAs } from "./seen.js";
import { type Service, servicesWorth, unnamedPorts } from "./services.js";
import { thin } from "./thin.js";

export type Expected = Exclude<Verdict, "untouched"> | "mixed";

export interface Cell {
  /** A container's name, `host` or `world`. */
  readonly from: string;
  readonly to: string;
  readonly family: Family;
  readonly source: Address;
  /** Where the packet is sent to: of a published port the host's address and port. */
  readonly destination: Address;
  readonly proto: string;
  readonly port: number | undefined;
  /** `mixed`: connections are spread over containers of which the policy speaks differently. */
  readonly expected: Expected;
  /** One for each container that connections are spread over; else one. */
  readonly decisions: readonly Decision[];
  readonly via: Publish | undefined;
  /** Where it arrives if it passes: the containers behind a published port, else `to`. */
  readonly targets: readonly Target[];
  /** Addresses of which it must see one as the source; undefined where the policy doesn't say. */
  readonly seenAs: readonly Address[] | undefined;
}

export interface Target {
  readonly name: string;
  readonly address: Address;
  readonly port: number | undefined;
}

export interface Cells {
  readonly cells: readonly Cell[];
  /** Probes that are left out because there would be too many. */
  readonly left: number;
  /** Containers that are not probed because others, of which every statement says the same, stand for them. */
  readonly represented: number;
}

export function planCells(policy: Policy, place: Place): Cells {
  const { pairs, represented } = pairsOf(policy, place);
  const cells: Cell[] = [];
  let left = 0;
  for (const found of cellsOf(policy, place, pairs)) {
    left += found.left;
    cells.push(...found.cells);
  }
  const kept = thin(cells);
  return { cells: kept, left: left + cells.length - kept.length, represented };
}

/** The cells of every container, pair by pair: of many containers they are more than anybody would probe. */
export function* everyCell(policy: Policy, place: Place): Generator<Cell> {
  for (const { cells } of cellsOf(policy, place, pairsOf(policy, place, true).pairs)) yield* cells;
}

function* cellsOf(
  policy: Policy,
  place: Place,
  pairs: readonly (readonly [Party, Party])[],
): Generator<{ cells: Cell[]; left: number }> {
  const unnamed = unnamedPorts(policy);
  const from = indexed(policy, "from");
  const to = indexed(policy, "to");
  for (const [source, destination] of pairs) {
    const rules = { from: from(source), to: to(destination), back: from(destination) };
    const pair = new Pair(policy, place, source, destination, rules);
    const found = servicesWorth(pair.named(), pair.published(), pair.others(), unnamed);
    yield { cells: found.services.flatMap((service) => pair.cell(service)), left: found.left };
  }
}

/** Rules that can match what comes from, or goes to, an address; remembered, as it is asked for every pair. */
function indexed(policy: Policy, side: "from" | "to"): (party: Party) => readonly Rule[] {
  const known = new Map<string, Rule[]>();
  return ({ zone, address }) => {
    const key = `${zone} ${formatAddress(address)}`;
    let rules = known.get(key);
    if (rules === undefined) {
      rules = policy.rules.filter((rule) => hasPeer(rule[side], zone, address));
      known.set(key, rules);
    }
    return rules;
  };
}

/** The rules that can match what leaves the source, what reaches the destination, and what the destination sends. */
interface PairRules {
  readonly from: readonly Rule[];
  readonly to: readonly Rule[];
  readonly back: readonly Rule[];
}

/** One source and one destination address. */
class Pair {
  constructor(
    private readonly policy: Policy,
    private readonly place: Place,
    private readonly from: Party,
    private readonly to: Party,
    private readonly rules: PairRules,
  ) {}

  /** What the rules that can speak of this pair name. */
  named(): PortSet[] {
    const { zone, address } = this.to;
    return this.rules.from.filter((rule) => hasPeer(rule.to, zone, address)).map((rule) => rule.ports);
  }

  /** Host ports that are published, whether on this address or on another. */
  published(): Service[] {
    if (this.to.zone !== "host") return [];
    return this.policy.publishes.flatMap(({ protocol, hostPorts }) => hostPorts.map((port) => ({ protocol, port })));
  }

  /** What rules name for others who reach this destination, or for the way back, and what is published or exposed. */
  others(): Service[] {
    const published = this.to.zone === "host" ? this.besidePublished() : this.behindPublished();
    return [...published, ...endsOf(this.rules.to), ...this.backward()];
  }

  private besidePublished(): Service[] {
    return this.policy.publishes.flatMap(({ protocol, hostPorts: [low, high] }) =>
      low === high ? [] : [low - 1, high + 1].filter(isPort).map((port) => ({ protocol, port })),
    );
  }

  /** What rules name for the other direction, which they don't speak of. */
  private backward(): Service[] {
    const { zone, address } = this.from;
    return endsOf(this.rules.back.filter((rule) => hasPeer(rule.to, zone, address)));
  }

  /** The container's ports asked for directly: a publish opens the way through the host's port alone. */
  private behindPublished(): Service[] {
    const { name } = this.to;
    const out: Service[] = [];
    for (const { targets, protocol, port, hostPorts } of this.policy.publishes) {
      if (!targets.some((target) => target.container === name)) continue;
      out.push({ protocol, port }, { protocol, port: port + hostPorts[1] - hostPorts[0] });
    }
    const expose = this.policy.containers.find((container) => container.name === name)?.expose;
    if (expose !== undefined && !expose.all)
      for (const [protocol, ranges] of expose.protocols) for (const port of ranges ?? []) out.push({ protocol, port });
    return out;
  }

  /** The cell of a service; none where the packet has no container at either end, or never leaves its sandbox. */
  cell({ protocol, port }: Service): Cell[] {
    const { policy, from, to } = this;
    const { family } = from.address;
    const common = {
      from: from.name,
      to: to.name,
      family,
      source: from.address,
      destination: to.address,
      proto: protocolName(protocol),
      port,
    };
    const ways = to.zone === "host" && port !== undefined ? translate(policy, to.address, protocol, port) : [];
    if (ways.length > 0) {
      const decisions = ways.map((way) => this.through(way, protocol));
      const targets = ways.map((way) => ({ name: way.target.container, address: way.address, port: way.port }));
      return [
        {
          ...common,
          expected: verdictOf(decisions),
          decisions,
          via: ways[0]?.publish,
          targets,
          seenAs: this.seen(ways),
        },
      ];
    }
    if (from.zone !== "container" && to.zone !== "container") return [];
    const decisions = [this.decide({ ...this.ends(to), protocol: protocolIn(family, protocol), port })];
    const targets = [{ name: to.name, address: to.address, port }];
    return [{ ...common, expected: verdictOf(decisions), decisions, via: undefined, targets, seenAs: this.seen([]) }];
  }

  private seen(ways: readonly Translation[]): Address[] | undefined {
    const inner = ways.map((way) => way.address);
    return seenAs(this.policy, this.place, this.from, this.to, inner);
  }

  private through(way: Translation, protocol: number): Decision {
    const inside = { zone: "container" as Zone, address: way.address };
    return this.decide({ ...this.ends(inside), protocol, port: way.port, via: way.publish });
  }

  private ends({ zone, address }: End) {
    return { source: { zone: this.from.zone, address: this.from.address }, destination: { zone, address } };
  }

  private decide(packet: Packet): Decision {
    return evaluate(this.policy, packet, this.rules.from);
  }
}

/** First and last port of each range that rules name. */
function endsOf(rules: readonly Rule[]): Service[] {
  return rules.flatMap(({ ports }) => {
    if (ports.all) return [];
    return [...ports.protocols].flatMap(([protocol, ranges]) =>
      (ranges ?? []).filter(isPort).map((port) => ({ protocol, port })),
    );
  });
}

function isPort(port: number): boolean {
  return port > 0 && port <= PORT.max;
}

function verdictOf(decisions: readonly Decision[]): Expected {
  const [first, ...others] = decisions.map((decision) => decision.verdict);
  if (first === undefined || first === "untouched") throw new Error("a cell has a container at one end");
  return others.every((verdict) => verdict === first) ? first : "mixed";
}
