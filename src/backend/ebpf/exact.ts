/** Statements between few single addresses and ports, as elements of one hash: groups are left to the classes. */
import type { PeerSet, Rule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { OnePort, type PortSet, protocolIn } from "../../net/ports.js";
import { contains, EMPTY, equal, intersect, type Ranges, singles } from "../../net/ranges.js";
import { addressIn, eachOf, rangesOf } from "./classes.js";
import type { Exact } from "./maps.js";
import { type Statement, verdictOf } from "./verdicts.js";

type Value = number | bigint;

interface Key {
  readonly family: Family;
  readonly source: Value;
  readonly destination: Value;
  readonly protocol: number | undefined;
  readonly port: number | undefined;
}

/** A side's containers and its other addresses, where it is single addresses that mean the same in every zone. */
interface Side {
  readonly own: readonly Value[];
  readonly other: readonly Value[];
}

export class ExactRows {
  private readonly found = new Map<string, { key: Key; statements: Statement[] }>();
  private readonly sides = new Map<PeerSet, Side | undefined>();
  private family: Family = 4;

  /** False where the statement is for the classes. */
  add(rule: Rule, family: Family, own: Ranges<Value>): boolean {
    if (family !== this.family) this.sides.clear();
    this.family = family;
    const ports = singlePorts(rule.ports, family);
    const from = this.sideOf(rule.from, own);
    const to = this.sideOf(rule.to, own);
    if (ports === undefined || from === undefined || to === undefined) return false;
    const sources = from.own.length + from.other.length;
    const destinations = to.own.length + to.other.length;
    // A product that much outgrows its factors is cheaper as classes.
    if (sources * destinations * ports.length > 4 * (sources + destinations + ports.length) + 16) return false;
    const pairs = (a: readonly Value[], b: readonly Value[]): void => {
      for (const source of a)
        for (const destination of b)
          for (const { protocol, port } of ports) this.note({ family, source, destination, protocol, port }, rule);
    };
    pairs(from.own, to.own);
    pairs(from.own, to.other);
    pairs(from.other, to.own);
    return true;
  }

  private note(key: Key, rule: Rule): void {
    const text = `${key.family} ${key.source} ${key.destination} ${key.protocol} ${key.port}`;
    const known = this.found.get(text);
    if (known === undefined) this.found.set(text, { key, statements: [rule] });
    else known.statements.push(rule);
  }

  private sideOf(peers: PeerSet, own: Ranges<Value>): Side | undefined {
    if (this.sides.has(peers)) return this.sides.get(peers);
    const side = sideOf(peers, this.family, own);
    this.sides.set(peers, side);
    return side;
  }

  rows(): Exact[] {
    return [...this.found.values()].map(({ key: { family, source, destination, protocol, port }, statements }) => ({
      source: addressIn(family, source),
      destination: addressIn(family, destination),
      protocol,
      port,
      verdict: verdictOf(statements),
    }));
  }
}

function sideOf(peers: PeerSet, family: Family, own: Ranges<Value>): Side | undefined {
  const host = rangesOf(peers.host, family);
  if (!equal(host, rangesOf(peers.world, family))) return undefined;
  const values = host.length === 0 ? EMPTY : singles(host);
  if (values === undefined) return undefined;
  const mine = intersect(rangesOf(peers.container, family), own);
  return { own: eachOf(mine), other: values.filter((value) => !contains(own, value)) };
}

/** Undefined where a range is among them. */
function singlePorts(
  ports: PortSet,
  family: Family,
): { protocol: number | undefined; port: number | undefined }[] | undefined {
  if (ports.all) return [{ protocol: undefined, port: undefined }];
  if (ports instanceof OnePort) return [ports];
  const out: { protocol: number | undefined; port: number | undefined }[] = [];
  for (const [number, set] of ports.protocols) {
    const protocol = protocolIn(family, number);
    if (set === null) out.push({ protocol, port: undefined });
    else {
      const values = singles(set);
      if (values === undefined) return undefined;
      for (const port of values) out.push({ protocol, port });
    }
  }
  return out;
}
