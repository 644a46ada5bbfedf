// From a fresh clone to a policy that is tried with real packets, in one command: `node scripts/quickstart.mjs`.
// Installs what is missing (npm packages; Debian's, where it can), builds, and runs `tsnet try`. Another policy may be
// named: `node scripts/quickstart.mjs policies/04-shop.tsnet`. Changes nothing of the host's network.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { installCommands, installModules } from "./prepare.mjs";
import { root } from "./runner.mjs";

const policy = process.argv[2] ?? "policies/01-one-line.tsnet";
const tsnet = path.join("dist", "tsnet.js");
/** The system lacks something, or refused: see src/cli/exit.ts. */
const SYSTEM = 3;

function step(what) {
  console.log(`\n== ${what}`);
}

/** Runs a command for everybody to see; its exit status, or undefined if it couldn't start or was ended. */
function show(command, ...args) {
  console.log(`> ${[command === process.execPath ? "node" : command, ...args].join(" ")}`);
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status ?? undefined;
}

function stop(why) {
  console.log(`\n${why}`);
  process.exit(1);
}

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) stop(`tsnet needs Node 20.19 or newer; this is ${process.version}.`);

step("the system's commands: nft, ip, conntrack and a few more");
await installCommands();

step("npm packages");
if (!(await installModules())) stop("npm ci failed; its message is above.");
console.log("node_modules is there");

step("build");
if (show(process.execPath, "scripts/build.mjs", "--no-types") !== 0 || !existsSync(path.join(root, tsnet)))
  stop("the build failed; its message is above.");

step(`try ${policy} in a throwaway network namespace`);
const status = show(process.execPath, tsnet, "try", policy);
if (status === SYSTEM) {
  console.log("\nThis machine can't try it: the reason is above. What needs no privilege:");
  show(process.execPath, tsnet, "check", policy);
}
process.exitCode = status ?? 1;
