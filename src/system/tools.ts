/** Whether commands are installed, asked of the file system: starting them to see would cost an apply its time. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

/** Directories that a user's PATH often lacks; run.ts adds the same. */
const SYSTEM = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** What commands get, so that they are found where they were looked for. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [process.env["PATH"] ?? "", ...SYSTEM].join(":") };
}

export function isInstalled(command: string): boolean {
  return pathOf(command) !== undefined;
}

/** The file that a command leads to, without links; undefined where it isn't installed. */
export function fileOf(command: string): string | undefined {
  const path = pathOf(command);
  return path === undefined ? undefined : realpathSync(path);
}

/** Where commands were found last, by their names and the PATH that was searched. */
const found = new Map<string, string>();

/** The file that a command is; undefined where it isn't installed. */
export function pathOf(command: string): string | undefined {
  const PATH = process.env["PATH"] ?? "";
  const key = `${command}:${PATH}`;
  const before = found.get(key);
  if (before !== undefined && isExecutable(before)) return before;
  const path = [...PATH.split(":"), ...SYSTEM]
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, command))
    .find(isExecutable);
  if (path !== undefined) found.set(key, path);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    // Mostly it is in another directory, and an error takes longer to make than the question.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return false;
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
