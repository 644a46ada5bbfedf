/**
 * The layers of a lane: what the statements of one verb say, as sets and verdict maps.
 *
 * A lane is a way a packet can take: container to container (cc), to the world (cw), to the host (ch), and from the
 * world (wc) or the host (hc) to a container. A layer is the union of its statements, so precedence between verbs is
 * the order of the layers and needs no resolving here.
 *
 * Statements between few single addresses and ports become elements of exact sets, shared by all lanes (an address
 * means the same in each). The rest is cut into classes: the container's side is looked up first and leads to a class
 * chain, which looks the other side up in disjoint intervals, which lead to a profile of ports. Groups therefore cost
 * their members, not their product, and overlapping groups at most their pairs.
 */
import type { Rule as PolicyRule } from "../../ir/policy.js";
import { isRun, type RuleList } from "../../ir/rule-list.js";
import type { AddressSet, Family } from "../../net/address.js";
import type { TableBuilder } from "./builder.js";
import { classRules, type PlannedClasses } from "./classes.js";
import { Splitter } from "../shape/exact.js";
import { type Exact, exactRules, planExact, WAYS } from "./exact.js";
import { type Action, type Lane, of } from "../shape/lanes.js";
import { Members } from "../shape/members.js";
import type { Rule } from "./ruleset.js";

export interface Layers {
  /** The rules of an action in a lane; empty where no statement speaks there. */
  rules(action: Action, lane: Lane): Rule[];
}

/** Plans every layer of one family into `table`. */
export function planLayers(table: TableBuilder, family: Family, list: RuleList, own: AddressSet): Layers {
  const mine = of(own, family);
  const members = new Members(family, mine);
  const shared = new Map<Action, Exact[]>();
  const general = new Map<Action, PolicyRule[]>();
  const planned: PlannedClasses = new Map();
  for (const verb of ["deny", "reject", "allow"] as const) {
    const splitter = new Splitter(list, family, mine);
    const logged: PolicyRule[] = [];
    for (const part of list.parts)
      if (isRun(part)) splitter.addRun(part, verb);
      else if (part.verb === verb) {
        splitter.add(part);
        if (part.log !== undefined) logged.push(part);
      }
    shared.set(verb, planExact(table, verb, family, splitter.exact));
    general.set(verb, splitter.rest);
    general.set(`log-${verb}`, logged);
  }
  return {
    rules(action, lane) {
      const classes = classRules(table, action, lane, family, general.get(action) ?? [], members, planned);
      if (action !== "deny" && action !== "reject" && action !== "allow") return classes;
      const exact = (shared.get(action) ?? []).filter(({ ways }) => ways[WAYS[lane]] > 0);
      return [...exactRules(table, action, family, exact, classes), ...classes];
    },
  };
}
