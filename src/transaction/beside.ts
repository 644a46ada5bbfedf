/** What an open handle keeps beside the record of its policy: edits that aren't folded in yet, connections, sandboxes. */
import type { Covered } from "../backend/backend.js";
import { KnownSandboxes } from "../topology/known.js";
import { Flows } from "./flows.js";
import { type Applied, EditLog, type EditLine, hasEdits } from "./state.js";

export class Beside {
  private log: EditLog | undefined;
  readonly sandboxes = new KnownSandboxes();
  private readonly flows = new Flows();
  private last: Applied | undefined;

  /**
   * Notes an edit of what is on record; `after` is the record with it. False where that can't be, because somebody else's
   * edits are beside the record already: it must be written anew. Throws what node:fs throws.
   */
  note(applied: Applied, line: EditLine, after?: Applied): boolean {
    if (!this.isOpen) {
      this.close();
      if (hasEdits(applied)) return false;
      this.log = new EditLog(applied);
    }
    this.log?.append(line);
    this.last = after;
    return true;
  }

  /** Whether there are edits beside the record, and they are ours: a record that is written anew takes them away. */
  get isOpen(): boolean {
    return this.log?.isThere() === true;
  }

  /** The record with its edits, as far as that is known without reading it. */
  get after(): Applied | undefined {
    return this.isOpen ? this.last : undefined;
  }

  /** The record is written anew, or will be. */
  close(): void {
    this.log?.close();
    this.log = undefined;
  }

  /** Whether there is a connection whose packets are covered by one of these. Throws `NetlinkError`. */
  covers(tightened: readonly Covered[]): boolean {
    return this.flows.cover(tightened);
  }

  /** Nothing more is noted, and nothing heard of. */
  end(): void {
    this.close();
    this.flows.rest();
    this.sandboxes.forget();
  }
}
