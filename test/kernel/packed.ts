import { pathToFileURL } from "node:url";

const ROOT = new URL("../../", import.meta.url).href;

/** The URL of a source's module in a pack (pack.mjs) that is in `directory`; of what isn't a source, its own. */
export function packed(source: string, directory: string): string {
  if (!source.startsWith(ROOT)) return source;
  return `${pathToFileURL(directory).href}/${source.slice(ROOT.length).replace(/\.[tj]s$/, ".mjs")}`;
}
