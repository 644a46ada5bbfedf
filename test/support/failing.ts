/** An apply by eBPF that fails when its rules are in force and have been met. The first half runs on a lab's host. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { observe } from "../../src/system/attempt.js";
import type { Host } from "../kernel/lab.js";
import { applyText } from "./live.js";

const PINNED = "/run/tsnet/bpf";
/** Places of `drops` in the dataplane's maps: of statements, and of connections that were cut. */
const MET = [0, 9];

function dropped(): number[] {
  const folder = readdirSync(PINNED).find((name) => existsSync(`${PINNED}/${name}/maps/drops`));
  const text = execFileSync("bpftool", ["-j", "map", "dump", "pinned", `${PINNED}/${folder}/maps/drops`]).toString();
  const rows = JSON.parse(text) as { formatted: { values: { value: number }[] } }[];
  return MET.map((at) => (rows[at]?.formatted.values ?? []).reduce((sum, { value }) => sum + value, 0));
}

/** The error's message. */
export async function failWhenMet(text: string): Promise<string> {
  const before = dropped();
  observe((what) => {
    if (what !== "step cut") return;
    for (let i = 0; i < 1000; i++)
      if (dropped().every((sum, at) => sum >= (before[at] as number) + 10)) throw new Error("it was made to fail");
    throw new Error("never met");
  });
  try {
    await applyText(text, "ebpf");
    return "it didn't fail";
  } catch (error) {
    return (error as Error).message;
  } finally {
    observe(undefined);
  }
}

// --------------------------------------------------------------------------------------------------------------------

/** Applies a policy to a lab's host, which fails before it is there to stay; returns why. */
export function applyFailing(host: Host, text: string): Promise<string> {
  return host.call(import.meta.url, "failWhenMet", text);
}
