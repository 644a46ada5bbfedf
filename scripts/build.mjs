// Builds dist/: the command (dist/tsnet.js), the program that `tsnet try` probes with (dist/prober.js), the language
// server (dist/lsp.js), the script and style of the page that `tsnet graph` writes (dist/graph-page.*), the library
// (dist/index.js) and its types (dist/types).
//
// The command starts once for every use, so its start-up is part of every answer's latency. What was measured
// (Node 20, whole process, against `node -e 0`): a CommonJS start is 5 ms cheaper than an ESM one, and V8's code
// cache takes another 8 to 15 ms off. So dist/ is CommonJS, and dist/tsnet.js is a launcher that hands V8 the compiled code
// of the real bundle, dist/main.js. On another version of Node, V8 refuses the cache and compiles the source as usual.
import { spawn } from "node:child_process";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, "dist");
const withTypes = !process.argv.includes("--no-types");

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  minifySyntax: true,
  // Names stay as they are in stack traces: only white space and syntax shrink.
  minifyWhitespace: true,
  legalComments: "none",
  logLevel: "warning",
  // Larger than all the rest, and needed by one command: it stays in node_modules until that runs.
  external: ["elkjs"],
  // esbuild leaves import.meta empty in CommonJS.
  define: {
    "import.meta.url": "__importMetaUrl",
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
  },
  banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
};

const launcher = `#!/usr/bin/env node
"use strict";
const fs = require("node:fs");
const vm = require("node:vm");
const filename = require("node:path").join(__dirname, "main.js");
let cachedData;
try {
  cachedData = fs.readFileSync(filename + ".cache");
} catch {}
// The bundle is pure ASCII: esbuild escapes everything else, and a one-byte string is the cheapest to read.
const script = new vm.Script(require("node:module").wrap(fs.readFileSync(filename, "latin1")), {
  filename,
  cachedData,
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
script.runInThisContext()(exports, require, module, filename, __dirname);
`;

// Runs the bundle as the launcher would, then keeps what V8 has compiled by the time the process ends: the functions
// that a typical command needs, and no others.
const warmUp = `
const fs = require("node:fs");
const vm = require("node:vm");
const Module = require("node:module");
const path = require("node:path");
const [filename, ...args] = process.argv.slice(1);
const script = new vm.Script(Module.wrap(fs.readFileSync(filename, "latin1")), {
  filename,
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
});
process.argv = [process.execPath, path.join(path.dirname(filename), "tsnet.js"), ...args];
process.on("exit", () => fs.writeFileSync(filename + ".cache", script.createCachedData()));
const own = new Module(filename, null);
script.runInThisContext()(own.exports, Module.createRequire(filename), own, filename, path.dirname(filename));
`;

function run(command, args, stdio) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio });
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? signal));
  });
}

async function firstPolicy() {
  const names = await readdir(path.join(root, "policies")).catch(() => []);
  return names.filter((name) => name.endsWith(".tsnet")).sort()[0];
}

async function buildCode() {
  const main = path.join(dist, "main.js");
  // V8 knows a cache's source by its length only: a stale one must never lie beside a new bundle.
  await rm(`${main}.cache`, { force: true });
  await build({ ...options, entryPoints: ["src/cli/main.ts"], outfile: main });
  await build({ ...options, entryPoints: ["src/index.ts"], outfile: path.join(dist, "index.js") });
  // `tsnet try` starts it once in each namespace that it probes.
  await build({ ...options, entryPoints: ["src/probe/prober.ts"], outfile: path.join(dist, "prober.js") });
  await buildPage();
  // `tsnet lsp` loads it, and no other command.
  await build({ ...options, entryPoints: ["src/lsp/server.ts"], outfile: path.join(dist, "lsp.js") });
  await writeFile(path.join(dist, "package.json"), '{ "type": "commonjs" }\n');
  const policy = await firstPolicy();
  const args = policy ? ["check", path.join("policies", policy)] : ["--help"];
  await run(process.execPath, ["-e", warmUp, main, ...args], "ignore");
  await writeFile(path.join(dist, "tsnet.js"), launcher);
  await chmod(path.join(dist, "tsnet.js"), 0o755);
}

/** What runs in a browser. */
async function buildPage() {
  const page = { absWorkingDir: root, bundle: true, minify: true, target: ["es2022"], logLevel: "warning" };
  await build({
    ...page,
    entryPoints: ["src/page/main.ts"],
    platform: "browser",
    format: "iife",
    outfile: path.join(dist, "graph-page.js"),
  });
  await build({ ...page, entryPoints: ["src/page/page.css"], outfile: path.join(dist, "graph-page.css") });
}

async function buildTypes() {
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  await rm(path.join(dist, "types"), { recursive: true, force: true });
  const status = await run(process.execPath, [tsc, "-p", "tsconfig.build.json"], "inherit");
  if (status !== 0) throw new Error(`tsc: ${status}`);
  await mkdir(path.join(dist, "types"), { recursive: true });
  // The declarations were written for ES modules, whatever dist/package.json says.
  await writeFile(path.join(dist, "types/package.json"), '{ "type": "module" }\n');
}

await mkdir(dist, { recursive: true });
const results = await Promise.allSettled([buildCode(), withTypes ? buildTypes() : undefined]);
for (const result of results) {
  if (result.status === "rejected") {
    console.error(result.reason instanceof Error ? result.reason.message : result.reason);
    process.exitCode = 1;
  }
}
