/**
 * Churn: one statement added and one removed through an open handle, N others installed; beside a process of each other
 * tool that adds or deletes one element among as many.
 */
import { compile } from "../ir/compile.js";
import { type Net, open, type OpenOptions } from "../transaction/open.js";
import type { Policy } from "../ir/policy.js";
import { type Stopwatch, TimedFailed } from "../system/stopwatch.js";
import type { Bench } from "./bench.js";
import { type Peer, PEERS } from "./peers.js";
import { ratio, type Suite } from "./report.js";
import { type Figure, summarise } from "./statistics.js";
import { another, policy, statement, statements, tuples } from "./workload.js";

const CALL = "update: the whole call";

/** What a program uses of the library: as this command has it, or as it was built for others. */
export interface Library {
  compile(text: string): { readonly policy: Policy };
  open(options?: OpenOptions): Promise<Net>;
}

/** Durations of single pieces of work, in microseconds. */
export interface Samples {
  /** From the statement's text to the answer. */
  readonly call: number[];
  /** Of that: encoding, sending, and the kernel's acknowledgement. */
  readonly commit: number[];
  /** A whole call after a pause, in which the handle had given its lock back. */
  readonly rested: number[];
  /** A process of each tool, by its edit. */
  readonly peers: Record<string, number[]>;
}

export class Churn {
  private readonly net: Net;
  private readonly peers: Peer[];
  private readonly others: Stopwatch;
  readonly missing: readonly string[];
  private last: string | undefined;
  private count = 0;

  private constructor(net: Net, peers: Peer[], others: Stopwatch, missing: readonly string[]) {
    this.net = net;
    this.peers = peers;
    this.others = others;
    this.missing = missing;
  }

  /**
   * Applies N statements and loads them into each tool that is there; by another backend than the usual one without the
   * tools, which are beside that one.
   */
  static async begin(
    { others, file }: Pick<Bench, "others" | "file">,
    count: number,
    backend?: OpenOptions["backend"],
    library: Library = { compile, open },
  ): Promise<Churn> {
    const all = tuples(count);
    const [peers, missing] = [[] as Peer[], [] as string[]];
    for (const peer of backend === undefined ? PEERS : []) {
      const { name, text, load, edit, mostEdited } = peer;
      if (edit === undefined) continue;
      if (mostEdited !== undefined && count > mostEdited) {
        missing.push(`${name.replace("-restore", " -A")}: asked up to ${mostEdited.toLocaleString("en")} statements`);
        continue;
      }
      try {
        await others.time(load(file("churn.txt", text(all))));
        peers.push(peer);
      } catch (error) {
        if (!(error instanceof TimedFailed)) throw error;
        missing.push(`${name}: ${error.message}`);
      }
    }
    const net = await library.open(backend === undefined ? {} : { backend });
    await net.apply(library.compile(policy(all)).policy);
    return new Churn(net, peers, others, missing);
  }

  /** So many updates of the handle, and so many edits by each tool. */
  async block(updates: number, spawns: number): Promise<Samples> {
    const samples: Samples = { call: [], commit: [], rested: [], peers: {} };
    for (let i = 0; i < updates; i++) {
      const add = statement(another(++this.count));
      const update = this.last === undefined ? { add } : { add, remove: this.last };
      this.last = add;
      const started = performance.now();
      const { timings } = await this.net.update(update);
      const took = (performance.now() - started) * 1000;
      if (i === 0) samples.rested.push(took);
      else {
        samples.call.push(took);
        samples.commit.push(timings.commit * 1000);
      }
    }
    for (let i = 0; i < spawns; i++)
      for (const { edit } of this.peers)
        for (const verb of ["add", "delete"] as const) {
          const work = (edit as NonNullable<Peer["edit"]>)(another(0), verb);
          const { ms } = await this.others.time(work);
          const name = `a process of ${work.command}, one element`;
          (samples.peers[name] ??= []).push(ms * 1000);
        }
    return samples;
  }

  /** Gives the handle back and empties the tools. The policy stays live. */
  async end(): Promise<void> {
    await this.net.close();
    for (const { clear } of this.peers) await this.others.time(clear).catch(() => undefined);
  }
}

/** `carrier`: what else than the usual backend carries the policy. */
export function churnSuite(count: number, samples: Samples, missing: readonly string[], carrier?: string): Suite {
  const commit = summarise("update: commit", "µs", samples.commit);
  const call = summarise(CALL, "µs", samples.call);
  const figures: Figure[] = [commit, call, summarise("update: the first after a pause", "µs", samples.rested)];
  for (const [name, values] of Object.entries(samples.peers)) figures.push(summarise(name, "µs", values));
  return {
    name: `churn${carrier === undefined ? "" : ` by ${carrier}`}, ${statements(count)} installed`,
    figures,
    ratios: Object.keys(samples.peers).flatMap((peer) => ratio(figures, CALL, peer)),
    missing,
  };
}

/** The samples of several blocks as one. */
export function joined(blocks: readonly Samples[]): Samples {
  const peers: Record<string, number[]> = {};
  for (const block of blocks)
    for (const [name, values] of Object.entries(block.peers)) (peers[name] ??= []).push(...values);
  return {
    call: blocks.flatMap(({ call }) => call),
    commit: blocks.flatMap(({ commit }) => commit),
    rested: blocks.flatMap(({ rested }) => rested),
    peers,
  };
}
