/** Refuses to publish a host port that something else on this host holds. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Address, formatAddress, sameAddress } from "../net/address.js";
import { protocolName, TCP, UDP } from "../net/ports.js";
import type { Policy, Publish } from "../ir/policy.js";
import { run } from "../system/run.js";
import { location } from "../text/source.js";
import { allApplied, recompile } from "./state.js";
import { Obstacle } from "./obstacle.js";

interface Socket {
  readonly protocol: number;
  readonly address: Address;
  readonly port: number;
  readonly inode: string;
}

/** Throws `Obstacle`, naming the port's holder. Ports that `before` published already are not asked about again. */
export async function holderOfPorts(policy: Policy, before: Policy | undefined): Promise<void> {
  const fresh = policy.publishes.filter((publish) => !before?.publishes.some((other) => same(publish, other)));
  if (fresh.length === 0) return;
  const sockets = listening();
  for (const publish of fresh) {
    const holder = sockets.find((socket) => holds(publish, socket));
    if (holder !== undefined && (publish.families.includes(holder.address.family) || (await servesBoth(holder))))
      throw new Obstacle(
        `host port ${holder.port}/${protocolName(holder.protocol)} is held by ${processOf(holder.inode)} on ${formatAddress(holder.address)} (${location(publish.origin.span)})`,
        "stop that program, or publish another host port",
      );
  }
  for (const applied of allApplied()) {
    if (applied.policy === policy.name) continue;
    for (const other of recompile(applied).policy.publishes) {
      const clash = fresh.find((publish) => meet(publish, other));
      if (clash !== undefined)
        throw new Obstacle(
          `host port ${Math.max(clash.hostPorts[0], other.hostPorts[0])}/${protocolName(clash.protocol)} is published by the policy '${applied.policy}' already (${location(clash.origin.span)})`,
          "publish another host port, or remove the other policy",
        );
    }
  }
}

function same(a: Publish, b: Publish): boolean {
  const address = (p: Publish): string =>
    p.hostAddress === undefined ? p.families.join() : formatAddress(p.hostAddress);
  return (
    a.protocol === b.protocol &&
    a.hostPorts[0] >= b.hostPorts[0] &&
    a.hostPorts[1] <= b.hostPorts[1] &&
    address(a) === address(b)
  );
}

function meet(a: Publish, b: Publish): boolean {
  if (a.protocol !== b.protocol || a.hostPorts[0] > b.hostPorts[1] || b.hostPorts[0] > a.hostPorts[1]) return false;
  if (!a.families.some((family) => b.families.includes(family))) return false;
  return a.hostAddress === undefined || b.hostAddress === undefined || sameAddress(a.hostAddress, b.hostAddress);
}

function holds(publish: Publish, socket: Socket): boolean {
  if (publish.protocol !== socket.protocol || socket.port < publish.hostPorts[0] || socket.port > publish.hostPorts[1])
    return false;
  const wild = BigInt(socket.address.value) === 0n;
  // A wildcard IPv6 socket serves IPv4 too, unless it says otherwise, which /proc doesn't show.
  if (wild && socket.address.family === 6) return true;
  if (!publish.families.includes(socket.address.family)) return false;
  return wild || publish.hostAddress === undefined || sameAddress(publish.hostAddress, socket.address);
}

/** Whether a wildcard IPv6 socket takes IPv4 too; ss writes `*` for those that do. */
async function servesBoth({ protocol, port }: Socket): Promise<boolean> {
  const { stdout } = await run("ss", ["-Hln", protocol === TCP ? "-t" : "-u", "sport", "=", `:${port}`], {
    accept: "any",
  });
  return stdout === "" || stdout.includes(`*:${port} `);
}

/** Listening TCP and bound, unconnected UDP sockets of this network namespace (proc(5), net/tcp). */
function listening(): Socket[] {
  const out: Socket[] = [];
  for (const [file, protocol, state] of [
    ["tcp", TCP, "0A"],
    ["tcp6", TCP, "0A"],
    ["udp", UDP, "07"],
    ["udp6", UDP, "07"],
  ] as const) {
    let text: string;
    try {
      text = readFileSync(`/proc/self/net/${file}`, "utf8");
    } catch {
      continue;
    }
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      const [address, port] = (fields[1] ?? "").split(":");
      if (fields[3] !== state || address === undefined || port === undefined) continue;
      out.push({ protocol, address: fromHex(address), port: Number.parseInt(port, 16), inode: fields[9] ?? "" });
    }
  }
  return out;
}

/** /proc writes addresses as 32-bit words in the machine's byte order, which is little-endian wherever Node runs. */
function fromHex(hex: string): Address {
  const words = hex.match(/.{8}/g) ?? [];
  const swapped = words.map((word) => (word.match(/../g) ?? []).reverse().join("")).join("");
  return hex.length === 8
    ? { family: 4, value: Number.parseInt(swapped, 16) }
    : { family: 6, value: BigInt(`0x${swapped}`) };
}

function processOf(inode: string): string {
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`))
        if (readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`)
          return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, "utf8").trim()})`;
    } catch {
      // The process has ended, or isn't ours to look into.
    }
  }
  return "another program";
}
