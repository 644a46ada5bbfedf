// Builds dist/: the command (dist/tsnet.js), the program that `tsnet try` probes with (dist/prober.js), the language
// server (dist/lsp.js), the script and style of the page that `tsnet graph` writes (dist/graph-page.*), the library
// (dist/index.js) and its types (dist/types).
//
// The command starts once for every use, so its start-up is part of every answer's latency. What was measured
// (Node 20, whole process, against `node -e 0`): a CommonJS start is 5 ms cheaper than an ESM one, and V8's code
// cache takes another 8 to 15 ms off; a cache of the whole command costs 9 ms to read where a third of it is needed.
// So dist/ is CommonJS, and dist/tsnet.js is a launcher that hands V8 the compiled code of the parts in dist/command/.
// On another version of Node, V8 refuses the cache and compiles the source as usual.
import { spawn } from "node:child_process";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { grouped, toCommonJs } from "./parts.mjs";

/** What is loaded first, and then by the commands that are used most: each of these with all that it imports. */
const USED_TOGETHER = [
  "src/cli/main.ts",
  "src/cli/check.ts",
  "src/cli/compile.ts",
  "src/transaction/apply.ts",
  "src/backend/nftables/backend.ts",
];

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const dist = path.join(root, "dist");
const withTypes = !process.argv.includes("--no-types");
const onlyTypes = process.argv.includes("--only-types");

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

/** Commands that share their caches: a cache is read as a whole, so it has what its commands call, and no more. */
function useOf(args) {
  return args[0] === "check" ? ".check" : args.includes("--apply") ? ".apply" : "";
}

// How parts are loaded: each is a function of CommonJS, those that are used together in one file, with V8's cache beside it.
const loader = `
const fs = require("node:fs");
const vm = require("node:vm");
const main = dist + "/tsnet.js";
const options = { importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
const loaded = new Map();
const scripts = new Map();
const functions = new Map();
// One for all files: V8 copies what it takes, and memory that is new costs more than reading into it.
const room = Buffer.allocUnsafeSlow(1 << 19);
function bytes(path) {
  const fd = fs.openSync(path);
  const size = fs.readSync(fd, room, 0, room.length, 0);
  fs.closeSync(fd);
  return size < room.length ? room.subarray(0, size) : fs.readFileSync(path);
}
function read(file) {
  const filename = parts + "/" + file;
  // A part is pure ASCII: esbuild escapes everything else, and a one-byte string is the cheapest to read.
  const source = bytes(filename).latin1Slice();
  let cachedData;
  try {
    cachedData = bytes(filename + use + ".cache");
  } catch {}
  const script = new vm.Script(source, { ...options, filename, cachedData });
  if (warming) scripts.set(filename, script);
  for (const [name, part] of Object.entries(script.runInThisContext())) functions.set(name, part);
}
function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  if (!functions.has(name)) read(files[name] ?? name);
  const own = { exports: {} };
  loaded.set(name, own);
  functions.get(name)(own.exports, find, own, main, dist);
  return own.exports;
}
const find = (name) => (name.startsWith("./") ? load(name.slice(2)) : require(name));
`;

const launcher = (files) => `#!/usr/bin/env node
"use strict";
const dist = __dirname;
const parts = dist + "/command";
const use = (${useOf})(process.argv.slice(2));
const warming = false;
const files = ${JSON.stringify(files)};
${loader}
load("main.js");
`;

// Runs the command as the launcher would, then keeps what V8 has compiled by the time the process ends: the functions
// that a typical command needs, and no others. What earlier runs have kept is in it, too.
const warmUp = (files) => `
const [dist, ...args] = process.argv.slice(1);
const parts = dist + "/command";
const use = (${useOf})(args);
const warming = true;
const files = ${JSON.stringify(files)};
${loader}
process.argv = [process.execPath, dist + "/tsnet.js", ...args];
process.on("exit", () => {
  for (const [filename, script] of scripts) fs.writeFileSync(filename + use + ".cache", script.createCachedData());
});
load("main.js");
`;

/** commander loads this at its start, 4 ms of work, for subcommands that are programs of their own: none of ours is. */
const lazyChildProcess = {
  name: "lazy-child-process",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      /[\\/]node_modules[\\/]commander[\\/]/.test(importer) ? { path: "child_process", namespace: "lazy" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "lazy" }, () => ({
      contents: 'module.exports = { get spawn() { return require("child_process").spawn; } };',
    }));
  },
};

/**
 * The command in parts, so that each use loads and caches what it needs: esbuild splits ES modules only, so each part
 * becomes CommonJS afterwards.
 */
async function buildCommand() {
  const directory = path.join(dist, "command");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const { banner: _, ...plain } = options;
  const { outputFiles, metafile } = await build({
    ...plain,
    format: "esm",
    splitting: true,
    entryPoints: ["src/cli/main.ts"],
    outdir: directory,
    write: false,
    metafile: true,
    plugins: [lazyChildProcess],
  });
  const groups = grouped(metafile.outputs, USED_TOGETHER);
  const texts = new Map();
  for (const { file, code } of await toCommonJs(outputFiles, options.target)) {
    const name = path.basename(file);
    const head = code.includes("__importMetaUrl") ? options.banner.js : "";
    const text = `"${name}": (function (exports, require, module, __filename, __dirname) { ${head}${code}\n})`;
    const to = groups[name] ?? name;
    texts.set(to, [...(texts.get(to) ?? []), text]);
  }
  for (const [name, list] of texts) await writeFile(path.join(directory, name), `({${list.join(",\n")}})`);
  return groups;
}

// The same for an apply, in namespaces of its own, which end with it. Where they can't be made, or ip and nft aren't there, the
// parts that only an apply needs go without.
// Most applies are of an edited policy: the second is one, of another process as the user's is.
const warmApply = (files) => `
const { execFileSync, spawnSync } = require("node:child_process");
const { readFileSync, writeFileSync } = require("node:fs");
for (const directory of ["/run", "/var/lib"]) execFileSync("mount", ["-t", "tmpfs", "tmpfs", directory]);
const [dist, command, first, ...options] = process.argv.slice(1);
const edited = "/run/edited.tsnet";
writeFileSync(edited, readFileSync(first, "utf8") + ${JSON.stringify(EDIT)});
for (const file of [first, edited])
  spawnSync(process.execPath, ["-e", ${JSON.stringify(warmUp(files))}, dist, command, file, ...options], { stdio: "ignore" });
`;
const EDIT = `container c1 { }
container c2 { }
network lan { subnet 10.201.1.0/24 }
container web { network lan ip 10.201.1.10 }
container app { network lan }
allow 192.0.2.1 -> c1:80
deny app -> web:80
publish 49154 -> c2:8081
`;
const THROWAWAY = ["--user", "--map-root-user", "--net", "--mount", "--"];
// BPF programs are loaded by the host's root only, and are pinned in a mount namespace that ends, too.
const OWN = ["--net", "--mount", "--"];

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

/** @param dataplane settles when the eBPF programs are there, or can't be */
async function buildCode(dataplane) {
  const files = await buildCommand();
  await build({ ...options, entryPoints: ["src/index.ts"], outfile: path.join(dist, "index.js") });
  // `tsnet try` starts it once in each namespace that it probes.
  await build({ ...options, entryPoints: ["src/probe/prober.ts"], outfile: path.join(dist, "prober.js") });
  await buildPage();
  // `tsnet lsp` loads it, and no other command.
  await build({ ...options, entryPoints: ["src/lsp/server.ts"], outfile: path.join(dist, "lsp.js") });
  await writeFile(path.join(dist, "package.json"), '{ "type": "commonjs" }\n');
  const policy = await firstPolicy();
  const file = path.join("policies", policy ?? "");
  for (const args of policy === undefined
    ? [["--help"]]
    : [
        ["check", file],
        ["compile", file],
        ["explain", file, "c2 -> c1:22"],
      ])
    await run(process.execPath, ["-e", warmUp(files), dist, ...args], "ignore");
  await dataplane;
  const places = [[THROWAWAY, "nft"], [THROWAWAY, "iptables"], ...(process.getuid?.() === 0 ? [[OWN, "ebpf"]] : [])];
  for (const [way, backend] of policy === undefined ? [] : places) {
    const apply = ["compile", file, "--apply", "--backend", backend];
    await run("unshare", [...way, process.execPath, "-e", warmApply(files), dist, ...apply], "ignore").catch(
      () => undefined,
    );
  }
  await writeFile(path.join(dist, "tsnet.js"), launcher(files));
  await chmod(path.join(dist, "tsnet.js"), 0o755);
}

/** The eBPF dataplane, where clang is there: without it that backend alone is missing. */
async function buildDataplane() {
  const object = path.join(dist, "dataplane.o");
  await rm(object, { force: true });
  const source = path.join(root, "src/backend/ebpf/dataplane/dataplane.c");
  const include = `/usr/include/${{ x64: "x86_64", arm64: "aarch64" }[process.arch] ?? process.arch}-linux-gnu`;
  const args = ["-O2", "-g", "-target", "bpf", "-Wall", "-Werror", `-I${include}`, "-c", source, "-o", object];
  const status = await run("clang", args, "inherit").catch((error) => error.code);
  if (status === "ENOENT") console.error("clang is missing: built without the eBPF backend");
  else if (status !== 0) console.error("the eBPF dataplane doesn't compile: built without that backend");
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
const dataplane = onlyTypes ? undefined : buildDataplane();
const results = await Promise.allSettled([
  onlyTypes ? undefined : buildCode(dataplane.catch(() => undefined)),
  dataplane,
  withTypes ? buildTypes() : undefined,
]);
for (const result of results) {
  if (result.status === "rejected") {
    console.error(result.reason instanceof Error ? result.reason.message : result.reason);
    process.exitCode = 1;
  }
}
