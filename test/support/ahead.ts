/** Runs on a lab's host: commits of large policies by iptables whose text is on its way before them. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { approach } from "../../src/backend/iptables/apply.js";
import { compile } from "../../src/ir/compile.js";
import { observe } from "../../src/system/attempt.js";
import { applyText } from "./live.js";

/** Processes of iptables-restore that this one has started. */
function feeding(): number {
  return readdirSync("/proc/self/task")
    .flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, "utf8").trim().split(" "))
    .filter((pid) => pid !== "" && readFileSync(`/proc/${pid}/comm`, "latin1").startsWith("ip")).length;
}

/** Commits it, with what `words` run between; how many processes were reading before the commit, and after it. */
export async function committed(
  text: string,
  hurry: boolean,
  words: readonly string[] = [],
): Promise<[number, number]> {
  const next = await approach(compile(text).policy, undefined, { hurry });
  const before = feeding();
  const [command, ...args] = words;
  if (command !== undefined) execFileSync(command, args);
  await next.commit();
  await next.verify();
  return [before, feeding()];
}

/** Applies it as a program does; how many processes wait for more afterwards. */
export async function waitingAfter(text: string): Promise<number> {
  await applyText(text, "iptables");
  return feeding();
}

/** What a commit says that is refused, by tools of ours or since what begins so fails. */
export async function refused(text: string, path: string, failing?: string): Promise<string> {
  process.env["PATH"] = `${path}:${process.env["PATH"] ?? ""}`;
  const next = await approach(compile(text).policy, undefined, { hurry: true });
  observe((what) => {
    if (failing !== undefined && what.startsWith(failing)) throw new Error(`no ${failing}`);
  });
  try {
    return await next.commit().then(
      () => "committed",
      (error: Error) => error.message,
    );
  } finally {
    observe(undefined);
  }
}

/** Commits it, where the step of that number fails; what it says then, or undefined where there are fewer. */
export async function failing(text: string, step: number): Promise<string | undefined> {
  let steps = 0;
  observe((what) => {
    if (++steps === step) throw new Error(`no ${what}`);
  });
  const reason = await attempted(text).then(
    () => undefined,
    (error: Error) => error.message,
  );
  observe(undefined);
  if (feeding() > 0) throw new Error("a tool waits for more");
  return reason;
}

async function attempted(text: string): Promise<void> {
  const next = await approach(compile(text).policy, undefined, { hurry: true });
  try {
    await next.commit();
  } finally {
    await next.abandon?.();
  }
}

/** Goes as far as the commit, and no further; the same numbers. */
export async function abandoned(text: string): Promise<[number, number]> {
  const next = await approach(compile(text).policy, undefined, { hurry: true });
  const before = feeding();
  await next.abandon?.();
  return [before, feeding()];
}
