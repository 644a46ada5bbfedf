/** The files of an editor: what is open counts as it is in the buffer, everything else as it is on disk. */
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { identify, readRegular } from "../text/files.js";
import { analyse, type Analysis } from "./analysis.js";

/** Files of a folder that are looked at for includes at most. */
const MOST_SIBLINGS = 200;

/** A path for what is a file, the URI itself for what isn't saved yet. */
export function pathOf(uri: string): string {
  return uri.startsWith("file:") ? fileURLToPath(uri) : uri;
}

export function uriOf(path: string): string {
  return /^[a-z][a-z0-9+.-]+:/i.test(path) ? path : pathToFileURL(path).href;
}

export class Workspace {
  private readonly buffers = new Map<string, string>();
  private readonly known = new Map<string, Analysis>();

  /** Undefined: the file is closed. */
  set(path: string, text: string | undefined): void {
    if (text === undefined) this.buffers.delete(path);
    else this.buffers.set(path, text);
    this.known.clear();
  }

  /** Something on disk has changed. */
  refresh(): void {
    this.known.clear();
  }

  get open(): readonly string[] {
    return [...this.buffers.keys()];
  }

  readonly read = (path: string): string => this.buffers.get(path) ?? readRegular(path);

  /** The policy that a file is part of: what includes it, else itself. Throws where it can't be read. */
  analysisOf(path: string): Analysis {
    for (const other of this.includers(path)) {
      const analysis = this.analyse(other);
      if (analysis.trees.has(path)) return analysis;
    }
    return this.analyse(path);
  }

  private analyse(path: string): Analysis {
    let analysis = this.known.get(path);
    if (analysis === undefined) this.known.set(path, (analysis = analyse(path, this.read, identify)));
    return analysis;
  }

  /** Files that include something: open ones, and those beside the file. */
  private includers(path: string): string[] {
    const siblings = this.siblings(path);
    return [...new Set([...this.open, ...siblings])].filter((other) => {
      if (other === path) return false;
      try {
        return /^\s*include\b/m.test(this.read(other));
      } catch {
        return false;
      }
    });
  }

  private siblings(path: string): string[] {
    try {
      const folder = dirname(path);
      const names = readdirSync(folder).filter((name) => name.endsWith(".tsnet"));
      return names.slice(0, MOST_SIBLINGS).map((name) => join(folder, name));
    } catch {
      return [];
    }
  }
}
