/** Reads tables from the kernel: only what is asked for, and as bytes (nf_tables.h). */
import { attributes, list, text } from "../../../system/netlink/decoder.js";
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
    const found = attributes(body, 4);
    const name = text(found.get(nft.TABLE.NAME));
    if (name.startsWith(prefix)) tables.push({ family, name, flags: found.get(nft.TABLE.FLAGS)?.readUInt32BE(0) ?? 0 });
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
    const found = attributes(body, 4);
    // Old kernels give the chains of every table.
    if (text(found.get(nft.CHAIN.TABLE)) !== table.name) return;
    chains.set(text(found.get(nft.CHAIN.NAME)), { hook: hookText(body, 4), rules: [], handles: [] });
  });
  dump(socket, nft.MSG.GETRULE, table.family, own, (body) => {
    const found = list(body, 4);
    let chain: (ChainState & { rules: string[]; handles: bigint[] }) | undefined;
    let at = 4;
    let rule = "";
    for (const [type, value] of found) {
      if (type === nft.RULE.CHAIN) chain = chains.get(text(value));
      if (type === nft.RULE.HANDLE) chain?.handles.push(value.readBigUInt64BE(0));
      const size = (value.length + 7) & ~3;
      if (type === nft.RULE.EXPRESSIONS || type === nft.RULE.USERDATA) rule += body.toString("latin1", at, at + size);
      at += size;
    }
    chain?.rules.push(normalRule(rule));
  });
  const sets = new Map<string, SetState>();
  dump(socket, nft.MSG.GETSET, table.family, own, (body) => {
    const found = attributes(body, 4);
    if (text(found.get(nft.SET.TABLE)) !== table.name) return;
    const flags = found.get(nft.SET.FLAGS)?.readUInt32BE(0) ?? 0;
    if ((flags & nft.SET_FLAG.ANONYMOUS) !== 0) return;
    const number = found.get(nft.SET.COUNT);
    const description = attributes(found.get(nft.SET.DESC) ?? Buffer.alloc(0));
    sets.set(text(found.get(nft.SET.NAME)), {
      definition: definitionText(body),
      size: description.get(nft.SET_DESC.SIZE)?.readUInt32BE(0),
      timeout: (flags & nft.SET_FLAG.TIMEOUT) !== 0,
      elements: NONE,
      ...(number === undefined ? {} : { count: number.readUInt32BE(0) }),
    });
  });
  for (const [name, set] of sets)
    if (!set.timeout && !(narrow && set.count !== undefined))
      sets.set(name, { ...set, elements: readElements(socket, table, name) });
  return { table, sets, chains };
}

/** The attributes that define a set, as they came. */
function definitionText(body: Buffer): string {
  let out = "";
  let at = 4;
  for (const [type, value] of list(body, 4)) {
    const size = (value.length + 7) & ~3;
    if (type >= nft.SET.FLAGS && type <= nft.SET.DATA_LEN) out += body.toString("latin1", at, at + size);
    at += size;
  }
  return out;
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
        const length = body.readUInt16LE(at);
        if (length < 4) break;
        if ((body.readUInt16LE(at + 2) & 0x3fff) === nft.ELEM_LIST.ELEMENTS) {
          const from = at + 4;
          const end = at + length;
          const base = into.length - from;
          for (let element = from; element + 4 <= end;) {
            const size = body.readUInt16LE(element);
            if (size < 4) break;
            element += (size + 3) & ~3;
            offsets.push(base + element);
          }
          into.append(body, from, (offsets[offsets.length - 1] as number) - base);
        }
        at += (length + 3) & ~3;
      }
    },
  );
  return { bytes: into.bytes.subarray(0, into.length), offsets };
}
