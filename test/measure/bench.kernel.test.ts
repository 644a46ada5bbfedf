import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Suite } from "../../src/measure/report.js";
import { Stopwatch, TimedFailed } from "../../src/system/stopwatch.js";
import { run, type RunResult } from "../../src/system/run.js";
import { commandLine, forgetCommand } from "../support/command.js";
import { when } from "../kernel/features.js";

const test = suite("bench");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");

const directory = mkdtempSync(join(tmpdir(), "tsnet-test-"));

test.after(async () => {
  rmSync(directory, { recursive: true, force: true });
  await forgetCommand();
});

function bench(...args: readonly string[]): Promise<RunResult> {
  const [command, ...words] = commandLine(["bench", ...args]);
  return run(command, words, { accept: "any", timeout: 120_000 });
}

/** What a measurement must not touch: the host's devices and rules, and what is recorded of it. */
async function host(): Promise<string> {
  const said = await Promise.all([run("ip", ["-o", "link"]), run("ip", ["route", "show", "table", "all"])]);
  const links = said.map(({ stdout }) => stdout.replace(/(bytes|packets) \d+/g, ""));
  return [...links, existsSync("/run/tsnet/applied"), existsSync("/var/lib/tsnet/history")].join("\n");
}

it("every kind is measured beside nft, counted, drawn, and the host stays as it was", async () => {
  const before = await host();
  const svg = join(directory, "growth.svg");
  const { stdout, stderr, exitCode } = await bench("--statements", "3", "--rounds", "1", "--json", "--svg", svg);
  assert.is(exitCode, 0, stderr);
  assert.is(stderr, "");
  const { environment, suites } = JSON.parse(stdout) as { environment: { kernel: string }; suites: Suite[] };
  assert.ok(environment.kernel.length > 0);
  const names = [
    "cold apply, 3 statements",
    "nothing or little changed, 3 statements",
    "churn, 3 statements installed",
  ];
  assert.equal(
    suites.map(({ name }) => name),
    names,
  );
  const [cold, again, churn] = suites.map(({ figures }) => new Map(figures.map((figure) => [figure.name, figure])));
  for (const name of ["tsnet compile --apply", "nft -f", "nft -j -f", "node -e 0"])
    assert.ok((cold?.get(name)?.median ?? 0) > 0, name);
  const operations = ["the same policy again", "one line changed", "one line inserted at the top"];
  assert.equal(
    operations.map((name) => again?.get(`operations, ${name}`)?.median),
    [0, 2, 1],
  );
  for (const name of ["update: commit", "update: the whole call", "a process of nft, one element"])
    assert.ok((churn?.get(name)?.median ?? 0) > 0, name);
  assert.match(readFileSync(svg, "utf8"), /^<svg [\s\S]*Cold apply[\s\S]*<\/svg>\n$/);
  assert.is(await host(), before);
});

it("what is wrong with the command line is said before anything is measured", async () => {
  for (const [args, why] of [
    [["--statements", "0"], /Whole numbers from 1/],
    [["--statements", "1,x"], /Whole numbers from 1/],
    [["--rounds", "1.5"], /A whole number/],
    [["--svg", join(directory, "none/x.svg")], /can't be written/],
    [["--svg", directory], /can't be written/],
  ] as const) {
    const { exitCode, stderr, stdout } = await bench(...args);
    assert.is(exitCode, 2, args.join(" "));
    assert.match(stderr, why);
    assert.is(stdout, "");
  }
});

const withUsers = await when(test, "user_namespaces", "util-linux");
withUsers("where namespaces can't be made it says so, how to mend it, and measures nothing", async () => {
  // A user namespace that allows no further ones, and a root without the right to make others.
  const words = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--", ...commandLine(["bench"])];
  const script = `echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"`;
  const limited = ["--user", "--map-root-user", "sh", "-c", script, "sh", ...words];
  const { exitCode, stderr, stdout } = await run("unshare", limited, { accept: "any" });
  assert.is(exitCode, 3);
  assert.match(stderr, /^tsnet: nothing was measured: /);
  assert.match(stderr, /max_user_namespaces/);
  assert.is(stdout, "");
});

it("a stopwatch times to the end of a process, and says how one fails", async () => {
  const stopwatch = new Stopwatch();
  const { ms, stdout } = await stopwatch.time({ command: "sleep", args: ["0.05"] });
  assert.ok(ms >= 50, String(ms));
  assert.is(stdout, "");
  const failure = (command: string, ...args: string[]): Promise<unknown> =>
    stopwatch.time({ command, args }).then(
      () => undefined,
      (error: unknown) => error,
    );
  const failed = (await failure("ip", "link", "show", "dev", "no-such")) as TimedFailed;
  assert.instance(failed, TimedFailed);
  assert.match(failed.message, /ip failed \(exit status 1\): .*no-such/);
  const missing = (await failure("no-such-tool")) as TimedFailed;
  assert.is(missing.missing, true);
  assert.match(missing.message, /no-such-tool is not installed/);
  await stopwatch.end();
});

it("a stopwatch of its own network sees nothing of ours", async () => {
  const stopwatch = new Stopwatch("own");
  const { stdout } = await stopwatch.time({ command: "ip", args: ["-o", "link"] });
  assert.is(stdout.trim().split("\n").length, 1);
  await stopwatch.end();
});

test.run();
