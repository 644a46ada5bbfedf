/**
 * The size with what fills it up to a multiple of four, where the next message, attribute or part of a concatenated key
 * begins (linux/netlink.h, NLMSG_ALIGN and NLA_ALIGN; linux/netfilter/nf_tables.h, NFT_REG32).
 */
export function aligned(size: number): number {
  return (size + 3) & ~3;
}
