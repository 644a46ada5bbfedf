/** Whether nf_tables has a table or a chain of a name: one question to the kernel, where nft takes a process. */
import { Encoder, NLM_F } from "./encoder.js";
import { NetlinkSocket, PROTOCOL } from "./socket.js";

/** linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h */
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETTABLE = 1;
const NFT_MSG_GETCHAIN = 4;
const NFTA_TABLE_NAME = 1;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFPROTO_INET = 1;

function asked(
  socket: NetlinkSocket,
  type: number,
  names: readonly (readonly [type: number, name: string])[],
): boolean {
  const encoder = new Encoder(1 << 8);
  const at = encoder.begin((NFNL_SUBSYS_NFTABLES << 8) | type, NLM_F.REQUEST);
  encoder.put(NFPROTO_INET, 0, 0, 0);
  for (const [attribute, name] of names) encoder.string(attribute, name);
  encoder.end(at);
  return socket.get(encoder) !== undefined;
}

/**
 * Of the family inet, in this network namespace; `chain`: whether the table has one of this name, undefined where there
 * is no such table. Throws `NetlinkError`.
 */
export function hasChain(table: string, chain: string): boolean | undefined {
  const socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  try {
    if (!asked(socket, NFT_MSG_GETTABLE, [[NFTA_TABLE_NAME, table]])) return undefined;
    return asked(socket, NFT_MSG_GETCHAIN, [
      [NFTA_CHAIN_TABLE, table],
      [NFTA_CHAIN_NAME, chain],
    ]);
  } finally {
    socket.close();
  }
}
