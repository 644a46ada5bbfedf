/** Policies that can be told apart by packets, and what the command says about them; for history, trials, restoring. */
import * as assert from "uvu/assert";
import type { Host } from "../kernel/lab.js";
import { tsnet } from "./command.js";
import { at } from "./live.js";

/** In it `user` reaches `server` on this port alone. */
export const shop = (port: number, more = "", name = "shop"): string => `
policy ${name}
network n { subnet 172.18.0.0/16; icc off }
container server { network n ip 172.18.0.10 }
container user { network n ip 172.18.0.11 }
allow user -> server:${port}
${more}`;

/** More containers, so that an apply takes a while. */
export const CROWD = Array.from({ length: 30 }, (_, i) => `container m${i} { network n }`).join("\n");

export async function write(host: Host, name: string, text: string): Promise<string> {
  const path = `/run/lab/${name}`;
  await host.run("dd", [`of=${path}`, "status=none"], { input: text });
  return path;
}

/** Applies a text by the command, with more words; returns its hash. */
export async function applied(host: Host, text: string, ...more: string[]): Promise<string> {
  const path = await write(host, "policy.tsnet", text);
  await done(host, "compile", path, "--apply", ...more);
  const policy = /^policy (\S+)$/m.exec(text)?.[1] ?? "tsnet";
  const found = (await live(host)).find(({ name }) => name === policy);
  assert.ok(found, `${policy} is live`);
  return found.hash;
}

/** Runs the command, which must succeed; its standard output. */
export async function done(host: Host, ...args: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await tsnet(host, args);
  assert.is(exitCode, 0, `tsnet ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** Runs the command, which must fail so; what it says. */
export async function fails(host: Host, status: number, ...args: string[]): Promise<string> {
  const { stderr, exitCode } = await tsnet(host, args);
  assert.is(exitCode, status, `tsnet ${args.join(" ")}: ${stderr}`);
  assert.match(stderr, /^(tsnet|error): /m);
  assert.not.match(stderr, /fault of tsnet's own|\n\s+at /);
  return stderr;
}

export interface LivePolicy {
  readonly name: string;
  readonly appliedAt: string;
  readonly by: string | null;
  readonly files: readonly string[];
  readonly hash: string;
  readonly trial: { readonly until: string; readonly secondsLeft: number; readonly goesBackTo: string | null } | null;
}

export async function live(host: Host): Promise<LivePolicy[]> {
  return (JSON.parse(await done(host, "ls", "--json")) as { policies: LivePolicy[] }).policies;
}

/** `N HASH` of each entry of a policy. */
export async function entries(host: Host, policy = "shop"): Promise<string[]> {
  const json = JSON.parse(await done(host, "rollback", "--list", "--json")) as {
    entries: { policy: string; n: number; hash: string }[];
  };
  return json.entries.filter((entry) => entry.policy === policy).map(({ n, hash }) => `${n} ${hash}`);
}

/** Which of these ports of `server` the user reaches, by packets. */
export async function reachable(host: Host, ...ports: number[]): Promise<number[]> {
  // A server of an earlier question may be there still.
  for (const port of ports) await host.listen(at("server", "shop"), "tcp", port).catch(() => undefined);
  const states = await Promise.all(ports.map((port) => host.tcp(at("user", "shop"), "172.18.0.10", port)));
  return ports.filter((_, i) => states[i] === "open");
}

/** Looks again and again until it is so; what is looked for must come by itself. */
export async function comes(what: string, look: () => Promise<boolean>, patience = 20_000): Promise<void> {
  const deadline = Date.now() + patience;
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Names of what policies own in the kernel: devices, namespaces and tables. */
export async function owned(host: Host): Promise<string> {
  const links = (await host.run("ip", ["-o", "link"])).stdout.match(/ts[bv]-\w+/g) ?? [];
  const tables = (await host.run("nft", ["list", "tables"])).stdout.match(/tsnet[-_]\S+/g) ?? [];
  const found = await host.run("find", ["/run/tsnet/netns", "-type", "f"], { accept: "any" });
  return [...links, ...tables, ...found.stdout.split("\n")]
    .filter((name) => name !== "")
    .sort()
    .join(" ");
}
