/** Whether nf_tables has a table or a chain of a name: one question to the kernel, where nft takes a process. */
import { MSG, NFPROTO, question } from "./nf-tables.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

/** linux/netfilter/nf_tables.h */
const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;

function asked(
  socket: NetlinkSocket,
  type: number,
  names: readonly (readonly [type: number, name: string])[],
): boolean {
  return (
    socket.get(
      question(type, NFPROTO.inet, 0, (encoder) => {
        for (const [attribute, name] of names) encoder.string(attribute, name);
      }),
    ) !== undefined
  );
}

/**
 * Of the family inet, in this network namespace; `chain`: whether the table has one of this name, undefined where there
 * is no such table. Throws `NetlinkError`.
 */
export function hasChain(table: string, chain: string): boolean | undefined {
  const socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  try {
    if (!asked(socket, MSG.GETTABLE, [[NFTA_TABLE_NAME, table]])) return undefined;
    return asked(socket, MSG.GETCHAIN, [
      [NFTA_CHAIN_TABLE, table],
      [NFTA_CHAIN_NAME, chain],
    ]);
  } finally {
    socket.close();
  }
}
