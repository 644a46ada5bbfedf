/**
 * The sources as a lab's host loads them: translated once for a whole run, dependencies bundled, modules shared. To
 * load them one by one through a loader takes more than a second of each lab.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL, URL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Where a pack may be: below node_modules, so that what isn't bundled is found from there. */
export const PREFIX = path.join(root, "node_modules/.tsnet-lab-");

/** What an expression of import.meta says in a source stays true in the pack; in quotes it is a bundler's option. */
function placed(file) {
  const url = pathToFileURL(file).href;
  const of = (name) => new RegExp(`(?<!["'\`])import\\.meta\\.${name}\\b`, "g");
  return readFileSync(file, "utf8")
    .replace(/import\.meta\.resolve\("(\.[^"]*)"\)/g, (_, to) => JSON.stringify(new URL(to, url).href))
    .replace(of("url"), JSON.stringify(url))
    .replace(of("dirname"), JSON.stringify(path.dirname(file)))
    .replace(of("filename"), JSON.stringify(file));
}

function entries() {
  const all = ["src", "test"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name)),
  );
  const outside = /^(src\/(page|lsp)|test\/fixtures)\/|\.test\.ts$|\.d\.ts$/;
  return all.filter((name) => name.endsWith(".ts") && !outside.test(name));
}

/** Writes the pack: `src/x/y.ts` becomes `src/x/y.mjs` there. Returns the directory. */
export async function writePack(directory) {
  await build({
    absWorkingDir: root,
    entryPoints: entries(),
    outbase: root,
    outdir: directory,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "error",
    external: ["elkjs", "esbuild", "playwright-core", "tsx"],
    // What is bundled of CommonJS asks for Node's modules.
    banner: {
      js: 'import { createRequire as requireInPack } from "node:module"; const require = requireInPack(import.meta.url);',
    },
    plugins: [
      {
        name: "places",
        setup: ({ onLoad }) =>
          onLoad({ filter: /[\\/](src|test|grammar)[\\/].*\.ts$/ }, ({ path: file }) => ({
            contents: placed(file),
            loader: "ts",
          })),
      },
    ],
  });
  return directory;
}
