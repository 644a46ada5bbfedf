/** Finds and loads koffi, an optional dependency, which calls C functions. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Library {
  func<F = (...args: unknown[]) => number>(signature: string): F;
}
/** As much of it as we use. */
export interface Koffi {
  load(path: string | null): Library;
  errno(): number;
}

/**
 * koffi's own entry reads the whole of Node's executable's headers to find the libc, which takes 5 ms of every start, and
 * Node's way to a module's file another. The binary for glibc loads in one, and doesn't load on another libc. Throws where there is none.
 */
export function loadKoffi(): Koffi {
  const { arch } = process;
  const binary = moduleFile(`@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`);
  const module = { exports: {} };
  try {
    if (binary !== undefined) {
      process.dlopen(module, binary);
      return module.exports as Koffi;
    }
  } catch {
    // Its own entry knows more places, and other libcs.
  }
  // Asked for here, since most commands need neither.
  return process.getBuiltinModule("node:module").createRequire(import.meta.filename)("koffi") as Koffi;
}

/** A file of an installed module, as Node looks for it from this one on upwards. */
function moduleFile(name: string): string | undefined {
  for (let directory = dirname(import.meta.filename); ; directory = dirname(directory)) {
    const path = join(directory, "node_modules", name);
    if (existsSync(path)) return path;
    if (directory === dirname(directory)) return undefined;
  }
}
