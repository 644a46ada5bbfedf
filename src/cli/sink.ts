/**
 * Standard output and standard error, written at once.
 *
 * Node makes its own streams when they are first asked for, which takes 3 to 5 ms: a tenth of a short command. They are
 * for terminals, and for whoever made a pipe that doesn't block.
 */
import { once } from "node:events";
import { fstatSync, writeSync } from "node:fs";
import { EXIT } from "./exit.js";

/** Numbers of devices' kinds: /dev/null and the like, which look like terminals. See admin-guide/devices.txt. */
const MEMORY_DEVICES = 1;

export class Sink {
  private readonly descriptor: 1 | 2;
  private stream: NodeJS.WriteStream | undefined;
  private gone = false;
  private whenGone: () => void = () => undefined;
  private lasting: string | undefined;

  constructor(descriptor: 1 | 2) {
    this.descriptor = descriptor;
  }

  /** Returns whether it is written; else wait for `drained` before much more. */
  write(text: string): boolean {
    if (this.gone) return true;
    if (this.stream !== undefined) return this.stream.write(text);
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length;)
      try {
        done += writeSync(this.descriptor, bytes, done);
      } catch (error) {
        // Somebody else has made the pipe so that it doesn't block: Node knows how to wait for it.
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") return this.own().write(bytes.subarray(done));
        this.failed(error as NodeJS.ErrnoException);
        return true;
      }
    return true;
  }

  async drained(): Promise<void> {
    if (this.stream === undefined || this.gone) return;
    // A reader that goes is told to `failed`.
    await once(this.stream, "drain").catch((error: unknown) => {
      if (!this.gone) throw error;
    });
  }

  /** Has `end` called where nobody reads any more: for what goes on for as long as somebody does. */
  onGone(end: () => void): void {
    this.whenGone = end;
    if (this.gone) end();
  }

  /** What the command has done, to be said where its output can't be written: the exit status alone would deny it. */
  hasDone(lasting: string): void {
    this.lasting = lasting;
  }

  get isTerminal(): boolean {
    return this.terminal !== undefined;
  }

  /** In characters; undefined where nobody knows. */
  get width(): number | undefined {
    return this.terminal?.columns;
  }

  private get terminal(): NodeJS.WriteStream | undefined {
    if (this.stream === undefined) {
      const stat = fstatSync(this.descriptor);
      if (!stat.isCharacterDevice() || stat.rdev >> 8 === MEMORY_DEVICES) return undefined;
    }
    const own = this.own();
    return own.isTTY ? own : undefined;
  }

  private own(): NodeJS.WriteStream {
    if (this.stream === undefined) {
      this.stream = this.descriptor === 1 ? process.stdout : process.stderr;
      this.stream.on("error", (error: NodeJS.ErrnoException) => this.failed(error));
    }
    return this.stream;
  }

  /**
   * Whoever has read enough has no complaint, and of what nobody hears there is nobody to tell: the command goes on
   * without, so that what it has begun is ended and its status is the true one.
   */
  private failed(error: NodeJS.ErrnoException): void {
    if (error.code === "EPIPE") {
      this.gone = true;
      return this.whenGone();
    }
    if (this.descriptor === 2) return;
    standardError.write(`tsnet: can't write the output: ${error.message}\n`);
    if (this.lasting !== undefined) standardError.write(`       ${this.lasting}\n`);
    process.exit(EXIT.system);
  }
}

export const standardOutput = new Sink(1);
export const standardError = new Sink(2);
