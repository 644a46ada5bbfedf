import type { BackendName } from "../backend/backend.js";

/** The backends whose rules `tsnet compile` prints, the default first. */
export const PRINTABLE: readonly BackendName[] = ["nft", "iptables", "ebpf"];
