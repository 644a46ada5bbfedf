/**
 * How a plan stands in the kernel, and the way there: by netlink, sending only what differs, or with nft, replacing the
 * tables whole.
 */
import { beginDigest } from "../../system/digest.js";
import { VERSION } from "../../system/version.js";
import { usesNetlink } from "../../system/transport.js";
import { checkText, commitText } from "./nft.js";
import { compare, foreignTables, type NamedTable, ownTables } from "./readback.js";
import { objectChanges, type Planned } from "./object-changes.js";
import { forgetAll, leave, leftBy } from "./left.js";
import type { Approach, Committed, ObjectChange } from "../backend.js";
import { Changed, Refused } from "../refused.js";
import type { Ruleset } from "./ruleset.js";
import { toText } from "./text.js";
import { sizeOf } from "./values.js";
import { difference, replacement } from "./wire/difference.js";
import { readTables } from "./wire/dump.js";
import { DEVICES } from "./names.js";
import { loosens, type Transaction } from "./wire/changes.js";
import { Kernel, weightOf } from "./wire/kernel.js";
import { desiredState, type TableState } from "./wire/state.js";
import type { MirrorChange } from "./mirror.js";
import { tupleChanges } from "./wire/edit.js";
import type { TableName } from "./wire/encode.js";
import { mismatch } from "./wire/verify.js";

/** How the tables of a plan stand, and the way there. */
export interface TablesApproach extends Omit<Approach, "conflict" | "describe" | "list" | "verify"> {
  /** Tables of the plan's names that are somebody else's. */
  readonly foreign: readonly NamedTable[];
  /** Whether the tables are replaced whole. */
  readonly whole: boolean;
  verify(): number | undefined;
  list(before: Ruleset | undefined): ObjectChange[];
}

/** What else is known of a plan, which spares reading what the kernel has. */
export interface TablesSource {
  /** Others will follow by this process: what others do meanwhile is listened to. */
  readonly again?: boolean;
  /** The policy's texts: a plan is a function of them. */
  readonly texts: readonly string[];
  /** What was committed last: its texts, and the way from there to the plan where that is single elements. */
  readonly last?: { readonly texts: readonly string[]; readonly change: () => MirrorChange | undefined } | undefined;
}

/** `known` is what was remembered of the policy's last commit. */
export async function approach(
  ruleset: Ruleset,
  known: Committed | undefined,
  source?: TablesSource,
): Promise<TablesApproach> {
  return usesNetlink() ? approachByNetlink(ruleset, known, source) : approachByNft(ruleset, known);
}

// netlink ------------------------------------------------------------------------------------------------------------

/** How often an apply begins anew because somebody else changes rules between its reading and its commit. */
const TRIES = 10;

let kernel: Kernel | undefined;

/** One socket for the process: closing it waits for all that was deleted through it. */
function socket(): Kernel {
  return (kernel ??= new Kernel());
}

function approachByNetlink(ruleset: Ruleset, known: Committed | undefined, source?: TablesSource): TablesApproach {
  const want = desiredState(ruleset, sizeOf);
  const digest = digestOf(want, source?.texts);
  const names = ruleset.tables.map(({ family, name }) => ({ family, name }));
  // A table that the plan no longer has, such as that of arp, goes with the change.
  const name = names[0]?.name ?? "";
  const all = (["inet", "arp"] as const).map((family) => ({ family, name }));
  // The generation now, if the tables are as the last commit left them.
  const generation = known?.generation === undefined ? undefined : socket().since(name, known.generation);
  const left = leftBy(name, known, generation);
  if (known !== undefined && known.digest === digest && generation !== undefined)
    return {
      standing: "equal",
      foreign: [],
      whole: false,
      now: generation === known.generation ? known : { digest, generation },
      objects: 0,
      loosens: true,
      check: nothing,
      commit: () => Promise.reject(new Error()),
      verify: () => undefined,
      list: () => [],
    };
  /** The plan stands since this generation, with chains and sets as in `have`. */
  const stands = (at: number | undefined, have: readonly TableState[] | undefined): number | undefined => {
    if (source?.again !== true || at === undefined) return at;
    if (have !== undefined) leave(name, digest, at, want, have);
    socket().listen(name, at);
    return at;
  };
  const { last } = source ?? {};
  const isLast = last !== undefined && known !== undefined && known.digest === digestOf(want, last.texts);
  const change = isLast ? last.change() : undefined;
  if (change !== undefined && generation !== undefined)
    return approachByElements(ruleset, change, { digest, generation }, (at) => stands(at, left));
  let read = left === undefined || generation === undefined ? socket().read(all) : { tables: left, generation };
  let transactions = difference(ruleset.tables, want, read.tables);
  /** The generation after the commit, if nobody else has changed anything since what was read. */
  let sent: number | undefined;
  /** Single elements were all that was sent: what was read, but for them, is there. */
  let single = false;
  const standing = transactions.length === 0 ? "equal" : read.tables.length === 0 ? "absent" : "different";
  return {
    standing,
    foreign:
      known === undefined ? read.tables.filter((state) => !state.sets.has(DEVICES)).map((state) => state.table) : [],
    whole: false,
    now: { digest, generation: read.generation },
    objects: weightOf(transactions),
    get loosens() {
      return loosens(transactions);
    },
    // Where nothing else differs from what the last commit left.
    tightened:
      change?.operations === weightOf(transactions) && loosens(transactions) === (change.tightened.length === 0)
        ? change.tightened
        : undefined,
    async check() {
      socket().check(replacement(ruleset.tables, want, read.tables));
    },
    async commit() {
      for (let i = 0; ; i++)
        try {
          sent = socket().commit(transactions, read.generation);
          single = transactions.length === 1 && isElements(transactions[0] as Transaction);
          return { digest, generation: sent, operations: weightOf(transactions) };
        } catch (error) {
          if (!(error instanceof Changed) || i === TRIES) throw error;
          read = socket().read(all);
          transactions = difference(ruleset.tables, want, read.tables);
        }
    },
    verify() {
      if (sent !== undefined && single) return stands(sent, read.tables);
      // What was read at one generation, and what the kernel has taken since, are what is there. Others that follow by
      // this process need the rules' handles, too.
      if (sent !== undefined && source?.again !== true && socket().generation() === sent) return sent;
      const { tables, generation } = verified(want);
      return stands(generation, tables);
    },
    list: (before) =>
      transactions.length === 0 ? [] : objectChanges({ ruleset, states: want }, read.tables, before && planned(before)),
  };
}

function isElements({ changes }: Transaction): boolean {
  return changes.every(({ kind }) => kind.endsWith("elements"));
}

function planned(ruleset: Ruleset): Planned {
  return { ruleset, states: desiredState(ruleset, sizeOf) };
}

const nothing = (): Promise<void> => Promise.resolve();

/** From what is in force, as the last commit left it, by single elements. */
function approachByElements(
  ruleset: Ruleset,
  change: MirrorChange,
  from: Committed & { readonly generation: number },
  stands: (generation: number | undefined) => number | undefined,
): TablesApproach {
  const { digest } = from;
  const { table } = change;
  const changes = tupleChanges(table, change.tuples);
  let whole: TablesApproach | undefined;
  let after: number | undefined;
  return {
    // Rules in another order are the same elements.
    standing: changes.length === 0 ? "equal" : "different",
    foreign: [],
    whole: false,
    now: from,
    objects: changes.length,
    loosens: change.tightened.length === 0,
    tightened: change.tightened,
    check: () => Promise.resolve(socket().check({ changes, settle: false })),
    async commit() {
      try {
        after = socket().edit(table.name, [{ changes, settle: false }], from.generation);
        return { digest, generation: after, operations: changes.length };
      } catch (error) {
        if (!(error instanceof Changed || error instanceof Refused)) throw error;
        // Somebody has changed rules, or a set is full: all is read and compared.
        whole = approachByNetlink(ruleset, undefined);
        const { generation, operations } = await whole.commit();
        return { digest, generation, operations };
      }
    },
    // The kernel has taken these elements, and nobody has changed anything since what was there was read back.
    verify: () => (whole === undefined ? stands(after) : whole.verify()),
    list: (before) => approachByNetlink(ruleset, undefined).list(before),
  };
}

/** What was read of the plan's tables, of elements their number, and when. Throws `Refused` where it isn't what is wanted. */
function verified(want: readonly TableState[]): ReturnType<Kernel["read"]> {
  const { name } = want[0]?.table ?? { name: "" };
  const read = socket().read(
    (["inet", "arp"] as const).map((family) => ({ family, name })),
    true,
  );
  const wrong = mismatch(want, read.tables);
  if (wrong !== undefined)
    throw new Refused(
      `the ruleset isn't as it was committed (${wrong}): somebody else has changed it meanwhile`,
      "look for what else manages nftables on this host, and apply again",
    );
  return read;
}

/**
 * Of what is to be in the kernel. Elements are a function of the texts and of this program's version, and a tenth of the
 * work to hash; where there are no texts, they are hashed themselves.
 */
function digestOf(states: readonly TableState[], texts: readonly string[] | undefined): string {
  const hash = beginDigest("sha1").update(`${VERSION}\n`);
  for (const text of texts ?? []) hash.update(`${text.length}\n`).update(text);
  for (const { table, sets, chains } of states) {
    hash.update(`${table.family} ${table.name}\n`);
    for (const [name, set] of sets) {
      hash.update(`${name} ${set.definition}`, "latin1");
      if (texts === undefined) hash.update(set.elements.bytes);
    }
    for (const [name, chain] of chains) hash.update(`${name} ${chain.hook} ${chain.rules.join()}`, "latin1");
  }
  return `netlink:${hash.hex()}`;
}

/**
 * Commits what a mirror's edit comes to, if nobody has changed anything since `generation`; returns the generation after
 * it. Throws `Changed`, or `Refused`: no packet is let through then that wasn't before.
 */
export function commitEdit(table: TableName, transactions: readonly Transaction[], generation: number): number {
  return transactions.length === 0 ? generation : socket().edit(table.name, transactions, generation);
}

/** Hears of what others do to the tables from this generation on, up to the next commit. */
export function listen(table: string, generation: number): void {
  if (usesNetlink()) socket().listen(table, generation);
}

/** Hears of nothing any more. */
export function deafen(): void {
  kernel?.deafen();
  forgetAll();
}

// nft ----------------------------------------------------------------------------------------------------------------

async function approachByNft(ruleset: Ruleset, known: Committed | undefined): Promise<TablesApproach> {
  const { tables } = ruleset;
  const wanted = toText(ruleset);
  const now = { digest: `nft:${beginDigest("sha256").update(wanted).hex()}`, generation: undefined };
  // A table that the plan no longer has, such as that of arp.
  const extra = (await ownTables()).filter(
    ({ family, name }) => name === tables[0]?.name && !tables.some((table) => table.family === family),
  );
  const text = wanted + extra.map(({ family, name }) => `delete table ${family} ${name}\n`).join("");
  const compared = await compare(ruleset);
  const standing = compared === "equal" && extra.length > 0 ? "different" : compared;
  return {
    standing: standing === "equal" && known !== undefined && known.digest !== now.digest ? "different" : standing,
    foreign: known === undefined ? await foreignTables([...tables, ...extra]) : [],
    whole: true,
    now,
    objects: tables.length + extra.length,
    loosens: false,
    check: () => checkText(text),
    async commit() {
      await commitText(text);
      return { ...now, operations: tables.length + extra.length };
    },
    verify: () => undefined,
    // Without netlink the tables are compared whole: what is named is what differs from the last commit.
    list(before) {
      if (standing === "equal" && known?.digest === now.digest) return [];
      const old = standing === "absent" || before === undefined ? undefined : planned(before);
      return objectChanges(planned(ruleset), old?.states ?? [], old);
    },
  };
}

// Tables -------------------------------------------------------------------------------------------------------------

/** Every table of this name prefix that is there, and whether it is ours. */
export async function tablesNamed(name: string): Promise<(NamedTable & { readonly ours: boolean })[]> {
  if (!usesNetlink()) {
    const there = (await ownTables()).filter((table) => table.name === name);
    const foreign = await foreignTables(there);
    return there.map((table) => ({ ...table, ours: !foreign.includes(table) }));
  }
  const tables = (["inet", "arp"] as const).flatMap((family) =>
    readTables(socket().netlink, family, name).filter((table) => table.name === name),
  );
  return socket()
    .read(tables)
    .tables.map(({ table, sets }) => ({ ...table, ours: sets.has(DEVICES) }));
}

/** Deletes tables in one transaction. Throws `Refused`. */
export async function deleteTables(tables: readonly NamedTable[]): Promise<void> {
  if (tables.length === 0) return;
  if (!usesNetlink()) return commitText(tables.map((table) => `delete table ${table.family} ${table.name}\n`).join(""));
  const changes = tables.map(({ family, name }) => ({
    kind: "delete table" as const,
    table: { family: family as "inet" | "arp", name },
  }));
  socket().commit([{ changes, settle: false }], undefined);
}
