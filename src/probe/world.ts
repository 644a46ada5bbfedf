/** Makes the throwaway host's stack and the world around it. */
import { writeFileSync } from "node:fs";
import { formatAddress } from "../net/address.js";
import { type IpLine, ipBatch } from "../system/ip.js";
import { createNetns } from "../system/netns.js";
import { readSysctl, writeSysctl, writeSysctlsIn } from "../system/sysctl.js";
import { type Place, type Uplink } from "./place.js";

/** Where `ip netns exec world …` looks for it too. */
export const WORLD_PATH = "/run/netns/world";
const UPLINK = "uplink";

export async function buildWorld(place: Place): Promise<void> {
  await createNetns(WORLD_PATH);
  await ipBatch(undefined, [
    ["link", "set", "dev", "lo", "up"],
    ["link", "add", "name", UPLINK, "type", "veth", "peer", "name", UPLINK, "netns", WORLD_PATH],
  ]);
  await allowIpv6(place);
  const extra = (uplink: Uplink, list: Place["world"], but: Uplink["host"]) =>
    list.filter((a) => a.family === uplink.prefix.family && a.value !== but.value).map((a) => addAddress(a, undefined));
  const inWorld = place.uplinks.flatMap((uplink) => [
    addAddress(uplink.world, uplink.prefix.length),
    ...extra(uplink, place.world, uplink.world),
  ]);
  const onHost = place.uplinks.flatMap((uplink) => [
    addAddress(uplink.host, uplink.prefix.length),
    ...extra(uplink, place.published, uplink.host),
  ]);
  await ipBatch(WORLD_PATH, [
    ["link", "set", "dev", "lo", "up"],
    ...inWorld,
    ["link", "set", "dev", UPLINK, "up"],
    ...place.uplinks.map((uplink) => defaultRoute(uplink.host)),
  ]);
  await ipBatch(undefined, [
    ...onHost,
    ["link", "set", "dev", UPLINK, "up"],
    ...place.uplinks.map((uplink) => defaultRoute(uplink.world)),
  ]);
  likeFreshMachine();
}

function addAddress(address: Uplink["host"], length: number | undefined): IpLine {
  const { family } = address;
  const text = `${formatAddress(address)}/${length ?? (family === 4 ? 32 : 128)}`;
  return ["address", "add", text, "dev", UPLINK, ...(family === 6 ? ["nodad"] : [])];
}

function defaultRoute(via: Uplink["host"]): IpLine {
  const all = via.family === 4 ? "0.0.0.0/0" : "::/0";
  return ["route", "add", all, "via", formatAddress(via), "dev", UPLINK];
}

/** The host's defaults may have IPv6 off for new devices. */
async function allowIpv6(place: Place): Promise<void> {
  const path = `ipv6/conf/${UPLINK}/disable_ipv6`;
  if (!place.uplinks.some((uplink) => uplink.prefix.family === 6) || readSysctl(path) !== "1") return;
  const settings = ["lo", UPLINK].map((device) => ({ path: `ipv6/conf/${device}/disable_ipv6`, value: "0" }));
  for (const setting of settings) writeSysctl(setting.path, setting.value);
  await writeSysctlsIn([WORLD_PATH], settings);
}

/**
 * A new namespace takes some settings from the host: here forwarding is off, so that a trial comes out the same
 * everywhere. ICMP errors aren't rationed, or a few rejections a second would look like silence.
 */
function likeFreshMachine(): void {
  writeSysctl("ipv4/ip_forward", "0");
  for (const path of ["ipv4/icmp_ratemask", "ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"]) writeSysctl(path, "0");
  try {
    // Informational types only, which are never errors: an empty list can't be written.
    if (readSysctl("ipv6/icmp/ratemask") !== undefined) writeFileSync("/proc/sys/net/ipv6/icmp/ratemask", "128-255");
  } catch {
    // Older kernels keep their ration for IPv6, which is a thousand a second.
  }
}
