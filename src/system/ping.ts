/** ICMP echoes by iputils' or busybox's ping, which has the right to send them. Nothing here needs execa to start. */
import { type ChildProcess, spawn } from "node:child_process";

/** `unreachable`: an ICMP error came back, or there is no route. `missing`: ping isn't installed. */
export type Echo = "reply" | "unreachable" | "silent" | "missing";

/** One echo request from `source` to `target`; `timeout` in milliseconds. */
export function ping(source: string, target: string, timeout: number): Promise<Echo> {
  // -W takes whole seconds everywhere; the timer sees to the rest.
  const args = ["-n", "-c", "1", "-W", String(Math.ceil(timeout / 1000)), "-I", source, target];
  return new Promise((resolve) => {
    const child = spawn("ping", args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, LC_ALL: "C" } });
    running.add(child);
    let output = "";
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
    const settle = (echo: Echo): void => {
      clearTimeout(timer);
      running.delete(child);
      resolve(echo);
    };
    child.on("error", () => settle("missing"));
    child.on("close", () => settle(readEcho(output)));
  });
}

/** What the two say of answers and of ICMP errors. */
function readEcho(output: string): Echo {
  if (/bytes from/.test(output)) return "reply";
  return /unreachable|prohibited|filtered/i.test(output) ? "unreachable" : "silent";
}

const running = new Set<ChildProcess>();

/** Ends the echoes that are still waited for. */
export function endPings(): void {
  for (const child of running) child.kill("SIGKILL");
}
