/** Messages of nf_tables: tables, chains, rules, sets and elements, added and deleted (nf_tables.h, nfnetlink.h). */
import { Encoder, NLM_F } from "../../../system/netlink/encoder.js";
import type { Chain, Rule, Set, Table } from "../ruleset.js";
import { sizeOf } from "../values.js";
import { TYPES } from "./bytes.js";
import * as nft from "./constants.js";
import { type Elements, keySize } from "./elements.js";
import { type Anonymous, ANONYMOUS_MAP, ANONYMOUS_SET, encodeRule, type RuleContext } from "./expressions.js";

export type TableName = Pick<Table, "family" | "name">;

/** Attribute lengths have 16 bits: what one message of elements may hold. */
const MOST = 60_000;

/** Where a rule is written before its message: there are many, and one at a time. */
const scratch = new Encoder(1 << 12);

export class Batch {
  readonly encoder: Encoder;
  /** What each message is about, for whoever reports a refusal. */
  readonly about: ((() => string) | undefined)[] = [];
  private sets = 0;
  private last = 0;

  constructor(encoder = new Encoder()) {
    this.encoder = encoder;
  }

  /** Begins the batch; `generation`: refuse it if anything was changed since (ERESTART). */
  begin(generation?: number): void {
    const { encoder } = this;
    encoder.reset();
    this.about.length = 0;
    const at = encoder.begin(nft.NFNL_MSG_BATCH_BEGIN, NLM_F.REQUEST);
    encoder.put(0, 0, 0, nft.NFNL_SUBSYS_NFTABLES);
    if (generation !== undefined) encoder.be32(nft.NFNL_BATCH_GENID, generation);
    encoder.end(at);
    this.about.push(undefined);
  }

  /** Ends it; its last change asks for the acknowledgement of all. A batch without its end is checked only. */
  end(whole = true): void {
    const { encoder } = this;
    encoder.flag(this.last, NLM_F.ACK);
    if (!whole) return;
    const last = encoder.messages;
    const at = encoder.begin(nft.NFNL_MSG_BATCH_END, NLM_F.REQUEST);
    encoder.put(0, 0, 0, nft.NFNL_SUBSYS_NFTABLES);
    encoder.end(at);
    // The end is no change: answers come for those before it.
    encoder.messages = last;
  }

  private message(type: number, flags: number, table: TableName, about?: () => string): number {
    const { encoder } = this;
    this.last = encoder.length;
    const at = encoder.begin((nft.NFNL_SUBSYS_NFTABLES << 8) | type, NLM_F.REQUEST | flags);
    encoder.put(nft.FAMILY[table.family], 0, 0, 0);
    this.about.push(about);
    return at;
  }

  addTable(table: TableName): void {
    const at = this.message(nft.MSG.NEWTABLE, NLM_F.CREATE, table, () => `table ${table.family} ${table.name}`);
    this.encoder.string(nft.TABLE.NAME, table.name);
    // Of a table that is there, too: somebody may have put it to sleep.
    this.encoder.be32(nft.TABLE.FLAGS, 0);
    this.encoder.end(at);
  }

  deleteTable(table: TableName): void {
    const at = this.message(nft.MSG.DELTABLE, 0, table, () => `table ${table.family} ${table.name}`);
    this.encoder.string(nft.TABLE.NAME, table.name);
    this.encoder.end(at);
  }

  addChain(table: TableName, chain: Pick<Chain, "name" | "hook">): void {
    const { encoder } = this;
    const at = this.message(nft.MSG.NEWCHAIN, NLM_F.CREATE, table, () => `chain ${chain.name}`);
    encoder.string(nft.CHAIN.TABLE, table.name);
    encoder.string(nft.CHAIN.NAME, chain.name);
    encodeHook(encoder, table, chain);
    encoder.end(at);
  }

  deleteChain(table: TableName, name: string): void {
    const at = this.message(nft.MSG.DELCHAIN, 0, table, () => `chain ${name}`);
    this.encoder.string(nft.CHAIN.TABLE, table.name);
    this.encoder.string(nft.CHAIN.NAME, name);
    this.encoder.end(at);
  }

  /** Deletes every rule of a chain. */
  flushChain(table: TableName, name: string): void {
    const at = this.message(nft.MSG.DELRULE, 0, table, () => `rules of chain ${name}`);
    this.encoder.string(nft.RULE.TABLE, table.name);
    this.encoder.string(nft.RULE.CHAIN, name);
    this.encoder.end(at);
  }

  deleteRule(table: TableName, chain: string, handle: bigint): void {
    const at = this.message(nft.MSG.DELRULE, 0, table, () => `a rule of chain ${chain}`);
    this.encoder.string(nft.RULE.TABLE, table.name);
    this.encoder.string(nft.RULE.CHAIN, chain);
    this.encoder.be64(nft.RULE.HANDLE, handle);
    this.encoder.end(at);
  }

  /** Adds a rule at the end of its chain, or before the rule with the handle `before`. */
  addRule(
    table: TableName,
    chain: string,
    rule: Rule,
    context: Pick<RuleContext, "nameOf" | "isInterval">,
    before?: bigint,
  ): void {
    // An anonymous set must be declared before the message of the rule that uses it.
    const body = scratch;
    body.reset();
    encodeRule(body, rule, { ...context, family: table.family, declare: (set) => this.declare(table, set) });
    const { encoder } = this;
    const flags = NLM_F.CREATE | (before === undefined ? NLM_F.APPEND : 0);
    const at = this.message(nft.MSG.NEWRULE, flags, table, () => `a rule of chain ${chain}`);
    encoder.string(nft.RULE.TABLE, table.name);
    encoder.string(nft.RULE.CHAIN, chain);
    if (before !== undefined) encoder.be64(nft.RULE.POSITION, before);
    encoder.append(body.bytes, 0, body.length);
    encoder.end(at);
  }

  /** A rule whose expressions and comment were encoded for comparing, as bytes (latin1). */
  appendRule(table: TableName, chain: string, encoded: string): void {
    const { encoder } = this;
    const at = this.message(nft.MSG.NEWRULE, NLM_F.CREATE | NLM_F.APPEND, table, () => `a rule of chain ${chain}`);
    encoder.string(nft.RULE.TABLE, table.name);
    encoder.string(nft.RULE.CHAIN, chain);
    encoder.latin1(encoded);
    encoder.end(at);
  }

  /** `name`: the kernel's name of the set, where it isn't the plan's. */
  addSet(table: TableName, set: Set, name = set.name): void {
    const { encoder } = this;
    const at = this.message(nft.MSG.NEWSET, NLM_F.CREATE, table, () => `set ${name}`);
    encoder.string(nft.SET.TABLE, table.name);
    encoder.string(nft.SET.NAME, name);
    encodeDefinition(encoder, set);
    const size = sizeOf(set);
    encodeDescription(encoder, set, size);
    encoder.be32(nft.SET.ID, ++this.sets);
    encoder.raw(nft.SET.USERDATA, setUserdata(set));
    encoder.end(at);
  }

  deleteSet(table: TableName, name: string): void {
    const at = this.message(nft.MSG.DELSET, 0, table, () => `set ${name}`);
    this.encoder.string(nft.SET.TABLE, table.name);
    this.encoder.string(nft.SET.NAME, name);
    this.encoder.end(at);
  }

  /** Elements from `first` up to `end`, in as many messages as they need. */
  elements(how: "add" | "delete", table: TableName, set: string, elements: Elements, first = 0, end?: number): void {
    const { bytes, offsets } = elements;
    const { encoder } = this;
    const [type, flags] = how === "add" ? [nft.MSG.NEWSETELEM, NLM_F.CREATE] : [nft.MSG.DELSETELEM, 0];
    const stop = end ?? offsets.length - 1;
    let i = first;
    while (i < stop) {
      const at = this.message(type, flags, table, () => `elements of ${set}`);
      encoder.string(nft.ELEM_LIST.TABLE, table.name);
      encoder.string(nft.ELEM_LIST.SET, set);
      const list = encoder.open(nft.ELEM_LIST.ELEMENTS, 0);
      const from = offsets[i] as number;
      let next = i + 1;
      while (next < stop && (offsets[next + 1] as number) - from <= MOST) next++;
      encoder.append(bytes, from, offsets[next] as number);
      i = next;
      encoder.close(list);
      encoder.end(at);
    }
  }

  private declare(table: TableName, set: Anonymous): number {
    const { encoder } = this;
    const id = ++this.sets;
    const at = this.message(nft.MSG.NEWSET, NLM_F.CREATE, table, () => "an anonymous set");
    const name = set.map ? ANONYMOUS_MAP : ANONYMOUS_SET;
    encoder.string(nft.SET.TABLE, table.name);
    encoder.string(nft.SET.NAME, name);
    const { ANONYMOUS, CONSTANT, MAP } = nft.SET_FLAG;
    encoder.be32(nft.SET.FLAGS, ANONYMOUS | CONSTANT | (set.map ? MAP : 0));
    encoder.be32(nft.SET.KEY_TYPE, set.key.type);
    encoder.be32(nft.SET.KEY_LEN, set.key.size);
    if (set.data !== undefined) {
      encoder.be32(nft.SET.DATA_TYPE, TYPES[set.data].id);
      encoder.be32(nft.SET.DATA_LEN, TYPES[set.data].size);
    }
    const description = encoder.open(nft.SET.DESC, 0);
    encoder.be32(nft.SET_DESC.SIZE, set.elements.length);
    encoder.close(description);
    encoder.be32(nft.SET.ID, id);
    encoder.raw(nft.SET.USERDATA, byteOrders(HOST_ORDER, set.data === undefined ? undefined : NETWORK_ORDER, false));
    encoder.end(at);

    const elements = this.message(nft.MSG.NEWSETELEM, NLM_F.CREATE, table, () => "an anonymous set");
    encoder.string(nft.ELEM_LIST.TABLE, table.name);
    encoder.string(nft.ELEM_LIST.SET, name);
    encoder.be32(nft.ELEM_LIST.SET_ID, id);
    const list = encoder.open(nft.ELEM_LIST.ELEMENTS, 0);
    for (const { key, data } of set.elements) {
      const element = encoder.open(nft.LIST_ELEM, 0);
      for (const [attribute, value] of [
        [nft.ELEM.KEY, key],
        [nft.ELEM.DATA, data],
      ] as const) {
        if (value === undefined) continue;
        const outer = encoder.open(attribute, 0);
        encoder.raw(nft.DATA.VALUE, value);
        encoder.close(outer);
      }
      encoder.close(element);
    }
    encoder.close(list);
    encoder.end(elements);
    return id;
  }
}

export function encodeHook(encoder: Encoder, table: TableName, { hook }: Pick<Chain, "hook">): void {
  if (hook === undefined) return;
  const at = encoder.open(nft.CHAIN.HOOK, 0);
  encoder.be32(nft.HOOK.NUM, table.family === "arp" ? 0 : nft.HOOKS[hook.hook]);
  encoder.be32(nft.HOOK.PRIORITY, hook.priority);
  encoder.close(at);
  encoder.be32(nft.CHAIN.POLICY, nft.CODE.accept);
  encoder.string(nft.CHAIN.TYPE, hook.type);
}

/** What a set is, without its size. */
export function encodeDefinition(encoder: Encoder, set: Set): void {
  const { INTERVAL, MAP, TIMEOUT, EVAL, CONCAT } = nft.SET_FLAG;
  const concat = set.interval && set.type.length > 1;
  const flags =
    (set.interval ? INTERVAL : 0) |
    (set.data === undefined ? 0 : MAP) |
    (set.timeout === true ? TIMEOUT : 0) |
    (set.counts === true ? EVAL : 0) |
    (concat ? CONCAT : 0);
  if (flags !== 0) encoder.be32(nft.SET.FLAGS, flags);
  // Six bits a part (nftables: TYPE_BITS).
  encoder.be32(
    nft.SET.KEY_TYPE,
    set.type.reduce((sum, type) => (sum << 6) | TYPES[type].id, 0),
  );
  encoder.be32(nft.SET.KEY_LEN, keySize(set.type));
  if (set.data === undefined) return;
  encoder.be32(nft.SET.DATA_TYPE, set.data === "verdict" ? 0xffffff00 : TYPES[set.data].id);
  encoder.be32(nft.SET.DATA_LEN, set.data === "verdict" ? 16 : TYPES[set.data].size);
}

function encodeDescription(encoder: Encoder, set: Set, size: number | undefined): void {
  const description = encoder.open(nft.SET.DESC, 0);
  if (size !== undefined) encoder.be32(nft.SET_DESC.SIZE, size);
  if (set.interval && set.type.length > 1) {
    const fields = encoder.open(nft.SET_DESC.CONCAT, 0);
    for (const type of set.type) {
      const field = encoder.open(nft.LIST_ELEM, 0);
      encoder.be32(nft.FIELD_LEN, TYPES[type].size);
      encoder.close(field);
    }
    encoder.close(fields);
  }
  encoder.close(description);
}

const HOST_ORDER = 1;
const NETWORK_ORDER = 2;

/**
 * What nft notes with a set so that it can print it (libnftnl: nftnl_udata_set_types): the byte orders of key and data,
 * for concatenations that the key is one, for maps that the data is no interval. Numbers are the host's order.
 */
function setUserdata(set: Set): Buffer {
  const [only] = set.type;
  const key =
    set.type.length > 1 || only === undefined
      ? 0
      : TYPES[only].hostOrder || TYPES[only].size === 1
        ? HOST_ORDER
        : NETWORK_ORDER;
  const data = set.data === undefined ? undefined : set.data === "verdict" ? 0 : NETWORK_ORDER;
  return byteOrders(key, data, set.type.length > 1);
}

function byteOrders(key: number, data: number | undefined, concat: boolean): Buffer {
  const bytes = [0, 4, key, 0, 0, 0];
  if (data !== undefined) bytes.push(1, 4, data, 0, 0, 0);
  // NFTNL_UDATA_SET_KEY_TYPEOF holding EXPR_CONCAT (13) and nothing more.
  if (concat) bytes.push(3, 8, 0, 4, 13, 0, 0, 0, 1, 0);
  if (data !== undefined) bytes.push(6, 4, 0, 0, 0, 0);
  return Buffer.from(bytes);
}
