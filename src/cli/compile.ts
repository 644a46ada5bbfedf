/** `tsnet compile` */
import { now } from "../text/clock.js";
import { plural } from "../text/display.js";
import { toJson } from "../backend/nftables/json.js";
import { plan } from "../backend/nftables/plan.js";
import { sourceMap } from "../backend/nftables/source-map.js";
import { toText } from "../backend/nftables/text.js";
import { type Asked, AUTO } from "../backend/choice.js";
import { APPLICABLE } from "../backend/registry.js";
import { Inexpressible } from "../backend/inexpressible.js";
import type { Compiled } from "../ir/compile.js";
import { choiceJson, noteChoice } from "./chosen.js";
import { EXIT, Failure } from "./exit.js";
import { failInexpressible } from "./inexpressible.js";
import { compileOrFail } from "./input.js";
import {
  diagnosticsJson,
  hasDone,
  note,
  print,
  printChanges,
  printExactly,
  printJson,
  shown,
  waiting,
} from "./output.js";
import { PRINTABLE } from "./printable.js";
import { endOverdue, type Trial, trialJson, trialOf, trialText } from "./trial.js";

export interface CompileFlags {
  readonly backend?: Asked;
  readonly format?: "json" | "text";
  readonly family?: "4" | "6";
  readonly topology?: boolean;
  readonly json?: boolean;
  readonly apply?: boolean;
  readonly dryRun?: boolean;
  /** Seconds. */
  readonly confirm?: number;
}

export async function compile(files: readonly string[], options: CompileFlags): Promise<void> {
  const given = (["format", "family", "topology"] as const).find((name) => options[name] !== undefined);
  if (options.apply && given !== undefined)
    throw new Failure(EXIT.usage, `--${given} prints, so it doesn't go with --apply`);
  if (options.dryRun && !options.apply) throw new Failure(EXIT.usage, "--dry-run goes with --apply");
  if (options.confirm !== undefined && !options.apply)
    throw new Failure(EXIT.usage, "--confirm goes with --apply", "tsnet compile FILE --apply --confirm 60");
  if (options.confirm !== undefined && options.dryRun)
    throw new Failure(EXIT.usage, "--dry-run changes nothing, so there is nothing to --confirm");
  if (options.backend === AUTO && !options.apply)
    throw new Failure(
      EXIT.usage,
      "--backend auto asks this host, and what compile prints is the same everywhere: it goes with --apply",
      `print one of: ${PRINTABLE.join(", ")}; \`tsnet doctor\` shows what this host can apply`,
    );
  if (
    options.apply &&
    options.backend !== undefined &&
    options.backend !== AUTO &&
    !APPLICABLE.includes(options.backend)
  )
    throw new Failure(
      EXIT.usage,
      `--backend ${options.backend} prints only, so far`,
      `apply with one of: ${APPLICABLE.join(", ")}`,
    );
  if (options.family !== undefined && options.backend !== "iptables")
    throw new Failure(EXIT.usage, "--family goes with --backend iptables: the others hold both families in one");
  if (options.format !== undefined && options.backend === "iptables")
    throw new Failure(EXIT.usage, "--format goes with --backend nft: iptables has one form");
  const started = now();
  // With --json, diagnostics are part of the object.
  const compiled = compileOrFail(files, options.json);
  if (options.apply) return apply(compiled, options, now() - started);
  const { inexpressible } = await import("../transaction/apply.js");
  const obstacle = inexpressible(compiled.policy);
  if (obstacle !== undefined) failInexpressible(obstacle, options.json ?? false);
  const { planTopology } = await import("../topology/plan.js");
  const { formatTopology } = await import("../topology/format.js");
  const topology = planTopology(compiled.policy);
  if (options.backend === "ebpf" && options.topology !== true)
    return (await import("./print-maps.js")).printMaps(compiled, topology, options);
  if (options.backend === "iptables" && options.topology !== true)
    return (await import("./print-restore.js")).printRestore(compiled, topology, options);
  const ruleset = plan(compiled.policy);
  if (options.json) {
    if (options.topology) return printJson(topology);
    return printJson({
      policy: compiled.policy.name,
      ruleset: toJson(ruleset),
      topology,
      sourceMap: sourceMap(ruleset),
      diagnostics: diagnosticsJson(compiled.diagnostics),
    });
  }
  if (options.topology) return print(formatTopology(topology));
  if (options.format === "text") return printExactly(toText(ruleset, { locations: true }));
  printExactly(JSON.stringify(toJson(ruleset)));
}

/** What a text without a statement is made of. */
const NOTHING = /^\uFEFF?(?:[\s;,]|#[^\n]*(?:\n|$))*$/;

/** A file that was cut off, or a program that failed before a pipe, is no wish to take everything away. */
async function refuseNothing({ policy, files }: Compiled): Promise<void> {
  if (policy.containers.length > 0 || !files.every(({ text }) => NOTHING.test(text))) return;
  const { readApplied } = await import("../transaction/state.js");
  if (readApplied(policy.name) === undefined) return;
  throw new Failure(
    EXIT.policy,
    `the text has no statement, and the policy '${shown(policy.name)}' is live: nothing was changed`,
    `to take it away: tsnet remove --policy ${policy.name}; who means an empty policy says so: policy ${policy.name}`,
  );
}

async function apply(compiled: Compiled, options: CompileFlags, compiling: number): Promise<void> {
  await refuseNothing(compiled);
  const { applyPolicy } = await import("../transaction/apply.js");
  if (!options.dryRun) await endOverdue();
  let trial: Trial | undefined;
  const begun = (one: Trial): void => void (trial = one);
  const purpose = options.confirm === undefined ? undefined : await trialOf(options.confirm, begun);
  try {
    const result = await applyPolicy(compiled, {
      backend: options.backend,
      dryRun: options.dryRun ?? false,
      waiting,
      ...(purpose === undefined ? {} : { purpose }),
    });
    const { changed, operations, timings, changes, problems, warnings, choice } = result;
    if (changed && !options.dryRun)
      hasDone(trial === undefined ? "what was applied stays applied" : "what was applied is on trial all the same");
    noteChoice(choice);
    for (const said of [...problems, ...warnings]) note(`tsnet: ${said}`);
    if (options.json) {
      const { parse } = compiled.timings;
      const diagnostics = diagnosticsJson(compiled.diagnostics);
      printJson({
        changed,
        ...(options.dryRun ? { dryRun: true } : {}),
        operations,
        timings: { parse, compile: compiling - parse, ...timings },
        changes,
        ...(warnings.length === 0 ? {} : { warnings }),
        diagnostics,
        ...(choice === undefined ? {} : { chosen: choiceJson(choice) }),
        ...(trial === undefined ? {} : { trial: trialJson(trial) }),
      });
      return;
    }
    const name = shown(compiled.policy.name);
    if (changed) printChanges(changes, options.dryRun ? "would" : "did");
    print(
      !changed
        ? `${name}: nothing to change`
        : options.dryRun
          ? `${name}: checked, nothing was changed`
          : `${name}: applied, ${plural(operations, "change")} in ${timings.commit.toFixed(0)} ms`,
    );
    if (trial !== undefined) print(`${name}: ${trialText(trial)}`);
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    failInexpressible(error, options.json ?? false);
  }
}
