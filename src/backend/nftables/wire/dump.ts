/** Reads tables from the kernel: only what is asked for, and as bytes (nf_tables.h). */
import { aligned } from "../../../system/netlink/align.js";
import { be32, scan, textAt, u16 } from "../../../system/netlink/decoder.js";
import { Encoder, NLM_F } from "../../../system/netlink/encoder.js";
import { question, readGeneration } from "../../../system/netlink/nf-tables.js";
import type { NetlinkSocket } from "../../../system/netlink/socket.js";
import * as nft from "./constants.js";
import { type Elements, NONE } from "./elements.js";
import type { TableName } from "./encode.js";
import { type ChainState, hookText, normalRule, type SetState, type TableState } from "./state.js";

/** How often a dump is begun anew because somebody changes rules meanwhile. */
const TRIES = 20;

/** Dumps objects of a family, the attributes of each. */
function dump(
  socket: NetlinkSocket,
  type: number,
  family: TableName["family"],
  write: (encoder: Encoder) => void,
  each: (body: Buffer) => void,
): void {
  socket.dump(question(type, nft.FAMILY[family], NLM_F.DUMP, write), each);
}

/** Every table of a family whose name begins so. */
export function readTables(
  socket: NetlinkSocket,
  family: TableName["family"],
  prefix: string,
): (TableName & { readonly flags: number })[] {
  const tables: (TableName & { readonly flags: number })[] = [];
  const nothing = (): void => undefined;
  dump(socket, nft.MSG.GETTABLE, family, nothing, (body) => {
    let name = "";
    let flags = 0;
    scan(body, 4, body.length, (attribute, start, end) => {
      if (attribute === nft.TABLE.NAME) name = textAt(body, start, end);
      if (attribute === nft.TABLE.FLAGS) flags = be32(body, start);
    });
    if (name.startsWith(prefix)) tables.push({ family, name, flags });
  });
  return tables;
}

/**
 * Those of the tables that are there, at one generation; the generation goes with them. `narrow`: of elements only
 * their number, where the kernel tells it.
 */
export function readState(
  socket: NetlinkSocket,
  tables: readonly TableName[],
  narrow = false,
): { tables: TableState[]; generation: number } {
  for (let i = 0; i < TRIES; i++) {
    const generation = readGeneration(socket);
    const there = (["inet", "arp"] as const).flatMap((family) =>
      tables.some((table) => table.family === family) ? readTables(socket, family, "") : [],
    );
    const states = tables.flatMap(({ family, name }) => {
      const found = there.find((table) => table.family === family && table.name === name);
      return found === undefined ? [] : [{ ...readTable(socket, { family, name }, narrow), flags: found.flags }];
    });
    if (readGeneration(socket) === generation) return { tables: states, generation };
  }
  throw new Error("the ruleset keeps changing: somebody else is at it without pause");
}

function readTable(socket: NetlinkSocket, table: TableName, narrow: boolean): Omit<TableState, "flags"> {
  const own = (encoder: Encoder): void => encoder.string(1, table.name);
  const chains = new Map<string, { hook: string; rules: string[]; handles: bigint[] }>();
  dump(socket, nft.MSG.GETCHAIN, table.family, own, (body) => {
    let [of, name] = ["", ""];
    scan(body, 4, body.length, (attribute, start, end) => {
      if (attribute === nft.CHAIN.TABLE) of = textAt(body, start, end);
      if (attribute === nft.CHAIN.NAME) name = textAt(body, start, end);
    });
    // Old kernels give the chains of every table.
    if (of === table.name) chains.set(name, { hook: hookText(body, 4, body.length), rules: [], handles: [] });
  });
  dump(socket, nft.MSG.GETRULE, table.family, own, (body) => {
    let chain: (ChainState & { rules: string[]; handles: bigint[] }) | undefined;
    let rule = "";
    scan(body, 4, body.length, (attribute, start, end) => {
      if (attribute === nft.RULE.CHAIN) chain = chains.get(textAt(body, start, end));
      if (attribute === nft.RULE.HANDLE) chain?.handles.push(body.readBigUInt64BE(start));
      if (attribute === nft.RULE.EXPRESSIONS || attribute === nft.RULE.USERDATA) rule += whole(body, start, end);
    });
    chain?.rules.push(normalRule(rule));
  });
  const sets = new Map<string, SetState>();
  dump(socket, nft.MSG.GETSET, table.family, own, (body) => {
    const found = readSet(body);
    if (found.table === table.name && (found.flags & nft.SET_FLAG.ANONYMOUS) === 0) sets.set(found.name, found.state);
  });
  for (const [name, set] of sets)
    if (!set.timeout && !(narrow && set.count !== undefined))
      sets.set(name, { ...set, elements: readElements(socket, table, name) });
  return { table, sets, chains };
}

/** An attribute with its header and padding, as bytes (latin1). */
function whole(body: Buffer, start: number, end: number): string {
  return body.toString("latin1", start - 4, aligned(end));
}

/** What a set's message says of it; without its elements. */
function readSet(body: Buffer): { table: string; name: string; flags: number; state: SetState } {
  let [table, name, definition] = ["", "", ""];
  let flags = 0;
  let [size, number]: (number | undefined)[] = [];
  scan(body, 4, body.length, (attribute, start, end) => {
    if (attribute === nft.SET.TABLE) table = textAt(body, start, end);
    if (attribute === nft.SET.NAME) name = textAt(body, start, end);
    if (attribute === nft.SET.FLAGS) flags = be32(body, start);
    if (attribute === nft.SET.COUNT) number = be32(body, start);
    if (attribute === nft.SET.DESC)
      scan(body, start, end, (inner, at) => {
        if (inner === nft.SET_DESC.SIZE) size = be32(body, at);
      });
    // What defines a set is compared as it came.
    if (attribute >= nft.SET.FLAGS && attribute <= nft.SET.DATA_LEN) definition += whole(body, start, end);
  });
  const timeout = (flags & nft.SET_FLAG.TIMEOUT) !== 0;
  const count = number === undefined ? {} : { count: number };
  return { table, name, flags, state: { definition, size, timeout, elements: NONE, ...count } };
}

export function readElements(socket: NetlinkSocket, table: TableName, set: string): Elements {
  const into = new Encoder(1 << 16);
  const offsets = [0];
  dump(
    socket,
    nft.MSG.GETSETELEM,
    table.family,
    (encoder) => {
      encoder.string(nft.ELEM_LIST.TABLE, table.name);
      encoder.string(nft.ELEM_LIST.SET, set);
    },
    (body) => {
      // By hand: this is the one loop that runs once an element.
      let at = 4;
      while (at + 4 <= body.length) {
        const length = u16(body, at);
        if (length < 4) break;
        if ((u16(body, at + 2) & 0x3fff) === nft.ELEM_LIST.ELEMENTS) {
          const from = at + 4;
          const end = at + length;
          const base = into.length - from;
          for (let element = from; element + 4 <= end;) {
            const size = u16(body, element);
            if (size < 4) break;
            element += aligned(size);
            offsets.push(base + element);
          }
          into.append(body, from, (offsets[offsets.length - 1] as number) - base);
        }
        at += aligned(length);
      }
    },
  );
  return { bytes: into.bytes.subarray(0, into.length), offsets };
}
