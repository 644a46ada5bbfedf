/** `tsnet trace` */
import { parse } from "../../grammar/parser.js";
import { flowText, Follower, type TracedFlow } from "../audit/trace.js";
import { tableName } from "../backend/nftables/names.js";
import { plan } from "../backend/nftables/plan.js";
import type { TraceEvent } from "../backend/nftables/trace-events.js";
import { Passes } from "../backend/nftables/trace-passes.js";
import { traceRules } from "../backend/nftables/trace-rules.js";
import { readChains, startTracing, traceTable } from "../backend/nftables/tracing.js";
import { readQuery } from "../ir/ask.js";
import type { Query } from "../ir/classes.js";
import { DEFAULTS } from "../ir/evaluate.js";
import { addressesIn } from "../ir/own.js";
import type { Origin, Policy } from "../ir/policy.js";
import { type Address, type AddressSet, formatAddress, hasAddress, isLoopback, parseAddress } from "../net/address.js";
import { protocolName } from "../net/ports.js";
import { globalAddresses } from "../system/interfaces.js";
import { Diagnostics } from "../text/diagnostic.js";
import { location } from "../text/source.js";
import { EXIT, Failure } from "./exit.js";
import { requireNftables } from "./nftables-only.js";
import { oneLive } from "./live.js";
import { note, print, printExactly, shown } from "./output.js";
import { standardError, standardOutput } from "./sink.js";

export interface TraceOptions {
  readonly policy?: string;
  readonly count?: number;
  /** Seconds. */
  readonly for?: number;
  readonly json?: boolean;
}

/** Milliseconds without a step after which a packet is taken to have come to its end. */
const QUIET = 150;

export async function trace(text: string, options: TraceOptions): Promise<void> {
  const { policy } = oneLive(options.policy);
  requireNftables(policy.name, "trace");
  const local = localAddresses(policy);
  const query = queryOf(policy, text, local);
  const table = traceTable();
  const ruleset = plan(policy);
  const chains = await readChains(ruleset.tables);
  const isLocal = (address: Address): boolean => isLoopback(address) || hasAddress(local, address);
  const follower = new Follower(policy, ruleset, chains, table, isLocal);
  let seen = 0;
  const done = new Ending(options);
  const timers = new Map<string, NodeJS.Timeout>();
  /** By the order in which they began; those that have come to their end wait for earlier ones that haven't. */
  const packets = new Map<string, { over: boolean }>();
  const passes = new Passes((chain) => chains.get(chain)?.hook);
  const finish = (id: string): void => {
    passes.end(id);
    clearTimeout(timers.get(id));
    timers.delete(id);
    const one = packets.get(id);
    if (one !== undefined) one.over = true;
    for (const [first, { over }] of packets) {
      if (!over || done.over) return;
      packets.delete(first);
      const flow = follower.finish(first);
      if (flow === undefined) continue;
      seen++;
      if (options.json) printExactly(JSON.stringify(flowJson(flow)));
      else printFlow(policy, flow, isLocal);
      if (seen === options.count) done.end();
    }
  };
  const take = (told: TraceEvent): void => {
    const event = passes.tell(told);
    const { id } = event;
    clearTimeout(timers.get(id));
    if (!packets.has(id)) packets.set(id, { over: false });
    if (follower.take(event)) return finish(id);
    timers.set(
      id,
      setTimeout(() => finish(id), QUIET),
    );
  };
  const tracing = await startTracing(traceRules(policy, query, table), take);
  try {
    if (!options.json && standardError.isTerminal) note(`tsnet: following ${shown(text)}; Ctrl-C ends it`);
    await Promise.race([done.ended, tracing.failed]);
  } finally {
    done.end();
    for (const timer of timers.values()) clearTimeout(timer);
    await tracing.end();
  }
  if (seen === 0) note(`tsnet: no packet of '${shown(text)}' came by`);
}

/** Ctrl-C, the time, the number of packets, or a reader who has seen enough. */
class Ending {
  over = false;
  readonly ended: Promise<void>;
  private resolve: () => void = () => undefined;
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(options: TraceOptions) {
    this.ended = new Promise((resolve) => (this.resolve = resolve));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.end());
    standardOutput.onGone(() => this.end());
    if (options.for !== undefined) this.timer = setTimeout(() => this.end(), options.for * 1000);
  }

  end(): void {
    this.over = true;
    clearTimeout(this.timer);
    this.resolve();
  }
}

function queryOf(policy: Policy, text: string, local: AddressSet): Query {
  const diagnostics = new Diagnostics();
  const query = readQuery(policy, text, parse, diagnostics, local);
  if (query !== undefined) return query;
  const [first] = diagnostics.list;
  throw new Failure(
    EXIT.usage,
    `the query '${shown(text)}' can't be read: ${first?.message ?? "it is no query"}`,
    first?.help,
  );
}

/** This host's addresses, loopback aside. */
function localAddresses(policy: Policy): AddressSet {
  const addresses = [...globalAddresses()].flatMap((text) => parseAddress(text) ?? []);
  return addressesIn([{ addresses }, ...policy.networks.map(({ gateways }) => ({ addresses: gateways }))]);
}

// Output -------------------------------------------------------------------------------------------------------------

const OUTCOME: Readonly<Record<TracedFlow["verdict"], string>> = {
  accept: "passed",
  drop: "was dropped",
  reject: "was rejected",
};
const SAID: Readonly<Record<string, TracedFlow["verdict"]>> = { allow: "accept", deny: "drop", reject: "reject" };

function printFlow(policy: Policy, flow: TracedFlow, isLocal: (address: Address) => boolean): void {
  const { packet, steps, verdict, decision } = flow;
  const flags = packet.flags === undefined ? "" : `  ${packet.flags}`;
  print(shown(`${flowText(policy, packet, isLocal)}${flags}`));
  for (const { hook, chain, table, effect, object, by } of steps) {
    const where = table === `inet ${tableName(policy.name)}` ? chain : `${table} ${chain}`;
    print(`  ${hook.padEnd(12)} ${shown(where).padEnd(15)} ${effect.padEnd(15)} ${shown(object)}`.trimEnd());
    for (const origin of by) print(`${" ".repeat(31)}${shown(`${location(origin.span)}  ${origin.text}`)}`);
  }
  const said = SAID[decision.verdict];
  const but = said === undefined || said === verdict ? "" : `, although the policy says ${decision.verdict}`;
  const reasons = decision.by.map((origin) => `${location(origin.span)}  ${origin.text}`);
  if (decision.default !== null)
    reasons.unshift(`the default for ${DEFAULTS[decision.default as keyof typeof DEFAULTS]}`);
  print(`  => ${OUTCOME[verdict]}${but}: ${shown(reasons.join("; "))}\n`);
}

function flowJson({ packet, steps, verdict, decision }: TracedFlow): Record<string, unknown> {
  const { source, destination, protocol, port, flags } = packet;
  return {
    source: formatAddress(source),
    destination: formatAddress(destination),
    proto: protocol === undefined ? null : protocolName(protocol),
    port: port ?? null,
    flags: flags ?? null,
    verdict,
    decision: { verdict: decision.verdict, by: decision.by.map(originJson), default: decision.default },
    steps: steps.map((step) => ({ ...step, by: step.by.map(originJson) })),
  };
}

function originJson({ span, text }: Origin): Record<string, unknown> {
  return { text, file: span.file.name, ...span.file.position(span.start) };
}
