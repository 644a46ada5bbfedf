/** WebAssembly, of which TypeScript's types know only where a browser's are loaded. */

export interface Memory {
  readonly buffer: ArrayBuffer;
}

interface WebAssembly {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssembly }).WebAssembly;

const modules = new Map<string, object>();

/** A new instance of a module in base64, which needs nothing of its host; returns what it exports. */
export function instantiate<Exports>(base64: string): Exports {
  let module = modules.get(base64);
  if (module === undefined) modules.set(base64, (module = new Module(Buffer.from(base64, "base64"))));
  return new Instance(module).exports as Exports;
}
