/** WebAssembly, of which TypeScript's types know only where a browser's are loaded. */

export interface Memory {
  readonly buffer: ArrayBuffer;
  /** By pages, with zeros. */
  grow(pages: number): number;
}

const PAGE = 65536;

/** Where things are to stand in a module's memory, one after the other from where that is free. */
export class Layout {
  private top: number;

  constructor(free: number) {
    this.top = free;
  }

  /** The place of so many bytes, which begins at a multiple of eight. */
  room(bytes: number): number {
    const at = this.top;
    this.top = Math.ceil((at + bytes) / 8) * 8;
    return at;
  }

  /** Makes the memory large enough for all of it. */
  applyTo(memory: Memory): ArrayBuffer {
    const missing = Math.ceil((this.top - memory.buffer.byteLength) / PAGE);
    if (missing > 0) memory.grow(missing);
    return memory.buffer;
  }
}

interface WebAssembly {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly?: WebAssembly };

/** False where V8 may make no code at all (`node --jitless`): what WebAssembly does is done another way there. */
export const HAS_WASM = wasm !== undefined;

const modules = new Map<string, object>();

/** A new instance of a module in base64, which needs nothing of its host; returns what it exports. Only with `HAS_WASM`. */
export function instantiate<Exports>(base64: string): Exports {
  const { Module, Instance } = wasm as WebAssembly;
  let module = modules.get(base64);
  if (module === undefined) modules.set(base64, (module = new Module(Buffer.from(base64, "base64"))));
  return new Instance(module).exports as Exports;
}
