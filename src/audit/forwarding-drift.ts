/** Whether the host still forwards for a policy, and guards what it forwards: what topology/forwarding.ts has set up. */
import type { ListedTable } from "../backend/nftables/listing.js";
import { readSysctl } from "../system/sysctl.js";
import { type ForwardingState, lackingForwarding, readForwarding } from "../topology/forwarding.js";
import { GUARD_TABLE, guardRules } from "../topology/guard.js";
import type { Topology } from "../topology/topology.js";
import type { Drift } from "./report.js";

/** `tables`: everybody's. */
export async function forwardingDrift({ forwards }: Topology, tables: readonly ListedTable[]): Promise<Drift[]> {
  if (!forwards.v4 && !forwards.v6) return [];
  const state = readForwarding();
  const off = [...(forwards.v4 ? switchedOff(state, 4) : []), ...(forwards.v6 ? switchedOff(state, 6) : [])];
  // What has come since, as an uplink does, was never switched on.
  const { sysctls, guard } = await lackingForwarding(forwards);
  const added = sysctls.filter(({ path }) => !off.some((one) => one.path === path));
  const lost = [...off, ...added];
  const out = lost.map(({ path, now, before }): Drift => ({
    object: `sysctl net/${path}`,
    origin: undefined,
    message: `net/${path} is ${before}, not ${now}`,
    effect: "packets that enter there aren't forwarded to containers, answers from the world among them",
  }));
  const broken = guardDrift(state, tables);
  if (guard !== undefined && guard !== "add" && out.length === 0 && broken.length === 0) broken.push(guardsTooMuch());
  return [...out, ...broken];
}

/** What an apply would take out of it: most likely the host's administrator has made it a router since. */
function guardsTooMuch(): Drift {
  const object = `table inet ${GUARD_TABLE}`;
  const why = isRouter(4) || isRouter(6) ? " for which this host's administrator has turned forwarding on since" : "";
  return {
    object,
    origin: undefined,
    message: `${object} guards devices${why || " that it was never to guard"}`,
    effect: "packets between others are dropped, though this host is to forward them",
  };
}

/** Where the administrator makes the host a router, what we had turned on device by device no longer counts. */
function isRouter(family: 4 | 6): boolean {
  const all = family === 4 ? "ipv4/ip_forward" : "ipv6/conf/all/forwarding";
  return readSysctl(all) !== "0";
}

function switchedOff({ changed }: ForwardingState, family: 4 | 6): { path: string; now: string; before: string }[] {
  const ours = changed.filter(({ path }) => path.startsWith(`ipv${family}/`));
  if (ours.length > 0 && isRouter(family) && !ours.some(({ path }) => path === "ipv6/conf/all/forwarding")) return [];
  return ours.flatMap(({ path, now }) => {
    const value = readSysctl(path);
    // A device that is gone has no sysctls, and forwards nothing.
    return value === undefined || value === now ? [] : [{ path, now, before: value }];
  });
}

function guardDrift({ guarded }: ForwardingState, tables: readonly ListedTable[]): Drift[] {
  // From when nft couldn't be used; the next apply looks at it.
  if (guarded.by === "iptables") return [];
  const devices = { v4: isRouter(4) ? [] : guarded.v4, v6: isRouter(6) && guarded.v4.length === 0 ? [] : guarded.v6 };
  if (guardRules(devices) === undefined) return [];
  const object = `table inet ${GUARD_TABLE}`;
  const drift = (
    what: string,
    effect = "it may drop packets of containers, or let pass what is between others",
  ): Drift[] => [{ object, origin: undefined, message: `${object} ${what}`, effect }];
  const forwards = "this host forwards packets between others, which it didn't before tsnet turned forwarding on";
  const table = tables.find(({ family, name }) => family === "inet" && name === GUARD_TABLE);
  if (table === undefined) return drift("is missing", forwards);
  if (table.dormant) return drift("is dormant", forwards);
  const [chain, more] = table.chains;
  if (chain === undefined || more !== undefined) return drift("isn't as it was made");
  if (chain["hook"] !== "forward" || chain["prio"] !== -10 || chain["policy"] !== "accept")
    return drift(`has its chain on hook ${chain["hook"]}, priority ${chain["prio"]}, policy ${chain["policy"]}`);
  const wanted = [devices.v4, devices.v6].filter((list) => list.length > 0);
  if (table.rules.length !== wanted.length) return drift(`has ${table.rules.length} rules, not ${wanted.length}`);
  const wrong = table.rules.some((rule, i) => !guards(rule["expr"] as unknown[], wanted[i] as readonly string[]));
  return wrong ? drift("has a rule that isn't as it was made") : [];
}

/** `meta nfproto … iifname {devices} oifname != "tsv-*" ct state != {established, related} counter drop` */
function guards(expressions: readonly unknown[], devices: readonly string[]): boolean {
  const text = JSON.stringify(expressions);
  const kinds = expressions.map((one) => Object.keys(one as object)[0]).join(" ");
  return (
    kinds === "match match match match counter drop" &&
    devices.every((device) => text.includes(JSON.stringify(device))) &&
    /"!=".{0,40}"oifname".{0,20}"tsv-\*"/.test(text) &&
    /"!=".{0,40}"ct".*established/.test(text)
  );
}
