/**
 * How a plan comes into force. Its maps are made and filled beside those in force, and one write of a number puts them
 * in their place: a packet meets all of the old policy or all of the new one. New devices get their programs before, and
 * drop everything until then; but where the programs are new themselves, which is before devices are up or while another
 * backend carries the policy, they come to the devices last.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BpfFailed, fixed } from "../../system/bpf/call.js";
import {
  close,
  createMap,
  deviceIndex,
  getPinned,
  linkDevice,
  pin,
  setSlots,
  testRun,
  TCX,
  updateBatch,
  updateElement,
} from "../../system/bpf/calls.js";
import { isOurs, mountPinned } from "../../system/bpf/filesystem.js";
import { CommandFailed, run } from "../../system/run.js";
import type { Standing } from "../backend.js";
import { Refused } from "../refused.js";
import { encode, kindsOf, type Logs, mostOf, roomOf, SHAPES, type SlotName, writeAddress } from "./encode.js";
import { adopt } from "./adopt.js";
import type { Maps } from "./maps.js";
import { foldersOf, generationOf, isLinked, linkedDevices, linkFile, type Side, using } from "./readback.js";
import { replaceText } from "./translation.js";

const DIRECTORY = "/run/tsnet";
const NAMES = Object.keys(SHAPES) as SlotName[];
const WATCHING = "maps/watching";
/** Of a frame's header; the kernel runs a program on no shorter frame. */
const ETHER = 14;
const PROGRAMS: Readonly<Record<Side, string>> = { ingress: "from_container", egress: "to_container" };

/**
 * Puts a plan in force; returns its number. Throws `Refused`, and what was in force still is. `standing`: connections that
 * go on though the programs haven't seen them begin.
 */
export async function putInForce(
  maps: Maps,
  logs: Logs,
  folder: string,
  object: string,
  table: string | undefined,
  standing: (() => Promise<readonly Standing[]>) | undefined,
): Promise<number> {
  try {
    mountPinned();
    await load(folder, object);
    requireKnown(maps, folder);
    const generation = generationOf(folder) + 1;
    const isFirst = generation === 1;
    const links = (): void => {
      for (const { device } of maps.devices) link(folder, device);
    };
    const made = makeMaps(maps, logs);
    // The kernel takes its time to put them there, in which they are filled.
    const placed = place(folder, generation, made);
    // Looked at below; until then its failure isn't one that nobody sees.
    placed.catch(() => undefined);
    try {
      fill(made, maps, logs);
      write(join(folder, "maps/kinds"), generation & 1, kindsOf(maps));
      write(join(folder, "maps/numbered"), generation & 1, generation);
      if (table !== undefined && !isFirst) await commitTable(replaceText(maps.policy, table));
      if (!isFirst) links();
    } finally {
      await placed.catch(() => undefined);
      for (const map of made.values()) close(map);
    }
    await placed;
    // What carries the policy until now goes on doing so, and what it has let begin is known before the first packet is met.
    const adopted = isFirst ? standing : undefined;
    watch(folder, adopted !== undefined);
    if (adopted !== undefined) adopt(folder, generation, await adopted());
    write(join(folder, "maps/active"), 0, generation);
    if (isFirst) links();
    if (adopted !== undefined) {
      // What has begun since.
      adopt(folder, generation, await adopted());
      endDenied(folder);
      watch(folder, false);
    }
    // Not before they decide: what it translates, another backend would take for sent there directly.
    if (isFirst && table !== undefined)
      await commitTable(replaceText(maps.policy, table)).catch((error: unknown) => {
        removeFolder(folder);
        throw error;
      });
    tidyLinks(folder, new Set(maps.devices.map(({ device }) => device)));
    for (const other of foldersOf(maps.policy)) if (other !== folder) removeFolder(other);
    return generation;
  } catch (error) {
    if (!(error instanceof BpfFailed)) throw error;
    throw new Refused(`the kernel refused the eBPF dataplane: ${error.message}`, error.help);
  }
}

/** Whether the programs let pass what they deny, since another backend decides: see dataplane/maps.h. */
function watch(folder: string, only: boolean): void {
  write(join(folder, WATCHING), 0, only ? 1 : 0);
}

/** Another backend has taken the policy over: from now on the programs stop nothing. Throws `Refused`. */
export function giveUp(folder: string): void {
  // Those of an older version have no such map, and end as they always did.
  if (!existsSync(join(folder, WATCHING))) return;
  try {
    watch(folder, true);
  } catch (error) {
    if (!(error instanceof BpfFailed)) throw error;
    throw new Refused(`the kernel refused to let go of the eBPF dataplane: ${error.message}`, error.help);
  }
}

/**
 * Ends the connections that the policy in force denies. Until then an entry is decided anew under each policy, so that one
 * that is taken back cuts nothing; from then on no later policy brings one back. See dataplane/track.h.
 */
export function endDenied(folder: string): void {
  try {
    using(join(folder, "programs/end_denied"), (program) => testRun(program, Buffer.alloc(ETHER + 40), fixed(192)));
  } catch (error) {
    if (!(error instanceof BpfFailed)) throw error;
    throw new Refused(`the kernel refused to end connections of the eBPF dataplane: ${error.message}`, error.help);
  }
}

/** Has the kernel load the programs, if they aren't there. Throws `Refused` with the verifier's last words. */
export async function load(folder: string, object: string): Promise<void> {
  if (isOurs(folder) && existsSync(join(folder, "links"))) return;
  // What a killed command has left is no whole, and what somebody else has put there is not ours.
  removeFolder(folder);
  mkdirSync(folder, { mode: 0o700 });
  try {
    await run("bpftool", ["prog", "loadall", object, join(folder, "programs"), "pinmaps", join(folder, "maps")]);
  } catch (error) {
    removeFolder(folder);
    if (!(error instanceof CommandFailed)) throw error;
    const said = error.stderr.split("\n").filter((line) => /libbpf|Error/.test(line) && !/-- /.test(line));
    throw new Refused(
      `the kernel doesn't take the eBPF programs: ${said[0] ?? error.message}`,
      "run it as root outside a user namespace, on Linux 6.6 or newer; or apply with --backend nft",
    );
  }
  mkdirSync(join(folder, "links"), { mode: 0o700 });
}

/** Descriptors of new maps, with room for the plan's elements and some more. */
function makeMaps(maps: Maps, logs: Logs): Map<SlotName, number> {
  const most = mostOf(maps, logs);
  const made = new Map<SlotName, number>();
  try {
    for (const name of NAMES) {
      made.set(name, createMap(SHAPES[name], roomOf(name, most[name], maps.statements.count), name));
    }
    return made;
  } catch (error) {
    for (const map of made.values()) close(map);
    throw error;
  }
}

function fill(made: ReadonlyMap<SlotName, number>, maps: Maps, logs: Logs): void {
  const encoded = encode(maps, logs, (device) => {
    const index = deviceIndex(device);
    if (index === undefined) throw new BpfFailed(`there is no device ${device}`, 0, "it went away meanwhile");
    return index;
  });
  for (const [name, map] of made) {
    const { keys, values, count } = encoded[name];
    updateBatch(map, keys, values, count);
  }
}

/** Puts maps into the slot that isn't in force, where no packet meets them. */
async function place(folder: string, generation: number, made: ReadonlyMap<SlotName, number>): Promise<void> {
  const outers: { outer: number; map: number }[] = [];
  try {
    for (const [name, map] of made) outers.push({ outer: opened(join(folder, "maps", name)), map });
    await setSlots(generation & 1, outers);
  } finally {
    for (const { outer } of outers) close(outer);
  }
}

/** A number of an array of numbers. */
function write(file: string, at: number, number: number): void {
  const [key, value] = [fixed(4), fixed(4)];
  key.writeUInt32LE(at, 0);
  value.writeUInt32LE(number, 0);
  must(file, (map) => updateElement(map, key, value));
}

/** Throws where the programs don't recognise an IPv6 address that the host has: see dataplane/kernel.h. */
function requireKnown({ translation }: Maps, folder: string): void {
  const gateway = translation.gateways.find((one) => one.gateway.family === 6)?.gateway;
  if (gateway === undefined) return;
  const frame = Buffer.alloc(ETHER + 40);
  frame.writeUInt16BE(0x86dd, 12);
  frame.writeUInt8(0x60, 14);
  writeAddress(frame, 38, gateway);
  must(join(folder, "programs/is_known"), (program) => {
    if (testRun(program, frame, fixed(192)).result !== 1)
      throw new Refused(
        "the eBPF programs don't recognise this host's IPv6 addresses on this kernel",
        "apply with --backend nft",
      );
  });
}

function opened(file: string): number {
  const fd = getPinned(file);
  if (fd === undefined) throw new BpfFailed(`open ${file}`, 2, "it is gone");
  return fd;
}

function must(file: string, work: (fd: number) => void): void {
  const fd = opened(file);
  try {
    work(fd);
  } finally {
    close(fd);
  }
}

function link(folder: string, device: string): void {
  const index = deviceIndex(device);
  if (index === undefined) throw new BpfFailed(`there is no device ${device}`, 0, "it went away meanwhile");
  if (isLinked(folder, device, index)) return;
  for (const side of ["ingress", "egress"] as const) {
    const file = linkFile(folder, device, side);
    rmSync(file, { force: true });
    must(join(folder, "programs", PROGRAMS[side]), (program) => {
      const made = linkDevice(program, index, TCX[side]);
      try {
        pin(made, file);
      } finally {
        close(made);
      }
    });
  }
}

/** Of devices that the policy no longer has. */
function tidyLinks(folder: string, wanted: ReadonlySet<string>): void {
  for (const device of linkedDevices(folder))
    if (!wanted.has(device))
      for (const side of ["ingress", "egress"] as const) rmSync(linkFile(folder, device, side), { force: true });
}

/** nft gets a file: a child's standard input is a socket here, which nft can't open anew. */
export async function commitTable(text: string, flags: readonly string[] = []): Promise<void> {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o755 });
  const file = `${DIRECTORY}/batch-${process.pid}.nft`;
  writeFileSync(file, text, { mode: 0o600 });
  try {
    await run("nft", [...flags, "-f", file]);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const said = error.stderr.trim().split("\n")[0] ?? "no reason given";
    throw new Refused(`the kernel refused the table of translations: ${said}`, "this kernel lacks a part of nftables");
  } finally {
    rmSync(file, { force: true });
  }
}

/** The kernel takes programs off their devices with the last that is pinned of a link. */
export function removeFolder(folder: string): boolean {
  if (!existsSync(folder)) return false;
  rmSync(folder, { recursive: true });
  return true;
}
