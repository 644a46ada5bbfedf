/** The directories that containers share, on disk. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { attempt } from "../system/attempt.js";
import { policySharesDirectory, SHARES_ROOT } from "./names.js";

/** What is where those of a policy are, by path: whether it is a directory. */
export function readShares(policy: string): Map<string, boolean> {
  const directory = policySharesDirectory(policy);
  const isDirectory = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  // Mostly there are none, and an error takes longer to make than the question.
  const names = isDirectory(directory) ? readdirSync(directory) : [];
  return new Map(names.map((name) => join(directory, name)).map((path) => [path, isDirectory(path)]));
}

/** An empty one; with a `code` where it can't be made. */
export function makeShare(path: string): void {
  attempt(`make ${path}`);
  for (const directory of [SHARES_ROOT, dirname(path)]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  mkdirSync(path);
  // Whatever this process masks.
  chmodSync(path, 0o755);
}

/** With all that is in it. Throws where something is mounted inside, which would be somebody else's to lose. */
export function removeShare(path: string): void {
  attempt(`remove ${path}`);
  const mounted = mountsIn(path)[0];
  if (mounted !== undefined) throw new Error(`${path} can't be removed: something is mounted at ${mounted}`);
  rmSync(path, { recursive: true, force: true });
  for (const directory of [dirname(path), SHARES_ROOT])
    try {
      rmdirSync(directory);
    } catch {
      // Another share is in there.
    }
}

/** proc(5): the fifth field of mountinfo, with blanks and backslashes in octal. */
function mountsIn(path: string): string[] {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) =>
      (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8))),
    );
  return points.filter((point) => point === path || point.startsWith(`${path}/`));
}
