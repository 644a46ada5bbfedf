// `npm test`: prepares the machine, builds, checks types and style, then runs every test/**/*.test.ts.
// Arguments choose files by a part of their path, and leave the two checks out.
// The last line is always `N passed, N failed`, with `, N skipped` when there are any.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { installCommands, installModules, npm, PACKAGES, TEST_PACKAGES } from "./prepare.mjs";
import { endAll, root, runCheck, runFile } from "./runner.mjs";

const filters = process.argv.slice(2);
/** Kernel tests that measure. */
const ALONE = /(atomic|churn|bench)\.kernel\.test\.ts$/;

/** Those that take longest, so that none of them is left over for one processor at the end. */
const LONGEST = ["sweep", "trial", "foreign", "lifecycle", "try", "equality", "history", "sweep-ebpf"];

function longestFirst(files) {
  const place = (name) => {
    const at = LONGEST.indexOf(path.basename(name).split(".")[0]);
    return at === -1 ? LONGEST.length : at;
  };
  return [...files].sort((a, b) => place(a) - place(b));
}

const totals = { passed: 0, failed: 0, skipped: 0 };
const reasons = new Set();

function testFiles() {
  const all = readdirSync(path.join(root, "test"), { recursive: true })
    .map((name) => path.join("test", name))
    .filter((name) => name.endsWith(".test.ts") && !name.startsWith(path.join("test", "fixtures")));
  return all.filter((name) => filters.length === 0 || filters.some((part) => name.includes(part))).sort();
}

function report(result) {
  totals.passed += result.passed;
  totals.failed += result.failed;
  totals.skipped += result.skipped;
  for (const reason of result.reasons) reasons.add(reason);
  const time = `${(result.ms / 1000).toFixed(1)} s`;
  const skipped = result.skipped ? `, ${result.skipped} skipped` : "";
  if (result.problems.length === 0) return console.log(`ok    ${result.file}  ${result.passed}${skipped}  (${time})`);
  console.log(`FAIL  ${result.file}  (${time})`);
  console.log(result.output.trimEnd());
  for (const problem of result.problems) console.log(`  ${result.file}: ${problem}`);
}

/** What the suite's processes share: the command, and what is bundled once for all of them. */
async function prepare() {
  await installCommands({ ...PACKAGES, ...TEST_PACKAGES });
  const build = await runCheck("build", [process.execPath, "scripts/build.mjs", "--no-types"]);
  if (build.failed || filters.length === 0) report(build);
  const { PREFIX, writePack } = await import("../test/kernel/pack.mjs");
  const { writePrograms } = await import("../test/support/programs.mjs");
  const shared = mkdtempSync(PREFIX);
  process.on("exit", () => rmSync(shared, { recursive: true, force: true }));
  process.env.TSNET_LAB = await writePack(shared);
  await writePrograms(shared);
  process.env.TSNET_PROGRAMS = shared;
}

/**
 * Runs the jobs of `first` two at once, in order, once the machine is prepared. Those of `checks` need no more than
 * node_modules: they begin at once. They and those of `aside` run in what the first leave of the processors, for who
 * waits for packets needs none; when none of them is left, a third of the first goes beside two.
 */
async function each(checks, first, aside) {
  const [queue, beside] = [[...first], [...aside]];
  const ready = prepare();
  const worker = async () => {
    await ready;
    for (let job = queue.shift() ?? beside.shift(); job; job = queue.shift() ?? beside.shift()) report(await job({}));
  };
  const filler = async () => {
    for (const job of checks) report(await job({ aside: true }));
    await ready;
    for (let job = beside.shift(); job; job = beside.shift()) report(await job({ aside: queue.length > 0 }));
    for (let job = queue.shift(); job; job = queue.shift()) report(await job({}));
  };
  await Promise.all([worker(), worker(), filler()]);
}

async function main() {
  if (!(await installModules())) {
    totals.failed += 1;
    return console.log("FAIL  npm ci");
  }
  // Read at each of thousands of starts, and needed by none: tests speak to nobody outside.
  delete process.env.NODE_EXTRA_CA_CERTS;
  const files = testFiles();
  const kernel = files.filter((name) => name.endsWith(".kernel.test.ts"));
  const others = files.filter((name) => !name.endsWith(".kernel.test.ts"));
  const checks = filters.length ? [] : ["lint", "typecheck", "declarations"];
  // Each has namespaces of its own, so two go side by side; not those that count packets of a flood, or seconds.
  const isAlone = (name) => ALONE.test(name);
  const job = (name) => (options) => runFile(name, options);
  await each(
    checks.map((name) => (options) => runCheck(name, npm("run", "--silent", name), options)),
    longestFirst(kernel.filter((name) => !isAlone(name))).map(job),
    longestFirst(others).map(job),
  );
  for (const name of kernel.filter(isAlone)) report(await runFile(name));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    endAll();
    process.exit(1);
  });
}

try {
  await main();
} catch (error) {
  totals.failed += 1;
  console.log(error instanceof Error ? (error.stack ?? error.message) : error);
}
for (const reason of reasons) console.log(reason);
const skipped = totals.skipped ? `, ${totals.skipped} skipped` : "";
console.log(`${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
