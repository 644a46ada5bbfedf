/**
 * Skipping tests that this machine can't run, with the reason.
 *
 *     const test = suite("…");
 *     const it = await when(test, "namespaces", "nf_tables");
 *     it("…", async () => …);
 *     test.run();
 */
import { readFileSync } from "node:fs";
import type { Test } from "uvu";
import { type FeatureName, probeAll } from "../../src/system/features.js";
import { unavailable } from "../../src/system/netlink/ffi.js";
import { run } from "../../src/system/run.js";

/**
 * `namespaces`: root or user namespaces, which every lab needs. `perl`: ICMP and raw frames in a lab. `netlink`: system
 * calls of this process. `chromium`: a browser. `dot`: Graphviz. `iptables-nft`, `iptables-legacy`: tools of that variant,
 * and a kernel that takes their rules. `ebpf`: root outside a user namespace, and the dataplane's object.
 */
export type Need =
  FeatureName | "namespaces" | "perl" | "netlink" | "chromium" | "dot" | "iptables-nft" | "iptables-legacy" | "ebpf";

/** Why a test that needs these can't run here: a sentence; undefined when it can. */
export async function needs(...names: readonly Need[]): Promise<string | undefined> {
  const reasons = await Promise.all(names.map(lacking));
  const lacks = reasons.filter((reason) => reason !== undefined);
  return lacks.length === 0 ? undefined : lacks.join("; ");
}

/** `test` itself where all of these are there, else its `skip`, with a line that says why. */
export async function when(test: Test, ...names: readonly Need[]): Promise<Test | Test["skip"]> {
  const missing = await needs(...names);
  if (missing === undefined) return test;
  console.log(`SKIP ${missing}`);
  return test.skip;
}

async function lacking(name: Need): Promise<string | undefined> {
  if (name === "perl") {
    const { exitCode } = await run("perl", ["-MSocket", "-e", "1"], { accept: "any" }).catch(() => ({ exitCode: 127 }));
    return exitCode === 0 ? undefined : "there is no perl with its Socket module";
  }
  if (name === "chromium" || name === "dot") {
    const { exitCode } = await run(name, [name === "dot" ? "-V" : "--version"], { accept: "any" }).catch(() => ({
      exitCode: 127,
    }));
    return exitCode === 0 ? undefined : `there is no ${name}`;
  }
  if (name === "iptables-nft" || name === "iptables-legacy") {
    const tried = await run("unshare", ["--net", "--", `${name}-restore`], {
      input: "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n",
      accept: "any",
    });
    return tried.exitCode === 0 ? undefined : `${name}-restore: ${tried.stderr.trim() || "can't be run"}`;
  }
  if (name === "netlink") return unavailable();
  if (name === "ebpf") return lackingEbpf();
  if (name === "namespaces") return process.geteuid?.() === 0 ? undefined : lacking("user_namespaces");
  const [feature] = await probeAll([name]);
  return feature === undefined || feature.ok ? undefined : feature.what;
}

async function lackingEbpf(): Promise<string | undefined> {
  if (process.geteuid?.() !== 0) return "eBPF needs root";
  const map = readFileSync("/proc/self/uid_map", "utf8").trim().split(/\s+/);
  if (map[2] !== "4294967295") return "eBPF needs root outside a user namespace";
  const { ebpf } = await import("../../src/backend/ebpf/backend.js");
  return ebpf.require().then(
    () => undefined,
    (error: Error) => error.message,
  );
}
