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
  /** By path; with the number of the namespace, by which the kernel speaks of it. */
  private readonly known = new Map<string, { readonly number: number; readonly sandbox: ActualSandbox }>();

  /**
   * To be asked before anything is read: what was done up to now is forgotten then, and what is done while it is read is told
   * the next time. False where nothing can be known.
   */
  refresh(): boolean {
    try {
      if (!usesNetlink()) return false;
      const touched = new Set<number>();
      if (this.events?.take((namespace) => void touched.add(namespace)) === true) {
        if (touched.size > 0)
          for (const [path, { number }] of this.known) if (touched.has(number)) this.known.delete(path);
        return true;
      }
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
    const sandbox = this.known.get(path)?.sandbox;
    return sandbox?.state.kind === "namespace" && sandbox.state.id === id ? sandbox : undefined;
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
    this.known.set(sandbox.path, { number, sandbox });
  }

  forget(): void {
    this.events?.close();
    this.events = undefined;
    this.known.clear();
  }
}
