/** Deleting many devices as one. */
import { ipBatchForced } from "../system/ip.js";
import { spare } from "./lines.js";
import { CONDEMNED } from "./names.js";

/**
 * Deletes devices of this namespace. One that is gone already, perhaps with the namespace of its other end, is no
 * error.
 *
 * Each deletion of a veth waits for the kernel to forget it, some 20 ms; a group of devices waits once. The group's
 * number is drawn afresh from two thousand million, so that nobody else's device is in it.
 */
export async function deleteLinks(devices: readonly string[]): Promise<void> {
  if (devices.length === 0) return;
  const group = String(process.getBuiltinModule("node:crypto").randomInt(CONDEMNED, 2 ** 31 - 1));
  const said = await ipBatchForced(undefined, [
    ...devices.map((device) => ["link", "set", "dev", device, "group", group]),
    ["link", "delete", "group", group],
  ]).catch((error: unknown) => String((error as Error).message));
  const problems = said
    .split("\n")
    .filter((line) => line !== "" && !/^Command failed|No such device|Cannot find device/.test(line));
  if (problems.length === 0) return;
  await ipBatchForced(undefined, devices.map(spare)).catch(() => undefined);
  throw new Error(`${devices.join(", ")} could not be deleted: ${problems.join("; ")}`);
}
