/** What the rules have counted: see counting.ts. Reads by netlink, or with nft. */
import { NetlinkError } from "../../system/netlink/errors.js";
import { NetlinkSocket, PROTOCOL } from "../../system/netlink/socket.js";
import { CommandFailed, run } from "../../system/run.js";
import { usesNetlink } from "../../system/transport.js";
import { partsOf, readPart } from "./from-json-expression.js";
import type { Ruleset, Set, Table } from "./ruleset.js";
import { dumpCounters } from "./wire/counters.js";

export interface Counter {
  readonly set: string;
  /** The parts of the key as the plan has them: addresses as integers. */
  readonly key: readonly (number | bigint)[];
  readonly packets: number;
}

/** The counters of a plan's tables; of a set that isn't there, none. */
export async function readCounters(ruleset: Pick<Ruleset, "tables">): Promise<Counter[]> {
  const sets = ruleset.tables.flatMap((table) =>
    table.sets.filter(({ counts }) => counts).map((set) => ({ table, set })),
  );
  if (!usesNetlink()) return (await Promise.all(sets.map(({ table, set }) => listCounters(table, set)))).flat();
  const socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  try {
    return sets.flatMap(({ table, set }) => {
      try {
        return dumpCounters(socket, table, set);
      } catch (error) {
        if (error instanceof NetlinkError && error.code === "ENOENT") return [];
        throw error;
      }
    });
  } finally {
    socket.close();
  }
}

interface ListedElement {
  readonly elem?: { readonly val: unknown; readonly counter?: { readonly packets: number } };
}

async function listCounters({ family, name }: Table, set: Set): Promise<Counter[]> {
  let stdout: string;
  try {
    ({ stdout } = await run("nft", ["-j", "-p", "list", "set", family, name, set.name], { timeout: 60_000 }));
  } catch (error) {
    if (error instanceof CommandFailed && /No such file/.test(error.message)) return [];
    throw error;
  }
  const { nftables } = JSON.parse(stdout) as { nftables: { set?: { elem?: readonly ListedElement[] } }[] };
  return nftables.flatMap(({ set: listed }) =>
    (listed?.elem ?? []).flatMap(({ elem }) => {
      if (elem?.counter === undefined) return [];
      const key = partsOf(elem.val).map((part, i) => readPart(set.type[i], part) as number | bigint);
      return [{ set: set.name, key, packets: elem.counter.packets }];
    }),
  );
}
