/**
 * The command with an observer of what it asks of the machine: `SWEEP=list:FILE` writes each thing down, `SWEEP=kill:N`
 * ends the process at the Nth as kill -9 does, `SWEEP=kill-at:WHAT` at the first such, `SWEEP=signal:N` as kill does at the
 * Nth, `SWEEP=signal-at:WHAT` at each such, `SWEEP=fault:N` has the Nth fail.
 */
import { appendFileSync, readFileSync } from "node:fs";
import { observe } from "../../src/system/attempt.js";
import { BpfFailed } from "../../src/system/bpf/call.js";
import { NetlinkError } from "../../src/system/netlink/errors.js";
import { CommandFailed } from "../../src/system/run.js";
import { CARRIER } from "./carrier.js";

const [kind, argument = ""] = (process.env["SWEEP"] ?? "").split(":");
let count = 0;

/** As the thing itself would fail: out of memory, out of space, or an exit status. */
function fault(what: string): Error {
  if (what.startsWith("netlink")) return new NetlinkError(12);
  if (what.startsWith("bpf")) return new BpfFailed(what, 12, "it was made to fail");
  if (what.startsWith("command")) return new CommandFailed(what, 1, "", "it was made to fail");
  return Object.assign(new Error(`ENOSPC: no space left on device, ${what}`), { code: "ENOSPC" });
}

observe((what) => {
  count++;
  if (kind === "list") return appendFileSync(argument, `${what}\n`);
  if (kind === "kill-at" && what === argument) process.kill(process.pid, "SIGKILL");
  if (kind === "signal-at" && what === argument) process.kill(process.pid, "SIGTERM");
  if (count !== Number(argument)) return;
  if (kind === "signal") process.kill(process.pid, "SIGTERM");
  else if (kind === "kill") process.kill(process.pid, "SIGKILL");
  else if (kind === "fault") throw fault(what);
});

/** `handle FILE`: the edits of an open handle in place of a command. */
async function handle(path: string): Promise<void> {
  const { open } = await import("../../src/transaction/open.js");
  const { compile } = await import("../../src/ir/compile.js");
  const net = await open({ backend: CARRIER });
  const text = readFileSync(path, "utf8");
  const apply = async (edited: string): Promise<void> => void (await net.apply(compile(edited, { file: path }).policy));
  await apply(text);
  // Edited texts are noted beside the record as updates are.
  const less = text.replace("allow 192.0.2.2 -> web:80\n", "");
  await apply(less);
  await apply(`${less}deny 192.0.2.6 -> web:80\n`);
  await net.update({ add: "allow 192.0.2.4 -> web:80" });
  await apply(`${less}allow 192.0.2.4 -> web:80\n`);
  await net.update({ add: "deny 192.0.2.5 -> web:80", remove: "deny 192.0.2.3 -> web:80" });
  await net.update({ add: "deny 192.0.2.3 -> web:80" });
  await net.close();
}

if (process.argv[2] === "handle") void handle(process.argv[3] ?? "");
else void import("../../src/cli/main.js");
