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
  const unnamed = unnamedPorts(policy);
  const rulesFrom = new Map<string, Rule[]>();
  const cells: Cell[] = [];
  let left = 0;
  const rulesOf = (party: Party): Rule[] => {
    const key = `${party.zone} ${formatAddress(party.address)}`;
    const known = rulesFrom.get(key);
    if (known !== undefined) return known;
    const rules = policy.rules.filter((rule) => hasPeer(rule.from, party.zone, party.address));
    rulesFrom.set(key, rules);
    return rules;
  };
  for (const [from, to] of pairs) {
    const pair = new Pair(policy, place, from, to, rulesOf(from), rulesOf(to));
    const found = servicesWorth(pair.named(), pair.published(), pair.others(), unnamed);
    left += found.left;
    for (const service of found.services) cells.push(...pair.cell(service));
  }
  const kept = thin(cells);
  return { cells: kept, left: left + cells.length - kept.length, represented };
}

/** One source and one destination address. */
class Pair {
  /** `rules` can match what comes from `from`, `back` what comes from `to`. */
  constructor(
    private readonly policy: Policy,
    private readonly place: Place,
    private readonly from: Party,
    private readonly to: Party,
    private readonly rules: readonly Rule[],
    private readonly back: readonly Rule[],
  ) {}

  /** What the rules that can speak of this pair name. */
  named(): PortSet[] {
    const { zone, address } = this.to;
    return this.rules.filter((rule) => hasPeer(rule.to, zone, address)).map((rule) => rule.ports);
  }

  /** Host ports that are published, whether on this address or on another. */
  published(): Service[] {
    if (this.to.zone !== "host") return [];
    return this.policy.publishes.flatMap(({ protocol, hostPorts }) => hostPorts.map((port) => ({ protocol, port })));
  }

  /** Services that no rule of this pair names and that are worth a look if there is room. */
  others(): Service[] {
    return [...(this.to.zone === "host" ? this.besidePublished() : this.behindPublished()), ...this.backward()];
  }

  private besidePublished(): Service[] {
    return this.policy.publishes.flatMap(({ protocol, hostPorts: [low, high] }) =>
      low === high ? [] : [low - 1, high + 1].filter(isPort).map((port) => ({ protocol, port })),
    );
  }

  /** What rules name for the other direction, which they don't speak of. */
  private backward(): Service[] {
    const { zone, address } = this.from;
    return this.back.flatMap(({ to, ports }) => {
      if (ports.all || !hasPeer(to, zone, address)) return [];
      return [...ports.protocols].flatMap(([protocol, ranges]) =>
        (ranges ?? []).filter(isPort).map((port) => ({ protocol, port })),
      );
    });
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
    return evaluate(this.policy, packet, this.rules);
  }
}

function isPort(port: number): boolean {
  return port > 0 && port <= PORT.max;
}

function verdictOf(decisions: readonly Decision[]): Expected {
  const [first, ...others] = decisions.map((decision) => decision.verdict);
  if (first === undefined || first === "untouched") throw new Error("a cell has a container at one end");
  return others.every((verdict) => verdict === first) ? first : "mixed";
}
