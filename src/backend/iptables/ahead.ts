/**
 * Chains of the filter table on their way to the kernel while the plan is still being made.
 *
 * Of a large policy, iptables-restore takes as long to read the text and to have the kernel take it as we to plan it: so it
 * works on the other processor on what is planned already, and commits it batch by batch. No packet meets any of it: what
 * leads there comes with the commit, which is one as ever. An input that ends before leaves chains that nothing leads to.
 * Whoever gives up takes them away; where we are killed, the next apply does, as it does with every chain of ours that its
 * policy hasn't.
 */
import type { Family } from "../../net/address.js";
import type { Ending } from "../../system/ending.js";
import { type Fed, feed } from "../../system/feed.js";
import { Leftover } from "../refused.js";
import type { ChainSink } from "./builder.js";
import { type Chains, keyOf, readChains } from "./kernel.js";
import { Lines } from "./lines.js";
import { prefixOf } from "./names.js";
import type { Printed } from "./ruleset.js";
import { declaration, rulesOf } from "./standing.js";
import { loadingTime, refusal, restore, RESTORING } from "./tools.js";

/** Bytes that are sent together, as many as some 300 rules have: for less no process is started. */
const PIECE = 32_768;

/** Pieces that are committed together: what is left for the last commit takes the tool some milliseconds. */
const BATCH = 4;

/** Ends a batch and begins the next. */
const BETWEEN = Buffer.from("COMMIT\n*filter\n");

function wholeChain(name: string, { text, count }: Printed): string {
  return `${declaration(name)}\n${count > 0 ? `${rulesOf(name, text)}\n` : ""}`;
}

export class Ahead {
  /** Chains that are on their way. */
  readonly names = new Set<string>();
  readonly family: Family;
  /** Batches whose commit the tool was told of. */
  batches = 0;
  private readonly policy: string;
  private readonly command: string;
  private readonly there: Chains;
  private readonly ending: Ending | undefined;
  private fed: Fed | undefined;
  private begun = false;
  private over = false;
  /** All of it so far, for what is said about a line. */
  private readonly pieces: Buffer[] = [Buffer.from("*filter\n")];
  /** Chains that aren't on their way yet, and their bytes. */
  private waiting: string[] = [];
  private chains: Buffer[] = [];
  private bytes = 0;

  /** `there`: the chains that the kernel has already, which it isn't told of again. */
  constructor(policy: string, command: string, family: Family, there: Chains, ending: Ending | undefined) {
    this.policy = policy;
    this.command = command;
    this.family = family;
    this.there = there;
    this.ending = ending;
  }

  readonly sink: ChainSink = (name, printed) => {
    if (this.there.uses.has(keyOf(this.family, "filter", name))) return;
    const chain = printed instanceof Lines ? printed.whole(name) : Buffer.from(wholeChain(name, printed));
    this.waiting.push(name);
    this.chains.push(chain);
    if ((this.bytes += chain.length) >= PIECE) this.send();
  };

  /** Starts the tool: there will be much to send, most likely. */
  begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.fed = feed(this.command, RESTORING, this.ending);
    this.fed?.write(this.pieces[0] as Buffer);
  }

  private send(): void {
    this.begin();
    if (this.fed !== undefined) {
      const sent = this.pieces.length;
      const ends = sent % BATCH === 0;
      if (ends) this.batches++;
      const piece = Buffer.concat(ends ? [...this.chains, BETWEEN] : this.chains);
      this.fed.write(piece);
      this.pieces.push(piece);
      for (const name of this.waiting) this.names.add(name);
    }
    [this.waiting, this.chains, this.bytes] = [[], [], 0];
  }

  /** What else is to be said of the filter table and those behind it. Throws `Refused`. */
  async end(text: string): Promise<void> {
    this.over = true;
    const whole = (): string => Buffer.concat(this.pieces).toString() + text;
    try {
      const characters = this.pieces.reduce((sum, { length }) => sum + length, text.length);
      await this.fed?.end(text, loadingTime(characters));
    } catch (error) {
      throw refusal(error, whole());
    }
  }

  /** Nothing of it is to be; nothing more after `end`, where that is the commit's. Throws `Leftover` where chains are left. */
  async abandon(): Promise<void> {
    await this.fed?.abandon();
    if (this.over || this.batches === 0) return;
    this.over = true;
    try {
      await this.takeAway();
    } catch (error) {
      throw new Leftover(
        `chains that nothing leads to couldn't be taken away: ${(error as Error).message}`,
        "the next apply of the policy takes them away, and so does its removal",
      );
    }
  }

  private async takeAway(): Promise<void> {
    // No tool is asked: it may be the one that hangs. Said, a chain is there and empty, whether it was there or not.
    const now = readChains(prefixOf(this.policy));
    const isLeft = (name: string): boolean => now?.uses.has(keyOf(this.family, "filter", name)) ?? true;
    const left = [...this.names].filter(isLeft);
    if (left.length === 0) return;
    const lines = [declaration, (name: string) => `-X ${name}`].flatMap((line) => left.map(line));
    await restore("nft", this.family, `*filter\n${lines.join("\n")}\nCOMMIT\n`);
  }
}
