/** Single tuples of a set that is there: added and deleted without the rest. */
import { comment } from "../values.js";
import type { Set } from "../ruleset.js";
import type { Value } from "../../shape/lanes.js";
import type { Tuple } from "../../shape/plain-edits.js";
import type { Change } from "./changes.js";
import { type Elements, encodeElement, encodeKey } from "./elements.js";
import type { TableName } from "./encode.js";

/** What becomes of a tuple: the canonical texts of the statements that say it, before and after. */
export interface TupleChange {
  readonly set: Pick<Set, "name" | "type">;
  readonly tuple: Tuple;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Deletions first: a full set takes additions only then. */
export function tupleChanges(table: TableName, changes: readonly TupleChange[]): Change[] {
  const out: Change[] = [];
  for (const { set, tuple, before } of changes)
    if (before.length > 0) out.push(change("delete elements", table, set, encodeKey(set.type, keyOf(set, tuple))));
  for (const { set, tuple, after } of changes) {
    if (after.length === 0) continue;
    const words = comment(after.map((text) => ({ text })));
    out.push(change("add elements", table, set, encodeElement(set.type, keyOf(set, tuple), words)));
  }
  return out;
}

function change(
  kind: "add elements" | "delete elements",
  table: TableName,
  set: Pick<Set, "name">,
  bytes: Buffer,
): Change {
  const elements: Elements = { bytes, offsets: [0, bytes.length] };
  return { kind, table, set: set.name, elements };
}

function keyOf({ type }: Pick<Set, "type">, { source, destination, protocol, port }: Tuple): Value[] {
  return [source, destination, protocol, port].slice(0, type.length);
}
