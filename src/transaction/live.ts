/** What an open handle has made live, and the short way for edits of it that are only elements of sets. */
import { now, timestamp } from "../text/clock.js";
import { readPlainPublishes, readPlainRules } from "../../grammar/common-lines.js";
import type { Backend, Edit, Edits } from "../backend/backend.js";
import { Changed, Refused } from "../backend/refused.js";
import { backendNamed } from "../backend/registry.js";
import type { Compiled } from "../ir/compile.js";
import { invoker } from "../system/invoker.js";
import { usesNetlink } from "../system/transport.js";
import { Diagnostics } from "../text/diagnostic.js";
import { plural } from "../text/display.js";
import type { ApplyResult } from "./apply.js";
import { saveConfirmed } from "./confirmed.js";
import type { Beside } from "./beside.js";
import { cutConnections } from "./connections.js";
import { applyEdits, type Update } from "./edits.js";
import { makeEntry } from "./history.js";
import { mayBeHeld } from "./ports.js";
import { enlist } from "./records.js";
import { type Applied, backendOf, hasEdits, isRecorded, readApplied, rewriteApplied, stampOf } from "./state.js";
import { edit } from "./update.js";
import { Watch } from "../topology/watch.js";

/** Edits are folded into the text that they edit when there are so many: then one update waits for all of them. */
const MANY = 100_000;

/** An edit that has been looked at. */
interface Prepared {
  readonly change: Edit;
  readonly started: number;
}

export class Live {
  /** What was applied whole. */
  compiled: Compiled;
  /** What was edited since. */
  edits: Update[] = [];
  private backend: Backend | undefined;
  private mirror: Edits | undefined;
  private watch: Watch | undefined;
  private prepared = false;
  private generation = 0;
  private applied: Applied | undefined;
  private readonly beside: Beside;
  /** Whether edits aren't in the record yet. */
  private unsettled = false;
  /** Whether the history doesn't know yet what was applied whole. */
  private unlisted = false;
  private overruled = false;
  /** Which state of the record is ours; another writer who was killed has left his edits beside it. */
  private stamp: string | undefined;

  constructor(compiled: Compiled, beside: Beside) {
    this.compiled = compiled;
    this.beside = beside;
    this.stamp = stampOf(compiled.policy.name);
    if (usesNetlink()) this.watch = Watch.begin(compiled.policy.name);
    // Edits that are beside the record now go into it when the handle rests.
    if (!beside.isOpen) return;
    this.applied = beside.after ?? readApplied(compiled.policy.name);
    this.unsettled = this.unlisted = this.applied !== undefined;
  }

  /** What is on record; undefined where that must be read. */
  get recorded(): Applied | undefined {
    return this.edits.length === 0 && !this.overruled ? this.applied : undefined;
  }

  /** Makes the edit live; undefined, with nothing done, where the whole policy must be applied. */
  async update(update: Update): Promise<ApplyResult | undefined> {
    if (!this.prepared) await this.prepare();
    const prepared = this.prepareEdit(update);
    if (prepared === undefined) return undefined;
    const { change, started } = prepared;
    const planned = now();
    try {
      this.generation = (this.mirror as Edits).commit(change, this.generation);
    } catch (error) {
      // Somebody else has changed rules, or the sets aren't as we think: the whole way looks at everything.
      this.forget();
      if (error instanceof Changed || error instanceof Refused) return undefined;
      throw error;
    }
    const committed = now();
    this.mirror?.note(change);
    this.edits.push(update);
    this.unsettled = true;
    const problems: string[] = [];
    try {
      const { add, remove } = update;
      const line = { ...(add === undefined ? {} : { add }), ...(remove === undefined ? {} : { remove }) };
      this.beside.note(this.applied as Applied, { ...line, generation: this.generation });
    } catch (error) {
      problems.push(`the record doesn't know of this yet: ${(error as Error).message}`);
    }
    // One that began while we looked.
    if (this.beside.covers(change.tightened)) problems.push(...(await this.cut()));
    // What is committed is committed, whatever becomes of its record: the log has it.
    if (this.edits.length >= MANY && problems.length === 0)
      try {
        this.fold();
      } catch (error) {
        problems.push(`the record can't be written: ${(error as Error).message}`);
      }
    const { operations } = change;
    return {
      backend: (this.backend as Backend).name,
      changed: operations > 0,
      operations,
      changes: operations === 0 ? [] : [`change ${plural(operations, "element")} of ${change.place}`],
      problems,
      warnings: [],
      timings: { plan: planned - started, commit: committed - planned },
    };
  }

  /** Looks whether another writer has been here while this handle rested. */
  look(): void {
    if (this.stamp !== undefined && this.stamp === stampOf(this.compiled.policy.name)) return;
    this.forget();
    const applied = readApplied(this.compiled.policy.name);
    const { files } = applyEdits(this.compiled, this.edits, new Diagnostics());
    const same =
      applied?.files.length === files.length &&
      applied.files.every(({ text }, i) => isAlike(text, files[i]?.text as string));
    this.overruled = !same;
    this.applied = applied;
    if (same) this.stamp = stampOf(this.compiled.policy.name);
  }

  /** Nobody edits for a while. */
  rest(): void {
    this.settle();
    this.mirror?.listen?.(this.generation);
  }

  /** Whether edits aren't in the record yet. */
  isUnsettled(): boolean {
    return this.unsettled;
  }

  /** Whether what is live is another text by now. */
  isOverruled(): boolean {
    return this.overruled;
  }

  /** Gives up the short way: the next edit goes the whole one. */
  forget(): void {
    this.prepared = true;
    this.mirror = undefined;
    this.watch?.end();
    this.watch = undefined;
  }

  /** Puts edits into the record, and on what a reboot brings back. Throws what node:fs throws. */
  settle(): void {
    if (!this.unsettled || this.applied === undefined) return;
    this.beside.close();
    const { files, roots } = applyEdits(this.compiled, this.edits, new Diagnostics());
    // What was sent piece by piece has no digest of the whole.
    const committed = this.edits.length === 0 ? this.applied.committed : { digest: "", generation: this.generation };
    this.applied = { ...this.applied, at: timestamp(), files, roots, committed };
    rewriteApplied(this.applied);
    this.stamp = stampOf(this.compiled.policy.name);
    this.unsettled = false;
    const { policy, at } = this.applied;
    const entry = makeEntry(policy, at, invoker(), { files, roots, backend: backendOf(this.applied) });
    saveConfirmed(entry, false);
    if (this.edits.length > 0) this.list();
    else if (this.unlisted) enlist(entry, true);
    this.unlisted = false;
  }

  /** Has the history know what was applied whole, if it doesn't yet. Throws what node:fs throws. */
  list(): void {
    if (!this.unlisted || this.applied === undefined) return;
    const { files, roots } = this.compiled;
    const { policy } = this.applied;
    enlist(makeEntry(policy, timestamp(), invoker(), { files, roots, backend: backendOf(this.applied) }), false);
    this.unlisted = false;
  }

  private async prepare(): Promise<void> {
    this.prepared = true;
    const { compiled } = this;
    this.applied = readApplied(compiled.policy.name);
    // Of one who was killed: edits of ours can't stand beside a record with others'.
    if (this.applied !== undefined && hasEdits(this.applied) && !this.beside.isOpen) {
      rewriteApplied(this.applied);
      this.applied = readApplied(compiled.policy.name);
    }
    const { applied } = this;
    if (applied === undefined || !usesNetlink() || !isRecorded(compiled, applied)) return;
    // Flows that were cut and are allowed again must go on: the whole way sees to that.
    if (applied.cut.some(({ until }) => until > Date.now()) || applied.committed.generation === undefined) return;
    this.generation = applied.committed.generation;
    this.backend = await backendNamed(backendOf(applied));
    this.mirror = this.backend.edits?.(compiled.policy);
  }

  private prepareEdit({ add, remove }: Update): Prepared | undefined {
    const started = now();
    const { mirror } = this;
    if (mirror === undefined) return undefined;
    if (this.watch?.isUntouched() === false) {
      this.forget();
      return undefined;
    }
    const change = this.changeOf(mirror, remove ?? "", add ?? "");
    if (change === undefined || this.beside.covers(change.tightened)) return undefined;
    return { change, started };
  }

  /** Of plain rules, or of plain publishes. */
  private changeOf(mirror: Edits, remove: string, add: string): Edit | undefined {
    const [removed, added] = [readPlainRules(remove), readPlainRules(add)];
    if (removed !== undefined && added !== undefined) return mirror.change(removed, added);
    const [closed, opened] = [readPlainPublishes(remove), readPlainPublishes(add)];
    if (closed === undefined || opened === undefined) return undefined;
    const change = mirror.publishes?.(closed, opened);
    const ports = opened.map(({ hostPort }) => hostPort);
    return change === undefined || mayBeHeld(ports, this.compiled.policy.name) ? undefined : change;
  }

  private async cut(): Promise<string[]> {
    const before = this.compiled.policy;
    this.fold();
    const { flows, problems } = await cutConnections(this.backend as Backend, this.compiled.policy, before, []);
    if (this.applied !== undefined) this.applied = { ...this.applied, cut: flows };
    this.unsettled = true;
    this.settle();
    // What was cut must be remembered by whoever edits next: the whole way does that.
    this.forget();
    return [...problems];
  }

  /** The edited text in place of a text and its edits. */
  private fold(): void {
    this.settle();
    this.compiled = edit(this.compiled, this.edits);
    this.edits = [];
  }
}

/** Whether two texts are the same but for empty lines and white space around lines, which edits leave behind. */
function isAlike(a: string, b: string): boolean {
  const bare = (text: string): string =>
    text
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .join("\n");
  return a === b || bare(a) === bare(b);
}
