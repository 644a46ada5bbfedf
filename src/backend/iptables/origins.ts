import type { Origin } from "../../ir/policy.js";

export function originsOf(origin: Origin | undefined): readonly Origin[] {
  return origin === undefined ? [] : [origin];
}
