/** `tsnet audit` */
import { audit as auditKernel, type AuditReport, livePolicies } from "../audit/audit.js";
import type { Drift, Finding, Foreign, PolicyReport } from "../audit/report.js";
import { citation } from "../audit/statement.js";
import type { Compiled } from "../ir/compile.js";
import { applyPolicy } from "../transaction/apply.js";
import { withLock } from "../transaction/lock.js";
import { Obstacle } from "../transaction/obstacle.js";
import { finishCutOff } from "../transaction/recover.js";
import { requireSystem } from "../transaction/ready.js";
import { tidyDirectories } from "../transaction/state.js";
import { onTrial, readTrial } from "../transaction/trial.js";
import { EXIT } from "./exit.js";
import { requireNftables } from "./nftables-only.js";
import { compileOrFail } from "./input.js";
import { hasDone, note, print, printJson, shown, waiting } from "./output.js";
import { endOverdue } from "./trial.js";

export interface AuditFlags {
  readonly json?: boolean;
  readonly fix?: boolean;
}

export async function audit(files: readonly string[], options: AuditFlags): Promise<void> {
  const given = files.length > 0 ? [compileOrFail(files, true)] : undefined;
  await requireSystem("reading back what the kernel has", ["nft"]);
  for (const { policy } of given ?? livePolicies()) requireNftables(policy.name, "audit");
  let report = await read(given);
  let mended: string[] | undefined;
  if (options.fix === true) {
    const before = report;
    await endOverdue();
    await complete(given?.[0], before);
    await fix(given ?? livePolicies(), before);
    report = await read(given);
    mended = gone(before, report);
    if (mended.length > 0) hasDone("what was mended stays mended");
  }
  if (options.json) printJson(json(report, mended));
  else show(report, mended, files);
  if (isWrong(report)) process.exitCode = EXIT.differs;
}

/** Under the lock: an apply under way would look like drift. */
async function read(given: readonly Compiled[] | undefined): Promise<AuditReport> {
  try {
    return await withLock(() => auditKernel(given ?? livePolicies()), { waiting });
  } finally {
    tidyDirectories("");
  }
}

const isCutOff = ({ findings }: AuditReport): boolean => findings.some(({ code }) => code === "cut-off");

/** What a killed command left under way, unless it is about the given policy, which is applied anyway. */
async function complete(given: Compiled | undefined, before: AuditReport): Promise<void> {
  if (!isCutOff(before)) return;
  for (const done of await finishCutOff(given?.policy.name, waiting)) note(`tsnet: ${done}`);
}

/** Applies every policy that has drifted, and those whose apply was cut off. One that is refused keeps no other waiting. */
async function fix(policies: readonly Compiled[], before: AuditReport): Promise<void> {
  const cutOff = isCutOff(before);
  const drifted = policies.filter(({ policy: { name } }) => {
    const report = before.policies.find(({ policy }) => policy === name);
    return report?.drift.length !== 0 || cutOff || report.findings.some(({ code }) => code === "no-record");
  });
  for (const compiled of drifted) {
    // What nobody has confirmed isn't to stay because it was mended.
    const trial = readTrial();
    if (trial !== undefined) throw onTrial(trial);
    try {
      const { problems } = await applyPolicy(compiled, { waiting, thorough: true });
      for (const problem of problems) note(`tsnet: ${problem}`);
    } catch (error) {
      if (drifted.length === 1 || !(error instanceof Obstacle)) throw error;
      note(`tsnet: ${shown(compiled.policy.name)} can't be mended: ${error.message}`);
      if (error.help !== undefined) note(`       ${error.help}`);
    }
  }
}

/** What was found before and isn't any more. */
function gone(before: AuditReport, after: AuditReport): string[] {
  const messages = ({ policies, findings }: AuditReport): string[] => [
    ...policies.flatMap(({ drift }) => drift.map(whole)),
    ...findings.filter(({ severity }) => severity === "error").map(({ message }) => message),
  ];
  const left = new Set(messages(after));
  return messages(before).filter((message) => !left.has(message));
}

const whole = ({ message, effect }: Drift): string => `${message}: ${effect}`;

function isWrong({ policies, findings }: AuditReport): boolean {
  const all = [...findings, ...policies.flatMap((report) => report.findings)];
  return policies.some(({ drift }) => drift.length > 0) || all.some(({ severity }) => severity === "error");
}

// For programs -------------------------------------------------------------------------------------------------------

function json({ policies, findings }: AuditReport, mended: readonly string[] | undefined): unknown {
  return {
    drift: policies.flatMap((report) =>
      report.drift.map((one) => ({
        object: one.object,
        statement: statement(one.origin, report),
        message: whole(one),
      })),
    ),
    foreign: policies.flatMap((report) =>
      report.foreign.map(({ object, effect, origin, message }) => ({
        object,
        effect,
        statement: statement(origin, report),
        message,
      })),
    ),
    findings: [...findings, ...policies.flatMap((report) => report.findings)].map(
      ({ code, severity, message, file, line }) => ({ code, severity, message, file, line }),
    ),
    ...(mended === undefined ? {} : { mended }),
  };
}

const statement = (origin: Drift["origin"], { file, policy }: PolicyReport): string => citation(origin, file, policy);

// For people ---------------------------------------------------------------------------------------------------------

/** More of one kind are counted. */
const MOST = 30;

function show(
  { policies, findings }: AuditReport,
  mended: readonly string[] | undefined,
  files: readonly string[],
): void {
  if (mended !== undefined) {
    for (const message of mended.slice(0, MOST)) print(`mended   ${shown(message)}`);
    if (mended.length > MOST) print(`… and ${mended.length - MOST} more`);
    if (mended.length === 0) print("nothing was mended");
  }
  if (policies.length === 0) print("nothing is live here");
  const drift = policies.flatMap((report) => report.drift.map((one) => ({ one, report })));
  const foreign = policies.flatMap((report) => report.foreign.map((one) => ({ one, report })));
  const rest = [...findings, ...policies.flatMap((report) => report.findings)].filter(
    ({ code }) => !/^foreign-/.test(code) || code === "foreign-unclear",
  );
  const told = new Set(foreign.map(({ one }) => one.message));
  const others = rest.filter(
    ({ message, code }) => !told.has(message) && !(code === "verdict-differs" && drift.length > 0),
  );
  section(
    "drift",
    drift.map(({ one: { message, effect, origin, byHand }, report }) => ({
      ...{ message, effect, mend: byHand?.mend, at: statement(origin, report) },
    })),
  );
  for (const severity of ["error", "warning", "info"] as const) {
    const wanted = ({ severity: its }: Foreign | Finding): boolean => its === severity;
    section(severity, [
      ...foreign
        .filter(({ one }) => wanted(one))
        .map(({ one, report }) => ({ message: one.message, at: statement(one.origin, report) })),
      ...others
        .filter(wanted)
        .map(({ message, file, line }) => ({ message, at: file === null ? undefined : `${file}:${line}` })),
    ]);
  }
  const advice: Advice = {
    fix: ["tsnet audit", ...files, "--fix"].join(" "),
    fixed: mended !== undefined,
    trial: findings.some(({ code, severity }) => code === "on-trial" && severity === "info"),
  };
  for (const report of policies) print(summary(report, advice));
}

interface Line {
  readonly message: string;
  readonly effect?: string;
  readonly mend?: string | undefined;
  readonly at: string | undefined;
}

function section(title: string, entries: readonly Line[]): void {
  for (const { message, effect, mend, at } of entries.slice(0, MOST)) {
    print(`${title.padEnd(8)} ${shown(message)}`);
    if (effect !== undefined) print(`         ${shown(effect)}`);
    if (mend !== undefined) print(`         by hand: ${shown(mend)}`);
    if (at !== undefined) print(`         ${shown(at)}`);
  }
  if (entries.length > MOST) print(`${title.padEnd(8)} … and ${entries.length - MOST} more (--json has them all)`);
}

/** What may be advised besides. */
interface Advice {
  readonly fix: string;
  /** It has just been done. */
  readonly fixed: boolean;
  /** Nothing is applied before its end. */
  readonly trial: boolean;
}

function summary({ policy, drift, foreign }: PolicyReport, advice: Advice): string {
  const errors = foreign.filter(({ severity }) => severity === "error").length;
  const name = shown(policy);
  if (drift.length === 0 && errors === 0) return `${name}: as the policy says`;
  const parts = [
    ...(drift.length === 0 ? [] : [`${drift.length} ${drift.length === 1 ? "drift" : "drifts"}`]),
    ...(errors === 0 ? [] : [`${errors} foreign ${errors === 1 ? "rule is" : "rules are"} in the way`]),
  ];
  return `${name}: ${[parts.join(", "), ...mendText(drift, advice)].join("; ")}`;
}

/** What puts right what has drifted, as far as anything does. */
function mendText(drift: readonly Drift[], { fix, fixed, trial }: Advice): string[] {
  const first = drift.filter(({ byHand }) => byHand?.first === true);
  if (first.length > 0)
    return [`an apply refuses before ${first.length === 1 ? "that is" : "those are"} put right by hand`];
  const left = drift.filter(({ byHand }) => byHand === undefined);
  if (left.length === 0) return [];
  if (fixed) return ["an apply doesn't put that right: removing the policy and applying it again does"];
  const what = left.length === drift.length ? "what has drifted" : `${left.length} of them`;
  return [`\`${shown(fix)}\` puts right ${what}${trial ? ", when the trial is over" : ""}`];
}
