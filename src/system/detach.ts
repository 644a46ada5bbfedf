/** Programs that outlive us: our terminal, our session and whoever started us. */
import { spawn } from "node:child_process";

/** This process's own command line with other words, for starting tsnet again. */
export function ownCommand(words: readonly string[]): string[] {
  return [process.execPath, ...process.execArgv, process.argv[1] ?? "", ...words];
}

/** Starts a program in a session of its own, without a terminal or any of our streams. Throws when it can't start. */
export function detach([command = "", ...args]: readonly string[]): Promise<void> {
  const child = spawn(command, args, { detached: true, stdio: "ignore" });
  child.unref();
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}
