// Brings a fresh clone on a bare machine to where the tests can run: npm packages, and Debian's.
import { spawn } from "node:child_process";
import { accessSync, constants, lstatSync, statSync } from "node:fs";
import path from "node:path";
import { root } from "./runner.mjs";

/** Each command, or file by its whole path, that tsnet and its tests use, and the Debian package that brings it. */
export const PACKAGES = {
  nft: "nftables",
  ip: "iproute2",
  conntrack: "conntrack",
  ping: "iputils-ping",
  iptables: "iptables",
  python3: "python3-minimal",
  sysctl: "procps",
  nsenter: "util-linux",
  unshare: "util-linux",
  clang: "clang",
  bpftool: "bpftool",
  // Headers that the eBPF dataplane is built with.
  "/usr/include/bpf/bpf_helpers.h": "libbpf-dev",
};

/** What only tests use: a browser, and what draws DOT. */
export const TEST_PACKAGES = { chromium: "chromium", dot: "graphviz" };

/** The command that runs this npm again. */
export function npm(...args) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith(".js") ? [process.execPath, cli, ...args] : ["npm", ...args];
}

function mtime(file) {
  try {
    return statSync(path.resolve(root, file)).mtimeMs;
  } catch {
    return undefined;
  }
}

/** Whether the command ended with 0. Nobody waits at a standstill: a suite's first checks run meanwhile. */
function call(command, args, env = {}, stdout = "inherit") {
  console.log(`> ${[path.basename(command), ...args].join(" ")}`);
  return new Promise((resolve) => {
    const options = { cwd: root, stdio: ["ignore", stdout, "inherit"], env: { ...process.env, ...env } };
    spawn(command, args, options)
      .on("error", () => resolve(false))
      .on("close", (code) => resolve(code === 0));
  });
}

/** Installs node_modules when it is missing or older than the lock; false if that fails. */
export async function installModules() {
  // A link leads to somebody else's: npm would empty it.
  if (lstatSync(path.join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink()) return true;
  const installed = mtime("node_modules/.package-lock.json");
  if (installed !== undefined && installed >= (mtime("package-lock.json") ?? 0)) return true;
  const [command, ...args] = npm("ci", "--include=dev", "--include=optional");
  return call(command, args);
}

function onPath(name) {
  if (path.isAbsolute(name)) return mtime(name) !== undefined;
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(path.join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Installs the system's commands when that can be done; tests that still lack one skip, and say so. */
export async function installCommands(wanted = PACKAGES) {
  const missing = Object.keys(wanted).filter((name) => !onPath(name));
  if (missing.length === 0) return;
  const names = missing.join(", ");
  if (process.getuid?.() !== 0) return console.log(`missing: ${names} (not root, so not installed)`);
  if (!onPath("apt-get")) return console.log(`missing: ${names} (no apt-get to install them with)`);
  const packages = [...new Set(missing.map((name) => wanted[name]))];
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await call("apt-get", ["update", "-qq"], env, "ignore");
  if (!(await call("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], env, "ignore"))) {
    console.log(`missing: ${names} (apt-get failed)`);
  }
}
