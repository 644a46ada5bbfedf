/** `tsnet stats` */
import { existsSync, readFileSync } from "node:fs";
import { type DefaultCount, type Flow, type StatementCount, type Stats, statsOf } from "../audit/stats.js";
import { readCounters } from "../backend/nftables/counters.js";
import { plan } from "../backend/nftables/plan.js";
import { DEFAULTS } from "../ir/evaluate.js";
import { inhabitedFamilies, ownAddresses } from "../ir/own.js";
import { mentions } from "../ir/mentions.js";
import type { Container, Policy } from "../ir/policy.js";
import { listConnections } from "../system/conntrack.js";
import { location } from "../text/source.js";
import { localAddresses, packetOf } from "../transaction/connections.js";
import { requireSystem } from "../transaction/ready.js";
import { isRecorded, readApplied } from "../transaction/state.js";
import { EXIT, Failure } from "./exit.js";
import { compileOrFail } from "./input.js";
import { requireNftables } from "./nftables-only.js";
import { findLive, isLive, livePolicies } from "./live.js";
import { note, print, printExactly, printJson, shown } from "./output.js";
import { standardError, standardOutput } from "./sink.js";

export interface StatsFlags {
  readonly json?: boolean;
  /** Seconds between two looks; true where none were said. */
  readonly watch?: number | true;
  /** Instead of counters, the last packets that were logged, or dropped; of policies that eBPF carries. */
  readonly log?: boolean;
  readonly drops?: boolean;
}

/** What is asked about: a policy, or what it says of one container. */
interface Subject {
  readonly policy: Policy;
  readonly container: Container | undefined;
}

interface Counts extends Stats {
  readonly policy: string;
}

interface Report {
  /** Whether the kernel counts the bytes of connections. */
  readonly accounting: boolean;
  readonly policies: readonly Counts[];
}

export async function stats(names: readonly string[], options: StatsFlags): Promise<void> {
  const subjects = subjectsOf(names);
  await requireSystem("reading what the kernel has counted", ["nft"]);
  if (options.log === true || options.drops === true) {
    const { showEvents } = await import("./events.js");
    const policies = subjects.map(({ policy }) => policy);
    return showEvents(policies, options.log === true ? "logged" : "dropped", options.json === true);
  }
  if (options.watch === undefined) {
    const report = await look(subjects);
    if (options.json) printJson(toJson(report));
    else show(report);
    return;
  }
  const seconds = options.watch === true ? 1 : options.watch;
  const ending = new Ending();
  for (let before: Report | undefined; !ending.over; await ending.pause(seconds)) {
    const report = await look(subjects);
    if (options.json) printExactly(`${JSON.stringify(toJson(report))}\n`);
    else {
      if (standardOutput.isTerminal) printExactly("\u001b[H\u001b[2J");
      show(report, before);
    }
    before = report;
  }
}

/** Files that make one policy, or a container's name, or nothing: all that is live. */
function subjectsOf(names: readonly string[]): Subject[] {
  const [first, second] = names;
  if (first === undefined) {
    const all = livePolicies().map(({ policy }) => ({ policy, container: undefined }));
    if (all.length === 0)
      throw new Failure(EXIT.system, "no policy is live here", "tsnet compile FILE --apply makes one live");
    return all;
  }
  // A file whose name is a live container's too is ./NAME.
  if (second === undefined && first !== "-" && !first.endsWith(".tsnet") && (isLive(first) || !existsSync(first))) {
    const found = findLive(first);
    if (found.kind === "container") return [{ policy: found.policy, container: found.container }];
    throw new Failure(EXIT.usage, `'${shown(first)}' is a network`, "name a container, or policy files");
  }
  const compiled = compileOrFail(names, true);
  const { policy } = compiled;
  const applied = readApplied(policy.name);
  if (applied === undefined)
    throw new Failure(
      EXIT.system,
      `the policy '${shown(policy.name)}' isn't live here`,
      "tsnet compile FILE --apply makes it live",
    );
  if (!isRecorded(compiled, applied))
    note("tsnet: this isn't the text that was applied: what it says anew counts from its apply on");
  return [{ policy, container: undefined }];
}

async function look(subjects: readonly Subject[]): Promise<Report> {
  const accounting = isAccounting();
  const policies: Counts[] = [];
  for (const { policy, container } of subjects) {
    requireNftables(policy.name, "stats");
    const ruleset = plan(policy);
    const flows = accounting ? await flowsOf(policy) : [];
    const whole = statsOf(policy, ruleset, await readCounters(ruleset), flows);
    const about = container && mentions(policy, container);
    const counts =
      about === undefined
        ? whole
        : { defaults: [], statements: whole.statements.filter((one) => about.has(one.origin)) };
    policies.push({ policy: policy.name, ...counts });
  }
  return { accounting, policies };
}

function isAccounting(): boolean {
  try {
    return readFileSync("/proc/sys/net/netfilter/nf_conntrack_acct", "utf8").trim() !== "0";
  } catch {
    return false;
  }
}

async function flowsOf(policy: Policy): Promise<Flow[]> {
  const own = ownAddresses(policy.containers);
  const here = localAddresses();
  const flows: Flow[] = [];
  for (const connection of await listConnections(inhabitedFamilies(policy.containers))) {
    const packet = packetOf(policy, own, () => here, connection);
    if (packet !== undefined && connection.bytes !== undefined) flows.push({ packet, bytes: connection.bytes });
  }
  return flows;
}

/** Ctrl-C, or the signal of who started it. */
class Ending {
  over = false;
  private wake: () => void = () => undefined;

  constructor() {
    const end = (): void => {
      this.over = true;
      this.wake();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
    standardOutput.onGone(end);
  }

  async pause(seconds: number): Promise<void> {
    if (this.over) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, seconds * 1000);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// For programs -------------------------------------------------------------------------------------------------------

function toJson({ accounting, policies }: Report): unknown {
  const bytesOf = ({ bytes }: { bytes: number }): number | null => (accounting ? bytes : null);
  return {
    accounting,
    policies: policies.map(({ policy, statements, defaults }) => ({
      policy,
      statements: statements.map((one) => ({
        kind: one.kind,
        text: one.origin.text,
        file: one.origin.span.file.name,
        ...placeOf(one),
        packets: one.packets,
        bytes: bytesOf(one),
      })),
      defaults: defaults.map((one) => ({
        default: one.name,
        network: one.network ?? null,
        verdict: one.verdict,
        packets: one.packets,
        bytes: bytesOf(one),
      })),
      never: statements.filter(isIdle).map(cite),
    })),
  };
}

function placeOf({ origin: { span } }: StatementCount): { line: number; column: number } {
  const { line, column } = span.file.position(span.start);
  return { line, column };
}

const isIdle = ({ packets }: StatementCount): boolean => packets === 0;
const cite = ({ origin }: StatementCount): string => `${location(origin.span)}  ${origin.text}`;

// For people ---------------------------------------------------------------------------------------------------------

function show({ accounting, policies }: Report, before?: Report): void {
  for (const counts of policies) {
    const { policy, statements, defaults } = counts;
    const old = before?.policies.find((other) => other.policy === policy);
    print(`policy ${shown(policy)}`);
    print(heading(accounting, before !== undefined));
    statements.forEach((one, i) => print(row(one, cite(one), accounting, old?.statements[i])));
    defaults.forEach((one, i) => print(row(one, nameOf(one), accounting, old?.defaults[i])));
    const idle = statements.filter(isIdle).length;
    if (idle > 0) print(`${idle} of ${statements.length} statements never decided a packet`);
    print("");
  }
  if (!accounting && standardError.isTerminal)
    note("tsnet: sysctl -w net.netfilter.nf_conntrack_acct=1 has the kernel count the bytes of new connections, too");
}

const WIDTH = 12;

function heading(accounting: boolean, again: boolean): string {
  const columns = ["packets", ...(again ? ["new"] : []), ...(accounting ? ["bytes"] : [])];
  return columns.map((word) => word.padStart(WIDTH)).join("");
}

function row(one: StatementCount | DefaultCount, text: string, accounting: boolean, old?: { packets: number }): string {
  const columns = [one.packets, ...(old === undefined ? [] : [one.packets - old.packets])].map(String);
  if (accounting) columns.push(String(one.bytes));
  return `${columns.map((word) => word.padStart(WIDTH)).join("")}  ${shown(text)}`;
}

function nameOf({ name, network, verdict }: DefaultCount): string {
  return `default: ${DEFAULTS[name]}${network === undefined ? "" : ` (${network})`}: ${verdict}`;
}
