/**
 * Runs a packet through the rules as the kernel would: the proof that the plan means what the policy says.
 *
 * Knows exactly the matches and targets of ruleset.ts. It follows the first packet of a connection; what later packets
 * meet is the rules on their connection's state, which kernel tests cover.
 */
import type { Family } from "../../net/address.js";
import { bounds, type Prefix } from "../../net/prefix.js";
import type { Frame, Host } from "../shape/frames.js";
import type { Chain, Match, Rule, Rules, Ruleset, Run, TableName } from "./ruleset.js";

export interface Outcome {
  readonly verdict: "allow" | "deny" | "reject";
  readonly destination: number | bigint;
  readonly port: number | undefined;
  /** Prefixes that were written to the log. */
  readonly logged: readonly string[];
  /** How many rules the packet met. */
  readonly met: number;
}

type Hook = NonNullable<Chain["hook"]>;
type Result = "accept" | "drop" | "reject" | "return";

interface State {
  readonly frame: Frame;
  readonly host: Host;
  destination: number | bigint;
  port: number | undefined;
  translated: boolean;
  /** How many turns are left until it is this packet's. */
  turns: number;
  readonly logged: string[];
  met: number;
}

/** Types by nft's words, which frames have. */
const ICMP_TYPES: Readonly<Record<string, Readonly<Record<Family, number>>>> = {
  "echo-request": { 4: 8, 6: 128 },
};

/** The tables that a hook goes through, in the kernel's order. */
const ROAD: Readonly<Record<Hook, readonly TableName[]>> = {
  PREROUTING: ["raw", "nat"],
  INPUT: ["filter"],
  FORWARD: ["filter"],
  OUTPUT: ["raw", "nat", "filter"],
  POSTROUTING: ["nat"],
};

export class Interpreter {
  private readonly families: Readonly<Record<Family, Tables>>;

  constructor({ families: [v4, v6] }: Ruleset) {
    this.families = { 4: new Tables(v4), 6: new Tables(v6) };
  }

  /** `pick` chooses among several targets of a published port. */
  run(frame: Frame, host: Host, pick = 0): Outcome {
    const state: State = {
      frame,
      host,
      destination: frame.destination,
      port: frame.port,
      translated: false,
      turns: pick,
      logged: [],
      met: 0,
    };
    const tables = this.families[frame.family];
    const verdict = ((): Outcome["verdict"] => {
      const first = frame.device === undefined ? "OUTPUT" : "PREROUTING";
      const early = tables.hook(first, state);
      if (early !== "allow" || first === "OUTPUT") return early;
      return tables.hook(host.isLocal(frame.family, state.destination) ? "INPUT" : "FORWARD", state);
    })();
    const { destination, port, logged, met } = state;
    return { verdict, destination, port, logged, met };
  }
}

class Tables {
  private readonly chains = new Map<TableName, ReadonlyMap<string, Chain>>();

  constructor({ tables }: Rules) {
    for (const { name, chains } of tables) this.chains.set(name, new Map(chains.map((chain) => [chain.name, chain])));
  }

  hook(hook: Hook, state: State): Outcome["verdict"] {
    for (const name of ROAD[hook]) {
      const table = this.chains.get(name) ?? new Map<string, Chain>();
      for (const chain of table.values()) {
        if (chain.hook !== hook) continue;
        const result = run(table, chain, state, 1);
        if (result === "drop") return "deny";
        if (result === "reject") return "reject";
        if (result === "accept") break;
      }
    }
    return "allow";
  }
}

/** From the built-in chain on; the kernel takes no more. */
const DEEPEST = 15;

function run(table: ReadonlyMap<string, Chain>, chain: Chain, state: State, depth: number): Result {
  if (depth > DEEPEST) throw new Error(`chains lead on too deeply at ${chain.name}`);
  for (const rule of chain.rules) {
    state.met++;
    if (!rule.matches.every((match) => holds(match, state))) continue;
    const result = follow(table, rule, state, depth);
    if (result !== undefined) return result;
  }
  return "return";
}

/** Undefined: the packet goes on to the next rule. */
function follow(table: ReadonlyMap<string, Chain>, { target }: Rule, state: State, depth: number): Result | undefined {
  switch (target.kind) {
    case "accept":
    case "drop":
    case "reject":
    case "return":
      return target.kind;
    case "jump":
    case "goto": {
      const chain = table.get(target.chain);
      if (chain === undefined) throw new Error(`no chain ${target.chain}`);
      const result = run(table, chain, state, depth + 1);
      return result === "return" && target.kind === "jump" ? undefined : result;
    }
    case "log":
      state.logged.push(target.prefix);
      return undefined;
    case "dnat":
      state.destination = target.address;
      state.port = portOf(target.ports, target.base, state.port);
      state.translated = true;
      return "accept";
    case "snat":
    case "masquerade":
      return "accept";
  }
}

function portOf(ports: Run | undefined, base: number | undefined, port: number | undefined): number | undefined {
  if (ports === undefined) return port;
  if (ports[0] === ports[1]) return ports[0];
  if (base === undefined || port === undefined) throw new Error("a range of ports without a base");
  return ports[0] + port - base;
}

const within = (value: number | undefined, [from, to]: Run): boolean =>
  value !== undefined && value >= from && value <= to;

function inside(prefix: Prefix, family: Family, value: number | bigint): boolean {
  if (prefix.family !== family) throw new Error("an address of another family");
  const [low, high] = bounds(prefix);
  return value >= low && value <= high;
}

function holds(match: Match, state: State): boolean {
  const { frame, host } = state;
  const { family } = frame;
  switch (match.kind) {
    case "source":
      return inside(match.prefix, family, frame.source) !== (match.not ?? false);
    case "destination":
      return inside(match.prefix, family, state.destination) !== (match.not ?? false);
    case "in":
      return named(match.device, frame.device ?? "");
    case "out":
      // Asked only of packets to no container, and a frame has no source route.
      return false;
    case "protocol":
      return (frame.protocol === match.protocol) !== (match.not ?? false);
    case "port":
      return frame.protocol === match.protocol && within(state.port, match.run);
    case "ports":
      return frame.protocol === match.protocol && match.runs.some((run) => within(state.port, run));
    case "connection":
      return ofConnection(match, state);
    case "mac":
      return frame.mac === match.address;
    case "local":
      if (match.side === "source") return frame.device === undefined;
      return host.isLocal(family, state.destination);
    case "icmp type": {
      if (frame.protocol !== (family === 4 ? 1 : 58)) return false;
      const type = ICMP_TYPES[frame.icmpType ?? ""];
      if (type === undefined) throw new Error(`the interpreter doesn't know the ICMP type '${frame.icmpType}'`);
      return type[family] === match.type;
    }
    case "not beginning":
      return false;
    case "nth":
      return state.turns-- % match.every === 0;
    case "limit":
      return true;
  }
}

function ofConnection(match: Extract<Match, { kind: "connection" }>, state: State): boolean {
  const { frame } = state;
  const { state: word, direction, originalSource, originalDestination, replySource, originalPort } = match;
  if (word !== undefined && word !== "NEW" && !(word === "DNAT" && state.translated)) return false;
  if (direction !== undefined) return false;
  if (originalSource !== undefined && !inside(originalSource, frame.family, frame.source)) return false;
  if (originalDestination !== undefined && !inside(originalDestination, frame.family, frame.destination)) return false;
  if (replySource !== undefined && !inside(replySource, frame.family, state.destination)) return false;
  return originalPort === undefined || within(frame.port, originalPort);
}

function named(pattern: string, device: string): boolean {
  return pattern.endsWith("+") ? device.startsWith(pattern.slice(0, -1)) : device === pattern;
}
