/**
 * Applies a policy: topology and rules together, fail-closed.
 *
 * Order: nothing is changed before every conflict is known and, where the ruleset is new, the kernel has it checked by
 * the commit itself, which is one transaction. New devices come up only after the rules are in; devices that go away
 * are gone before. A failure takes back what was done.
 */
import { checkText, clearBatches, commitText } from "../backend/nftables/apply.js";
import { plan } from "../backend/nftables/plan.js";
import { compare, foreignTables, type NamedTable } from "../backend/nftables/readback.js";
import { toRemoval, toText } from "../backend/nftables/text.js";
import type { Compiled } from "../ir/compile.js";
import type { Policy } from "../ir/policy.js";
import type { Span } from "../text/source.js";
import { prepare, raise, retire } from "../topology/apply.js";
import { differ, type Difference } from "../topology/difference.js";
import { requireForwarding } from "../topology/forwarding.js";
import { planTopology } from "../topology/plan.js";
import { readTopology } from "../topology/read.js";
import { cutConnections } from "./connections.js";
import { withLock } from "./lock.js";
import { Obstacle } from "./obstacle.js";
import { holderOfPorts } from "./ports.js";
import { requireSystem } from "./ready.js";
import { digest, isRecorded, readApplied, recompile, tidyDirectories, writeApplied } from "./state.js";

export interface ApplyOptions {
  /** Have the kernel check everything, change nothing. */
  readonly dryRun?: boolean;
  /** False: build the network without its rules, and leave no record. For measuring what the rules do. */
  readonly rules?: boolean;
  /** Told once when another writer holds the lock. */
  readonly waiting?: (holder: string) => void;
}

export interface ApplyResult {
  readonly changed: boolean;
  /** Kernel objects and files that were added, changed or removed, a table counting as one. */
  readonly operations: number;
  /** What was done, a sentence each. */
  readonly changes: readonly string[];
  /** Things that couldn't be tidied up afterwards. */
  readonly problems: readonly string[];
  /** Milliseconds. */
  readonly timings: { readonly plan: number; readonly commit: number };
}

/** A statement that is in the language but can't be applied by this backend. */
export class Inexpressible extends Error {
  override readonly name = "Inexpressible";
  readonly span: Span;

  constructor(message: string, span: Span) {
    super(message);
    this.span = span;
  }
}

/** Statements that are understood but can't be applied yet; `printing` asks for those that can't even be printed. */
export function inexpressible(policy: Policy, printing = false): Inexpressible | undefined {
  const [share] = policy.shares;
  if (share !== undefined && !printing) return new Inexpressible("'share' can't be applied yet", share.origin.span);
  const macvlan = policy.networks.find((network) => network.driver === "macvlan");
  if (macvlan?.origin !== undefined)
    return new Inexpressible("'driver macvlan' can't be applied yet", macvlan.origin.span);
  return undefined;
}

export async function applyPolicy(compiled: Compiled, options: ApplyOptions = {}): Promise<ApplyResult> {
  const { policy } = compiled;
  const obstacle = inexpressible(policy);
  if (obstacle !== undefined) throw obstacle;
  await requireSystem();
  const lock = options.waiting === undefined ? {} : { waiting: options.waiting };
  try {
    return await withLock(() => applyLocked(compiled, options), lock);
  } finally {
    tidyDirectories(policy.name);
  }
}

async function applyLocked(compiled: Compiled, options: ApplyOptions): Promise<ApplyResult> {
  const { policy } = compiled;
  const started = performance.now();
  clearBatches();
  const topology = planTopology(policy);
  const applied = readApplied(policy.name);
  const before = applied === undefined ? undefined : recompile(applied);
  const reading = readTopology(topology, { before: before && planTopology(before.policy) });
  const ruleset = plan(policy);
  const text = toText(ruleset);
  const rulesChanged =
    options.rules === false ? false : digest(text) !== applied?.ruleset || (await compare(ruleset)) !== "equal";
  const [actual, foreign] = await Promise.all([reading, applied === undefined ? foreignTables(ruleset.tables) : []]);
  const difference = differ(topology, actual);
  refuse(difference);
  refuseTable(foreign[0]);
  await holderOfPorts(policy, before?.policy);
  const planned = performance.now();
  const changes = difference.changes.map((change) => change.text);
  if (rulesChanged)
    changes.push(`load the ruleset ${ruleset.tables.map((table) => `${table.family} ${table.name}`).join(", ")}`);
  const result = (problems: readonly string[]): ApplyResult => ({
    changed: changes.length > 0,
    operations: changes.length,
    changes,
    problems,
    timings: { plan: planned - started, commit: performance.now() - planned },
  });
  if (options.dryRun === true) {
    if (rulesChanged) await checkText(text);
    return result([]);
  }
  const problems = await commit(compiled, difference, rulesChanged ? text : undefined, before);
  if (options.rules !== false) {
    const cut = rulesChanged
      ? await cutConnections(policy, before?.policy, applied?.cut ?? [])
      : { flows: applied?.cut ?? [], problems: [] };
    problems.push(...cut.problems);
    // A text may change what no kernel object shows, such as whose sandbox a container shares.
    if (changes.length > 0 || !isRecorded(compiled, applied)) writeApplied(compiled, text, cut.flows);
  }
  return result(problems);
}

function refuse(difference: Difference): void {
  const [first, ...others] = difference.conflicts;
  if (first === undefined) return;
  const more = others.map((conflict) => `\n       also: ${conflict.message}`).join("");
  throw new Obstacle(`${first.message}${first.from === undefined ? "" : ` (${first.from})`}${more}`, first.mend);
}

function refuseTable(table: NamedTable | undefined): void {
  if (table === undefined) return;
  const name = `${table.family} ${table.name}`;
  throw new Obstacle(
    `the table ${name} that the policy needs exists already and isn't tsnet's`,
    `remove it (nft delete table ${name}), or give the policy another name`,
  );
}

/** The changes themselves; returns what couldn't be tidied up. */
async function commit(
  compiled: Compiled,
  difference: Difference,
  rules: string | undefined,
  before: Compiled | undefined,
): Promise<string[]> {
  const { policy } = compiled;
  const undos: (() => Promise<string[]>)[] = [];
  try {
    undos.push(await prepare(difference));
    if (rules !== undefined) {
      await commitText(rules);
      undos.push(async () => {
        await commitText(before === undefined ? toRemoval(plan(policy)) : toText(plan(before.policy)));
        return [];
      });
    }
    undos.push(await raise(difference));
    await requireForwarding(policy.name, planTopology(policy).forwards);
  } catch (error) {
    const left: string[] = [];
    for (const undo of undos.reverse())
      left.push(...(await undo().catch((e: unknown) => [String((e as Error).message)])));
    if (left.length > 0) (error as Error).message += `; and taking back what was done failed: ${left.join("; ")}`;
    throw error;
  }
  return retire(difference);
}
