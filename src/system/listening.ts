/** The sockets of this host that wait for packets, from sock_diag or from /proc, which say the same. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { NetlinkError } from "./netlink/errors.js";
import { dumpListening } from "./netlink/sockets.js";
import { run } from "./run.js";
import { usesNetlink } from "./transport.js";

export interface BoundSocket {
  /** IP protocol number: TCP or UDP. */
  readonly protocol: number;
  /** As text; `0.0.0.0` or `::` is every address. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
  /** Of an IPv6 socket: whether it leaves IPv4 alone (IPV6_V6ONLY); undefined where that wasn't told. */
  readonly only?: boolean;
}

const TCP = 6;
const UDP = 17;

/** Listening TCP and bound, unconnected UDP sockets of this network namespace. */
export function listening(): BoundSocket[] {
  if (usesNetlink())
    try {
      return dumpListening();
    } catch (error) {
      // A kernel without sock_diag, or without the part of it that knows a protocol.
      if (!(error instanceof NetlinkError)) throw error;
    }
  return listeningByProc();
}

/** By the tables of proc(5), net/tcp: for them the kernel walks through all connections of the machine. */
export function listeningByProc(): BoundSocket[] {
  const out: BoundSocket[] = [];
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
function fromHex(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse());
  if (hex.length === 8) return bytes.map((byte) => Number.parseInt(byte, 16)).join(".");
  const groups = (bytes.join("").match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16));
  return groups.every((group) => group === "0") ? "::" : groups.join(":");
}

/** Whether an IPv6 socket on every address takes IPv4 too. /proc doesn't tell; ss writes `*` for those that do. */
export async function servesBoth({ protocol, port, only }: BoundSocket): Promise<boolean> {
  if (only !== undefined) return !only;
  const { stdout } = await run("ss", ["-Hln", protocol === TCP ? "-t" : "-u", "sport", "=", `:${port}`], {
    accept: "any",
  });
  return stdout === "" || stdout.includes(`*:${port} `);
}

/** Who has a socket open, in words. */
export function processOf(inode: string): string {
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
