/**
 * What sandboxes were read to be, for who applies again and again: none is read anew as long as the kernel tells of nothing
 * that was done in it. Their sysctls are no part of that, since nobody tells of those.
 */
import { NetlinkError } from "../system/netlink/errors.js";
import { NamespaceEvents } from "../system/netlink/namespace-events.js";
import { usesNetlink } from "../system/transport.js";
import type { ActualSandbox } from "./actual.js";

export class KnownSandboxes {
  private events: NamespaceEvents | undefined;
  /** By the number of the namespace. */
  private readonly byNumber = new Map<number, ActualSandbox>();
  private readonly byPath = new Map<string, number>();

  /**
   * To be asked before anything is read: what was done up to now is forgotten then, and what is done while it is read is told
   * the next time. False where nothing can be known.
   */
  refresh(): boolean {
    const { byNumber } = this;
    try {
      if (!usesNetlink()) return false;
      if (this.events?.take((namespace) => byNumber.delete(namespace)) === true) return true;
      // What there was no room for is told of once: until all the rest is read, more would be lost without a word.
      this.forget();
      this.events = new NamespaceEvents();
      return true;
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      this.forget();
      return false;
    }
  }

  /** The sandbox at `path`, if that still is the namespace `id` and nothing was done in it. */
  at(path: string, id: string): ActualSandbox | undefined {
    const number = this.byPath.get(path);
    const known = number === undefined ? undefined : this.byNumber.get(number);
    return known?.path === path && known.state.kind === "namespace" && known.state.id === id ? known : undefined;
  }

  /** The number under which the sandbox at `path` will be known, to be asked before it is read; undefined: it can't be. */
  numberOf(path: string): number | undefined {
    try {
      return this.events?.numberOf(path);
    } catch (error) {
      if (error instanceof NetlinkError) return undefined;
      throw error;
    }
  }

  note(number: number, sandbox: ActualSandbox): void {
    this.byPath.set(sandbox.path, number);
    this.byNumber.set(number, sandbox);
  }

  forget(): void {
    this.events?.close();
    this.events = undefined;
    this.byNumber.clear();
    this.byPath.clear();
  }
}
