/**
 * Policies applied to a lab's host. The first half runs there, through `host.call`; the second is for the test.
 */
import type { BackendName } from "../../src/backend/backend.js";
import { compile } from "../../src/ir/compile.js";
import { applyPolicy } from "../../src/transaction/apply.js";
import { open } from "../../src/transaction/open.js";
import { removePolicy, type RemoveResult } from "../../src/transaction/remove.js";
import type { Update } from "../../src/transaction/edits.js";
import { netnsPath } from "../../src/topology/names.js";
import type { Host } from "../kernel/lab.js";
import { CARRIER } from "./carrier.js";

/** Undefined where the run names none: an apply then keeps the one that carries the policy. */
const GIVEN = process.env["TSNET_BACKEND"] === undefined ? undefined : CARRIER;

export interface Live {
  readonly changed: boolean;
  readonly changes: readonly string[];
  readonly problems: readonly string[];
}

export async function applyText(text: string, backend = GIVEN): Promise<Live> {
  const compiled = compile(text, { file: "lab.tsnet" });
  const wrong = compiled.diagnostics.filter((diagnostic) => diagnostic.severity === "error");
  if (compiled.failed) throw new Error(`the policy is wrong: ${wrong.map((d) => d.message).join("; ")}`);
  const { changed, changes, problems } = await applyPolicy(compiled, { backend });
  return { changed, changes, problems };
}

/** Applies a policy through a handle, and then edits it so. */
export async function updateText(text: string, updates: readonly Update[]): Promise<void> {
  const net = await open();
  await net.apply(compile(text, { file: "lab.tsnet" }).policy);
  for (const update of updates) await net.update(update);
  await net.close();
}

/** Applies policies through a handle, with pauses in between, in milliseconds. */
export async function applyTexts(texts: readonly string[], pause: number): Promise<void> {
  const net = await open();
  for (const text of texts) {
    await net.apply(compile(text, { file: "lab.tsnet" }).policy);
    if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
  await net.close();
}

export function removeNamed(policy: string): Promise<RemoveResult> {
  return removePolicy(policy);
}

// --------------------------------------------------------------------------------------------------------------------

const HERE = import.meta.url;

/** Throws when the policy is refused, or when something couldn't be tidied up. */
export async function apply(host: Host, text: string, backend?: BackendName): Promise<Live> {
  const live = await host.call<Live>(HERE, "applyText", text, backend);
  if (live.problems.length > 0) throw new Error(live.problems.join("; "));
  return live;
}

export async function remove(host: Host, policy = "tsnet"): Promise<RemoveResult> {
  const removed = await host.call<RemoveResult>(HERE, "removeNamed", policy);
  if (removed.problems.length > 0) throw new Error(removed.problems.join("; "));
  return removed;
}

/** The sandbox of a container: a place of the lab. */
export function at(container: string, policy = "tsnet"): string {
  return netnsPath(policy, container);
}
