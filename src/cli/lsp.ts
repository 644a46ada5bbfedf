/** `tsnet lsp` */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The server is a bundle of its own beside this program, or its source where that is what runs. */
export async function lsp(): Promise<void> {
  const bundle = join(import.meta.dirname, "lsp.js");
  const program = existsSync(bundle) ? bundle : join(import.meta.dirname, "../lsp/server.ts");
  const { serve } = (await import(pathToFileURL(program).href)) as { serve: () => void };
  serve();
}
