/** Runs on a lab's host: a commit by iptables whose tools, from a directory of the test's, do other things. */
import { approach } from "../../src/backend/iptables/apply.js";
import { compile } from "../../src/ir/compile.js";

/** Commits a policy, then another in its place with those tools first on the PATH; what that says. */
export async function commitRefused(before: string, after: string, directory: string): Promise<string> {
  const path = process.env["PATH"] ?? "";
  await (await approach(compile(before).policy, undefined)).commit();
  const next = await approach(compile(after).policy, undefined);
  process.env["PATH"] = `${directory}:${path}`;
  try {
    await next.commit();
    return "it was committed";
  } catch (error) {
    return (error as Error).message;
  } finally {
    process.env["PATH"] = path;
  }
}
