/** Runs on a lab's host: a command that is killed, or fails, at each thing that it asks of the machine in turn. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { CARRIER } from "./carrier.js";
import { compare, type Snapshot, snapshot } from "./snapshot.js";

const FIRST = `
policy swept
network front { subnet 10.90.1.0/24; subnet fd90:1::/64 }
network back { subnet 10.90.2.0/24; internal }
container web { network front ip 10.90.1.11; network back; publish 8080 -> 80 }
container db { network back; env SECRET=1 }
container old { network front }
allow web -> db:5432, deny web -> 198.51.100.0/24, allow world -> web:443
allow 192.0.2.1 -> web:80
allow 192.0.2.2 -> web:80
deny 192.0.2.3 -> web:80
`;
/** The first with other plain rules. */
const EDITED = FIRST.replace("allow 192.0.2.2 -> web:80\n", "").replace(
  "deny 192.0.2.3",
  "allow 192.0.2.4 -> web:80\ndeny 192.0.2.5 -> web:80\ndeny 192.0.2.3",
);
const SECOND = `
policy swept
network front { subnet 10.90.1.0/24; subnet fd90:1::/64; icc off }
network back { subnet 10.90.2.0/24; internal }
network side { subnet 10.90.3.0/24 }
container web { network front ip 10.90.1.11; network back; publish 8081 -> 80; publish 9000-9010 -> 9000-9010 }
container db { network back; env SECRET=2 }
container new { network front; network side; publish 53 -> 53/udp }
share "/run/swept" {web, db}
allow web -> db:{5432, 5433}, deny new -> 203.0.113.0/24, reject db -> web, allow world -> web:443
`;

/**
 * `edit`: a text that differs by plain rules; `update`: the same edits through an open handle, and those that take the
 * edited policy there.
 */
export type Scenario = "apply" | "re-apply" | "edit" | "update" | "remove";

type Version = "first" | "second" | "edited";

/** What a scenario leads to. */
const versionOf = (scenario: Scenario): Version =>
  scenario === "re-apply" ? "second" : scenario === "edit" || scenario === "update" ? "edited" : "first";

export interface Sweep {
  /** Things that the command asks of the machine. */
  readonly steps: number;
  readonly tried: number;
  readonly wrong: readonly string[];
}

class Runs {
  private readonly main: string;
  private readonly first = "/run/first.tsnet";
  private readonly second = "/run/second.tsnet";
  private readonly edited = "/run/edited.tsnet";

  constructor(main: string) {
    this.main = main;
    writeFileSync(this.first, FIRST);
    writeFileSync(this.second, SECOND);
    writeFileSync(this.edited, EDITED);
  }

  run(args: readonly string[], sweep = ""): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [this.main, ...args], {
      encoding: "utf8",
      env: { ...process.env, SWEEP: sweep },
      timeout: 120_000,
    });
    return { status, output: `${stdout}${stderr}`.slice(-600) };
  }

  must(args: readonly string[]): void {
    const { status, output } = this.run(args);
    if (status !== 0) throw new Error(`tsnet ${args.join(" ")}: ${status}: ${output}`);
  }

  /** By the backend that the run holds to the promises. */
  apply(which: Version): readonly string[] {
    return ["compile", this[which], "--apply", "--backend", CARRIER];
  }

  /** Nothing of any policy is left. */
  clear(): void {
    this.must(["remove", "--policy", "swept"]);
    // The directory itself is where the lab has mounted its own.
    const kept = "/var/lib/tsnet";
    if (existsSync(kept))
      for (const name of readdirSync(kept)) rmSync(`${kept}/${name}`, { recursive: true, force: true });
  }

  /** What stands before the command of a scenario. */
  arrange(scenario: Scenario): void {
    this.clear();
    if (scenario !== "apply") this.must(this.apply("first"));
  }

  command(scenario: Scenario): readonly string[] {
    if (scenario === "remove") return ["remove", "--policy", "swept"];
    if (scenario === "update") return ["handle", this.first];
    return this.apply(versionOf(scenario));
  }

  list(scenario: Scenario): string[] {
    this.arrange(scenario);
    const path = "/run/steps";
    rmSync(path, { force: true });
    const { status, output } = this.run(this.command(scenario), `list:${path}`);
    if (status !== 0) throw new Error(`${scenario}: ${status}: ${output}`);
    return readFileSync(path, "utf8").trim().split("\n");
  }
}

/** Killed at each step (every `stride`th), then one plain apply: as if nothing had been. */
export function sweepKills(main: string, scenario: Scenario, stride: number): Sweep {
  const runs = new Runs(main);
  const steps = runs.list(scenario);
  const which = versionOf(scenario);
  const reference = (): Snapshot => {
    runs.must(runs.apply(which));
    return snapshot(false);
  };
  runs.arrange(scenario);
  const wanted = reference();
  const wrong: string[] = [];
  let tried = 0;
  for (let i = 1; i <= steps.length; i += stride, tried++) {
    runs.arrange(scenario);
    const what = `${scenario}, killed at ${i} (${steps[i - 1]})`;
    const { status, output } = runs.run(runs.command(scenario), `kill:${i}`);
    if (status !== null) wrong.push(`${what}: it ended with ${status}: ${output}`);
    const again = runs.run(runs.apply(which));
    if (again.status !== 0) wrong.push(`${what}: the next apply: ${again.status}: ${again.output}`);
    else wrong.push(...compare(wanted, snapshot(false)).map((line) => `${what}: ${line}`));
  }
  runs.clear();
  return { steps: steps.length, tried, wrong: wrong.slice(0, 12) };
}

/**
 * A switch from nftables to iptables, killed at each step (every `stride`th): after the next apply the policy has rules of
 * one of the two, and each of them was left with some kill.
 */
export function sweepSwitch(main: string, stride: number): Sweep {
  const runs = new Runs(main);
  // Without a word of the backend an apply keeps the one that carries the policy.
  const plain = (which: Version): string[] => runs.apply(which).slice(0, -2);
  const command = [...plain("second"), "--backend", "iptables"];
  const path = "/run/steps";
  const arrange = (): void => {
    runs.clear();
    runs.must([...plain("first"), "--backend", "nft"]);
  };
  arrange();
  rmSync(path, { force: true });
  runs.run(command, `list:${path}`);
  const steps = readFileSync(path, "utf8").trim().split("\n");
  const wrong: string[] = [];
  const left = new Set<string>();
  let tried = 0;
  const sampled = steps.flatMap((_, i) => (i % stride === 0 ? [i + 1] : []));
  // With the record, which names the new one, the other end of the switch.
  for (const i of new Set([...sampled, steps.indexOf("step retire") + 1])) {
    tried++;
    arrange();
    const what = `switch, killed at ${i} (${steps[i - 1]})`;
    const { status, output } = runs.run(command, `kill:${i}`);
    if (status !== null) wrong.push(`${what}: it ended with ${status}: ${output}`);
    const again = runs.run(plain("second"));
    if (again.status !== 0) wrong.push(`${what}: the next apply: ${again.status}: ${again.output}`);
    const by = carriers();
    left.add(by.join());
    if (by.length !== 1) wrong.push(`${what}: rules are by ${by.join(" and ")}`);
  }
  if (left.size < 2) wrong.push(`every kill left ${[...left].join()}`);
  runs.clear();
  if (carriers().length > 0) wrong.push(`a remove left ${carriers().join()}`);
  return { steps: steps.length, tried, wrong: wrong.slice(0, 12) };
}

/** The backends that have rules of the policy. */
function carriers(): string[] {
  const said = (tool: string, ...args: string[]): string => spawnSync(tool, args, { encoding: "utf8" }).stdout;
  return [
    ...(/ inet tsnet-swept$/m.test(said("nft", "list", "tables")) ? ["nft"] : []),
    ...(/^:TSNET-/m.test(said("iptables-save") + said("ip6tables-save")) ? ["iptables"] : []),
  ];
}

/** A re-apply that is killed, and then a command about another policy: the first is as it was before. */
export function recovered(main: string): { readonly wrong: readonly string[]; readonly said: string } {
  const runs = new Runs(main);
  const at = runs.list("re-apply").indexOf("step raise") + 1;
  runs.arrange("re-apply");
  const before = snapshot(false);
  writeFileSync("/run/other.tsnet", "policy other\nnetwork o { subnet 10.90.9.0/24 }\ncontainer x { network o }\n");
  const { status } = runs.run(runs.command("re-apply"), `kill:${at}`);
  const { output } = runs.run(["compile", "/run/other.tsnet", "--apply"]);
  runs.must(["remove", "--policy", "other"]);
  const wrong = compare(before, snapshot(false));
  if (status !== null) wrong.push(`it ended with ${status}`);
  runs.clear();
  return { wrong, said: output };
}

/** Two versions of a policy applied at the same time, again and again: one of them stands, whole. */
export async function race(main: string, count: number): Promise<Sweep> {
  const runs = new Runs(main);
  runs.arrange("apply");
  const whole = (["first", "second"] as const).map((which) => {
    runs.must(runs.apply(which));
    return snapshot(false);
  });
  const wrong: string[] = [];
  const won = [0, 0];
  for (let i = 0; i < count; i++) {
    const order = i % 2 === 0 ? (["first", "second"] as const) : (["second", "first"] as const);
    const ends = await Promise.all(order.map((which) => ended(main, runs.apply(which))));
    ends.forEach(({ status, output }, j) => {
      if (status !== 0) wrong.push(`pair ${i}, ${order[j]}: ${status}: ${output}`);
    });
    const now = snapshot(false);
    const winner = whole.findIndex((one) => compare(one, now).length === 0);
    if (winner === -1) wrong.push(`pair ${i}: ${compare(whole[0] as Snapshot, now).join("; ")}`);
    else won[winner] = (won[winner] ?? 0) + 1;
  }
  runs.clear();
  return { steps: Math.min(...won), tried: count, wrong: wrong.slice(0, 12) };
}

function ended(main: string, args: readonly string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output: output.slice(-600) }));
  });
}

/** Killed after random times. */
export function sweepTimes(main: string, scenario: Scenario, count: number, seed: number): Sweep {
  const runs = new Runs(main);
  const which = versionOf(scenario);
  runs.arrange(scenario);
  runs.must(runs.apply(which));
  const wanted = snapshot(false);
  const wrong: string[] = [];
  let x = seed;
  for (let i = 0; i < count; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    const after = 60 + Math.floor((x / 2 ** 32) * 700);
    runs.arrange(scenario);
    spawnSync(process.execPath, [main, ...runs.command(scenario)], { timeout: after, killSignal: "SIGKILL" });
    const again = runs.run(runs.apply(which));
    const what = `${scenario}, killed after ${after} ms`;
    if (again.status !== 0) wrong.push(`${what}: the next apply: ${again.status}: ${again.output}`);
    else wrong.push(...compare(wanted, snapshot(false)).map((line) => `${what}: ${line}`));
  }
  runs.clear();
  return { steps: 0, tried: count, wrong: wrong.slice(0, 12) };
}

/**
 * Each thing made to fail once (every `stride`th): exit 3 and what stood before. Once the new policy is in force and on
 * record, what fails is tidying up: exit 0, a word about it, and the next apply does the rest.
 */
export function sweepFaults(main: string, scenario: Exclude<Scenario, "remove">, stride: number): Sweep {
  const runs = new Runs(main);
  const steps = runs.list(scenario);
  const done = steps.lastIndexOf("step retire");
  runs.arrange(scenario);
  const before = snapshot(true);
  const wrong: string[] = [];
  let tried = 0;
  let arranged = true;
  for (let i = 1; i <= steps.length; i += stride, tried++) {
    if (!arranged) {
      runs.arrange(scenario);
      arranged = true;
    }
    const what = `${scenario}, failing at ${i} (${steps[i - 1]})`;
    const { status, output } = runs.run(runs.command(scenario), `fault:${i}`);
    if (i - 1 >= done) {
      if (status !== 0 && status !== 3) wrong.push(`${what}: ${status}: ${output}`);
      arranged = false;
      continue;
    }
    if (status === 0) {
      // Something that an apply can do without: it must have done all the rest.
      arranged = false;
      const again = runs.run(runs.command(scenario));
      if (!again.output.includes("nothing to change")) wrong.push(`${what}: exit 0, and then: ${again.output}`);
      continue;
    }
    if (status !== 3) wrong.push(`${what}: ${status}: ${output}`);
    const differing = compare(before, snapshot(true));
    wrong.push(...differing.map((line) => `${what}: ${line}`));
    if (differing.length > 0) arranged = false;
  }
  runs.clear();
  return { steps: steps.length, tried, wrong: wrong.slice(0, 12) };
}

/** Told to end at each step (every `stride`th): what stood before stands, or all of what was to be. */
export function sweepSignals(main: string, stride: number): Sweep {
  const runs = new Runs(main);
  const steps = runs.list("re-apply");
  const wanted = snapshot(false);
  runs.arrange("re-apply");
  const before = snapshot(false);
  const wrong: string[] = [];
  const ends = new Set<string>();
  let tried = 0;
  for (let i = 1; i <= steps.length; i += stride, tried++) {
    runs.arrange("re-apply");
    const what = `re-apply, told to end at ${i} (${steps[i - 1]})`;
    const { status, output } = runs.run(runs.command("re-apply"), `signal:${i}`);
    // Before anything is begun the signal does what it does.
    const end = status === 143 ? "taken back" : status === null ? "ended" : output.includes("applied") ? "done" : "?";
    ends.add(end);
    if (end === "?") wrong.push(`${what}: ${status}: ${output}`);
    // A lock whose holder is gone is nobody's.
    if (end === "ended") rmSync("/run/tsnet/lock", { force: true });
    const now = snapshot(false);
    const differing = compare(end === "done" ? wanted : before, now);
    // Past the point of no return the process ends by the signal, once all is done.
    const left = end === "ended" && differing.length > 0 ? compare(wanted, now) : differing;
    wrong.push(...left.map((line) => `${what}: ${line}`));
  }
  runs.clear();
  if (!ends.has("taken back")) wrong.push(`no step was taken back: ${[...ends].join()}`);
  return { steps: steps.length, tried, wrong: wrong.slice(0, 12) };
}
