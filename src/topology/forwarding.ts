/**
 * Forwarding, turned on as narrowly as the kernel lets us, and off again with the last policy.
 *
 * The kernel decides by the device that a packet enters by. Our own devices forward from the start (settings.ts); where
 * the host's forwarding is off, its other devices must too, or no reply and no call to a published port gets in. They
 * are turned on one by one while `ip_forward` stays 0, and the guard (guard.ts) lets what enters there go to endpoints
 * only. IPv6 has `force_forwarding` for the same since Linux 6.17; older kernels have only all or nothing.
 *
 * Where forwarding is on already, nothing is touched. What is changed is recorded with its former value in STATE.
 */
import { readdirSync, readFileSync, promises } from "node:fs";
import { writeWhole } from "../system/files.js";
import { readSysctl, writeSysctl } from "../system/sysctl.js";
import { canGuard, commitGuard, type Guarded, guardRules, readGuard, type Standing } from "./guard.js";
import { ENDPOINT_PREFIX } from "../ir/addresses.js";
import { BRIDGE_PREFIX } from "./names.js";

const STATE = "/run/tsnet/forwarding.json";

/** One sysctl that we changed. */
export interface Changed {
  readonly path: string;
  readonly before: string;
  readonly now: string;
}

/** `set ipv4.conf.up0.forwarding from 0 to 1`. */
export function changedText({ path, before, now }: Changed): string {
  return `set ${path.replaceAll("/", ".")} from ${before} to ${now}`;
}

export interface ForwardingState {
  /** The policies that need it. */
  readonly policies: readonly string[];
  /** In the order in which they were written. */
  readonly changed: readonly Changed[];
  readonly guarded: Guarded;
}

const NONE: ForwardingState = { policies: [], changed: [], guarded: { v4: [], v6: [] } };

/** What is recorded; nothing when the file is missing or damaged. */
export function readForwarding(): ForwardingState {
  return readRecord() ?? NONE;
}

function readRecord(): ForwardingState | undefined {
  try {
    const state = JSON.parse(readFileSync(STATE, "utf8")) as Partial<ForwardingState>;
    const guarded = { ...state.guarded, v4: state.guarded?.v4 ?? [], v6: state.guarded?.v6 ?? [] };
    return { policies: state.policies ?? [], changed: state.changed ?? [], guarded };
  } catch {
    return undefined;
  }
}

/**
 * What the guard tells when the record is lost: the devices that we turned on. Only when no endpoint of any policy is
 * left on the host, since who needs it isn't known.
 */
async function recall(): Promise<ForwardingState> {
  const devices = readdirSync("/proc/sys/net/ipv4/conf");
  const guarded = devices.some((name) => name.startsWith(ENDPOINT_PREFIX)) ? undefined : await readGuard();
  if (guarded === undefined) return NONE;
  const wide = readSysctl("ipv6/conf/all/force_forwarding") === undefined;
  const paths = [
    ...guarded.v4.map((device) => `ipv4/conf/${device}/forwarding`),
    ...(wide && guarded.v6.length > 0 ? [ALL6] : guarded.v6.map((device) => `ipv6/conf/${device}/force_forwarding`)),
  ];
  return { policies: [], changed: paths.map((path) => ({ path, before: "0", now: "1" })), guarded };
}

/** The families that a policy's containers need forwarded. */
export interface Needs {
  readonly v4: boolean;
  readonly v6: boolean;
}

/** What to do otherwise than the kernel suggests; for tests. */
export interface ForwardingOptions {
  /** Turn IPv6 on by `all.forwarding` as on a kernel without force_forwarding. */
  readonly wide?: boolean;
}

/**
 * Turns on what the policy's topology needs; to be called after its rules are in. Does nothing but read when all is as
 * it should be. Devices that appear on the host later are served by the next call.
 * Returns what it changed, a line each.
 */
export async function requireForwarding(
  policy: string,
  needs: Needs,
  options: ForwardingOptions = {},
): Promise<string[]> {
  const recorded = readForwarding();
  const { state, devices, changes } = missing(recorded, needs, options);
  const changed = merged(state.changed, changes);
  const { guarded, mended } = await guard(recorded.guarded, guardedBy(changed, devices));
  const next: ForwardingState = { policies: [...new Set([...state.policies, policy])], changed, guarded };
  // Recorded before it is done: a killed apply then leaves nothing that nobody knows of.
  if (JSON.stringify(next) !== JSON.stringify(recorded)) save(next);
  for (const { path, now } of changes) writeSysctl(path, now);
  const texts = changes.map(changedText);
  if (!mended) return texts;
  return [...texts, `${guardRules(guarded) === undefined ? "take away" : "load"} the guard against strangers' packets`];
}

/** What `requireForwarding` would change now: sysctls, and the guard's table. Changes nothing. */
export async function lackingForwarding(
  needs: Needs,
): Promise<{ readonly sysctls: readonly Changed[]; readonly guard: "add" | "change" | "remove" | undefined }> {
  const recorded = readForwarding();
  const { state, devices, changes } = missing(recorded, needs, {});
  const wanted = guardedBy(merged(state.changed, changes), devices);
  return { sysctls: changes, guard: (await guardStanding(recorded.guarded, wanted)).verb };
}

function missing(
  recorded: ForwardingState,
  needs: Needs,
  options: ForwardingOptions,
): { state: ForwardingState; devices: string[]; changes: Changed[] } {
  // Each file takes as long to read as an edit takes to commit: only those that something depends on.
  const over4 = readSysctl(ALL4) !== "0";
  const state = withoutOverruled(recorded, over4);
  if (over4 && !needs.v6 && state.changed.length === 0) return { state, devices: [], changes: [] };
  const devices = foreignDevices();
  const changes = [
    ...(needs.v4 && !over4 ? changes4(devices) : []),
    ...(needs.v6 ? changes6(state, devices, options) : []),
  ];
  return { state, devices, changes };
}

/** What is guarded afterwards, and by what; and whether anything had to be changed for it. */
async function guard(old: Guarded, wanted: Guarded): Promise<{ guarded: Guarded; mended: boolean }> {
  const { differs, verb } = await guardStanding(old, wanted);
  if (differs) return { guarded: await commitGuard(wanted, old), mended: verb !== undefined };
  return { guarded: old.by === undefined ? wanted : { ...wanted, by: old.by }, mended: false };
}

/** Whether the kernel's guard isn't the wanted one, and what is to become of it where that is more than tidying up. */
async function guardStanding(
  old: Guarded,
  wanted: Guarded,
): Promise<{ differs: boolean; verb: "add" | "change" | "remove" | undefined }> {
  const rules = guardRules(wanted);
  const expected = guardRules(old) !== undefined;
  if (rules === undefined && !expected) return { differs: false, verb: undefined };
  const there = expected ? await readGuard() : undefined;
  if (there === undefined)
    return { differs: rules !== undefined || old.by !== undefined, verb: rules === undefined ? undefined : "add" };
  const altered = there.altered === true;
  const isTidied = !altered && guardRules(present(there)) === rules;
  return {
    differs: altered || guardRules(there) !== rules,
    verb: isTidied ? undefined : rules === undefined ? "remove" : "change",
  };
}

/** Without devices that are gone: not to guard them any more changes nothing. */
function present({ v4, v6 }: Guarded): Guarded {
  const there = new Set(readdirSync("/proc/sys/net/ipv4/conf"));
  return { v4: v4.filter((device) => there.has(device)), v6: v6.filter((device) => there.has(device)) };
}

/** Sets back what was changed since `before` was read, and the record with it. Returns what couldn't be. */
export async function restoreForwarding(before: ForwardingState): Promise<string[]> {
  const now = readForwarding();
  // The guard is loaded before the record is written.
  const there: Standing = (await readGuard()) ?? NONE.guarded;
  const rules = guardRules(before.guarded);
  if (there.altered === true || guardRules(there) !== rules) await commitGuard(before.guarded, now.guarded);
  if (JSON.stringify(now) === JSON.stringify(before)) return [];
  const known = new Set(before.changed.map(({ path }) => path));
  for (const { path, before: old, now: set } of [...now.changed].reverse())
    if (!known.has(path) && readSysctl(path) === set) writeSysctl(path, old);
  if (before.policies.length === 0 && before.changed.length === 0) await promises.unlink(STATE).catch(() => undefined);
  else save(before);
  return [];
}

/** Takes the policy off the record; with the last one everything goes back. Returns what was set back. */
export async function releaseForwarding(policy: string): Promise<readonly Changed[]> {
  const recorded = readRecord() ?? (await recall());
  const policies = recorded.policies.filter((name) => name !== policy);
  if (policies.length > 0) {
    if (policies.length < recorded.policies.length) save({ ...recorded, policies });
    return [];
  }
  // What somebody else has set since is theirs. Looked at before anything is written, as `all` changes the others.
  const ours = withoutOverruled(recorded).changed.filter(({ path, now }) => readSysctl(path) === now);
  for (const { path, before } of [...ours].reverse()) writeSysctl(path, before);
  await guard(recorded.guarded, { v4: [], v6: [] });
  await promises.unlink(STATE).catch(() => undefined);
  return ours.filter(({ before, now }) => before !== now);
}

// What to write ------------------------------------------------------------------------------------------------------

const ALL4 = "ipv4/ip_forward";
const ALL6 = "ipv6/conf/all/forwarding";

function changes4(devices: readonly string[]): Changed[] {
  return devices.flatMap((device) => change(`ipv4/conf/${device}/forwarding`, "1"));
}

function changes6(state: ForwardingState, devices: readonly string[], options: ForwardingOptions): Changed[] {
  const wide = options.wide === true || readSysctl("ipv6/conf/all/force_forwarding") === undefined;
  const all = readSysctl(ALL6);
  const byUs = state.changed.some(({ path }) => path === ALL6);
  if (all === undefined || (all !== "0" && !byUs)) return [];
  if (!wide) return devices.flatMap((device) => change(`ipv6/conf/${device}/force_forwarding`, "1"));
  // A router doesn't listen to router advertisements unless accept_ra is 2; and it forgets what it learnt as it becomes
  // one, so accept_ra comes first.
  const everywhere = ["default", ...devices];
  const listening = everywhere.filter((device) => readSysctl(`ipv6/conf/${device}/accept_ra`) === "1");
  // Writing `all` sets every device's value, both ways: the single ones are on record to be set back after it.
  const single = byUs ? [] : ["lo", ...everywhere].map((device) => `ipv6/conf/${device}/forwarding`);
  return [
    ...listening.flatMap((device) => change(`ipv6/conf/${device}/accept_ra`, "2")),
    ...single.map((path) => ({ path, before: readSysctl(path) ?? "0", now: "1" })),
    ...change(ALL6, "1"),
  ];
}

/** Empty when there is no such sysctl, or nothing to change. */
function change(path: string, now: string): Changed[] {
  const before = readSysctl(path);
  return before === undefined || before === now ? [] : [{ path, before, now }];
}

/** Every device but lo and those that are tsnet's by name. What couldn't be guarded is left off. */
function foreignDevices(): string[] {
  const names = readdirSync("/proc/sys/net/ipv4/conf");
  const special = (name: string) =>
    ["all", "default", "lo"].includes(name) || name.startsWith(ENDPOINT_PREFIX) || name.startsWith(BRIDGE_PREFIX);
  return names.filter((name) => !special(name) && canGuard(name));
}

/** Devices whose forwarding is on only because of us. */
function guardedBy(changed: readonly Changed[], devices: readonly string[]): Guarded {
  const paths = new Set(changed.map(({ path }) => path));
  const all6 = paths.has(ALL6);
  return {
    v4: devices.filter((device) => paths.has(`ipv4/conf/${device}/forwarding`)),
    v6: devices.filter((device) => all6 || paths.has(`ipv6/conf/${device}/force_forwarding`)),
  };
}

/**
 * The record without the families that somebody else has turned on altogether since: the host is a router now because
 * its administrator wants so, and guarding it would stop what they route.
 */
function withoutOverruled(state: ForwardingState, over4 = readSysctl(ALL4) !== "0"): ForwardingState {
  const { changed: all } = state;
  const over6 =
    all.some(({ path }) => path.startsWith("ipv6/")) &&
    !all.some(({ path }) => path === ALL6) &&
    readSysctl(ALL6) === "1";
  if (!over4 && !over6) return state;
  const changed = state.changed.filter(
    ({ path }) => !(over4 && path.startsWith("ipv4/")) && !(over6 && path.startsWith("ipv6/")),
  );
  return changed.length === state.changed.length ? state : { ...state, changed };
}

function merged(old: readonly Changed[], more: readonly Changed[]): Changed[] {
  const known = new Set(old.map(({ path }) => path));
  return [...old, ...more.filter(({ path }) => !known.has(path))];
}

function save(state: ForwardingState): void {
  writeWhole(STATE, `${JSON.stringify(state, undefined, 2)}\n`, 0o644);
}
