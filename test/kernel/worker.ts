/**
 * The process that is a lab's host: its network namespace, its mounts, and whatever the test asks to be done there.
 * Started by lab.ts under `unshare`; speaks over the IPC channel and ends when that closes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readlinkSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { packed } from "./packed.js";
import { run, type RunOptions } from "../../src/system/run.js";
import { writeSysctl, writeSysctlsIn } from "../../src/system/sysctl.js";

// What the sources start with the options of this process is a source, too.
process.execArgv = ["--import", import.meta.resolve("tsx")];

const WORLD = "/run/lab/world";
const AGENT = new URL("./agent.mjs", import.meta.url).pathname;

export type Request =
  | { readonly op: "run"; readonly command: string; readonly args: readonly string[]; readonly options: RunOptions }
  | { readonly op: "call"; readonly module: string; readonly name: string; readonly args: readonly unknown[] }
  | { readonly op: "agent"; readonly place: string | undefined; readonly question: Record<string, unknown> }
  | {
      readonly op: "spawn";
      readonly command: string;
      readonly args: readonly string[];
      readonly ready: string | undefined;
    }
  | { readonly op: "kill"; readonly pid: number };

// Agents --------------------------------------------------------------------------------------------------------------

interface Agent {
  readonly child: ChildProcess;
  readonly waiting: Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>;
}

/** By the namespace's inode, so that a namespace made anew at an old path gets an agent of its own. */
const agents = new Map<string, Agent>();
const spawned = new Map<number, ChildProcess>();
let count = 0;

function agentIn(place: string | undefined): Agent {
  const file = statSync(place ?? "/proc/self/ns/net");
  const key = `${file.dev}:${file.ino}`;
  const known = agents.get(key);
  if (known !== undefined && known.child.connected) return known;
  const [command, args] =
    place === undefined ? [process.execPath, [AGENT]] : ["nsenter", [`--net=${place}`, "--", process.execPath, AGENT]];
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env: plainEnvironment() });
  const agent: Agent = { child, waiting: new Map() };
  child.on("message", (message) => {
    const { id, result, error } = message as { id: number; result?: unknown; error?: string };
    const waiter = agent.waiting.get(id);
    agent.waiting.delete(id);
    if (error === undefined) waiter?.resolve(result);
    else waiter?.reject(new Error(error));
  });
  child.on("exit", () => {
    for (const { reject } of agent.waiting.values()) reject(new Error(`the agent in ${place ?? "the host"} ended`));
  });
  agents.set(key, agent);
  return agent;
}

/** Without NODE_OPTIONS, so that an agent doesn't load a TypeScript loader. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...rest } = process.env;
  return rest;
}

function ask(place: string | undefined, question: Record<string, unknown>): Promise<unknown> {
  const agent = agentIn(place);
  const id = ++count;
  return new Promise((resolve, reject) => {
    agent.waiting.set(id, { resolve, reject });
    agent.child.send({ id, ...question });
  });
}

// Processes -----------------------------------------------------------------------------------------------------------

/** Starts a process that runs until it is killed; waits for `ready` on its standard output when that is given. */
function start(command: string, args: readonly string[], ready: string | undefined): Promise<number> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    let said = "";
    const done = () => {
      if (child.pid !== undefined) spawned.set(child.pid, child);
      resolve(child.pid ?? -1);
    };
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${command} ended with ${code} before it said ${ready}`)));
    child.stdout.on("data", (data) => {
      said += String(data);
      if (ready !== undefined && said.includes(ready)) done();
    });
    if (ready === undefined) child.once("spawn", done);
  });
}

function stop(pid: number): Promise<void> {
  const child = spawned.get(pid);
  spawned.delete(pid);
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

// The place -----------------------------------------------------------------------------------------------------------

async function build(): Promise<void> {
  await run("mount", ["-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"]);
  await run("mkdir", ["-p", "/run/lab"]);
  await hide("/var/lib/tsnet");
  await run("touch", [WORLD]);
  await run("unshare", [`--net=${WORLD}`, "true"]);
  const here = `/proc/${readlinkSync("/proc/self")}/ns/net`;
  const world = ["link add name uplink type veth peer name up0 netns " + here, "link set dev lo up"];
  const worldUp = [
    "address add 198.51.100.2/24 dev uplink",
    "address add 2001:db8:100::2/64 dev uplink nodad",
    "link set dev uplink up",
    "route add default via 198.51.100.1",
    "route add ::/0 via 2001:db8:100::1 dev uplink",
  ];
  const host = [
    "link set dev lo up",
    "address add 198.51.100.1/24 dev up0",
    "address add 2001:db8:100::1/64 dev up0 nodad",
    "link set dev up0 up",
    "route add default via 198.51.100.2",
    "route add ::/0 via 2001:db8:100::2 dev up0",
  ];
  const inWorld = (lines: string[]) =>
    run("nsenter", [`--net=${WORLD}`, "ip", "-batch", "-"], { input: lines.map((line) => `${line}\n`).join("") });
  await inWorld(world);
  // Link-local addresses must be usable at once, or nothing finds its neighbour in a lab's first two seconds.
  writeSysctl("ipv6/conf/up0/accept_dad", "0");
  await writeSysctlsIn([WORLD], [{ path: "ipv6/conf/uplink/accept_dad", value: "0" }]);
  await run("ip", ["-batch", "-"], { input: host.map((line) => `${line}\n`).join("") });
  await inWorld(worldUp);
}

/** A directory that isn't there is hidden with its parent, so that the lab leaves none on the machine. */
async function hide(directory: string): Promise<void> {
  const there = existsSync(directory);
  await run("mount", ["-t", "tmpfs", "tmpfs", there ? directory : dirname(directory)]);
  if (!there) await run("mkdir", [directory]);
}

async function answer(request: Request): Promise<unknown> {
  switch (request.op) {
    case "run":
      return run(request.command, request.args, request.options);
    case "call": {
      const module = (await import(packed(request.module, process.env["TSNET_LAB"] ?? ""))) as Record<
        string,
        (...args: readonly unknown[]) => unknown
      >;
      const called = module[request.name];
      if (called === undefined) throw new Error(`${request.module} has no ${request.name}`);
      return called(...request.args);
    }
    case "agent":
      return ask(request.place, request.question);
    case "spawn":
      return start(request.command, request.args, request.ready);
    case "kill":
      return stop(request.pid);
  }
}

process.on("disconnect", () => {
  for (const { child } of agents.values()) child.kill("SIGKILL");
  for (const child of spawned.values()) child.kill("SIGKILL");
  process.exit(0);
});
process.on("message", (message) => {
  const { id, request } = message as { id: number; request: Request };
  answer(request).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => {
      const { name, message: text, stack, ...rest } = error as Error;
      process.send?.({ id, error: { ...rest, name, message: text, stack } });
    },
  );
});
build().then(
  () => process.send?.({ id: 0, result: undefined }),
  (error: unknown) => process.send?.({ id: 0, error: { message: String(error) } }),
);
