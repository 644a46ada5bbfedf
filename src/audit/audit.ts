/**
 * An audit: the kernel is read once, and each policy held against it. Drift is a comparison of what the policy compiles
 * to with what was read; the proof runs what was read over every packet; rules of others are run together with ours.
 */
import { prefixOf } from "../backend/iptables/names.js";
import { type ReadTable, readTable } from "../backend/nftables/from-json.js";
import { type ListedTable, listRuleset } from "../backend/nftables/listing.js";
import { tableName } from "../backend/nftables/names.js";
import { plan } from "../backend/nftables/plan.js";
import type { Expression } from "../backend/nftables/ruleset.js";
import type { Compiled } from "../ir/compile.js";
import { LOOPBACK, single, unionOf } from "../net/address.js";
import { ownLinks } from "../topology/actual.js";
import { TRACE_PREFIX } from "../backend/nftables/tracing.js";
import { GUARD_TABLE } from "../topology/guard.js";
import { planTopology } from "../topology/plan.js";
import { readRoutingRules, type RoutingRule } from "../topology/routing-rules.js";
import { readTopology } from "../topology/read.js";
import { localAddresses } from "../transaction/connections.js";
import { hashTexts } from "../transaction/history.js";
import { cutOffText } from "../transaction/cut-off.js";
import { readJournal } from "../transaction/journal.js";
import { type Applied, allApplied, readApplied, recompile } from "../transaction/state.js";
import { readTrial, remaining } from "../transaction/trial.js";
import { BUDGET, differenceText, ruleDrifts, tryProof } from "./drift.js";
import { foreignEffects, type ForeignTable } from "./foreign.js";
import { routingEffects } from "./foreign-routing.js";
import { foreignTables } from "./foreign-tables.js";
import { forwardingDrift } from "./forwarding-drift.js";
import { networkDrift } from "./network-drift.js";
import type { Finding, Foreign, PolicyReport } from "./report.js";
import { routeDevice } from "./route-device.js";
import { working } from "./working.js";
import { behindDecision, placeOf } from "./statement.js";

export interface AuditReport {
  readonly policies: readonly PolicyReport[];
  /** About the host as a whole. */
  readonly findings: readonly Finding[];
}

/** Only for who holds the lock: an apply under way would look like drift. Changes nothing. */
export async function audit(policies: readonly Compiled[]): Promise<AuditReport> {
  const tables = await listRuleset();
  const { rules, failure } = await routingRules();
  const reports: PolicyReport[] = [];
  for (const compiled of policies) reports.push(await auditPolicy(compiled, tables, rules));
  return { policies: reports, findings: [...underWay(), ...failure, ...unrecorded(policies, tables)] };
}

/** Every policy that is on record as live. */
export function livePolicies(): Compiled[] {
  return allApplied().map(recompile);
}

async function auditPolicy(
  compiled: Compiled,
  listed: readonly ListedTable[],
  rules: readonly RoutingRule[],
): Promise<PolicyReport> {
  const { policy } = compiled;
  const file = compiled.roots[0];
  const applied = readApplied(policy.name);
  const topology = planTopology(policy);
  const before = applied === undefined ? undefined : planTopology(recompile(applied).policy);
  const actual = await readTopology(topology, { before, settings: true });
  const want = plan(policy);
  const name = tableName(policy.name);
  const have = listed.filter((table) => table.name === name && isOwnFamily(table)).map((table) => readTable(table));
  const base = { policy: policy.name, file };
  if (applied === undefined && have.length === 0 && ownLinks(actual.host, policy.name).length === 0) {
    const message = `the policy ${policy.name} isn't live: nothing of it is in the kernel`;
    const effect = "no statement of it holds; `tsnet compile FILE --apply` makes it live";
    const drift = [{ object: `policy ${policy.name}`, origin: policy.origins[0], message, effect }];
    return { ...base, drift, foreign: [], findings: [], classes: undefined };
  }
  const drift = [
    ...ruleDrifts(policy, want, have),
    ...networkDrift(policy, topology, actual),
    ...(await forwardingDrift(topology, listed)),
  ];
  const proof = tryProof(policy, working(have));
  const others = await foreignTables(listed, (table) => isOurs(table));
  const surroundings = {
    deviceOf: routeDevice(actual.host),
    local: unionOf([LOOPBACK, ...localAddresses().map(single)]),
  };
  const { foreign, failure } = tryForeign(() => [
    ...foreignEffects(policy, have, withoutOurs(others.tables), surroundings),
    ...routingEffects(policy, rules),
  ]);
  const findings = [
    ...recorded(compiled, applied),
    ...proved(compiled, have, proof, drift.length),
    ...others.findings,
    ...failure,
    ...foreign.map((one): Finding => {
      const place = one.origin === undefined ? { file: null, line: null } : placeOf(one.origin);
      return { code: `foreign-${one.effect}`, severity: one.severity, message: one.message, ...place };
    }),
  ];
  return { ...base, drift, foreign, findings, classes: proof?.classes };
}

/** A kernel may have been built without; the rest is told all the same. */
async function routingRules(): Promise<{ rules: readonly RoutingRule[]; failure: readonly Finding[] }> {
  try {
    return { rules: await readRoutingRules(), failure: [] };
  } catch (error) {
    const message = `what this host's routing rules do to the policies' packets can't be told: ${(error as Error).message}`;
    return { rules: [], failure: [finding("foreign-unclear", "info", message)] };
  }
}

/** Somebody else's ruleset may hold what no interpreter expects: that must not hide what has drifted. */
function tryForeign(work: () => Foreign[]): { foreign: Foreign[]; failure: Finding[] } {
  try {
    return { foreign: work(), failure: [] };
  } catch (error) {
    const message = `what the rules of others do to the policy's packets can't be told: ${(error as Error).message}`;
    return { foreign: [], failure: [finding("foreign-unclear", "info", message)] };
  }
}

const isOwnFamily = ({ family }: ListedTable): boolean => family === "inet" || family === "arp";

/** Tables of policies that are on record: each is audited by itself, and speaks of its own containers alone. */
function isOurs(table: ListedTable): boolean {
  if (table.family === "inet" && (table.name === GUARD_TABLE || table.name.startsWith(TRACE_PREFIX))) return true;
  return isOwnFamily(table) && allApplied().some(({ policy }) => tableName(policy) === table.name);
}

/** Tables without the chains that iptables has of policies on record, and without the rules that lead there. */
function withoutOurs(tables: readonly ForeignTable[]): ForeignTable[] {
  const prefixes = allApplied().map(({ policy }) => prefixOf(policy));
  const isOwn = (chain: string): boolean => prefixes.some((prefix) => chain.startsWith(prefix));
  const leadsToOwn = (e: Expression): boolean => e.kind === "verdict" && "chain" in e.target && isOwn(e.target.chain);
  return tables.map((table) => ({
    ...table,
    chains: table.chains
      .filter(({ name }) => !isOwn(name))
      .map((chain) => ({ ...chain, rules: chain.rules.filter(({ expressions }) => !expressions.some(leadsToOwn)) })),
  }));
}

// Findings -----------------------------------------------------------------------------------------------------------

function finding(code: string, severity: Finding["severity"], message: string): Finding {
  return { code, severity, message, file: null, line: null };
}

function recorded(compiled: Compiled, applied: Applied | undefined): Finding[] {
  const { name } = compiled.policy;
  if (applied === undefined)
    return [
      finding(
        "no-record",
        "warning",
        `there is no record of what was applied of ${name}, though something of it is there: \`tsnet compile FILE --apply\` makes one`,
      ),
    ];
  const [now, then] = [hashTexts(compiled), hashTexts(applied)];
  if (now === then) return [];
  return [
    finding(
      "other-text",
      "warning",
      `what was applied of ${name} at ${applied.at} is another text (hash ${then}) than what is audited (hash ${now}): what differs between them is told as drift`,
    ),
  ];
}

/** More are told by their number. */
const MOST = 10;

function proved(
  { policy }: Compiled,
  have: readonly ReadTable[],
  proof: ReturnType<typeof tryProof>,
  drifts: number,
): Finding[] {
  if (proof === undefined)
    return [
      finding(
        "not-proved",
        have.some(({ sets, chains }) => sets.some((set) => !set.understood) || chains.length > 0) && drifts === 0
          ? "error"
          : "warning",
        `the live rules of ${policy.name} can't be interpreted as a whole, so nothing is proved of them`,
      ),
    ];
  const { differences, classes, cut } = proof;
  if (differences.length === 0)
    return drifts > 0
      ? []
      : [
          finding(
            "proved",
            "info",
            `the live rules of ${policy.name} do with every packet what the policy says (${classes} classes of packets)`,
          ),
        ];
  return differences.slice(0, MOST).map((difference, i) => {
    const origin = behindDecision(policy, difference.packet, difference.expected);
    const last = i === Math.min(MOST, differences.length) - 1;
    const count = differences.length - MOST;
    const more = !last
      ? ""
      : cut
        ? ` (and ${count > 0 ? `${count} or ` : ""}more: the search was ended after ${BUDGET / 1000} seconds)`
        : count > 0
          ? ` (and ${count} more)`
          : "";
    const place = origin === undefined ? { file: null, line: null } : placeOf(origin);
    return { code: "verdict-differs", severity: "error", message: differenceText(policy, difference) + more, ...place };
  });
}

/** Seconds that whoever waits for the end of a trial may need to take it back. */
const TAKING_BACK = 5;

/** What a killed command left, and a trial. */
function underWay(): Finding[] {
  const out: Finding[] = [];
  const journal = readJournal();
  if (journal !== undefined) {
    const { doing, policy } = journal;
    const mend =
      doing === "apply"
        ? `the next apply of it completes it, and \`tsnet audit --fix\` or an apply of another policy takes it back`
        : `\`tsnet remove --policy ${policy}\` or \`tsnet audit --fix\` completes it`;
    out.push(finding("cut-off", "error", `${cutOffText(journal)}, so what it changes may be half done: ${mend}`));
  }
  const trial = readTrial();
  if (trial !== undefined) {
    const { policy, until } = trial;
    const about = `the policy '${policy}' is on trial`;
    const left = remaining(trial);
    if (left > 0) out.push(finding("on-trial", "info", `${about} until ${until}: \`tsnet confirm\` keeps it`));
    else {
      const message = `${about} and over since ${until}, and nobody has taken it back: what is live was never confirmed; \`tsnet rollback\` takes it back`;
      out.push(finding("on-trial", left > -TAKING_BACK ? "info" : "error", message));
    }
  }
  return out;
}

/** Tables that look like ours, and that no policy on record or under audit has. */
function unrecorded(policies: readonly Compiled[], tables: readonly ListedTable[]): Finding[] {
  const known = new Set(
    [...allApplied().map(({ policy }) => policy), ...policies.map(({ policy }) => policy.name)].map(tableName),
  );
  return tables
    .filter((table) => table.name.startsWith("tsnet-") && isOwnFamily(table) && !known.has(table.name))
    .map(({ family, name }) =>
      finding(
        "stray-table",
        "warning",
        `the table ${family} ${name} looks like tsnet's, and no policy on record has it: \`tsnet remove --policy ${name.slice("tsnet-".length)}\` takes it away`,
      ),
    );
}
