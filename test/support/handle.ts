/**
 * An open handle of the library. The first half runs on a lab's host, through `host.call`, where the handle stays from
 * one call to the next; the second is for the test.
 */
import { readdirSync } from "node:fs";
import type { BackendName } from "../../src/backend/backend.js";
import { compile } from "../../src/ir/compile.js";
import { observe } from "../../src/system/attempt.js";
import type { ApplyResult } from "../../src/transaction/apply.js";
import type { Update } from "../../src/transaction/edits.js";
import { type Net, open } from "../../src/transaction/open.js";
import { type Applied, EditLog, readApplied } from "../../src/transaction/state.js";
import type { Host } from "../kernel/lab.js";

let net: Net | undefined;

export async function applyThrough(text: string, backend?: BackendName): Promise<ApplyResult> {
  net ??= await open(backend === undefined ? {} : { backend });
  return net.apply(compile(text, { file: "lab.tsnet" }).policy);
}

/** How many times the kernel was spoken to for it, by netlink. */
export async function messagesOf(text: string): Promise<number> {
  let messages = 0;
  observe((what) => (messages += what.startsWith("netlink message") ? 1 : 0));
  try {
    await applyThrough(text);
    return messages;
  } finally {
    observe(undefined);
  }
}

/** The namespaces that were entered for it. */
export async function enteredFor(text: string): Promise<string[]> {
  const entered: string[] = [];
  observe((what) => void (what.startsWith("enter ") && entered.push(what.slice("enter ".length))));
  try {
    await applyThrough(text);
    return entered;
  } finally {
    observe(undefined);
  }
}

export function countOpenFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

/** One after the other. */
export async function applyAllThrough(texts: readonly string[]): Promise<ApplyResult[]> {
  const results: ApplyResult[] = [];
  for (const text of texts) results.push(await applyThrough(text));
  return results;
}

/** A text, an update and another text; what is on record before the handle rests. */
export async function editThrough(text: string, add: string, then: string): Promise<string | undefined> {
  await applyThrough(text);
  await updateThrough([{ add }]);
  await applyThrough(then);
  return recordedText("tsnet");
}

/** One after the other; what each came to. */
export async function updateThrough(updates: readonly Update[]): Promise<ApplyResult[]> {
  const results: ApplyResult[] = [];
  for (const update of updates) results.push(await (net as Net).update(update));
  return results;
}

export async function closeHandle(): Promise<void> {
  await net?.close();
  net = undefined;
}

/** Gives the handle up as a killed process does. */
export function loseHandle(): void {
  net = undefined;
}

/** An edit beside the record, as another program leaves one that is killed before it rests. */
export function leaveEdit(policy: string, add: string): void {
  const applied = readApplied(policy) as Applied;
  const log = new EditLog(applied);
  log.append({ add, generation: applied.committed.generation ?? 0 });
  log.close();
}

export function recordedText(policy: string): string | undefined {
  return readApplied(policy)?.files[0]?.text;
}

// --------------------------------------------------------------------------------------------------------------------

const HERE = import.meta.url;

export class Handle {
  private readonly host: Host;
  private readonly backend: BackendName | undefined;

  constructor(host: Host, backend?: BackendName) {
    this.host = host;
    this.backend = backend;
  }

  apply(text: string): Promise<ApplyResult> {
    return this.host.call(HERE, "applyThrough", text, this.backend);
  }

  messages(text: string): Promise<number> {
    return this.host.call(HERE, "messagesOf", text);
  }

  entered(text: string): Promise<string[]> {
    return this.host.call(HERE, "enteredFor", text);
  }

  /** Of the process that the handle is in. */
  openFiles(): Promise<number> {
    return this.host.call(HERE, "countOpenFiles");
  }

  applyAll(...texts: string[]): Promise<ApplyResult[]> {
    return this.host.call(HERE, "applyAllThrough", texts);
  }

  update(...updates: Update[]): Promise<ApplyResult[]> {
    return this.host.call(HERE, "updateThrough", updates);
  }

  close(): Promise<void> {
    return this.host.call(HERE, "closeHandle");
  }

  recorded(policy = "tsnet"): Promise<string | undefined> {
    return this.host.call(HERE, "recordedText", policy);
  }
}

/** Whether an update sent single elements and nothing else. */
export function isQuick({ changes }: ApplyResult): boolean {
  return changes.every((change) => /^change \d+ elements? of/.test(change));
}
