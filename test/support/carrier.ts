/** Which backend a run's kernel suites hold to the promises, and what that one does otherwise on purpose. */
import type { BackendName } from "../../src/backend/backend.js";

/** `TSNET_BACKEND=iptables` or `ebpf` has the tests of what an apply guarantees hold another backend to it. */
export const CARRIER = (process.env["TSNET_BACKEND"] ?? "nft") as BackendName;

/** Each of these is named in ARCHITECTURE.md, "What backends do otherwise". */
export interface Otherwise {
  /** Where `log` writes: the kernel's log, or what `stats --log` prints. */
  readonly log: "kernel" | "ring";
  /** A lie in ARP gets an answer, and changes nothing. */
  readonly answersLiesInArp: boolean;
  /** The tools leave their empty built-in tables behind. */
  readonly leavesEmptyTables: boolean;
  /** `nft flush ruleset` opens the direct ways. */
  readonly goesWithFlush: boolean;
}

const ALL: Readonly<Record<BackendName, Otherwise>> = {
  nft: { log: "kernel", answersLiesInArp: false, leavesEmptyTables: false, goesWithFlush: true },
  iptables: { log: "kernel", answersLiesInArp: true, leavesEmptyTables: true, goesWithFlush: true },
  ebpf: { log: "ring", answersLiesInArp: false, leavesEmptyTables: false, goesWithFlush: false },
};

export const OTHERWISE: Otherwise = ALL[CARRIER];
