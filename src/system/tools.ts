/** Whether commands are installed, asked of the file system: starting them to see would cost an apply its time. */
import { accessSync, constants, realpathSync } from "node:fs";
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

/** The file that a command is; undefined where it isn't installed. */
export function pathOf(command: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(":"), ...SYSTEM];
  for (const directory of directories) {
    if (directory === "") continue;
    const path = join(directory, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // It is in another, or nowhere.
    }
  }
  return undefined;
}
