/**
 * One packet for each combination of rules and places that decides packets of a query: as exact as the packet classes,
 * and far fewer where many containers fare alike.
 */
import { ends, isTranslated, passes, placeOf, portCells, type Query, through } from "./classes.js";
import type { Packet } from "./evaluate.js";
import { type Bits, both, Matcher } from "./matcher.js";
import { inhabitedFamilies } from "./own.js";
import { hasPeer } from "./peers.js";
import type { Policy, Publish, Rule } from "./policy.js";

export interface Combination {
  readonly packet: Packet;
  /** The rules that cover it: enough for `evaluate`. */
  readonly speaking: readonly Rule[];
}

/**
 * @param rules all rules of the policy that can cover a packet of the query
 * @param publishes all of its publishes that concern one: see `PublishIndex`
 */
export function* combinations(
  policy: Policy,
  query: Query,
  rules: readonly Rule[],
  publishes: readonly Publish[],
): Generator<Combination> {
  const matcher = new Matcher(rules);
  const froms = publishes.flatMap(({ from }) => (from === undefined ? [] : [from]));
  const seen = new Set<string>();
  const isNew = (bits: Bits, places: string): boolean => {
    const key = `${places} ${bits.join()}`;
    return !seen.has(key) && seen.add(key) !== undefined;
  };
  const places = new Map<unknown, string>();
  const place = (end: Packet["source"]): string => {
    let known = places.get(end);
    if (known === undefined) places.set(end, (known = placeOf(policy, end)));
    return known;
  };
  for (const family of inhabitedFamilies(policy.containers)) {
    const sources = ends(policy, family, query.from, [...rules.map(({ from }) => from), ...froms], "containers");
    const destinations = ends(
      policy,
      family,
      query.to,
      rules.map(({ to }) => to),
      "containers",
    );
    const services = portCells(publishes, family, query.ports, rules);
    for (const source of sources)
      for (const destination of destinations) {
        if (!passes(policy, source, destination)) continue;
        const pair = both(matcher.from(source), matcher.to(destination));
        for (const service of services) {
          const bits = both(pair, matcher.service(service.protocol, service.port));
          // A translated packet never arrives there, but another of its combination may.
          if (isTranslated(policy, destination, service, publishes)) continue;
          if (isNew(bits, `${place(source)} ${place(destination)}`))
            yield { packet: { source, destination, ...service }, speaking: matcher.pick(bits) };
        }
      }
    for (const [i, via] of publishes.entries())
      for (const packet of through(via, family, query, sources, services)) {
        const { source, destination, protocol, port } = packet;
        const bits = both(both(matcher.from(source), matcher.to(destination)), matcher.service(protocol, port));
        const admitted = via.from === undefined || hasPeer(via.from, source.zone, source.address);
        if (isNew(bits, `${i} ${admitted} ${place(source)} ${place(destination)}`))
          yield { packet, speaking: matcher.pick(bits) };
      }
  }
}
