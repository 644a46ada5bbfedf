/** The ruleset's socket: sends transactions and waits for what they leave behind. */
import { Encoder } from "../../../system/netlink/encoder.js";
import { NetlinkError } from "../../../system/netlink/errors.js";
import { systemCalls } from "../../../system/netlink/ffi.js";
import { readGeneration } from "../../../system/netlink/nf-tables.js";
import { NetlinkSocket, PROTOCOL } from "../../../system/netlink/socket.js";
import { Changed, Refused } from "../../refused.js";
import { encodeChange, type Transaction, weight } from "./changes.js";
import { readState } from "./dump.js";
import type { Elements } from "./elements.js";
import { Batch, type TableName } from "./encode.js";
import { Monitor } from "./monitor.js";
import type { TableState } from "./state.js";

export class Kernel {
  private socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  private readonly batch = new Batch(new Encoder(1 << 16));
  private monitor: Monitor | undefined;

  close(): void {
    this.deafen();
    this.socket.close();
  }

  generation(): number {
    return readGeneration(this.socket);
  }

  /** From this generation on, up to our next commit, hears of what others do to the tables of a name. */
  listen(table: string, generation: number): void {
    if (this.monitor?.name === table && this.monitor.generation === generation) return;
    this.deafen();
    this.monitor = Monitor.begin(table, generation);
    // What somebody did before it listened isn't told.
    if (this.generation() !== generation) this.deafen();
  }

  deafen(): void {
    this.monitor?.close();
    this.monitor = undefined;
  }

  /** The generation now, if nobody is known to have touched the tables of a name since `known`; else undefined. */
  since(table: string, known: number): number | undefined {
    const now = this.generation();
    if (now === known) return now;
    const { monitor } = this;
    if (monitor?.name !== table || monitor.generation !== known) return undefined;
    return monitor.isUntouchedAt(now) ? now : undefined;
  }

  read(tables: readonly TableName[], narrow = false): { tables: TableState[]; generation: number } {
    return readState(this.socket, tables, narrow);
  }

  /** The socket, for narrower reading. */
  get netlink(): NetlinkSocket {
    return this.socket;
  }

  /**
   * Commits the transactions in turn; the first only if nobody has changed anything since `generation`. Returns the
   * generation after the last, undefined where somebody else changed rules meanwhile. Throws `Changed`, or `Refused`
   * with what the kernel refused: what was committed before stays, and takes no packet's say.
   */
  commit(transactions: readonly Transaction[], generation: number | undefined): number | undefined {
    let first = true;
    for (const { changes, settle } of transactions) {
      if (settle && !first) this.settle();
      this.send(changes, first ? generation : undefined, true);
      first = false;
    }
    if (generation === undefined) return undefined;
    return this.generation() === generation + transactions.length ? generation + transactions.length : undefined;
  }

  /**
   * Commits transactions if nobody has changed anything since `generation`; returns the generation after the last, which
   * nobody is asked for. Where somebody has changed other tables than those of this name, and that was heard, it goes on
   * from there. Throws like `commit`.
   */
  edit(table: string, transactions: readonly Transaction[], generation: number): number {
    let from = this.monitor === undefined ? generation : (this.since(table, generation) ?? generation);
    for (const { changes, settle } of transactions) {
      if (settle) this.settle();
      this.send(changes, from, true);
      // The kernel counts its commits in 32 bits and leaves 0 out (nf_tables_commit).
      from = from === 0xffffffff ? 1 : from + 1;
    }
    return from;
  }

  /** Has the kernel check a transaction, which it then takes back because it has no end. Throws `Refused`. */
  check({ changes }: Transaction): void {
    this.send(changes, undefined, false);
  }

  private send(changes: Transaction["changes"], generation: number | undefined, whole: boolean): void {
    // A batch of nothing is answered by nobody.
    if (changes.length === 0) throw new Error("a transaction without a change");
    const { batch } = this;
    if (whole) this.deafen();
    batch.begin(generation);
    batch.encoder.reserve(sizeOf(changes));
    for (const change of changes) encodeChange(batch, change);
    batch.end(whole);
    try {
      this.socket.commit(batch.encoder);
    } catch (error) {
      if (!(error instanceof NetlinkError)) throw error;
      if (error.code === "ERESTART") throw new Changed();
      const about = error.index === undefined ? undefined : batch.about[error.index]?.();
      throw new Refused(
        `the kernel refused the ruleset: ${error.message}${about === undefined ? "" : ` (at ${about})`}`,
        mend(error.code),
      );
    }
  }

  /**
   * Waits until every packet that was under way has met its verdict. A packet is judged inside one read-side section,
   * and the barrier waits for those; without it, closing the socket does (it waits for what was deleted to be gone).
   */
  private settle(): void {
    if (systemCalls()?.membarrier() === 0) return;
    this.socket.close();
    this.socket = new NetlinkSocket(PROTOCOL.NETFILTER);
  }
}

function mend(code: string): string {
  if (code === "EPERM") return "run it as root, or try it without: tsnet try FILE";
  if (code === "EOPNOTSUPP" || code === "ENOENT" || code === "EAFNOSUPPORT")
    return "this kernel lacks a part of nftables that the ruleset needs";
  return "this may be a fault of tsnet's own: `tsnet compile --format text` shows the ruleset; try --transport nft";
}

/** About as many bytes as the changes take. */
function sizeOf(changes: Transaction["changes"]): number {
  return changes.reduce((sum, change) => sum + 256 + ("elements" in change ? bytesOf(change.elements) : 0), 0);
}

function bytesOf({ offsets }: Elements): number {
  return (offsets[offsets.length - 1] as number) - (offsets[0] as number);
}

/** Objects that the transactions add or delete. */
export function weightOf(transactions: readonly Transaction[]): number {
  let sum = 0;
  for (const { changes } of transactions) for (const change of changes) sum += weight(change);
  return sum;
}
