/** Runs on a lab's host: what a commit by iptables reads back, and how. */
import { execFileSync } from "node:child_process";
import { approach } from "../../src/backend/iptables/apply.js";
import { readChains } from "../../src/backend/iptables/kernel.js";
import { plan } from "../../src/backend/iptables/plan.js";
import { standsBy } from "../../src/backend/iptables/standing.js";
import { compile } from "../../src/ir/compile.js";

/**
 * Commits a policy and lets somebody else do what the words say before it is verified, by the tools of a directory where
 * one is named; what that says.
 */
export async function verifiedAfter(text: string, words: readonly string[], directory?: string): Promise<string> {
  const next = await approach(compile(text).policy, undefined);
  await next.commit();
  const [command, ...args] = words;
  if (command !== undefined) execFileSync(command, args);
  const path = process.env["PATH"] ?? "";
  if (directory !== undefined) process.env["PATH"] = `${directory}:${path}`;
  try {
    await next.verify();
    return "as committed";
  } catch (error) {
    return (error as Error).message;
  } finally {
    process.env["PATH"] = path;
  }
}

/** Whether nf_tables tells, without the rules, that a policy stands. */
export function isTold(text: string, prefix: string): boolean {
  const chains = readChains(prefix);
  return chains !== undefined && standsBy(plan(compile(text).policy), chains);
}
