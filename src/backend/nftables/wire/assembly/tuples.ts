/**
 * Writes tuples of IPv4 addresses as elements, by copying: AssemblyScript, compiled to WebAssembly by scripts/assembly.ts.
 * What the bytes are, and why, is in tuples.ts beside this folder, which does the same for all other tuples.
 */

/** What is told by JavaScript, a word each. */
const INPUT: usize = memory.data(64);
const COUNT = INPUT;
/** How many parts a key has: two addresses, then the protocol, then the port. */
const PARTS = INPUT + 4;
/** An element's beginning, which ends with its key: where it is, and its size. */
const HEAD = INPUT + 8;
const HEAD_SIZE = INPUT + 12;
/** The key's place in it. */
const KEY = INPUT + 16;
/** The text of the file, a byte for each character. */
const TEXT = INPUT + 20;
/** The rows of plain rules, and the one that the statement `BASE` comes from; as many statements follow it. */
const ROWS = INPUT + 24;
const FIRST = INPUT + 28;
const BASE = INPUT + 32;
const STATEMENTS = INPUT + 36;
/** The columns: sources, destinations, protocols, ports, and the statements that tuples come from. */
const COLUMNS = INPUT + 40;
/** Where the elements go, and where the begins and ends of all are. */
const OUT = INPUT + 44;
const OFFSETS = INPUT + 48;
/** What a comment may have at most, and its attribute's type. */
const LONGEST = INPUT + 52;
const USERDATA = INPUT + 56;
/** The type of the attribute that an element is. */
const ELEMENT = INPUT + 60;

/** Bytes of a row (see `PlainRules`). */
const ROW = 24;
/** Bytes before a comment's text. */
const COMMENT_HEAD = 6;

export function input(): usize {
  return INPUT;
}

/** Where memory is free. */
export function free(): usize {
  return __heap_base;
}

function word(place: usize): i32 {
  return load<i32>(place);
}

/**
 * Writes tuples from `first` on to `from`, as long as the comment of each is the line of one of those statements; returns
 * how many it has written.
 */
export function encode(first: i32, from: usize): i32 {
  const count = word(COUNT);
  const parts = word(PARTS);
  const head = <usize>word(HEAD);
  const headSize = word(HEAD_SIZE);
  const key = word(KEY);
  const out = <usize>word(OUT);
  const offsets = <usize>word(OFFSETS);
  const sources = <usize>word(COLUMNS);
  const size = (<usize>count) << 2;
  let at = from;
  let i = first;
  for (; i < count; i++) {
    const column = sources + ((<usize>i) << 2);
    const statement = word(column + size * 4) - word(BASE);
    if (statement < 0 || statement >= word(STATEMENTS)) break;
    const row = <usize>word(ROWS) + <usize>(word(FIRST) + statement) * ROW;
    const start = word(row);
    const length = word(row + 4) - start;
    if (length > word(LONGEST)) break;

    const begun = at;
    for (let j = 0; j < headSize; j += 4) store<i32>(at + j, word(head + j));
    const keyAt = at + key;
    store<u32>(keyAt, bswap<u32>(load<u32>(column)));
    store<u32>(keyAt + 4, bswap<u32>(load<u32>(column + size)));
    if (parts > 2) store<u8>(keyAt + 8, <u8>word(column + size * 2));
    if (parts > 3) store<u16>(keyAt + 12, bswap<u16>(<u16>word(column + size * 3)));
    at += headSize;

    // What is behind the comment, up to a whole word, is zero.
    const last = (at + COMMENT_HEAD + length) & ~3;
    store<i32>(last, 0);
    store<i32>(at, (length + 7) | (word(USERDATA) << 16));
    store<i32>(at + 4, (length + 1) << 8);
    memory.copy(at + COMMENT_HEAD, <usize>word(TEXT) + start, length);
    at = last + 4;
    store<i32>(begun, (<i32>(at - begun)) | (word(ELEMENT) << 16));
    store<i32>(offsets + ((<usize>(i + 1)) << 2), <i32>(at - out));
  }
  return i - first;
}
