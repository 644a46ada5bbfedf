/** Single tuples of a set that is there: added and deleted without the rest. */
import { Encoder } from "../../../system/netlink/encoder.js";
import { comment } from "../values.js";
import type { Set } from "../ruleset.js";
import type { Value } from "../../shape/lanes.js";
import type { Tuple } from "../../shape/plain-edits.js";
import type { Change } from "./changes.js";
import { type Elements, encodeSingle } from "./elements.js";
import type { TableName } from "./encode.js";

/** What becomes of a tuple: the canonical texts of the statements that say it, before and after. */
export interface TupleChange {
  readonly set: Pick<Set, "name" | "type">;
  readonly tuple: Tuple;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Bytes of an element without its comment, at most, and of a comment. */
const KEY_ROOM = 80;
const COMMENT_ROOM = 400;

/** Deletions first: a full set takes additions only then. */
export function tupleChanges(table: TableName, changes: readonly TupleChange[]): Change[] {
  // One buffer for all: to make one takes as long as to write some elements.
  const to = new Encoder(Math.min(changes.length, 64) * (2 * KEY_ROOM + COMMENT_ROOM));
  const out: Change[] = [];
  for (const { set, tuple, before } of changes)
    if (before.length > 0) out.push(change("delete elements", table, set, to, tuple, undefined));
  for (const { set, tuple, after } of changes)
    if (after.length > 0) out.push(change("add elements", table, set, to, tuple, comment(after.map(asOrigin))));
  return out;
}

const asOrigin = (text: string): { readonly text: string } => ({ text });

function change(
  kind: "add elements" | "delete elements",
  table: TableName,
  set: TupleChange["set"],
  to: Encoder,
  tuple: Tuple,
  words: string | undefined,
): Change {
  const from = to.length;
  encodeSingle(to, set.type, keyOf(set, tuple), words);
  const elements: Elements = { bytes: to.bytes, offsets: [from, to.length] };
  return { kind, table, set: set.name, elements };
}

function keyOf({ type }: Pick<Set, "type">, { source, destination, protocol, port }: Tuple): Value[] {
  return [source, destination, protocol, port].slice(0, type.length);
}
