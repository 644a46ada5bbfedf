/** Traced packets with the policy's statements beside each step. Pure. */
import { type Decision, type End, evaluate, translate } from "../ir/evaluate.js";
import { ownAddresses } from "../ir/own.js";
import { endText, serviceText } from "../ir/packet-text.js";
import type { Origin, Policy } from "../ir/policy.js";
import { type Address, hasAddress, sameAddress } from "../net/address.js";
import { Interpreter, type Step } from "../backend/nftables/interpret.js";
import type { Frame, Host } from "../backend/shape/frames.js";
import type { Rule, Ruleset } from "../backend/nftables/ruleset.js";
import { elementText, ruleText } from "../backend/nftables/text.js";
import type { TracedPacket, TraceEvent } from "../backend/nftables/trace-events.js";

/** A chain in the kernel: where it hangs, and the handles of its rules in their order. */
export interface LiveChain {
  readonly hook: string | undefined;
  readonly handles: readonly number[];
}

/** By `FAMILY TABLE CHAIN`. */
export type LiveChains = ReadonlyMap<string, LiveChain>;

export interface TraceStep {
  readonly hook: string;
  /** `inet tsnet-shop`. */
  readonly table: string;
  readonly chain: string;
  /** `accept`, `drop`, `goto cc4`, `translate`, … */
  readonly effect: string;
  /** The rule as the kernel has it, with the element that it found where that is known; empty at a chain's end. */
  readonly object: string;
  /** The statements that the rule or element comes from. */
  readonly by: readonly Origin[];
}

export interface TracedFlow {
  readonly id: string;
  readonly packet: TracedPacket;
  readonly steps: readonly TraceStep[];
  /** `drop`, `reject`, or `accept` where nothing has dropped it. */
  readonly verdict: "accept" | "drop" | "reject";
  /** What the policy says of it, after translation. */
  readonly decision: Decision;
}

interface Pending {
  /** Whether our table marked it: everybody hears of what anybody has traced. */
  ours: boolean;
  packet: TracedPacket | undefined;
  /** As it entered the last chain. */
  last: TracedPacket | undefined;
  expected: readonly Step[];
  hook: string;
  readonly steps: TraceStep[];
  verdict: TracedFlow["verdict"];
}

/** Follows packets event by event; what tsnet's tracing table itself does is left out. */
export class Follower {
  private readonly policy: Policy;
  private readonly ruleset: Ruleset;
  private readonly chains: LiveChains;
  private readonly own: string;
  private readonly host: Host;
  private readonly interpreter: Interpreter;
  private readonly pending = new Map<string, Pending>();

  /** `own`: the name of the tracing table. `isLocal`: whether an address is this host's. */
  constructor(
    policy: Policy,
    ruleset: Ruleset,
    chains: LiveChains,
    own: string,
    isLocal: (address: Address) => boolean,
  ) {
    this.policy = policy;
    this.ruleset = ruleset;
    this.chains = chains;
    this.own = own;
    this.host = { isLocal: (family, value) => isLocal({ family, value } as Address) };
    this.interpreter = new Interpreter(ruleset);
  }

  /** Takes an event; returns whether the packet has come to its end by it. */
  take(event: TraceEvent): boolean {
    const pending = this.of(event.id);
    const { about } = event;
    pending.ours ||= event.table === this.own;
    const live = this.chains.get(`${event.family} ${event.table} ${event.chain}`);
    if (live?.hook !== undefined) pending.hook = live.hook;
    if (about.kind === "packet") {
      if (about.packet === undefined) return false;
      pending.last = about.packet;
      if (pending.packet !== undefined) return false;
      pending.packet = about.packet;
      pending.expected = this.expect(about.packet);
      return false;
    }
    if (event.table === this.own || about.kind === "return") return false;
    const step = this.step(pending, event, live);
    // The end of a base chain that has let a packet pass says nothing, unless it drops.
    if (about.kind === "policy" && about.verdict === "accept") return false;
    if (about.kind === "rule" && this.isCount(event, about.handle, live)) return false;
    pending.steps.push(step);
    if (step.effect !== "drop" && step.effect !== "reject") return false;
    pending.verdict = step.effect;
    return true;
  }

  /** What is known of a packet, and forgets it; undefined of one that we didn't ask for. */
  finish(id: string): TracedFlow | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    if (pending?.packet === undefined || !pending.ours) return undefined;
    const { packet, last = packet, steps, verdict } = pending;
    return { id, packet, steps, verdict, decision: this.decide(packet, last) };
  }

  private decide(packet: TracedPacket, last: TracedPacket): Decision {
    const { policy } = this;
    const { protocol = -1, port } = last;
    const ways = packet.port === undefined ? [] : translate(policy, packet.destination, protocol, packet.port);
    const via = ways.find((way) => sameAddress(way.address, last.destination))?.publish;
    return evaluate(policy, {
      source: this.at(last.source),
      destination: this.at(last.destination),
      protocol,
      port,
      via,
    });
  }

  private at(address: Address): End {
    return endAt(this.policy, address, (other) => this.host.isLocal(other.family, other.value));
  }

  private of(id: string): Pending {
    let pending = this.pending.get(id);
    if (pending === undefined) {
      pending = {
        ours: false,
        packet: undefined,
        last: undefined,
        expected: [],
        hook: "",
        steps: [],
        verdict: "accept",
      };
      this.pending.set(id, pending);
    }
    return pending;
  }

  /** The road that the plan has for a packet that begins a connection. */
  private expect(packet: TracedPacket): readonly Step[] {
    const { source, destination, input, mac, protocol, port, icmpType } = packet;
    if (protocol === undefined) return [];
    const frame: Frame = {
      family: destination.family,
      device: input,
      mac: mac ?? "",
      source: source.value,
      destination: destination.value,
      protocol,
      port,
      ...(icmpType === undefined ? {} : { icmpType }),
    };
    try {
      return this.interpreter.run(frame, this.host).steps;
    } catch {
      // The plan knows no such packet.
      return [];
    }
  }

  private step(pending: Pending, { family, table, chain, about }: TraceEvent, live: LiveChain | undefined): TraceStep {
    const common = { hook: pending.hook, table: `${family} ${table}`, chain };
    if (about.kind !== "rule")
      return { ...common, effect: about.kind === "packet" ? "" : about.verdict, object: "", by: [] };
    const rule = this.planned(family, table, chain, about.handle, live);
    const met = rule && pending.expected.find((step) => step.rule === rule);
    const set = met?.set === undefined ? undefined : this.setNamed(table, met.set);
    const found =
      set !== undefined && met?.element !== undefined ? ` (@${set.name}: ${elementText(set, met.element)})` : "";
    const own = met?.element !== undefined && met.element.from.length > 0 ? met.element.from : (rule?.from ?? []);
    // What a look-up leads to decides for the statement of the element that was found.
    const before = pending.steps.at(-1);
    const by = own.length === 0 && before?.effect === `goto ${chain}` ? before.by : own;
    const object = `${rule === undefined ? about.rule : ruleText(rule)}${found}`;
    return { ...common, effect: effectOf(about.verdict, rule, about.rule), object, by };
  }

  /** The plan's rule with a handle: the same place in the same chain, if the chain has as many rules as it should. */
  private planned(
    family: string,
    table: string,
    chain: string,
    handle: number | undefined,
    live: LiveChain | undefined,
  ): Rule | undefined {
    const rules = this.ruleset.tables
      .find((one) => one.family === family && one.name === table)
      ?.chains.find((one) => one.name === chain)?.rules;
    if (rules === undefined || handle === undefined || live?.handles.length !== rules.length) return undefined;
    return rules[live.handles.indexOf(handle)];
  }

  /** Whether a rule of ours only counts, which is no step of the packet's. */
  private isCount({ family, table, chain }: TraceEvent, handle: number | undefined, live?: LiveChain): boolean {
    return this.planned(family, table, chain, handle, live)?.expressions.at(-1)?.kind === "count";
  }

  private setNamed(table: string, name: string) {
    return this.ruleset.tables.find((one) => one.name === table)?.sets.find((set) => set.name === name);
  }
}

/** What a rule did. A translation and a rejection are verdicts of their own in the kernel. */
function effectOf(verdict: string, rule: Rule | undefined, text: string): string {
  const last = rule?.expressions.at(-1)?.kind;
  if (last === "reject" || (rule === undefined && /\breject\b/.test(text))) return "reject";
  if (last === "dnat" || last === "spread" || last === "snat" || last === "masquerade") return "translate";
  return verdict;
}

function endAt(policy: Policy, address: Address, isLocal: (address: Address) => boolean): End {
  const inside = hasAddress(ownAddresses(policy.containers), address);
  return { zone: inside ? "container" : isLocal(address) ? "host" : "world", address };
}

/** `c2 (10.83.4.7) -> c1 (10.83.9.1):22/tcp`, as it was sent. */
export function flowText(policy: Policy, packet: TracedPacket, isLocal: (address: Address) => boolean): string {
  const { source, destination, protocol, port } = packet;
  const text = (address: Address): string => endText(policy, endAt(policy, address, isLocal));
  const service = protocol === undefined ? "" : `:${serviceText(protocol, port)}`;
  return `${text(source)} -> ${text(destination)}${service}`;
}
