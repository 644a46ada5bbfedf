/** Whom a `publish` admits: its `from`. */
import type { Peers as PeersNode, PublishStatement } from "../ast/nodes.js";
import { intersectSet, isEmptySet, subtractSet } from "../net/address.js";
import type { Lowering } from "./lowering.js";
import { ownAddresses } from "./own.js";
import { lowerPeers, type Peers } from "./values.js";

/** The peers behind `from`; undefined where there is none, or where something in it is wrong (and reported). */
export function sourcesOf(low: Lowering, { from }: PublishStatement): Peers | undefined {
  if (from === undefined) return undefined;
  const peers = lowerPeers(low, from);
  if (peers !== undefined && low.confined.size > 0) checkConfined(low, from, peers);
  return peers;
}

/** Containers of internal networks only reach no published port: a `from` of nobody else admits nobody. */
function checkConfined(low: Lowering, from: PeersNode, { set, containers }: Peers): void {
  if (!isEmptySet(set.host) || !isEmptySet(set.world)) return;
  const all = [...low.containers.values()];
  const named = intersectSet(set.container, ownAddresses(all));
  const confined = ownAddresses(all.filter(({ name }) => low.confined.has(name)));
  if (isEmptySet(named) || !isEmptySet(subtractSet(named, confined))) return;
  const [first, another] = new Set(containers);
  const who = first === undefined || another !== undefined ? "all of these are" : `'${first}' is`;
  low.diagnostics.error("internal-reach", from.span, `${who} on internal networks only, so nobody may come`, {
    why: "A container of internal networks only reaches no published port, whatever a publish admits.",
    help: `put ${first === undefined ? "one of them" : `'${first}'`} on another network too, take 'internal' away, or name others behind 'from'`,
  });
}
