/**
 * The layers of a lane: what the statements of one verb say, as trees. The container's side is looked up first and leads
 * to its class; the other side's tree leads to the ports. Containers and cells of which the same is said share chains,
 * which their names by content see to. A layer is the union of its statements, so precedence between verbs is the order
 * of the layers.
 */
import type { Origin, Policy, Rule as PolicyRule } from "../../ir/policy.js";
import type { Ranges } from "../../net/ranges.js";
import { unionOfPorts } from "../../net/ports.js";
import { cut } from "../shape/cells.js";
import { type Action as Verb, domain, LANES, type Lane, of, type Value, values } from "../shape/lanes.js";
import type { Members } from "../shape/members.js";
import { ACCEPT, connection, DROP, from, goto, jump, RETURN, rule, type TableBuilder, to } from "./builder.js";
import { logPrefix } from "./inexpressible.js";
import { portMatches } from "./ports.js";
import type { Cell } from "./prefixes.js";
import type { Rule, Target } from "./ruleset.js";
import { type Action, NONE, type Tree, treeChain, treeRules } from "./tree.js";

interface Box {
  readonly statement: PolicyRule;
  readonly other: Ranges<Value>;
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

export class Layers {
  private readonly table: TableBuilder;
  private readonly members: Members;
  private readonly statements: ReadonlyMap<Verb, readonly PolicyRule[]>;
  private readonly refuse: string;

  constructor(table: TableBuilder, policy: Policy, members: Members) {
    this.table = table;
    this.members = members;
    const statements = new Map<Verb, PolicyRule[]>();
    const push = (verb: Verb, statement: PolicyRule): void => {
      const list = statements.get(verb);
      if (list === undefined) statements.set(verb, [statement]);
      else list.push(statement);
    };
    for (const statement of policy.rules) {
      push(statement.verb, statement);
      if (statement.log !== undefined) push(`log-${statement.verb}`, statement);
    }
    this.statements = statements;
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
    if (boxes.length === 0 && all.length === 0) return [];
    for (const value of values(all, table.family)) if (!byAddress.has(value)) byAddress.set(value, []);
    const classes = new Map<string, Action>();
    const known = new Map<string, Action>();
    const cells: Cell<Action>[] = [];
    for (const [value, indices] of [...byAddress].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const signature = indices.join();
      let action = classes.get(signature);
      if (action === undefined) {
        const mine = indices.map((index) => boxes[index] as Box);
        action = mine.length === 0 ? how.rest : this.classOf(how, near === "from" ? to : from, mine, known);
        classes.set(signature, action);
      }
      cells.push({ from: value, to: value, action });
    }
    const tree: Tree = { key: near === "from" ? from : to, cells, levels: 3 };
    const root = treeChain(table, shortOf(verb), tree);
    return [rule([], how.rest.length > 0 ? goto(root) : jump(root))];
  }

  /** What is done for the containers of which the same statements speak. */
  private classOf(how: How, key: Tree["key"], boxes: readonly Box[], known: Map<string, Action>): Action {
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
    const tree: Tree = { key, cells, rest: how.rest, levels: 4 };
    const few = treeRules(table, tree, FEW);
    return few ?? [rule([], goto(treeChain(table, shortOf(how.verb), tree)))];
  }

  /** What is done in a cell: the verb itself for the ports of its statements, or their lines in the log. */
  private cellAction(how: How, statements: readonly PolicyRule[]): Action {
    const { table } = this;
    const { verb } = how;
    if (verb === "deny" || verb === "reject" || verb === "allow") {
      const ports = unionOfPorts(statements.map((statement) => statement.ports));
      const target = verb === "allow" ? how.allowed : verb === "deny" ? DROP : goto(this.refuse);
      const rules = portMatches(ports, table.family).map((matches) => rule(matches, target));
      return this.few(rules, ports.all ? NONE : how.rest, statements);
    }
    const rules = statements.flatMap((statement) => {
      const writer = jump(this.writer(verb, statement));
      return portMatches(statement.ports, table.family).map((matches) => rule(matches, writer, [statement.origin]));
    });
    return [rule([], goto(table.chain(shortOf(verb), rules)))];
  }

  /** Few rules as they are, each with its statements; more as a chain that others of the same ports share. */
  private few(rules: readonly Rule[], rest: Action, statements: readonly PolicyRule[]): Action {
    const origins: Origin[] = statements.map((statement) => statement.origin);
    if (rules.length <= FEW) return rules.map((one) => ({ ...one, from: origins }));
    return [rule([], goto(this.table.chain("port", [...rules, ...rest])), origins)];
  }

  /** Writes one statement's line: of an allowed connection its first packet, of a denied one each. */
  private writer(verb: Verb, { log, origin }: PolicyRule): string {
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

/** Of a chain's name, which says what it is for. */
function shortOf(verb: Verb): string {
  return { deny: "deny", reject: "rejt", allow: "allw", "log-deny": "logd", "log-reject": "logr", "log-allow": "loga" }[
    verb
  ];
}
