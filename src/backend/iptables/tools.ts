/**
 * The tools, in their two variants: one keeps rules in nf_tables, the other in the kernel's older tables. Both may be
 * installed, and hold rules of their own; packets meet those of both.
 */
import type { Family } from "../../net/address.js";
import { basename } from "node:path";
import type { Ending } from "../../system/ending.js";
import { feed } from "../../system/feed.js";
import { begin, CommandFailed, MissingTool, run, type RunResult, TookTooLong } from "../../system/run.js";
import { fileOf } from "../../system/tools.js";
import { usesNetlink } from "../../system/transport.js";
import { triesRestore } from "../../system/try-rules.js";
import { hasLegacyTables } from "../../system/xtables.js";
import type { Committed } from "../backend.js";
import { TABLES } from "./ruleset.js";
import { Refused } from "../refused.js";

export const VARIANTS = ["nft", "legacy"] as const;
export type Variant = (typeof VARIANTS)[number];

const HELP = "look at what else manages iptables on this host, and apply again";

/**
 * Milliseconds for reading what stands, which may be a million rules of anybody's: a generous guess for each where nf_tables
 * told how many there are, since its tool takes ever longer for the next; the older tables are read at once.
 */
export function readingTime(variant: Variant, rules: number | undefined): number {
  if (variant === "legacy") return 60_000;
  return rules === undefined ? 600_000 : 30_000 + rules * 5;
}

/** A tool that hadn't come to its end in time. */
export class Hung extends Refused {}

/** Milliseconds for loading so many characters: what any load may take, and a generous guess for each. */
export function loadingTime(characters: number): number {
  return 30_000 + characters / 5;
}

let usual: Promise<Variant> | undefined;

/** What `iptables-restore` is on this host. Throws `MissingTool`. */
export function usualVariant(): Promise<Variant> {
  return (usual ??= (async () => {
    // All tools of a variant are one file, mostly; asking the file system spares a process.
    const file = basename(fileOf("iptables-restore") ?? "");
    if (file === "xtables-nft-multi") return "nft";
    if (file === "xtables-legacy-multi") return "legacy";
    const { stdout } = await run("iptables-restore", ["--version"]);
    return stdout.includes("nf_tables") ? "nft" : "legacy";
  })());
}

let working: Promise<Variant> | undefined;

/**
 * What is to carry a policy that isn't live: the usual variant where the kernel takes a rule of it, else the other where
 * that is so of it. Throws `MissingTool`.
 */
export function workingVariant(): Promise<Variant> {
  return (working ??= (async () => {
    const usual = await usualVariant().catch(() => undefined);
    const order = usual === "legacy" ? (["legacy", "nft"] as const) : (["nft", "legacy"] as const);
    for (const variant of order) if (await takesARule(variant)) return variant;
    // What it says when it is used is the reason.
    return usualVariant();
  })());
}

/** From now on this one carries a policy that isn't live: it was found to take its rules. */
export function settleVariant(variant: Variant): void {
  working = Promise.resolve(variant);
}

async function takesARule(variant: Variant): Promise<boolean> {
  const text = "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n";
  try {
    return (await triesRestore(await tool(variant, 4, "restore"), text, true)) === undefined;
  } catch (error) {
    if (error instanceof MissingTool) return false;
    throw error;
  }
}

/** The variant that has a policy's chains, by what is on record of its commit. */
export function recordedVariant(known: Committed | undefined): Variant | undefined {
  return VARIANTS.find((variant) => known?.digest.startsWith(`iptables-${variant}:`) === true);
}

/** The command's name; it may not be installed. */
export async function tool(variant: Variant, family: Family, verb: "save" | "restore"): Promise<string> {
  const name = family === 4 ? "iptables" : "ip6tables";
  const isUsual = variant === (await usualVariant().catch(() => undefined));
  return isUsual ? `${name}-${verb}` : `${name}-${variant}-${verb}`;
}

/** Starts the tool; what it returns waits for what it prints, undefined where it isn't installed. Changes nothing. */
export async function beginSave(
  variant: Variant,
  family: Family,
  timeout: number,
  ending?: Ending,
): Promise<() => Promise<string | undefined>> {
  const there = variant === "nft" || hasLegacyTables(family);
  // Asking must not make them.
  if (there === false) return () => Promise.resolve("");
  const command = await tool(variant, family, "save");
  // Where we can't read which there are, nor can the tool, unless it is told which.
  const wanted = there === true ? [[]] : TABLES.map((name) => ["-t", name]);
  const begun = await Promise.all(wanted.map((args) => beginReading(command, args, timeout, ending)));
  return async () => {
    try {
      return (await Promise.all(begun.map((end) => end()))).map(({ stdout }) => stdout).join("");
    } catch (error) {
      if (error instanceof MissingTool) return undefined;
      throw refusal(error, "");
    }
  };
}

/** Tables are committed one by one, and what the text doesn't name is left alone. */
export const RESTORING = ["--noflush", "--wait"];

/** Without loading what starts tools in general, where the system calls are there anyway. */
async function beginReading(
  command: string,
  args: readonly string[],
  timeout: number,
  ending: Ending | undefined,
): Promise<() => Promise<RunResult>> {
  const fed = usesNetlink() ? feed(command, args, ending) : undefined;
  return fed === undefined ? begin(command, args, { timeout, ending }) : () => fed.end("", timeout);
}

/** Commits a text. Throws `Refused`; earlier tables then stay. */
export async function restore(variant: Variant, family: Family, text: string, ending?: Ending): Promise<void> {
  if (text === "") return;
  try {
    await run(await tool(variant, family, "restore"), RESTORING, {
      input: text,
      timeout: loadingTime(text.length),
      ending,
    });
  } catch (error) {
    throw refusal(error, text);
  }
}

/** Loads it where nobody is: `--test` doesn't ask the kernel. Throws `Refused`. */
export async function rehearse(variant: Variant, family: Family, text: string): Promise<void> {
  if (text === "") return;
  try {
    const args = ["--net", "--", await tool(variant, family, "restore"), "--wait"];
    await run("unshare", args, { input: text, timeout: loadingTime(text.length) });
  } catch (error) {
    throw refusal(error, text);
  }
}

/** What a failure of a tool that was given the text means, in people's words. */
export function refusal(error: unknown, text: string): unknown {
  if (error instanceof TookTooLong) {
    const seconds = Math.round(error.timeout / 1000);
    const what = text === "" ? "reading the rules" : `loading ${text.split("\n").length} lines of rules`;
    return new Hung(
      `${what} took longer than ${seconds} seconds and was ended (${error.command})`,
      "see whether another program holds the lock of iptables, or carry the policy by nftables: --backend nft",
    );
  }
  if (!(error instanceof CommandFailed)) return error;
  const said = error.stderr.trim().split("\n")[0] ?? "";
  const line = /line:? (\d+)/.exec(error.stderr)?.[1];
  const object = line === undefined ? undefined : text.split("\n")[Number(line) - 1];
  return new Refused(
    `the kernel refused the rules: ${said === "" ? error.message : said}${object === undefined ? "" : ` (at ${object})`}`,
    HELP,
  );
}
