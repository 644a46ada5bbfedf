/** What stands between a policy and this machine: reads both, finds what differs, and refuses what is in the way. */
import { type Approach, approach } from "../backend/nftables/apply.js";
import { Mirror } from "../backend/nftables/mirror.js";
import { plan } from "../backend/nftables/plan.js";
import type { NamedTable } from "../backend/nftables/readback.js";
import type { Ruleset } from "../backend/nftables/ruleset.js";
import type { Compiled } from "../ir/compile.js";
import { differ, type Difference } from "../topology/difference.js";
import { planTopology } from "../topology/plan.js";
import { readTopology } from "../topology/read.js";
import type { Topology } from "../topology/topology.js";
import { Obstacle } from "./obstacle.js";
import { plainEdit } from "./plain-edit.js";
import { holderOfPorts } from "./ports.js";
import { type Applied, isRecorded, readApplied, recompile } from "./state.js";

export interface Survey {
  readonly topology: Topology;
  /** What is on record of the policy, and what it was compiled from. */
  readonly applied: Applied | undefined;
  readonly before: Compiled | undefined;
  readonly ruleset: Ruleset;
  /** Undefined where the rules weren't asked for. */
  readonly rules: Approach | undefined;
  readonly difference: Difference;
}

export interface SurveyOptions {
  /** False: the rules aren't asked for. */
  readonly rules?: boolean;
  /** What may be on record, compiled already. */
  readonly known?: Compiled | undefined;
  /** Read the sysctls inside the sandboxes too. */
  readonly thorough?: boolean;
  /** Find what differs by reading it all, and what was compiled before, where less would do for an apply. */
  readonly whole?: boolean;
}

/** Changes nothing. Throws `Obstacle` where something is in the way of an apply. */
export async function survey(compiled: Compiled, options: SurveyOptions = {}): Promise<Survey> {
  const { policy } = compiled;
  const topology = planTopology(policy);
  const applied = readApplied(policy.name);
  // Compiling is pure: the same texts need it once.
  const known = [compiled, options.known].find((one) => one !== undefined && isRecorded(one, applied));
  const quick = options.whole !== true && known !== compiled && applied !== undefined;
  const edit = quick ? plainEdit(compiled, applied) : undefined;
  // What isn't a plain rule is the same then, and nobody asks for more.
  const before = applied && (known ?? (edit === undefined ? recompile(applied) : compiled));
  const reading = readTopology(topology, {
    before: before && planTopology(before.policy),
    settings: options.thorough === true,
  });
  const ruleset = plan(policy);
  const textsOf = (files: Applied["files"]): string[] => files.flatMap(({ name, text }) => [name, text]);
  const source = {
    texts: textsOf(compiled.files),
    last: edit && applied && { texts: textsOf(applied.files), change: () => Mirror.of(policy, ruleset)?.since(edit) },
  };
  const rules = options.rules === false ? undefined : await approach(ruleset, applied?.committed, source);
  const actual = await reading;
  const difference = differ(topology, actual);
  refuse(difference);
  refuseTable(rules?.foreign[0]);
  await holderOfPorts(policy, before?.policy);
  return { topology, applied, before, ruleset, rules, difference };
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
