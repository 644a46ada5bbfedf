/** WebAssembly, of which TypeScript's types know only where a browser's are loaded. */

export interface Memory {
  readonly buffer: ArrayBuffer;
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
