/**
 * Reads lines of plain rules, `allow PEER -> PEER:PORT`, into rows of numbers: AssemblyScript, compiled to WebAssembly by
 * scripts/assembly.ts. Common lines are most of a large policy, and a process that starts anew with each command has
 * read them before V8 would have compiled the same in JavaScript. See `PlainRules` for the rows.
 *
 * The text is there in UTF-16 units, so that a place in it is the same number here and in JavaScript.
 */

/** Bytes of a row, and how many are read at once. */
const ROW = 24;
const BATCH = 4096;

const ALLOW = 0;
const DENY = 1;
const REJECT = 2;
const NAMED_SOURCE = 4;
const NAMED_DESTINATION = 8;
const PROTOCOL_SHIFT = 4;

/** What no peer is. */
const NONE = -1;

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const COLON = 58;

/**
 * What is told to JavaScript, a word each, since an exported global takes longer to read there: where the last call of `scan`
 * ended, in units; how many rows each verb has, and how many have names at both ends; how many names there are, and where:
 * of each its start and its end, in units.
 */
const STATE: usize = memory.data(28);
const STOPPED = STATE;
const VERBS = STATE + 4;
const PAIRS = STATE + 16;
const NAMES = STATE + 20;
const NAMES_AT = STATE + 24;

/** Where that is. */
export function state(): usize {
  return STATE;
}

/** Where `scan` puts the rows. */
export function rows(): usize {
  return __heap_base;
}

let names: i32 = 0;
let namesAt: usize = 0;
let text: usize = 0;
let top: usize = 0;
/** A hash table of names with open addressing, always less than half full: one more than a name's number; 0: none. */
let slots: usize = 0;
let slotCount: i32 = 0;
/** What `peer` has read. */
let value: i32 = 0;
let isNamed: bool = false;

/** Memory of so many bytes, not cleared. */
function allocate(bytes: usize): usize {
  const at = top;
  top = (top + bytes + 7) & ~7;
  const missing = <i32>((top + 0xffff) >> 16) - memory.size();
  if (missing > 0) memory.grow(missing);
  return at;
}

/** Forgets everything, and makes room for a text of so many units; returns where it is to be put. */
export function begin(units: i32): usize {
  top = __heap_base;
  names = 0;
  memory.fill(STATE, 0, 28);
  allocate(<usize>min(BATCH, units / 12 + 1) * ROW);
  text = allocate((<usize>units + 1) << 1);
  // What is behind the text is no part of it.
  store<u16>(text + ((<usize>units) << 1), 0);
  resize(128);
  return text;
}

function resize(count: i32): void {
  const old = namesAt;
  namesAt = allocate((<usize>count) << 2);
  memory.copy(namesAt, old, (<usize>names) << 3);
  slots = allocate((<usize>count) << 2);
  memory.fill(slots, 0, (<usize>count) << 2);
  slotCount = count;
  for (let name = 0; name < names; name++) {
    const start = load<i32>(namesAt + ((<usize>name) << 3));
    const end = load<i32>(namesAt + ((<usize>name) << 3) + 4);
    store<i32>(slotOf(start, end), name + 1);
  }
}

function unit(at: i32): i32 {
  return load<u16>(text + ((<usize>at) << 1));
}

/** Where the number of a name stands, or would. The hash is FNV-1a over its units (Fowler, Noll, Vo: RFC 9923). */
function slotOf(start: i32, end: i32): usize {
  let hash: u32 = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = (hash ^ unit(at)) * 0x01000193;
  let slot = (<i32>hash) & (slotCount - 1);
  while (true) {
    const place = slots + ((<usize>slot) << 2);
    slot = (slot + 1) & (slotCount - 1);
    const known = load<i32>(place) - 1;
    if (known < 0) return place;
    const from = load<i32>(namesAt + ((<usize>known) << 3));
    if (load<i32>(namesAt + ((<usize>known) << 3) + 4) - from != end - start) continue;
    let at = start;
    while (at < end && unit(at) == unit(from + at - start)) at++;
    if (at == end) return place;
  }
}

/** The number of a name, which gets one if it is new. */
function numberOf(start: i32, end: i32): i32 {
  const place = slotOf(start, end);
  const known = load<i32>(place);
  if (known != 0) return known - 1;
  store<i32>(namesAt + ((<usize>names) << 3), start);
  store<i32>(namesAt + ((<usize>names) << 3) + 4, end);
  store<i32>(place, ++names);
  if (names << 1 >= slotCount) resize(slotCount << 1);
  return names - 1;
}

function isDigit(code: i32): bool {
  return code >= ZERO && code <= NINE;
}

function isLetter(code: i32): bool {
  return ((code | 32) >= 97 && (code | 32) <= 122) || code == 95;
}

/** The end of the name at `start`; `NONE` where there is none. */
function endOfName(start: i32): i32 {
  if (!isLetter(unit(start))) return NONE;
  let at = start + 1;
  let code = unit(at);
  while (isLetter(code) || isDigit(code) || code == DOT || code == MINUS) code = unit(++at);
  const last = unit(at - 1);
  return last == DOT || last == MINUS ? NONE : at;
}

/** The end of the IPv4 address at `start`, four decimal octets without leading zeros; `NONE` where there is none. */
function endOfAddress(start: i32): i32 {
  let address = 0;
  let octet = -1;
  let dots = 0;
  let at = start;
  while (true) {
    const code = unit(at);
    if (isDigit(code)) {
      if (octet == 0) return NONE;
      octet = octet < 0 ? code - ZERO : octet * 10 + code - ZERO;
      if (octet > 255) return NONE;
    } else if (code == DOT && octet >= 0 && dots < 3) {
      address = (address << 8) | octet;
      octet = -1;
      dots++;
    } else {
      if (dots != 3 || octet < 0) return NONE;
      value = (address << 8) | octet;
      return at;
    }
    at++;
  }
}

/** The end of the peer at `start`, which `value` and `isNamed` tell of; `NONE` where it is no plain one. */
function peer(start: i32): i32 {
  isNamed = !isDigit(unit(start));
  if (!isNamed) return endOfAddress(start);
  const end = endOfName(start);
  if (end != NONE) value = numberOf(start, end);
  return end;
}

/** The verb whose line begins at `at`; `NONE` where none does. */
function verbAt(at: i32): i32 {
  const code = unit(at);
  if (code == 97) return isWord(at, 108, 108, 111, 119, SPACE, 0) ? ALLOW : NONE;
  if (code == 100) return isWord(at, 101, 110, 121, SPACE, 0, 0) ? DENY : NONE;
  if (code == 114) return isWord(at, 101, 106, 101, 99, 116, SPACE) ? REJECT : NONE;
  return NONE;
}

/** Whether these units stand behind `at`, up to the first 0. */
function isWord(at: i32, a: i32, b: i32, c: i32, d: i32, e: i32, f: i32): bool {
  return (
    unit(at + 1) == a &&
    unit(at + 2) == b &&
    unit(at + 3) == c &&
    unit(at + 4) == d &&
    (e == 0 || (unit(at + 5) == e && (f == 0 || unit(at + 6) == f)))
  );
}

function isArrow(at: i32): bool {
  return unit(at) == SPACE && unit(at + 1) == MINUS && unit(at + 2) == 62 && unit(at + 3) == SPACE;
}

/** Where the next line begins, if nothing but blanks stands from `at` on; `NONE` if something does. */
function nextLine(start: i32, end: i32): i32 {
  let at = start;
  while (unit(at) == SPACE || unit(at) == TAB) at++;
  if (at >= end) return at;
  if (unit(at) == RETURN) at++;
  return unit(at) == NEWLINE ? at + 1 : NONE;
}

/** Whether what comes next begins a statement: if not, the grammar is to see the line before it, too. */
function isFollowedWell(start: i32, end: i32): bool {
  let at = start;
  while (unit(at) == NEWLINE || unit(at) == RETURN || unit(at) == SPACE || unit(at) == TAB) at++;
  return at >= end || isLetter(unit(at));
}

/** `tcp` is what a port without a protocol means: the formatter leaves it out. */
function isTcp(start: i32, end: i32): bool {
  return end - start == 3 && unit(start) == 116 && unit(start + 1) == 99 && unit(start + 2) == 112;
}

function increase(place: usize): void {
  store<i32>(place, load<i32>(place) + 1);
}

/**
 * Reads plain rules from `start`, the beginning of a line, to `end`, as long as they last and there is room for rows;
 * returns how many they are.
 */
export function scan(start: i32, end: i32): i32 {
  let count = 0;
  let at = start;
  for (; at < end && count < BATCH; count++) {
    while (at < end && unit(at) == NEWLINE) at++;
    const verb = at < end ? verbAt(at) : NONE;
    if (verb == NONE) break;
    let kind = verb;
    const to = peer(at + (verb == DENY ? 5 : verb == ALLOW ? 6 : 7));
    if (to == NONE || !isArrow(to)) break;
    const source = value;
    if (isNamed) kind |= NAMED_SOURCE;
    let last = peer(to + 4);
    if (last == NONE) break;
    if (isNamed) kind |= NAMED_DESTINATION;
    let port = 0;
    if (unit(last) == COLON) {
      const digits = ++last;
      while (isDigit(unit(last)) && last - digits < 6) port = port * 10 + unit(last++) - ZERO;
      if (unit(digits) == ZERO || port < 1 || port > 65535) break;
      if (unit(last) == SLASH) {
        const word = last + 1;
        last = endOfName(word);
        if (last == NONE || isTcp(word, last)) break;
        kind |= (numberOf(word, last) + 1) << PROTOCOL_SHIFT;
      }
    }
    const next = nextLine(last, end);
    if (next == NONE || !isFollowedWell(next, end)) break;
    const row = rows() + <usize>count * ROW;
    store<i32>(row, at);
    store<i32>(row + 4, last);
    store<i32>(row + 8, source);
    store<i32>(row + 12, value);
    store<i32>(row + 16, port);
    store<i32>(row + 20, kind);
    increase(VERBS + ((<usize>verb) << 2));
    if ((kind & (NAMED_SOURCE | NAMED_DESTINATION)) == (NAMED_SOURCE | NAMED_DESTINATION)) increase(PAIRS);
    at = next;
  }
  store<i32>(STOPPED, at);
  store<i32>(NAMES, names);
  store<usize>(NAMES_AT, namesAt);
  return count;
}
