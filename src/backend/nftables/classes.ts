/**
 * Statements between groups, ranges and zones, cut into classes: the container's side is looked up first and leads to a
 * class chain, which looks the other side up in disjoint intervals, which lead to a profile of ports.
 */
import type { Origin, Rule as PolicyRule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import type { Ranges } from "../../net/ranges.js";
import { IN, jump, rule, type TableBuilder } from "./builder.js";
import { cut } from "../shape/cells.js";
import { type Action, domain, LANES, type Lane, of, type Value } from "../shape/lanes.js";
import type { Members } from "../shape/members.js";
import { decidingChain, logChain } from "./profiles.js";
import type { Element, Key, Part, Rule, Target } from "./ruleset.js";

interface Box {
  readonly statement: PolicyRule;
  readonly other: Ranges<Value>;
}

interface Class {
  readonly target: Target;
  readonly from: readonly Origin[];
}

/** The classes of a lane, by the positions of their boxes. */
interface Classes {
  readonly boxes: readonly Box[];
  readonly classes: Map<string, Class>;
}

/**
 * What was planned for other lanes, by action and direction. The world and the host mostly have the same classes: a
 * statement about an address is about whoever has it.
 */
export type PlannedClasses = Map<string, Classes>;

/** The rules that look a container's class up in one lane; empty where no statement speaks there. */
export function classRules(
  table: TableBuilder,
  action: Action,
  lane: Lane,
  family: Family,
  statements: readonly PolicyRule[],
  members: Members,
  planned: PlannedClasses,
): Rule[] {
  const { source, destination } = LANES[lane];
  const near = source === "container" ? "from" : "to";
  const byAddress = new Map<Value, number[]>();
  const boxes: Box[] = [];
  for (const statement of statements) {
    const nearSet = near === "from" ? statement.from : statement.to;
    const mine = members.of(nearSet.container);
    if (mine.length === 0) continue;
    const farSet = near === "from" ? statement.to[destination] : statement.from[source];
    const other = lane === "cc" ? members.rangesOf(farSet) : of(farSet, family);
    if (other.length === 0) continue;
    const index = boxes.push({ statement, other }) - 1;
    for (const value of mine) {
      const known = byAddress.get(value);
      if (known === undefined) byAddress.set(value, [index]);
      else known.push(index);
    }
  }
  if (boxes.length === 0) return [];

  const keys = IN[family];
  const nearKey = near === "from" ? keys.source : keys.destination;
  const farKey = near === "from" ? keys.destination : keys.source;
  const name = `${action}-${lane}${family}`;
  const alike = `${action}-${lane === "cc" ? lane : near}${family}`;
  const sibling = planned.get(alike);
  const classes = sibling !== undefined && sameBoxes(sibling.boxes, boxes) ? sibling.classes : new Map<string, Class>();
  planned.set(alike, { boxes, classes });
  const elements: Element[] = [];
  for (const [value, indices] of byAddress) {
    const signature = indices.join(",");
    let known = classes.get(signature);
    if (known === undefined) {
      const members = indices.map((index) => boxes[index] as Box);
      known = {
        target: classTarget(table, alike, action, family, farKey, members),
        from: members.map((box) => box.statement.origin),
      };
      classes.set(signature, known);
    }
    elements.push({ key: [value], data: known.target, from: known.from });
  }
  table.map(name, [keys.type], "verdict", elements, `${action}: class of the container`);
  return [rule([{ kind: "vmap", keys: [nearKey], map: name }])];
}

function sameBoxes(a: readonly Box[], b: readonly Box[]): boolean {
  return a.length === b.length && a.every((box, i) => box.statement === b[i]?.statement && box.other === b[i].other);
}

/** What a class leads to: one verdict or profile where it has one cell of all addresses, else its own chain. */
function classTarget(
  table: TableBuilder,
  prefix: string,
  action: Action,
  family: Family,
  farKey: Key,
  boxes: readonly Box[],
): Target {
  const cells = cut(boxes, family);
  const [only] = cells;
  const { min, max } = domain(family);
  if (cells.length === 1 && only !== undefined && only.from === min && only.to === max)
    return cellTarget(table, action, family, only.boxes, "jump");
  const elements = cells.map((cell): Element => ({
    key: [cell.from === cell.to ? cell.from : { from: cell.from, to: cell.to }],
    data: cellTarget(table, action, family, cell.boxes, "goto"),
    from: unique(cell.boxes.map((box) => box.statement.origin)),
  }));
  const content = elements.map((e) => `${partText(e.key[0] as Part)} ${dataText(e.data as Target)}`).join(";");
  return jump(
    table.generate(prefix, content, (name) => {
      table.map(name, [IN[family].type], "verdict", elements, `${action}: other side of a class`);
      return [rule([{ kind: "vmap", keys: [farKey], map: name }])];
    }),
  );
}

function partText(part: Part): string {
  return typeof part === "object" ? `${part.from}-${part.to}` : String(part);
}

function dataText(target: Target): string {
  return "chain" in target ? `${target.verdict} ${target.chain}` : target.verdict;
}

function unique<T>(list: readonly T[]): T[] {
  return [...new Set(list)];
}

/** What a cell leads to: the action itself, or the profile of ports that limits it. */
function cellTarget(
  table: TableBuilder,
  action: Action,
  family: Family,
  boxes: readonly Box[],
  how: "jump" | "goto",
): Target {
  const statements = unique(boxes.map((box) => box.statement));
  const decides = action === "deny" || action === "reject" || action === "allow";
  const chain = decides
    ? decidingChain(table, action, family, statements)
    : logChain(table, action, family, statements);
  return { verdict: how, chain };
}
