/** `tsnet lsp` */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

interface Server {
  readonly serve: () => void;
}

/**
 * The server is a bundle of its own beside this program, or its source where that is what runs. The bundle is asked for by
 * `require`: the command's own parts are functions of CommonJS, where an `import` would take the URL for a file's name.
 */
export async function lsp(): Promise<void> {
  const bundle = join(import.meta.dirname, "lsp.js");
  const source = pathToFileURL(join(import.meta.dirname, "../lsp/server.ts")).href;
  const server = existsSync(bundle) ? createRequire(import.meta.url)(bundle) : await import(source);
  (server as Server).serve();
}
