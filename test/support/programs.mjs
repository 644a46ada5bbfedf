/**
 * Programs that tests start, bundled from the sources as they are: dist/ may be older.
 *
 * A run of many tests bundles those that are started most once, and has V8's code of them beside: without, each start
 * takes 100 ms more of a processor, thousands of times.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  logLevel: "error",
  external: ["elkjs"],
  define: {
    "import.meta.url": "__importMetaUrl",
    "import.meta.dirname": "__dirname",
    "import.meta.filename": "__filename",
  },
  banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
};

/** Bundles an entry of the project's into a file. */
export async function bundleInto(outfile, entry) {
  await build({ ...options, entryPoints: [entry], outfile });
}

/** Those that most tests start. */
const SHARED = { "main.cjs": "src/cli/main.ts", "swept.cjs": "test/support/swept.ts" };

// Stands in the place of a bundle, which has become NAME.code.
const launcher = `"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const vm = require("node:vm");
const read = (name) => { try { return readFileSync(name); } catch {} };
const script = new vm.Script(
  "(function (exports, require, module, __filename, __dirname) {" + readFileSync(__filename + ".code", "utf8") + "\\n})",
  { filename: __filename, cachedData: read(__filename + ".cache"),
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER });
if (process.env.TSNET_WARM) {
  delete process.env.TSNET_WARM;
  process.on("exit", () => writeFileSync(__filename + ".cache", script.createCachedData()));
}
script.runInThisContext()(exports, require, module, __filename, __dirname);
`;

/** Writes the shared programs into a directory, to be told to tests as TSNET_PROGRAMS. */
export async function writePrograms(directory) {
  for (const [name, entry] of Object.entries(SHARED)) {
    const file = path.join(directory, name);
    await bundleInto(file, entry);
    renameSync(file, `${file}.code`);
    writeFileSync(file, launcher);
    warm(file);
  }
}

/** Applies once, in namespaces that end with it, and keeps what V8 has compiled. Where they can't be made, nothing is kept. */
function warm(file) {
  const script = 'for d in /run /var/lib; do mount -t tmpfs tmpfs $d || exit; done; TSNET_WARM=1 "$@"';
  const policy = path.join(root, "policies/04-shop.tsnet");
  const words = [process.execPath, file, "compile", policy, "--apply"];
  spawnSync("unshare", ["-r", "-n", "-m", "sh", "-c", script, "sh", ...words], { stdio: "ignore", timeout: 60_000 });
}

/** The program in `directory`: a copy of the shared one, where there is one, or a bundle of `entry`. */
export async function placeProgram(directory, name, entry) {
  const shared = path.join(process.env.TSNET_PROGRAMS ?? "/nowhere", name);
  const outfile = path.join(directory, name);
  if (SHARED[name] !== entry || !existsSync(shared)) return bundleInto(outfile, entry);
  for (const suffix of ["", ".code", ".cache"])
    if (existsSync(shared + suffix)) copyFileSync(shared + suffix, outfile + suffix);
}
