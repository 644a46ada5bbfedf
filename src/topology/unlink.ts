/** Deleting many devices as one. */
import { randomInt } from "node:crypto";
import { ipBatch } from "../system/ip.js";

/**
 * Deletes devices of this namespace, all or (when one is missing) none.
 *
 * Each deletion of a veth waits for the kernel to forget it, some 20 ms; a group of devices waits once. The group's
 * number is drawn afresh from two thousand million, so that nobody else's device is in it.
 */
export async function deleteLinks(devices: readonly string[]): Promise<void> {
  const group = String(randomInt(1_000_000, 2 ** 31 - 1));
  if (devices.length === 0) return;
  await ipBatch(undefined, [
    ...devices.map((device) => ["link", "set", "dev", device, "group", group]),
    ["link", "delete", "group", group],
  ]);
}
