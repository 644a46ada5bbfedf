/**
 * Chains of the filter table on their way to iptables-restore while the plan is still being made.
 *
 * Of a large policy, the tool takes a third of its time to read the text, and we as long to plan it: so it reads on the
 * other processor what is planned already. It asks the kernel for nothing before COMMIT, which comes with the commit; an
 * input that ends before, as when we are killed, leaves everything as it was.
 */
import type { Family } from "../../net/address.js";
import { type Fed, feed } from "../../system/feed.js";
import type { ChainSink } from "./builder.js";
import { type Chains, keyOf } from "./kernel.js";
import { declaration, rulesOf } from "./standing.js";
import { loadingTime, refusal, RESTORING } from "./tools.js";

/** Characters that are sent together, as many as some 300 rules have: for less no process is started. */
const PIECE = 32_768;

export class Ahead {
  /** Chains that are on their way. */
  readonly names = new Set<string>();
  readonly family: Family;
  private readonly command: string;
  private readonly there: Chains;
  private fed: Fed | undefined;
  private begun = false;
  /** All of it so far, for what is said about a line. */
  private readonly pieces: string[] = ["*filter\n"];
  private lines = "";
  private waiting: string[] = [];

  /** `there`: the chains that the kernel has already, which it isn't told of again. */
  constructor(command: string, family: Family, there: Chains) {
    this.command = command;
    this.family = family;
    this.there = there;
  }

  readonly sink: ChainSink = (name, { text, count }) => {
    if (this.there.uses.has(keyOf(this.family, "filter", name))) return;
    this.waiting.push(name);
    this.lines += `${declaration(name)}\n${count > 0 ? `${rulesOf(name, text)}\n` : ""}`;
    if (this.lines.length >= PIECE) this.send();
  };

  /** Starts the tool: there will be much to send, most likely. */
  begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.fed = feed(this.command, RESTORING);
    this.fed?.write(this.pieces[0] as string);
  }

  private send(): void {
    this.begin();
    if (this.fed !== undefined) {
      this.fed.write(this.lines);
      this.pieces.push(this.lines);
      for (const name of this.waiting) this.names.add(name);
    }
    this.lines = "";
    this.waiting = [];
  }

  /** What else is to be said of the filter table and those behind it. Throws `Refused`. */
  async end(text: string): Promise<void> {
    const whole = (): string => this.pieces.join("") + text;
    try {
      const characters = this.pieces.reduce((sum, { length }) => sum + length, text.length);
      await this.fed?.end(text, loadingTime(characters));
    } catch (error) {
      throw refusal(error, whole());
    }
  }

  /** Nothing of it is to be. */
  async abandon(): Promise<void> {
    await this.fed?.abandon();
  }
}
