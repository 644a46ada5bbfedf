/** An open handle: applies policies and single statements. */
import type { BackendName } from "../backend/backend.js";
import { APPLICABLE, backendNamed } from "../backend/registry.js";
import { type Compiled, compiledFrom } from "../ir/compile.js";
import type { Policy } from "../ir/policy.js";
import { chooseTransport, type Transport } from "../system/transport.js";
import { now } from "../text/clock.js";
import { applyPolicy, type ApplyOptions, type ApplyResult } from "./apply.js";
import type { Update } from "./edits.js";
import { Beside } from "./beside.js";
import { Live } from "./live.js";
import { acquire, isWanted, letIn } from "./lock.js";
import { Obstacle } from "./obstacle.js";
import { requireSystem } from "./ready.js";
import { keeping } from "./records.js";
import { finishOverdue } from "./revert.js";
import { edit, PolicyError } from "./update.js";

export interface OpenOptions {
  /** What carries the rules of what is applied; undefined: what carries them already, or else nftables. */
  readonly backend?: BackendName;
  /** How the kernel is spoken to, by the whole process; `auto` is netlink where it loads. */
  readonly transport?: Transport;
}

export interface Net {
  /** Makes the kernel match the policy, all or nothing. Throws `PolicyError`, `Inexpressible` or `Obstacle`. */
  apply(policy: Policy): Promise<ApplyResult>;
  /** Applies the last applied policy with statements added and removed: exactly what applying the edited file does. */
  update(update: Update): Promise<ApplyResult>;
  /** Ends what is under way, writes down what is live, and lets others write. A closed handle does nothing more. */
  close(): Promise<void>;
}

/**
 * How long the lock is kept when nothing is asked any more, in milliseconds: a program that edits without pause takes it
 * once, and others get in between.
 */
const IDLE = 50;

export async function open(options: OpenOptions = {}): Promise<Net> {
  const { backend } = options;
  if (backend !== undefined && !APPLICABLE.includes(backend))
    throw new Error(`there is no backend '${backend as string}' (there is ${APPLICABLE.join(", ")})`);
  if (options.transport !== undefined) chooseTransport(options.transport);
  return new Handle(backend);
}

/**
 * How long nobody looks whether others wait for the lock, in milliseconds: a look takes a tenth of an edit, and who waits
 * looks no more often.
 */
const UNASKED = 2;

class Handle implements Net {
  /** When it was last looked whether others wait for the lock. */
  private looked = 0;
  private readonly backend: BackendName | undefined;
  private readonly beside = new Beside();
  private live: Live | undefined;
  /** What carried the last apply. */
  private carrier: BackendName | undefined;
  private giveBack: (() => void) | undefined;
  private idle: NodeJS.Timeout | undefined;
  private closed = false;
  /** One piece of work after the other. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(backend: BackendName | undefined) {
    this.backend = backend;
  }

  apply(policy: Policy): Promise<ApplyResult> {
    return this.work(() => {
      const compiled = compiledFrom(policy);
      if (compiled.failed) throw new PolicyError(compiled.diagnostics);
      return this.whole(compiled);
    });
  }

  update(update: Update): Promise<ApplyResult> {
    return this.work(async () => {
      const { live } = this;
      checkUpdate(update);
      if (live === undefined) throw new Error("nothing is applied yet through this handle");
      const { name } = live.compiled.policy;
      if (live.isOverruled())
        throw new Obstacle(
          `somebody else has applied another text of '${name}' since this handle did, or removed it`,
          "apply the policy that you want anew: net.apply(compile(text).policy)",
        );
      const quick = await live.update(update);
      if (quick !== undefined) return quick;
      const edited = edit(live.compiled, [...live.edits, update]);
      if (edited.policy.name !== name)
        throw new Obstacle(
          `an update can't rename the policy '${name}'`,
          "remove it, and apply the renamed one through a handle of its own",
        );
      return this.whole(edited);
    });
  }

  close(): Promise<void> {
    const end = async (): Promise<void> => {
      if (this.closed) return;
      clearTimeout(this.idle);
      // Whoever has nothing to write down waits for nobody.
      if (this.giveBack === undefined && this.live?.isUnsettled() === true) await this.take();
      this.closed = true;
      try {
        this.rest();
      } finally {
        this.live?.forget();
        this.beside.end();
        if (this.carrier !== undefined) (await backendNamed(this.carrier)).rest?.();
      }
    };
    return this.next(end);
  }

  private work<T>(task: () => Promise<T>): Promise<T> {
    const begun = async (): Promise<T> => {
      if (this.closed) throw new Error("this handle is closed");
      clearTimeout(this.idle);
      if (this.giveBack !== undefined && this.isAsked()) {
        this.rest();
        await letIn();
      }
      if (this.giveBack === undefined) await this.take();
      try {
        return await task();
      } finally {
        if (this.giveBack !== undefined) this.idle = setTimeout(() => this.restUnasked(), IDLE);
      }
    };
    return this.next(begun);
  }

  private isAsked(): boolean {
    const time = now();
    if (time - this.looked < UNASKED) return false;
    this.looked = time;
    return isWanted();
  }

  private next<T>(begun: () => Promise<T>): Promise<T> {
    const done = this.queue.then(begun, begun);
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async take(): Promise<void> {
    try {
      await finishOverdue();
      this.giveBack = await acquire();
    } catch (error) {
      throw await asObstacle(error);
    }
    // Another writer may have been here.
    this.live?.look();
  }

  /** What can't be written down now stays beside the record, and is tried again with the next rest, or the end. */
  private restUnasked(): void {
    try {
      this.rest();
    } catch {
      // Nobody asked, so nobody could be told; `close` throws it.
    }
  }

  /** Writes down what is live and lets others write. */
  private rest(): void {
    clearTimeout(this.idle);
    this.idle = undefined;
    const { giveBack } = this;
    this.giveBack = undefined;
    try {
      if (giveBack !== undefined) this.live?.rest();
    } finally {
      giveBack?.();
    }
  }

  /** Applies a policy, whatever is live. */
  private async whole(compiled: Compiled): Promise<ApplyResult> {
    // Where another follows at once, nobody has rested in between.
    const unlisted = keeping(() => this.live?.list());
    if (this.live !== undefined && this.live.compiled.policy.name !== compiled.policy.name) {
      // What is beside the record of one policy is nothing to another.
      this.live.settle();
      this.live.forget();
      this.live = undefined;
    }
    const { live } = this;
    const options: ApplyOptions = {
      held: true,
      backend: this.backend,
      purpose: { kind: "apply", quick: true },
      ...(live === undefined ? {} : { before: live.compiled, applied: live.recorded }),
      beside: this.beside,
    };
    live?.forget();
    const result = await applyPolicy(compiled, options);
    this.live = new Live(compiled, this.beside);
    this.carrier = result.backend;
    return unlisted.length === 0 ? result : { ...result, problems: [...unlisted, ...result.problems] };
  }
}

/** Whoever may not even take the lock hears what is lacking, not which file couldn't be made. */
async function asObstacle(error: unknown): Promise<unknown> {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== "EACCES" && code !== "EPERM") return error;
  return requireSystem().then(
    () => new Obstacle(`what is live can't be recorded: ${message}`, "run it as root"),
    (lacking: unknown) => lacking,
  );
}

/** Programs without types pass what they like. */
function checkUpdate(update: unknown): void {
  const isText = (value: unknown): boolean => value === undefined || typeof value === "string";
  const { add, remove, ...others } = (
    typeof update === "object" && update !== null ? update : { bad: update }
  ) as Record<string, unknown>;
  if (!isText(add) || !isText(remove) || Object.keys(others).length > 0 || (add ?? remove) === undefined)
    throw new TypeError(
      "update takes statements as text: { add: 'allow a -> b:22', remove: 'allow c -> b:22' }, or one of them",
    );
}
