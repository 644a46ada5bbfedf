/** prober.pl as an object: sockets that answer and questions, in any of a lab's network namespaces. */
import { fileURLToPath } from "node:url";
import type { Answer, Outcome } from "../../src/probe/protocol.js";
import { startTalker, type Talker } from "../../src/system/child.js";

const PROGRAM = fileURLToPath(new URL("../kernel/prober.pl", import.meta.url));

export interface Socket {
  readonly place: string;
  readonly proto: string;
  readonly address: string;
  readonly port: number;
}

export interface Question {
  readonly id: number;
  readonly place: string;
  readonly proto: string;
  readonly source: string;
  readonly target: string;
  readonly port: number;
}

interface Report {
  readonly answers: readonly (readonly [number, Outcome, string, string])[];
  readonly problems: readonly string[];
}

export class Prober {
  private readonly talker: Talker = startTalker("perl", [PROGRAM]);

  /** Names for namespaces; undefined is the host's own. */
  places(paths: ReadonlyMap<string, string | undefined>): void {
    for (const [name, path] of paths) this.talker.send(["place", name, path ?? ""]);
  }

  listen(sockets: readonly Socket[]): void {
    for (const { place, proto, address, port } of sockets)
      this.talker.send(["listen", place, proto, address, String(port)]);
  }

  close(sockets: readonly Socket[]): void {
    for (const { place, proto, address, port } of sockets)
      this.talker.send(["close", place, proto, address, String(port)]);
  }

  /** Throws where a socket couldn't be had: nothing would be proven. */
  async ask(questions: readonly Question[], milliseconds: number): Promise<Answer[]> {
    for (const { id, place, proto, source, target, port } of questions)
      this.talker.send(["ask", String(id), place, proto, source, target, String(port)]);
    this.talker.send(["go", String(milliseconds)]);
    const { answers, problems } = (await this.talker.receive()) as Report;
    if (problems.length > 0) throw new Error(problems.join("; "));
    return answers.map(([id, outcome, by, peer]) => {
      return { id, outcome, ms: 0, ...(by === "" ? {} : { by }), ...(peer === "" ? {} : { peer }) };
    });
  }

  async end(): Promise<void> {
    await this.talker.end();
  }
}
