// Runs one uvu file in a process of its own and judges what it did. uvu alone can't be trusted to fail: a throwing
// `before` and a forgotten `.run()` both end with exit status 0, so the judgement rests on the counts.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
export const TIME_LIMIT_MS = 10 * 60 * 1000;

const running = new Set();

/**
 * A child that leads its own process group, so that ending it ends what it started, and nothing else. `aside`: it takes
 * what others leave of the processors.
 */
function start(command, args, { env = {}, timeoutMs = TIME_LIMIT_MS, aside = false } = {}) {
  return new Promise((resolve) => {
    const began = process.hrtime.bigint();
    const childEnv = { ...process.env, NO_COLOR: "1", ...env };
    delete childEnv.FORCE_COLOR;
    // Not so nice that a busy machine makes it run over its time limit.
    const [program, ...words] = aside ? ["nice", "-n", "5", command, ...args] : [command, ...args];
    const child = spawn(program, words, {
      ...{ cwd: root, env: childEnv, detached: true },
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(child);
    const output = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      end(child);
    }, timeoutMs);
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => output.push(chunk));
    const settle = (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      child.stdout.destroy();
      child.stderr.destroy();
      const ms = Number(process.hrtime.bigint() - began) / 1e6;
      resolve({ code, signal, timedOut, ms, output: Buffer.concat(output).toString("utf8") });
    };
    child.on("error", (error) => {
      output.push(Buffer.from(`${error.message}\n`));
      settle(null, null);
    });
    // A process left behind may hold the pipes open for ever: after the child's exit they get a moment, no more.
    let grace;
    child.on("exit", (code, signal) => (grace = setTimeout(() => settle(code, signal), 2000)));
    child.on("close", (code, signal) => {
      clearTimeout(grace);
      settle(code, signal);
    });
  });
}

function end(child) {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {}
}

/** Ends every child that is still running. */
export function endAll() {
  for (const child of running) end(child);
}

/**
 * The counts of uvu's summary, or undefined if it printed none. uvu's total leaves out the skipped tests.
 * @param {string} output
 */
export function parseSummary(output) {
  const summary = /^ {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)$/gm;
  const last = [...output.matchAll(summary)].pop();
  return last && { total: Number(last[1]), passed: Number(last[2]), skipped: Number(last[3]) };
}

/**
 * What the source alone shows: suites that never run, and tests that shut out the others.
 * @param {string} source
 * @returns {string[]}
 */
export function inspectSource(source) {
  const problems = [];
  const suites = [...source.matchAll(/\b(\w+)\s*=\s*suite\s*[(<]/g)].map((match) => match[1]);
  if (/import\s*\{[^}]*\btest\b[^}]*\}\s*from\s*["']uvu["']/.test(source)) suites.push("test");
  for (const name of suites) {
    if (!new RegExp(`\\b${name}\\.run\\(\\)`).test(source)) problems.push(`${name}.run() is never called`);
    if (new RegExp(`^\\s*${name}\\.only\\(`, "m").test(source)) problems.push(`${name}.only() leaves the others out`);
  }
  return problems;
}

/**
 * Why a finished file counts as failed: empty if it doesn't.
 * @param {{ code: number | null, signal: string | null, timedOut: boolean, output: string }} result
 * @param {string} source
 * @returns {string[]}
 */
export function judge(result, source) {
  const problems = inspectSource(source);
  const summary = parseSummary(result.output);
  if (result.timedOut) problems.push("ran over its time limit");
  else if (result.code !== 0) problems.push(`ended with ${result.signal ?? `exit status ${result.code}`}`);
  if (!summary) problems.push("printed no summary: it registered no test, or ended too early");
  else if (summary.total + summary.skipped === 0) problems.push("registered no test");
  else if (summary.passed !== summary.total) problems.push(`only ${summary.passed} of ${summary.total} tests passed`);
  if (/^ {2,3}FAIL /m.test(result.output) && result.code === 0) problems.push("printed FAIL, yet exit status 0");
  return problems;
}

/**
 * Runs one test file.
 * @param {string} file relative to the project's root
 * @param {{ timeoutMs?: number, env?: Record<string, string>, aside?: boolean }} [options]
 */
export async function runFile(file, options) {
  const result = await start(process.execPath, ["--import", "tsx", file], options);
  const problems = judge(result, readFileSync(path.join(root, file), "utf8"));
  const summary = parseSummary(result.output);
  const passed = summary?.passed ?? 0;
  const failed = problems.length === 0 ? 0 : Math.max(1, (summary?.total ?? 0) - passed);
  const reasons = [...result.output.matchAll(/^SKIP .+$/gm)].map((match) => match[0]);
  return {
    file,
    ms: result.ms,
    output: result.output,
    problems,
    passed,
    failed,
    skipped: summary?.skipped ?? 0,
    reasons,
  };
}

/**
 * Runs a command that counts as one check: passed when it exits with 0.
 * @param {string} name
 * @param {string[]} script
 * @param {{ aside?: boolean }} [options]
 */
export async function runCheck(name, script, options) {
  const [command, ...args] = script;
  const result = await start(command, args, options);
  const problems = result.code === 0 ? [] : [`ended with ${result.signal ?? `exit status ${result.code}`}`];
  const failed = problems.length;
  return {
    file: name,
    ms: result.ms,
    output: result.output,
    problems,
    passed: 1 - failed,
    failed,
    skipped: 0,
    reasons: [],
  };
}
