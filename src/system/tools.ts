/** Whether commands are installed, asked of the file system: starting them to see would cost an apply its time. */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Directories that a user's PATH often lacks; run.ts adds the same. */
const SYSTEM = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

export function isInstalled(command: string): boolean {
  const directories = [...(process.env["PATH"] ?? "").split(":"), ...SYSTEM];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return directory !== "";
    } catch {
      return false;
    }
  });
}
