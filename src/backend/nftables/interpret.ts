/**
 * Runs a packet through a ruleset as the kernel would: the proof that the plan means what the policy says.
 *
 * Knows exactly the expressions of ruleset.ts and fails on anything else. It follows the first packet of a connection
 * (state new, original direction); what later packets meet is the state chains, which kernel tests cover.
 */
import type { Frame, Host } from "../shape/frames.js";
import type { Chain, Element, Expression, Hook, Key, Rule, Ruleset, Table, Target } from "./ruleset.js";
import { Index, type Loaded, within } from "./set-index.js";

type Value = Loaded;

/** Of every frame that has ports: no rule of a policy speaks of source ports. */
const SOURCE_PORT = 40000;

export interface Outcome {
  readonly verdict: "allow" | "deny" | "reject";
  /** The hook that the packet was on its way through when it was decided. */
  readonly hook: Hook["hook"];
  readonly destination: number | bigint;
  readonly port: number | undefined;
  /** Prefixes that were written to the log. */
  readonly logged: readonly string[];
  readonly steps: readonly Step[];
}

/** A rule that the packet met and that did something, and the element that it found, if any. */
export interface Step {
  readonly hook: Hook["hook"];
  readonly table: string;
  readonly chain: string;
  readonly rule: Rule;
  readonly set?: string;
  readonly element?: Element;
}

interface State {
  readonly frame: Frame;
  readonly host: Host;
  destination: number | bigint;
  port: number | undefined;
  translated: boolean;
  readonly pick: number;
  readonly logged: string[];
  readonly steps: Step[];
  hook: Hook["hook"];
  /** What the current rule's lookups found. */
  found: { set: string; element: Element } | undefined;
}

type Result = "accept" | "drop" | "reject" | "continue" | "return";

/** Indexes a ruleset for many packets. */
export class Interpreter {
  private readonly tables: { table: Table; sets: Map<string, Index>; chains: Map<string, Chain> }[];

  constructor(ruleset: Ruleset) {
    this.tables = ruleset.tables.map((table) => ({
      table,
      sets: new Map(table.sets.map((set) => [set.name, new Index(set)])),
      chains: new Map(table.chains.map((chain) => [chain.name, chain])),
    }));
  }

  /** `pick` chooses among several targets of a published port. */
  run(frame: Frame, host: Host, pick = 0): Outcome {
    const state: State = {
      frame,
      host,
      destination: frame.destination,
      port: frame.port,
      translated: false,
      pick,
      logged: [],
      steps: [],
      hook: "output",
      found: undefined,
    };
    const outcome = (verdict: Outcome["verdict"], hook: Hook["hook"]): Outcome => {
      const { destination, port, logged, steps } = state;
      return { verdict, hook, destination, port, logged, steps };
    };
    const hooks: Hook["hook"][] = frame.device === undefined ? ["output"] : ["prerouting"];
    for (let hook = hooks[0]; hook !== undefined; hook = next(hook, state)) {
      const result = this.hook(hook, state);
      if (result !== "accept") return outcome(result === "drop" ? "deny" : "reject", hook);
      if (hook === "prerouting") continue;
      // What leaves may get another source; that decides nothing any more.
      if (hook !== "input") this.hook("postrouting", state);
      return outcome("allow", hook);
    }
    throw new Error("a packet left the road");
  }

  private hook(hook: Hook["hook"], state: State): "accept" | "drop" | "reject" {
    const bases = this.tables.flatMap((table) =>
      table.table.family === "inet"
        ? table.table.chains.filter((chain) => chain.hook?.hook === hook).map((chain) => ({ table, chain }))
        : [],
    );
    state.hook = hook;
    bases.sort((a, b) => (a.chain.hook?.priority ?? 0) - (b.chain.hook?.priority ?? 0));
    for (const { table, chain } of bases) {
      const result = this.chain(table, chain, state, 0);
      if (result === "drop" || result === "reject") return result;
    }
    return "accept";
  }

  private chain(table: Interpreter["tables"][number], chain: Chain, state: State, depth: number): Result {
    if (depth > 16) throw new Error(`jumps are nested too deeply in ${chain.name}`);
    for (const rule of chain.rules) {
      const place = state.steps.length;
      state.found = undefined;
      const result = this.rule(table, rule, chain, state, depth);
      // Jumps that lead nowhere are no part of the packet's path.
      if (result === "continue") state.steps.length = place;
      if (result !== "continue") return result === "return" ? "continue" : result;
    }
    return "continue";
  }

  /** `return` stands for the end of the current chain, as `goto` leaves it. */
  private rule(table: Interpreter["tables"][number], rule: Rule, chain: Chain, state: State, depth: number): Result {
    const step = (): void => {
      const { hook, found } = state;
      const at = { hook, table: table.table.name, chain: chain.name, rule };
      state.steps.push(found === undefined ? at : { ...at, set: found.set, element: found.element });
    };
    for (const e of rule.expressions) {
      switch (e.kind) {
        case "verdict":
          step();
          return this.follow(table, e.target, state, depth);
        case "vmap": {
          const found = indexOf(table, e.map).find(load(e.keys, state), e.keys);
          if (found === undefined) return "continue";
          if (typeof found.data !== "object") throw new Error(`${e.map} is no verdict map`);
          state.found = { set: e.map, element: found };
          step();
          return this.follow(table, found.data, state, depth);
        }
        case "reject":
          step();
          return "reject";
        case "log":
          state.logged.push(e.prefix);
          break;
        case "limit":
        case "count":
          break;
        case "dnat":
        case "spread":
          if (!translate(table, e, state)) return "continue";
          step();
          return "accept";
        case "masquerade":
        case "snat":
          step();
          return "accept";
        default:
          if (!holds(table, e, state)) return "continue";
      }
    }
    return "continue";
  }

  private follow(table: Interpreter["tables"][number], target: Target, state: State, depth: number): Result {
    if (!("chain" in target)) return target.verdict;
    const chain = table.chains.get(target.chain);
    if (chain === undefined) throw new Error(`no chain ${target.chain}`);
    const result = this.chain(table, chain, state, depth + 1);
    if (result === "continue" && target.verdict === "goto") return "return";
    return result;
  }
}

function next(hook: Hook["hook"], state: State): Hook["hook"] | undefined {
  if (hook !== "prerouting") return undefined;
  return state.host.isLocal(state.frame.family, state.destination) ? "input" : "forward";
}

function indexOf(table: { sets: Map<string, Index> }, name: string): Index {
  const index = table.sets.get(name);
  if (index === undefined) throw new Error(`no set ${name}`);
  return index;
}

function translate(
  table: { sets: Map<string, Index> },
  e: Extract<Expression, { kind: "dnat" | "spread" }>,
  state: State,
): boolean {
  if (e.family !== state.frame.family) return false;
  if (e.kind === "spread") {
    state.destination = e.targets[state.pick % e.targets.length] as number | bigint;
    state.port = e.port ?? state.port;
  } else {
    const values = load(e.keys, state);
    const element = indexOf(table, e.address).find(values, e.keys);
    const address = element?.data;
    if (element === undefined || address === undefined) return false;
    state.found = { set: e.address, element };
    const port = e.port === undefined ? state.port : indexOf(table, e.port).find(values, e.keys)?.data;
    if (port === undefined) return false;
    state.destination = address as number | bigint;
    state.port = port as number;
  }
  state.translated = true;
  return true;
}

function holds(table: { sets: Map<string, Index> }, e: Expression, state: State): boolean {
  switch (e.kind) {
    case "match": {
      const value = loadOne(e.key, state);
      // A key that the packet doesn't have ends the rule, whatever the operator.
      if (value === undefined) return false;
      return within(value, e.value) !== (e.not ?? false);
    }
    case "among": {
      const value = loadOne(e.key, state);
      return value !== undefined && e.values.some((other) => within(value, other));
    }
    case "flags": {
      if (state.frame.protocol !== 6) return false;
      const set = ["syn"].filter((flag) => e.mask.includes(flag));
      return (set.join() === e.value.join()) !== e.not;
    }
    case "lookup": {
      const values = load(e.keys, state);
      if (values === undefined) return false;
      const element = indexOf(table, e.set).find(values, e.keys);
      if (element !== undefined) state.found = { set: e.set, element };
      return (element !== undefined) !== (e.not ?? false);
    }
    default:
      throw new Error(`the interpreter doesn't know '${e.kind}'`);
  }
}

function load(keys: readonly Key[], state: State): Value[] | undefined {
  const out: Value[] = [];
  for (const key of keys) {
    const value = loadOne(key, state);
    if (value === undefined) return undefined;
    out.push(value);
  }
  return out;
}

/** What a key loads; undefined where the packet has none of it (another family, no ports). */
function loadOne(key: Key, state: State): Value | undefined {
  const { frame } = state;
  const family =
    key.includes("ip6 ") || key.startsWith("icmpv6") ? 6 : key.includes("ip ") || key === "icmp type" ? 4 : undefined;
  if (family !== undefined && family !== frame.family) return undefined;
  switch (key) {
    case "iifname":
      return frame.device ?? "";
    case "oifname":
      // Asked only of packets to no container, and a frame has no source route.
      return "";
    case "meta nfproto":
      return frame.family === 4 ? "ipv4" : "ipv6";
    case "meta l4proto":
      return frame.protocol;
    case "ether saddr":
      return frame.mac;
    case "ip saddr":
    case "ip6 saddr":
    case "ct original ip saddr":
    case "ct original ip6 saddr":
      return frame.source;
    case "ip daddr":
    case "ip6 daddr":
      return state.destination;
    case "th dport":
      return state.port;
    case "th sport":
      return state.port === undefined ? undefined : SOURCE_PORT;
    case "icmp type":
    case "icmpv6 type":
      return (frame.protocol === 1) === (key === "icmp type") ? frame.icmpType : undefined;
    case "ct state":
      return "new";
    case "ct direction":
      return "original";
    case "ct status":
      return state.translated ? "dnat" : "none";
    case "ct original proto-dst":
      return frame.port;
    case "ct original ip daddr":
    case "ct original ip6 daddr":
      return frame.destination;
    case "fib daddr type":
      return state.host.isLocal(frame.family, state.destination) ? "local" : "unicast";
    case "fib saddr type":
      return frame.device === undefined ? "local" : "unicast";
    default:
      throw new Error(`the interpreter doesn't know the key '${key}'`);
  }
}
