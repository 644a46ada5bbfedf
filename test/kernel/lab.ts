/**
 * A throwaway machine for tests with real packets.
 *
 *     await lab(async (host) => {
 *       await host.run("ip", ["link", "show"]);                       // on the host; throws when it fails
 *       await host.call(apply, "prepare", difference);                // an exported function, run on the host
 *       await host.listen(WORLD, "tcp", 80);
 *       assert.is(await host.tcp("/run/tsnet/netns/tsnet/c1", "198.51.100.2", 80), "open");
 *     });
 *
 * The host is a network namespace with a mount namespace whose /run and /var/lib/tsnet are empty tmpfs. It has lo and
 * the uplink `up0` (198.51.100.1/24, 2001:db8:100::1/64) to the namespace WORLD (198.51.100.2, 2001:db8:100::2), each
 * with the other as its default route. Forwarding is off, as on a fresh machine. Nothing of the real machine is
 * changed: as root in plain namespaces, else in a user namespace.
 *
 * A place is `undefined` (the host), `WORLD`, or the path of any namespace file that the host sees. TCP and UDP are
 * asked of an agent process (agent.mjs) that is started in a place the first time that it is needed; ICMP and raw
 * frames come from packets.pl.
 *
 * Everything ends with the lab, whether the body throws or not: its processes are killed by their ids, and the kernel
 * takes the namespaces apart when the last is gone.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RunOptions, RunResult } from "../../src/system/run.js";
import { PREFIX, writePack } from "./pack.mjs";
import { packed } from "./packed.js";
import type { Request } from "./worker.js";

export const WORLD = "/run/lab/world";
export const WORLD4 = "198.51.100.2";
export const WORLD6 = "2001:db8:100::2";
export const HOST4 = "198.51.100.1";
export const HOST6 = "2001:db8:100::1";

export type Place = string | undefined;
export type Protocol = "tcp" | "udp";

/**
 * - `open`: an answer came, so both directions work.
 * - `refused`: a TCP reset or a port unreachable. `unreachable`: another ICMP error, or no route.
 */
export type State = "open" | "refused" | "unreachable" | "timeout";

export interface Probe {
  /** Milliseconds to wait for an answer; 600 unless given. */
  readonly timeout?: number;
  /** Source address. */
  readonly from?: string;
  /** Source port. */
  readonly fromPort?: number;
}

const TIMEOUT = 600;
const PACKETS = fileURLToPath(new URL("./packets.pl", import.meta.url));

export class Host {
  private readonly worker: ChildProcess;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private count = 0;
  private readonly built: Promise<unknown>;

  constructor(worker: ChildProcess) {
    this.worker = worker;
    this.built = new Promise((resolve, reject) => this.waiting.set(0, { resolve, reject }));
    worker.on("message", (message) => {
      const { id, result, error } = message as { id: number; result?: unknown; error?: Error };
      const waiter = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) waiter?.resolve(result);
      else waiter?.reject(Object.assign(new Error(error.message), error));
    });
    worker.on("error", (error) => this.waiting.get(0)?.reject(error));
    worker.on("exit", (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the lab's host ended with ${code}`));
    });
  }

  /** Resolves once the place is built. */
  async ready(): Promise<void> {
    await this.built;
  }

  /** Process id of the host, whose namespaces are the lab's. */
  get pid(): number {
    return this.worker.pid ?? -1;
  }

  // Commands and code ------------------------------------------------------------------------------------------------

  run(command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
    return this.ask({ op: "run", command, args, options }) as Promise<RunResult>;
  }

  runIn(place: Place, command: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
    if (place === undefined) return this.run(command, args, options);
    return this.run("nsenter", [`--net=${place}`, "--", command, ...args], options);
  }

  /**
   * Calls an exported function of a module (a path or URL, as `import.meta.resolve` gives it) on the host. Arguments
   * and result travel by structured clone: Maps and bigints do, functions don't.
   */
  call<T>(module: string, name: string, ...args: readonly unknown[]): Promise<T> {
    return this.ask({ op: "call", module, name, args }) as Promise<T>;
  }

  /** Loads rules from nft's text syntax. */
  async nft(rules: string, place?: Place): Promise<void> {
    // A file, because nft can't read the socket that a child's standard input is.
    const file = `/run/lab/${++this.count}.nft`;
    await this.run("dd", [`of=${file}`, "status=none"], { input: rules });
    await this.runIn(place, "nft", ["-f", file]);
  }

  /** A process that stays until `kill` or the end of the lab; `ready` is what it prints when it may be used. */
  spawn(place: Place, command: string, args: readonly string[], ready?: string): Promise<number> {
    const [first, rest] =
      place === undefined ? [command, args] : ["nsenter", [`--net=${place}`, "--", command, ...args]];
    return this.ask({ op: "spawn", command: first, args: rest, ready }) as Promise<number>;
  }

  async kill(pid: number): Promise<void> {
    await this.ask({ op: "kill", pid });
  }

  /** The trimmed text of a file as the host, or a place's namespace, sees it; undefined when it can't be read. */
  async read(path: string, place?: Place): Promise<string | undefined> {
    const { stdout, exitCode } = await this.runIn(place, "cat", [path], { accept: "any" });
    return exitCode === 0 ? stdout.trim() : undefined;
  }

  async sysctl(path: string, value?: string, place?: Place): Promise<string | undefined> {
    const file = `/proc/sys/net/${path}`;
    if (value !== undefined) await this.runIn(place, "dd", [`of=${file}`, "status=none"], { input: value });
    return this.read(file, place);
  }

  /** Whether bridged packets go through iptables' hooks; false when this kernel has no such switch. */
  async bridgeNetfilter(on: boolean): Promise<boolean> {
    if ((await this.sysctl("bridge/bridge-nf-call-iptables")) === undefined) return false;
    const value = on ? "1" : "0";
    for (const name of ["iptables", "ip6tables", "arptables"])
      await this.sysctl(`bridge/bridge-nf-call-${name}`, value);
    return true;
  }

  // Packets ----------------------------------------------------------------------------------------------------------

  /**
   * A server that tells each client its address and then echoes; on every address of both families unless one is given.
   */
  async listen(place: Place, protocol: Protocol, port: number, address?: string): Promise<void> {
    await this.agent(place, { op: "listen", protocol, port, address });
  }

  async close(place: Place, protocol: Protocol, port: number): Promise<void> {
    await this.agent(place, { op: "close", protocol, port });
  }

  async tcp(place: Place, address: string, port: number, probe: Probe = {}): Promise<State> {
    return (await this.probe("tcp", place, address, port, probe)).state;
  }

  async udp(place: Place, address: string, port: number, probe: Probe = {}): Promise<State> {
    return (await this.probe("udp", place, address, port, probe)).state;
  }

  /** As `tcp` and `udp`, with the address that the server saw. */
  async probe(
    protocol: Protocol,
    place: Place,
    address: string,
    port: number,
    probe: Probe = {},
  ): Promise<{ state: State; seen?: string }> {
    const question = { op: protocol, address, port, timeout: TIMEOUT, ...probe };
    return (await this.agent(place, question)) as { state: State; seen?: string };
  }

  /** A TCP connection that stays open; throws when it doesn't open. Give the number to `talk` and `drop`. */
  async connect(place: Place, address: string, port: number, probe: Probe = {}): Promise<number> {
    const question = { op: "tcp", address, port, timeout: TIMEOUT, hold: true, ...probe };
    const answer = (await this.agent(place, question)) as { state: State; connection?: number };
    if (answer.connection === undefined) throw new Error(`${address}:${port} is ${answer.state}`);
    return answer.connection;
  }

  /** Whether a line comes back on a held connection. */
  async talk(place: Place, connection: number, timeout: number = TIMEOUT): Promise<"open" | "timeout" | "closed"> {
    return (await this.agent(place, { op: "talk", connection, timeout })) as "open" | "timeout" | "closed";
  }

  async drop(place: Place, connection: number): Promise<void> {
    await this.agent(place, { op: "drop", connection });
  }

  /** One ICMP or ICMPv6 echo. */
  async ping(place: Place, address: string, timeout: number = TIMEOUT): Promise<"reply" | "unreachable" | "timeout"> {
    const args = [PACKETS, "ping", address, String(timeout / 1000)];
    const { stdout } = await this.runIn(place, "perl", args);
    return stdout.trim() as "reply" | "unreachable" | "timeout";
  }

  /** Sends Ethernet frames, one after the other, given in hexadecimal with any spaces or colons. */
  async frame(place: Place, device: string, ...frames: readonly string[]): Promise<void> {
    await this.runIn(place, "perl", [
      PACKETS,
      "frame",
      device,
      ...frames.map((hex) => hex.replace(/[^0-9a-fA-F]/g, "")),
    ]);
  }

  // -------------------------------------------------------------------------------------------------------------------

  private agent(place: Place, question: Record<string, unknown>): Promise<unknown> {
    return this.ask({ op: "agent", place, question });
  }

  private ask(request: Request): Promise<unknown> {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.send({ id, request });
    });
  }
}

/** Builds the machine, runs `body` with it, and takes it apart whatever happened. */
export async function lab<T>(body: (host: Host) => Promise<T>): Promise<T> {
  const directory = await pack();
  const program = fileURLToPath(packed(new URL("./worker.ts", import.meta.url).href, directory));
  const worker = spawn("unshare", [...userNamespace(), "--net", "--mount", process.execPath, program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced",
    env: { ...process.env, TSNET_LAB: directory },
  });
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => resolve());
    worker.once("error", () => resolve());
  });
  const host = new Host(worker);
  try {
    await host.ready();
    return await body(host);
  } finally {
    if (worker.connected) worker.disconnect();
    const timer = setTimeout(() => worker.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(timer);
  }
}

function userNamespace(): string[] {
  return process.geteuid?.() === 0 ? [] : ["--user", "--map-root-user"];
}

let own: Promise<string> | undefined;

/** Where the sources are that a host loads: the run's, or this process's own. */
async function pack(): Promise<string> {
  const given = process.env["TSNET_LAB"];
  if (given !== undefined) return given;
  own ??= (async () => {
    const directory = mkdtempSync(PREFIX);
    process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
    return writePack(directory);
  })();
  return own;
}
