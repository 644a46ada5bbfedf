import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { run, type RunResult } from "../../src/system/run.js";
import { parse } from "../../grammar/parser.js";
import { readQuery } from "../../src/ir/ask.js";
import { cases, explain } from "../../src/ir/query.js";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { compilePolicy } from "../support/policies.js";
import { when } from "../kernel/features.js";

const root = join(import.meta.dirname, "../..");
const tsnet = join(root, "dist/tsnet.js");
const LINE = "allow c2 -> c1:22, icc off, publish 49153->8080";

const test = suite("try");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");

interface JsonCell {
  readonly from: string;
  readonly to: string;
  readonly port: number | null;
  readonly proto: string;
  readonly expected: string;
  readonly measured: string | null;
  readonly remark?: string;
}

function tryIt(args: readonly string[], input = ""): Promise<RunResult> {
  return run(process.execPath, [tsnet, "try", ...args], { input, accept: "any", timeout: 120_000 });
}

function cellsIn({ stdout }: RunResult): JsonCell[] {
  return (JSON.parse(stdout) as { cells: JsonCell[] }).cells;
}

const examples = readdirSync(join(root, "policies")).filter((name) => name.endsWith(".tsnet"));
const trials = new Map<string, Promise<RunResult>>();

/** Three at a time, since a trial mostly waits for silence. */
function trialOf(example: string): Promise<RunResult> {
  const at = examples.indexOf(example);
  for (const name of examples.slice(at, at + 3)) {
    if (!trials.has(name)) trials.set(name, tryIt(["--json", join(root, "policies", name)]));
  }
  return trials.get(example) as Promise<RunResult>;
}

for (const name of examples) {
  it(`${name}: the packets do what the policy says`, async () => {
    const result = await trialOf(name);
    const cells = cellsIn(result);
    const wrong = cells.filter(({ measured, expected }) => measured !== null && measured !== expected);
    assert.equal(
      wrong.filter(({ expected }) => expected !== "mixed"),
      [],
    );
    assert.is(result.exitCode, 0, result.stderr);
    const silent = cells.filter(({ measured, proto }) => measured === null && proto !== "sctp");
    assert.equal(
      silent.filter(({ remark }) => !/^ping is not installed/.test(remark ?? "")),
      [],
    );
    assert.ok(cells.length > 0);
    assert.equal(unexplained(name, cells), []);
  });
}

/** Cells that were measured and of which explain says something else; a query may cover packets of several verdicts. */
function unexplained(example: string, cells: readonly JsonCell[]): string[] {
  const { policy } = compilePolicy(example);
  return cells.flatMap((cell) => {
    if (cell.measured === null || cell.expected === "mixed") return [];
    const service = cell.port === null ? cell.proto.replace("icmpv6", "icmp") : `${cell.port}/${cell.proto}`;
    const text = `${JSON.stringify(cell.from)} -> ${JSON.stringify(cell.to)}:${service}`.replaceAll(
      /"(host|world)"/g,
      "$1",
    );
    const query = readQuery(policy, text, parse, new Diagnostics());
    const said = query === undefined ? [] : cases(explain(policy, query)).map(({ decision }) => decision.verdict);
    return said.some((verdict) => verdict === cell.measured) ? [] : [`${text}: ${said.join()}, ${cell.measured}`];
  });
}

it("the one-line policy from standard input, in a few seconds, and the host is as it was", async () => {
  const links = async () => (await run("ip", ["-br", "link"])).stdout;
  const before = await links();
  const started = performance.now();
  const { stdout, stderr, exitCode } = await tryIt(["-"], LINE);
  assert.ok(performance.now() - started < 8000);
  assert.equal([exitCode, stderr], [0, ""]);
  assert.match(stdout, /c2 -> c1 +22\/tcp +allow +allow +✓ +1 +allow c2 -> c1:22 {2}-:1:1/);
  assert.match(stdout, /\n53 of 53 probes measured what the policy says\n$|\n\d+ of \d+ not measured: ping/);
  assert.is(await links(), before);
});

/** What differs when the first policy is in force and the second is what is said. */
async function sabotaged(applied: string, said: string): Promise<JsonCell[]> {
  const user = process.geteuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const program = [process.execPath, "--import", import.meta.resolve("tsx"), join(import.meta.dirname, "sabotaged.ts")];
  const args = [...user, "--net", "--mount", "--propagation", "private", "--", ...program, applied, said];
  const { stdout } = await run("unshare", args, { timeout: 120_000 });
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as JsonCell);
}

function shortly({ from, to, port, proto, expected, measured }: JsonCell): string {
  return `${from} -> ${to}:${port === null ? "" : `${port}/`}${proto} ${expected} ${measured}`;
}

it("a kernel that allows more, or less, than is said is found out, cell by cell", async () => {
  const declared = "container c1 { }; container c2 { }; icc off";
  const wider = await sabotaged(`${declared}; allow c2 -> c1:{22, 53/udp}`, `${declared}; allow c1 -> c2:{22, 53/udp}`);
  assert.equal([...new Set(wider.map(shortly))].sort(), [
    "c1 -> c2:22/tcp allow deny",
    "c1 -> c2:53/udp allow deny",
    "c2 -> c1:22/tcp deny allow",
    "c2 -> c1:53/udp deny allow",
  ]);
});

it("a deny for a reject, a publish that is missing, a network that masquerades and shouldn't", async () => {
  const declared = "container c1 { }; container c2 { }";
  const found = await sabotaged(
    `network default { subnet 10.83.0.0/16 }; ${declared}; deny c2 -> c1:22`,
    `network default { subnet 10.83.0.0/16; masquerade off }; ${declared}; reject c2 -> c1:22; publish 8080 -> c1:80`,
  );
  const lines = [...new Set(found.map(shortly))];
  for (const line of [
    "c2 -> c1:22/tcp reject deny",
    "c2 -> host:8080/tcp allow reject",
    "world -> host:8080/tcp allow reject",
    "host -> host:8080/tcp allow reject",
    "c1 -> world:40404/tcp allow allow",
  ]) {
    assert.ok(lines.includes(line), `${line} is not among ${lines.join(", ")}`);
  }
});

it("a command: its status, tsnet within, and nothing of it is left", async () => {
  const script = "tsnet exec c1 -- ip -br address; sleep 917 & exit 7";
  const { stdout, exitCode } = await tryIt(["-", "--", "sh", "-c", script], LINE);
  assert.is(exitCode, 7);
  assert.match(stdout, "10.83.28.122");
  assert.equal(processesOf("sleep\u0000917\u0000"), []);
});

/** Ids of the processes with this command line. */
function processesOf(command: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8") === command;
    } catch {
      return false;
    }
  });
}

it("a command that isn't there, and a policy that is wrong", async () => {
  const missing = await tryIt(["-", "--", "no-such-command"], LINE);
  assert.is(missing.exitCode, 3);
  assert.match(missing.stderr, "no-such-command is not installed");
  const wrong = await tryIt(["-"], "allow c2 => c1");
  assert.is(wrong.exitCode, 1);
  const unfit = await tryIt(["-"], "network n { driver macvlan eth0 }\ncontainer c1 { network n }");
  assert.is(unfit.exitCode, 1);
  assert.match(unfit.stderr, "driver macvlan");
});

const withUsers = await when(test, "user_namespaces", "util-linux");
withUsers("where namespaces can't be made, the matrix comes without measurements and the mend is named", async () => {
  // A user namespace that allows no further ones, and a root without the right to make others.
  const limit = "echo 0 > /proc/sys/user/max_user_namespaces";
  const bounded = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all", "--", process.execPath, tsnet, "try"];
  const script = `${limit} && exec ${bounded.map((word) => `'${word}'`).join(" ")} "$@"`;
  const inside = (...args: string[]) =>
    run("unshare", ["--user", "--map-root-user", "sh", "-c", script, "sh", ...args], { input: LINE, accept: "any" });
  const { stdout, stderr, exitCode } = await inside("-");
  assert.is(exitCode, 3);
  assert.match(stdout, /c2 -> c1 +22\/tcp +allow +not measured/);
  assert.match(stderr, "nothing was measured");
  assert.match(stderr, "max_user_namespaces");
  const json = await inside("--json", "-");
  assert.is(json.exitCode, 3);
  assert.ok(cellsIn(json).every(({ measured }) => measured === null));
  const command = await inside("-", "--", "true");
  assert.is(command.exitCode, 3);
  assert.match(command.stderr, "the command was not run");
});

it("an end of the outer program ends the inner one", async () => {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    const program = [process.execPath, tsnet, "try", "-", "--", "sleep", "919"];
    await run("timeout", ["--foreground", "--signal", signal, "2", ...program], { input: LINE, accept: "any" });
    await gone("sleep\u0000919\u0000");
  }
});

/** Waits for a process to end; the kernel takes a moment. */
async function gone(command: string): Promise<void> {
  for (let i = 0; i < 50 && processesOf(command).length > 0; i++) await new Promise((next) => setTimeout(next, 100));
  assert.equal(processesOf(command), []);
}

test.run();
