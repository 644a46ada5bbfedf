/**
 * The trial that is on: what `--confirm` applied, until when, and what it goes back to.
 *
 * There is one at a time, and while it is on nothing else is applied: another policy could take what going back needs,
 * such as a host port. The record is written before anything is changed, so that a killed apply is taken back too.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { unlink } from "../system/files.js";
import { timestamp } from "../text/clock.js";
import { component } from "../topology/names.js";
import { saveSecret } from "./files.js";
import type { Texts } from "./history.js";
import { Obstacle } from "./obstacle.js";

const ROOT = "/run/tsnet";
const VERSION = 1;

export interface Trial {
  readonly version: number;
  readonly id: string;
  readonly policy: string;
  /** Of the texts on trial. */
  readonly hash: string;
  readonly by: string;
  readonly seconds: number;
  /** ISO 8601, UTC; for people. */
  readonly until: string;
  /** Seconds since the machine started, suspended ones too: the wall clock may be set meanwhile. */
  readonly deadline: number;
  /** False until the apply has come to its end. */
  readonly applied: boolean;
  /** The network namespace that it is about. */
  readonly place: string;
  /** Null when the policy wasn't live before. */
  readonly before: Texts | null;
}

const pathOf = (policy: string): string => `${ROOT}/trial-${component(policy)}.json`;
/** Whoever waits for the end of the trial says so here, with the trial's id and its own. */
const waiterOf = (policy: string): string => `${ROOT}/trial-${component(policy)}.waiter`;

const here = (): string => readlinkSync("/proc/self/ns/net");

/** The trial that is on, or overdue; undefined when there is none. */
export function readTrial(): Trial | undefined {
  if (!existsSync(ROOT)) return undefined;
  for (const file of readdirSync(ROOT)) {
    if (!/^trial-.*\.json$/.test(file)) continue;
    const trial = readFile(`${ROOT}/${file}`);
    if (trial?.version === VERSION && trial.place === here()) return trial;
  }
  return undefined;
}

function readFile(path: string): Trial | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Trial;
  } catch (error) {
    // Gone since it was listed.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // A trial mustn't be overlooked.
    if (error instanceof SyntaxError)
      throw new Obstacle(`${path} is damaged`, "remove it: no trial can be read from it");
    throw error;
  }
}

/** A trial that begins now, not yet on record. */
export function newTrial(about: Pick<Trial, "policy" | "hash" | "by" | "seconds" | "before">): Trial {
  const id = process.getBuiltinModule("node:crypto").randomBytes(6).toString("hex");
  return { version: VERSION, id, ...about, ...endOf(about.seconds), applied: false, place: here() };
}

function endOf(seconds: number): Pick<Trial, "until" | "deadline"> {
  return { until: timestamp(Date.now() + seconds * 1000), deadline: uptime() + seconds };
}

export function writeTrial(trial: Trial): void {
  saveSecret(pathOf(trial.policy), JSON.stringify(trial), false);
}

/** The apply is done: its seconds count from now. Returns what is on record then. */
export function extendTrial(trial: Trial): Trial {
  const extended = { ...trial, ...endOf(trial.seconds), applied: true };
  writeTrial(extended);
  return extended;
}

/** Ends the trial; whoever waits for it notices within a second. */
export function forgetTrial({ policy }: Trial): void {
  unlink(pathOf(policy));
  unlink(waiterOf(policy));
}

/** Seconds until it ends; not above 0 when it is overdue. */
export function remaining(trial: Trial): number {
  return trial.deadline - uptime();
}

export function announceWaiter({ policy, id }: Trial): void {
  writeFileSync(waiterOf(policy), `${id} ${process.pid}\n`, { mode: 0o600 });
}

export function hasWaiter({ policy, id }: Trial): boolean {
  try {
    return readFileSync(waiterOf(policy), "utf8").startsWith(`${id} `);
  } catch {
    return false;
  }
}

/** Why nothing else is applied now, and what to do. */
export function onTrial(trial: Trial): Obstacle {
  if (remaining(trial) <= 0)
    return new Obstacle(
      `the trial of '${trial.policy}' is over since ${trial.until}, and wasn't taken back`,
      "`tsnet rollback` takes it back; or apply what is to be in force, without --confirm",
    );
  return new Obstacle(
    `the policy '${trial.policy}' is on trial until ${trial.until}, and nothing else is applied meanwhile`,
    "`tsnet confirm` keeps it, `tsnet rollback` takes it back at once",
  );
}
