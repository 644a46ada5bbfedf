/** What nf_tables tells of chains without their rules: where the tools' nft variant keeps them, and how many rules. */
import { type Family, FAMILIES } from "../../net/address.js";
import { attributes, scan } from "../../system/netlink/decoder.js";
import { Encoder, NLM_F } from "../../system/netlink/encoder.js";
import { NetlinkSocket, PROTOCOL } from "../../system/netlink/socket.js";
import { usesNetlink } from "../../system/transport.js";

/** linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h */
const NFNL_SUBSYS_NFTABLES = 10;
const NFT_MSG_GETCHAIN = 4;
const NFT_MSG_GETGEN = 16;
const NFTA_GEN_ID = 1;
const NFTA_CHAIN = { TABLE: 1, NAME: 3, USE: 6 } as const;
/** linux/netfilter.h */
const NFPROTO: Readonly<Record<Family, number>> = { 4: 2, 6: 10 };

export interface Chains {
  /** Moves by one with every change of anybody in this network namespace. */
  readonly generation: number;
  /** By family, table and name: rules in the chain, and rules that lead to it. */
  readonly uses: ReadonlyMap<string, number>;
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
    for (const family of FAMILIES)
      socket.dump(request(NFT_MSG_GETCHAIN, NFPROTO[family], NLM_F.DUMP), (body) => {
        let [table, name, use] = ["", "", 0];
        scan(body, 4, body.length, (type, start, end) => {
          // Without the final NUL.
          if (type === NFTA_CHAIN.TABLE) table = body.toString("latin1", start, end - 1);
          else if (type === NFTA_CHAIN.NAME) name = body.toString("latin1", start, end - 1);
          else if (type === NFTA_CHAIN.USE) use = body.readUInt32BE(start);
        });
        if (name.startsWith(prefix)) uses.set(keyOf(family, table, name), use);
      });
    return readGeneration(socket) === generation ? { generation, uses } : undefined;
  } finally {
    socket.close();
  }
}

function readGeneration(socket: NetlinkSocket): number {
  const body = socket.get(request(NFT_MSG_GETGEN, 0, 0));
  return body === undefined ? 0 : (attributes(body, 4).get(NFTA_GEN_ID)?.readUInt32BE(0) ?? 0);
}

function request(type: number, family: number, flags: number): Encoder {
  const encoder = new Encoder(64);
  const at = encoder.begin((NFNL_SUBSYS_NFTABLES << 8) | type, NLM_F.REQUEST | flags);
  encoder.put(family, 0, 0, 0);
  encoder.end(at);
  return encoder;
}
