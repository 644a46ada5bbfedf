/** What we ask of systemd, where it runs. */
import { existsSync, readlinkSync } from "node:fs";
import { run } from "./run.js";

/** Where units of an administrator go. */
export const UNITS = "/etc/systemd/system";

/** Whether systemd runs this machine (sd_booted(3)). */
export function systemdRuns(): boolean {
  return existsSync("/run/systemd/system");
}

/** Whether what systemd starts sees the same network and files as we do: not so in a container or under `ip netns`. */
function inSystemdsPlace(): boolean {
  try {
    return ["net", "mnt"].every((kind) => readlinkSync(`/proc/1/ns/${kind}`) === readlinkSync(`/proc/self/ns/${kind}`));
  } catch {
    return false;
  }
}

/**
 * Starts a program as a transient service, which no logout ends, and which systemd starts again when it is killed.
 * False where systemd doesn't run, or wouldn't do it.
 */
export async function startService(unit: string, description: string, command: readonly string[]): Promise<boolean> {
  if (!systemdRuns() || !inSystemdsPlace()) return false;
  const args = ["--quiet", "--collect", "--no-ask-password", `--unit=${unit}`, `--description=${description}`];
  const properties = ["Restart=on-failure", "RestartSec=1", "OOMScoreAdjust=-900"].map((p) => `--property=${p}`);
  const path = `--setenv=PATH=${process.env["PATH"] ?? ""}`;
  try {
    await run("systemd-run", [...args, ...properties, path, "--", ...command], { timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

export async function stopService(unit: string): Promise<void> {
  await run("systemctl", ["stop", `${unit}.service`], { accept: "any", timeout: 10_000 }).catch(() => undefined);
}

/** Has systemd read the units anew and start them at boot. Throws `CommandFailed` or `MissingTool`. */
export async function enableUnits(units: readonly string[]): Promise<void> {
  await run("systemctl", ["daemon-reload"]);
  await run("systemctl", ["enable", ...units]);
}

/** The inverse, also where systemd doesn't run: the links are files. */
export async function disableUnits(units: readonly string[]): Promise<void> {
  await run("systemctl", ["disable", ...units]);
}

/** Has systemd forget units whose files are gone. */
export async function reloadUnits(): Promise<void> {
  if (systemdRuns()) await run("systemctl", ["daemon-reload"]);
}
