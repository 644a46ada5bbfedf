/** What differs between two plans, row by row, as `compile` prints them. */
import type { ObjectChange } from "../backend.js";
import type { Maps } from "./maps.js";
import { rowsOf } from "./json.js";

/** Numbers of classes and statements come from their order, so rows that only shift with them count as changed. */
export function objectChanges(maps: Maps, before: Maps | undefined): ObjectChange[] {
  const wanted = new Map(rowsOf(maps).map((row) => [row.object, row.from]));
  const old = new Map(before === undefined ? [] : rowsOf(before).map((row) => [row.object, row.from]));
  const changes: ObjectChange[] = [];
  for (const [object, from] of old) if (!wanted.has(object)) changes.push({ verb: "remove", object, from });
  for (const [object, from] of wanted) if (!old.has(object)) changes.push({ verb: "add", object, from });
  return changes;
}
