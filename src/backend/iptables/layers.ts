/**
 * The layers of a lane: what the statements of one verb say, as trees. The container's side is looked up first and leads
 * to its class; the other side's tree leads to the ports. Containers and cells of which the same is said share chains,
 * which their names by content see to. A layer is the union of its statements, so precedence between verbs is the order
 * of the layers.
 */
import { DESTINATION, NAMED_DESTINATION, NAMED_SOURCE, SOURCE, VERBS } from "../../ast/plain-rules.js";
import type { Origin, Policy, Rule as PolicyRule } from "../../ir/policy.js";
import { isRun } from "../../ir/rule-list.js";
import { unionOfPorts } from "../../net/ports.js";
import type { Ranges } from "../../net/ranges.js";
import { cut } from "../shape/cells.js";
import { type ExactSets, Splitter } from "../shape/exact.js";
import { type Action as Verb, domain, LANES, type Lane, of, type Value, values } from "../shape/lanes.js";
import type { Members } from "../shape/members.js";
import type { Way } from "../shape/tuples.js";
import { ACCEPT, alone, connection, DROP, from, goto, jump, RETURN, rule, type TableBuilder, to } from "./builder.js";
import { logPrefix } from "./inexpressible.js";
import { portMatches } from "./ports.js";
import type { Cell } from "./prefixes.js";
import type { Rule, Target } from "./ruleset.js";
import { type SingleForm, type Singles, singlesOf } from "./single.js";
import { singleTreeChain } from "./single-tree.js";
import { targetText } from "./text.js";
import { type Action, NONE, type Tree, treeChain, treeRules, WIDE, within } from "./tree.js";

/** What some statements say of a cell. */
type Said = Pick<PolicyRule, "ports" | "origin" | "log">;

interface Box {
  readonly statement: Said;
  readonly other: Ranges<Value>;
}

/** The other end, by which of a packet's addresses it is told. */
type Side = "source" | "destination";

const KEYS: Readonly<Record<Side, Tree["key"]>> = { source: from, destination: to };

const WAYS: Readonly<Record<Lane, Way>> = {
  cc: "both",
  cw: "source",
  ch: "source",
  wc: "destination",
  hc: "destination",
};

const NO_SINGLES: ReadonlyMap<Value, Singles> = new Map();

function boxesOf(singles: Singles): Box[] {
  return singles.values.flatMap((value, at) =>
    singles.said(at).map((statement) => ({ statement, other: [value, value] })),
  );
}

/** What a layer says: its verb, where what it allows goes, and what becomes of the others. */
interface How {
  readonly verb: Verb;
  readonly allowed: Target;
  readonly rest: Action;
}

const DROPPED: Action = [rule([], DROP)];

/** More rules than this have a chain of their own, and are compared once a packet is there. */
const FEW = 2;

/**
 * So many statements about one container need no comment each that repeats the rule: the kernel takes as long for a
 * comment as for a third of a rule. The rule that leads to them says whose they are.
 */
const MANY = 256;

export class Layers {
  private readonly table: TableBuilder;
  /** Containers' names by their addresses. */
  private readonly names = new Map<Value, string>();
  private readonly members: Members;
  private readonly own: Ranges<Value>;
  /** But for what is exact tuples. */
  private readonly statements = new Map<Verb, readonly PolicyRule[]>();
  private readonly exact = new Map<Verb, ExactSets>();
  private readonly singles = new Map<string, ReadonlyMap<Value, Singles>>();
  private readonly refuse: string;

  constructor(table: TableBuilder, { ruleList, containers }: Policy, members: Members, own: Ranges<Value>) {
    for (const { name, endpoints } of containers)
      for (const { addresses } of endpoints)
        for (const { family, value } of addresses) if (family === table.family) this.names.set(value, name);
    this.table = table;
    this.members = members;
    this.own = own;
    for (const verb of ["deny", "reject", "allow"] as const) {
      const splitter = new Splitter(ruleList, table.family, own);
      const logged: PolicyRule[] = [];
      for (const part of ruleList.parts)
        if (isRun(part)) splitter.addRun(part, verb);
        else if (part.verb === verb) {
          splitter.add(part);
          if (part.log !== undefined) logged.push(part);
        }
      this.exact.set(verb, splitter.exact);
      this.statements.set(verb, splitter.rest);
      this.statements.set(`log-${verb}`, logged);
    }
    this.refuse = table.chain("rej", [
      rule([{ kind: "protocol", protocol: 6 }], { kind: "reject", with: "tcp-reset" }),
      rule([], { kind: "reject", with: "port-unreachable" }),
    ]);
  }

  /**
   * The rules of a verb and its logs in a lane; none where no statement speaks there. Those that no statement decides
   * go on behind.
   */
  rules(verb: "deny" | "reject" | "allow", lane: Lane): Rule[] {
    return [...this.logs(verb, lane), ...this.layer({ verb, allowed: ACCEPT, rest: NONE }, lane)];
  }

  logs(verb: "deny" | "reject" | "allow", lane: Lane): Rule[] {
    return this.layer({ verb: `log-${verb}`, allowed: ACCEPT, rest: NONE }, lane);
  }

  /**
   * The last rules of a lane: what is allowed returns to where the packet came from, and what isn't is dropped, if it is
   * to one of these members.
   */
  gate(lane: Lane, members: Ranges<Value>): Rule[] {
    return this.layer({ verb: "allow", allowed: RETURN, rest: DROPPED }, lane, members);
  }

  /** `all`: addresses of the container's side of which the rest is said where no statement speaks. */
  private layer(how: How, lane: Lane, all: Ranges<Value> = []): Rule[] {
    const { table, members } = this;
    const { verb } = how;
    const { source, destination } = LANES[lane];
    const near = source === "container" ? "from" : "to";
    const byAddress = new Map<Value, number[]>();
    const boxes: Box[] = [];
    for (const statement of this.statements.get(verb) ?? []) {
      const mine = members.of(statement[near].container);
      if (mine.length === 0) continue;
      const far = near === "from" ? statement.to[destination] : statement.from[source];
      const other = lane === "cc" ? members.rangesOf(far) : of(far, table.family);
      if (other.length === 0) continue;
      const index = boxes.push({ statement, other }) - 1;
      for (const value of mine) {
        const list = byAddress.get(value);
        if (list === undefined) byAddress.set(value, [index]);
        else list.push(index);
      }
    }
    const singles = this.singlesOf(verb, WAYS[lane]);
    if (boxes.length === 0 && singles.size === 0 && all.length === 0) return [];
    for (const value of [...values(all, table.family), ...singles.keys()])
      if (!byAddress.has(value)) byAddress.set(value, []);
    const classes = new Map<string, Action>();
    const known = new Map<string, Action>();
    const cells: Cell<Action>[] = [];
    const side: Side = near === "from" ? "destination" : "source";
    for (const [value, indices] of [...byAddress].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const single = singles.get(value);
      const mine = indices.map((index) => boxes[index] as Box);
      if (single !== undefined) {
        const action =
          mine.length === 0
            ? this.singleClass(how, side, single, this.names.get(value))
            : this.classOf(how, side, [...mine, ...boxesOf(single)], known);
        cells.push({ from: value, to: value, action });
        continue;
      }
      const signature = indices.join();
      let action = classes.get(signature);
      if (action === undefined) {
        action = mine.length === 0 ? how.rest : this.classOf(how, side, mine, known);
        classes.set(signature, action);
      }
      cells.push({ from: value, to: value, action });
    }
    const tree: Tree = { key: near === "from" ? from : to, cells, levels: 3 };
    const root = treeChain(table, shortOf(verb), tree);
    return [rule([], how.rest.length > 0 ? goto(root) : jump(root))];
  }

  /** Exact tuples of a verb that go one way. */
  private singlesOf(verb: Verb, way: Way): ReadonlyMap<Value, Singles> {
    const exact = this.exact.get(verb);
    if (exact === undefined) return NO_SINGLES;
    const key = `${verb} ${way}`;
    let singles = this.singles.get(key);
    if (singles === undefined) this.singles.set(key, (singles = singlesOf(exact, way, this.own)));
    return singles;
  }

  /** What is done for a container of whose other ends single addresses are spoken, and nothing else. */
  private singleClass(how: How, side: Side, singles: Singles, container: string | undefined): Action {
    const { table } = this;
    const { family } = table;
    const { values } = singles;
    const key = KEYS[side];
    const rulesOf = (at: number): Rule[] => {
      const match = key(alone(family, values[at] as Value));
      return this.verdict(how, singles.said(at)).map((body) => within(match, body));
    };
    if (values.length <= FEW) {
      const rules = values.flatMap((_, at) => rulesOf(at));
      if (rules.length <= FEW) return [...rules, ...how.rest];
    }
    const others = new Map<number, readonly Rule[]>();
    if (singles.count > values.length)
      for (let at = 0; at < values.length; at++) if (singles.countOf(at) > 1) others.set(at, rulesOf(at));
    const target = this.targetOf(how);
    const [head, tail] = [
      Buffer.from(side === "source" ? "-s " : "-d "),
      Buffer.from(` ${targetText(target, family)}`),
    ];
    const name = singles.count < MANY ? undefined : container;
    const words = name === undefined ? undefined : wordsOf(how.verb, side, name);
    const said = name === undefined ? undefined : saidBy(how.verb, side, name);
    const form = { family, side, target, head, tail, words, said };
    const tree = { key, singles, form, others, rest: how.rest, levels: 4 };
    return [rule([], goto(singleTreeChain(table, shortOf(how.verb), tree)), [], name)];
  }

  /** What is done for the containers of which the same statements speak. */
  private classOf(how: How, side: Side, boxes: readonly Box[], known: Map<string, Action>): Action {
    const { table } = this;
    // Of equal cells one action: by their identity a tree tells what is alike.
    const actionOf = (boxes: readonly Box[]): Action => {
      const statements = [...new Set(boxes.map((box) => box.statement))];
      const signature = statements.map(({ origin }) => origin.index).join();
      let action = known.get(signature);
      if (action === undefined) known.set(signature, (action = this.cellAction(how, statements)));
      return action;
    };
    const cells = cut(boxes, table.family).map(({ from, to, boxes }) => ({ from, to, action: actionOf(boxes) }));
    const [only] = cells;
    const { min, max } = domain(table.family);
    if (cells.length === 1 && only?.from === min && only.to === max) return [...only.action, ...how.rest];
    const tree: Tree = { key: KEYS[side], cells, rest: how.rest, levels: 4, fan: WIDE };
    const few = treeRules(table, tree, FEW);
    return few ?? [rule([], goto(treeChain(table, shortOf(how.verb), tree)))];
  }

  /** What is done in a cell: the verb itself for the ports of its statements, or their lines in the log. */
  private cellAction(how: How, statements: readonly Said[]): Action {
    const { table } = this;
    const { verb } = how;
    if (verb === "deny" || verb === "reject" || verb === "allow") return this.verdict(how, statements);
    const rules = statements.flatMap((statement) => {
      const writer = jump(this.writer(verb, statement));
      return portMatches(statement.ports, table.family).map((matches) => rule(matches, writer, [statement.origin]));
    });
    return [rule([], goto(table.chain(shortOf(verb), rules)))];
  }

  /** The verb itself, for the ports of all of them. */
  private verdict(how: How, statements: readonly Said[]): Action {
    const ports = unionOfPorts(statements.map((statement) => statement.ports));
    const rules = portMatches(ports, this.table.family).map((matches) => rule(matches, this.targetOf(how)));
    const origins = [...new Set(statements.map((statement) => statement.origin))];
    return this.few(rules, ports.all ? NONE : how.rest, origins);
  }

  private targetOf({ verb, allowed }: How): Target {
    return verb === "allow" ? allowed : verb === "deny" ? DROP : goto(this.refuse);
  }

  /** Few rules as they are, each with its statements; more as a chain that others of the same ports share. */
  private few(rules: readonly Rule[], rest: Action, origins: readonly Origin[]): Action {
    if (rules.length <= FEW) return rules.map((one) => ({ ...one, from: origins }));
    return [rule([], goto(this.table.chain("port", [...rules, ...rest])), origins)];
  }

  /** Writes one statement's line: of an allowed connection its first packet, of a denied one each. */
  private writer(verb: Verb, { log, origin }: Said): string {
    const { table } = this;
    const matches = [
      ...(verb === "log-allow" ? [connection({ state: "NEW" })] : []),
      ...(log?.limit === undefined ? [] : [{ kind: "limit" as const, ...log.limit }]),
    ];
    return table.chain(
      "log",
      [rule(matches, { kind: "log", prefix: logPrefix(log) }, [origin])],
      `${verb} ${origin.id}`,
    );
  }
}

/** What a statement of an address and a container has around the address. */
function wordsOf(verb: Verb, side: Side, container: string): readonly [string, string] {
  return side === "source" ? [`${verb} `, ` -> ${container}`] : [`${verb} ${container} -> `, ""];
}

/** How a plain rule's row says it. */
function saidBy(verb: Verb, side: Side, container: string): SingleForm["said"] {
  const number = (VERBS as readonly string[]).indexOf(verb);
  if (number === -1) return undefined;
  return side === "source"
    ? { kind: number | NAMED_DESTINATION, near: DESTINATION, container }
    : { kind: number | NAMED_SOURCE, near: SOURCE, container };
}

/** Of a chain's name, which says what it is for. */
function shortOf(verb: Verb): string {
  return { deny: "deny", reject: "rejt", allow: "allw", "log-deny": "logd", "log-reject": "logr", "log-allow": "loga" }[
    verb
  ];
}
