/** Processes that a trial's command has left behind: they would keep the throwaway namespaces alive. */
import { readdirSync, readlinkSync } from "node:fs";

/**
 * Kills every other process in this process's mount namespace, which only what we started can be in. Must be called in
 * the throwaway place alone; `outside` is the mount namespace of the host, as a safeguard.
 */
export function endLeftovers(outside: string): void {
  const own = namespaceOf("self");
  if (own === undefined || own === outside) return;
  const self = Number(readlinkSync("/proc/self"));
  // A process may start another while we look.
  for (let again = 0; again < 5; again++) {
    const others = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== self);
    const left = others.filter((pid) => namespaceOf(pid) === own);
    if (left.length === 0) return;
    for (const pid of left) kill(Number(pid));
  }
}

export function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
