/** What a test has a lab's host do: the phases of an apply without any rules. Called by name through `host.call`. */
import type { Policy } from "../../src/ir/policy.js";
import type { Actual } from "../../src/topology/actual.js";
import { prepare, raise, retire } from "../../src/topology/apply.js";
import { type Difference, differ } from "../../src/topology/difference.js";
import { releaseForwarding, requireForwarding } from "../../src/topology/forwarding.js";
import { planTopology } from "../../src/topology/plan.js";
import { readTopology } from "../../src/topology/read.js";
import { removeTopology, type Removed } from "../../src/topology/remove.js";
import { readPlaceByNetlink } from "../../src/topology/stack-netlink.js";

export const STEPS = import.meta.url;

export interface Applied {
  readonly conflicts: Difference["conflicts"];
  /** The changes' sentences. */
  readonly changes: readonly string[];
  readonly left: readonly string[];
  /** Milliseconds. */
  readonly timings: Readonly<Record<"read" | "prepare" | "raise" | "retire" | "forwarding", number>>;
}

export interface ApplyOptions {
  /** Stop after this phase, as a killed apply would, or undo after it. */
  readonly until?: "prepare" | "undo-prepare" | "undo-raise";
  readonly forwarding?: boolean;
  readonly wide?: boolean;
  readonly settings?: boolean;
  /** After a command that was cut off. */
  readonly cutOff?: boolean;
}

export async function apply(policy: Policy, options: ApplyOptions = {}): Promise<Applied> {
  const timings = { read: 0, prepare: 0, raise: 0, retire: 0, forwarding: 0 };
  const timed = async <T>(name: keyof typeof timings, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    const result = await work();
    timings[name] = Math.round((performance.now() - start) * 10) / 10;
    return result;
  };
  const topology = planTopology(policy);
  const reading = { settings: options.settings ?? false, cutOff: options.cutOff ?? false };
  const difference = await timed("read", async () => differ(topology, await readTopology(topology, reading)));
  const result = {
    conflicts: difference.conflicts,
    changes: difference.changes.map(({ text }) => text),
    left: [] as string[],
    timings,
  };
  if (difference.conflicts.length > 0) return result;
  const undo = await timed("prepare", () => prepare(difference));
  if (options.until === "undo-prepare") return { ...result, left: await undo() };
  if (options.until === "prepare") return result;
  const { undo: undoRaise } = await timed("raise", () => raise(difference, () => false));
  if (options.until === "undo-raise") return { ...result, left: [...(await undoRaise()), ...(await undo())] };
  if (options.forwarding !== false) {
    await timed("forwarding", () => requireForwarding(policy.name, topology.forwards, { wide: options.wide ?? false }));
  }
  return { ...result, left: await timed("retire", () => retire(difference)) };
}

/** What `apply` would do now. */
export async function look(policy: Policy, settings = true): Promise<readonly string[]> {
  const topology = planTopology(policy);
  const { conflicts, changes } = differ(topology, await readTopology(topology, { settings }));
  return [...conflicts.map(({ message }) => message), ...changes.map(({ text }) => text)];
}

let known: Actual | undefined;

/** Reads what is there, for `lookSince`. */
export async function remember(policy: Policy): Promise<void> {
  known = await readTopology(planTopology(policy));
}

/** What `apply` would do now, where nothing but the namespaces of these paths is read anew. */
export async function lookSince(policy: Policy, paths: readonly string[]): Promise<readonly string[]> {
  if (known === undefined) throw new Error("nothing is remembered");
  const topology = planTopology(policy);
  const actual = await readTopology(topology, { since: { actual: known, places: new Set(paths), hosts: true } });
  return differ(topology, actual).changes.map(({ object }) => object);
}

export async function remove(policy: string): Promise<Removed> {
  await releaseForwarding(policy);
  return removeTopology(policy);
}

/** The sysctls that a reading by netlink has without opening their files. */
export function settingsAlong(place: string | undefined, paths: readonly string[]): Record<string, string | undefined> {
  const { setting } = readPlaceByNetlink(place);
  return Object.fromEntries(paths.map((path) => [path, setting(path)]));
}
