/**
 * Makes keys of plain rules, each once: AssemblyScript, compiled to WebAssembly by scripts/assembly.ts. It takes the rules
 * that most of a large policy are, from an IPv4 address that is nobody's to a port of one container; whatever else a row
 * says is left to exact.ts beside this folder.
 */

/** What is told by JavaScript, a word each. */
const INPUT: usize = memory.data(64);
/** The rows of plain rules (see `PlainRules`), and the verb whose rows are taken. */
const ROWS = INPUT;
const VERB = INPUT + 4;
/** Of each name two words: whether it is one container's address and nothing else, and that. */
const NAMES = INPUT + 8;
/** Of each name what protocol it is; `NONE` if it is none that can stand behind a port. */
const PROTOCOLS = INPUT + 12;
/** Between which addresses the containers' are. */
const LOWEST = INPUT + 16;
const HIGHEST = INPUT + 20;
/** The statement that the row 0 comes from, or would. */
const BASE = INPUT + 24;
/** The columns of tuples, and how many tuples there are; see `Tuples`. */
const SOURCES = INPUT + 28;
const DESTINATIONS = INPUT + 32;
const PROTOCOL_COLUMN = INPUT + 36;
const PORTS = INPUT + 40;
const FROM = INPUT + 44;
const LENGTH = INPUT + 48;
/** The table of indices: one more than the index of a tuple, 0 where there is none; and its size less one. */
const SLOTS = INPUT + 52;
const MASK = INPUT + 56;

/** Words of a row, in bytes, and what its kind is made of. */
const ROW = 24;
const SOURCE = 8;
const DESTINATION = 12;
const PORT = 16;
const KIND = 20;
const VERB_BITS = 3;
const NAMED_SOURCE = 4;
const NAMED_DESTINATION = 8;
const PROTOCOL_SHIFT = 4;

const NONE = -1;
const TCP = 6;

export function input(): usize {
  return INPUT;
}

/** Where memory is free. */
export function free(): usize {
  return __heap_base;
}

function word(place: usize): u32 {
  return load<u32>(place);
}

function cell(column: usize, index: u32): usize {
  return word(column) + ((<usize>index) << 2);
}

/** As in `Tuples`. */
function hash(source: u32, destination: u32, port: u32): u32 {
  let h = (source * 0x85ebca6b) ^ (destination * 0xc2b2ae35) ^ (port * 0x27d4eb2f);
  h = (h ^ (h >> 15)) * 0x2c1b3c6d;
  return h ^ (h >> 13);
}

/** Adds rows from `first` to before `end`; returns the first that is left to others, or `end`. */
export function add(first: u32, end: u32): u32 {
  const verb = word(VERB);
  const mask = word(MASK);
  for (let row = first; row < end; row++) {
    const at = <usize>word(ROWS) + <usize>row * ROW;
    const kind = word(at + KIND);
    if ((kind & VERB_BITS) != verb) continue;
    const port = word(at + PORT);
    if ((kind & (NAMED_SOURCE | NAMED_DESTINATION)) != NAMED_DESTINATION || port == 0) return row;
    const source = word(at + SOURCE);
    if (source >= word(LOWEST) && source <= word(HIGHEST)) return row;
    const name = <usize>word(NAMES) + ((<usize>word(at + DESTINATION)) << 3);
    if (word(name) == 0) return row;
    const destination = word(name + 4);
    const number = kind >> PROTOCOL_SHIFT;
    const protocol: u32 = number == 0 ? TCP : word(cell(PROTOCOLS, number - 1));
    if (protocol == NONE) return row;

    let slot = hash(source, destination, port) & mask;
    while (true) {
      const known = word(cell(SLOTS, slot));
      if (known == 0) break;
      const i = known - 1;
      if (
        word(cell(SOURCES, i)) == source &&
        word(cell(DESTINATIONS, i)) == destination &&
        word(cell(PORTS, i)) == port &&
        word(cell(PROTOCOL_COLUMN, i)) == protocol
      )
        return row;
      slot = (slot + 1) & mask;
    }
    const index = word(LENGTH);
    store<u32>(cell(SOURCES, index), source);
    store<u32>(cell(DESTINATIONS, index), destination);
    store<u32>(cell(PROTOCOL_COLUMN, index), protocol);
    store<u32>(cell(PORTS, index), port);
    store<u32>(cell(FROM, index), word(BASE) + row);
    store<u32>(cell(SLOTS, slot), index + 1);
    store<u32>(LENGTH, index + 1);
  }
  return end;
}
