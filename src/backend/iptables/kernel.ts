/** What nf_tables tells of chains without their rules: where the tools' nft variant keeps them, and how many rules. */
import { type Family, FAMILIES } from "../../net/address.js";
import { scan } from "../../system/netlink/decoder.js";
import { NLM_F } from "../../system/netlink/encoder.js";
import { MSG, NFPROTO, question, readGeneration } from "../../system/netlink/nf-tables.js";
import { NetlinkSocket, PROTOCOL } from "../../system/netlink/socket.js";
import { usesNetlink } from "../../system/transport.js";

/** linux/netfilter/nf_tables.h */
const NFTA_CHAIN = { TABLE: 1, NAME: 3, USE: 6 } as const;

export interface Chains {
  /** Moves by one with every change of anybody in this network namespace. */
  readonly generation: number;
  /** By family, table and name: rules in the chain, and rules that lead to it. */
  readonly uses: ReadonlyMap<string, number>;
  /** The same of anybody's chains, all together: there are no more rules than that. */
  readonly all: number;
}

export function keyOf(family: Family, table: string, chain: string): string {
  return `${family} ${table} ${chain}`;
}

export function hasChains({ uses }: Chains, family: Family): boolean {
  for (const key of uses.keys()) if (key.startsWith(`${family} `)) return true;
  return false;
}

/** Chains whose names begin so, at one generation; undefined where the kernel can't be asked, or changes meanwhile. */
export function readChains(prefix: string): Chains | undefined {
  if (!usesNetlink()) return undefined;
  const socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  try {
    const generation = readGeneration(socket);
    const uses = new Map<string, number>();
    let all = 0;
    for (const family of FAMILIES)
      socket.dump(question(MSG.GETCHAIN, family === 4 ? NFPROTO.ip : NFPROTO.ip6, NLM_F.DUMP), (body) => {
        let [table, name, use] = ["", "", 0];
        scan(body, 4, body.length, (type, start, end) => {
          // Without the final NUL.
          if (type === NFTA_CHAIN.TABLE) table = body.toString("latin1", start, end - 1);
          else if (type === NFTA_CHAIN.NAME) name = body.toString("latin1", start, end - 1);
          else if (type === NFTA_CHAIN.USE) use = body.readUInt32BE(start);
        });
        all += use;
        if (name.startsWith(prefix)) uses.set(keyOf(family, table, name), use);
      });
    return readGeneration(socket) === generation ? { generation, uses, all } : undefined;
  } finally {
    socket.close();
  }
}
