/** Trees over the names of sandboxes' devices: iptables compares a name whole, or its beginning. */
import type { Origin } from "../../ir/policy.js";
import { goto, rule, type TableBuilder } from "./builder.js";
import type { Rule, Target } from "./ruleset.js";
import { FAN_OUT } from "./tree.js";

export interface Device {
  readonly device: string;
  readonly from: readonly Origin[];
}

/** What all names begin with, as iptables says it. */
export function devicesInCommon(devices: readonly Device[]): string {
  const [first, ...others] = devices.map(({ device }) => device);
  if (first === undefined) throw new Error("no devices");
  const length = others.reduce((length, name) => Math.min(length, common(first, name)), first.length);
  return length === first.length ? first : `${first.slice(0, length)}+`;
}

function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** A chain that does it to what came in, or goes out, by one of the devices. */
export function devicesChain(
  table: TableBuilder,
  side: "in" | "out",
  devices: readonly Device[],
  target: Target,
  length = 0,
): string {
  const rules: Rule[] = [];
  if (devices.length <= FAN_OUT)
    for (const { device, from } of devices) rules.push(rule([{ kind: side, device }], target, from));
  else {
    const groups = new Map<string, Device[]>();
    for (const one of devices) {
      const start = one.device.slice(0, length + 1);
      const group = groups.get(start);
      if (group === undefined) groups.set(start, [one]);
      else group.push(one);
    }
    // What they all begin with tells nothing.
    if (groups.size === 1) return devicesChain(table, side, devices, target, length + 1);
    for (const [start, group] of groups)
      if (group.length === 1)
        rules.push(...group.map(({ device, from }) => rule([{ kind: side, device }], target, from)));
      else
        rules.push(
          rule([{ kind: side, device: `${start}+` }], goto(devicesChain(table, side, group, target, length + 1))),
        );
  }
  return table.chain(`dev${side[0]}`, rules);
}
