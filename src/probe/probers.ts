/** The prober processes of a trial: one for each end, in its namespace. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { startTalker, type Talker } from "../system/child.js";
import type { Answer, Order, Question, Report, Socket, Unopened } from "./protocol.js";

/** What an end is asked to ask. */
export interface Errand {
  readonly end: string;
  readonly question: Question;
}

export class Probers {
  private readonly talkers = new Map<string, Talker>();

  /** `places`: path of each end's namespace; undefined is this process's own. `program`: see `proberProgram`. */
  constructor(places: ReadonlyMap<string, string | undefined>, program: readonly string[]) {
    const [node = "node", ...args] = program;
    for (const [end, path] of places) {
      const talker =
        path === undefined ? startTalker(node, args) : startTalker("nsenter", [`--net=${path}`, "--", ...program]);
      this.talkers.set(end, talker);
    }
  }

  /** Opens sockets; returns those that couldn't be. */
  async listen(sockets: ReadonlyMap<string, readonly Socket[]>): Promise<(Unopened & { readonly end: string })[]> {
    const problems = await Promise.all(
      [...sockets].map(async ([end, list]) => {
        const report = await this.order(end, { op: "listen", name: end, sockets: list });
        return report.op === "listening" ? report.problems.map((problem) => ({ end, ...problem })) : [];
      }),
    );
    return problems.flat();
  }

  /** Every question at once, each with this many milliseconds for its answer. Answers by the question's id. */
  async ask(errands: readonly Errand[], timeout: number): Promise<Map<number, Answer>> {
    const byEnd = new Map<string, Question[]>();
    for (const { end, question } of errands) {
      const list = byEnd.get(end);
      if (list === undefined) byEnd.set(end, [question]);
      else list.push(question);
    }
    const reports = await Promise.all(
      [...byEnd].map(([end, questions]) => this.order(end, { op: "ask", questions, timeout })),
    );
    const answers = reports.flatMap((report) => (report.op === "answers" ? report.answers : []));
    return new Map(answers.map((answer) => [answer.id, answer]));
  }

  async end(): Promise<void> {
    await Promise.all([...this.talkers.values()].map((talker) => talker.end()));
  }

  private async order(end: string, order: Order): Promise<Report> {
    const talker = this.talkers.get(end);
    if (talker === undefined) throw new Error(`no prober for ${end}`);
    talker.send(order);
    return (await talker.receive()) as Report;
  }
}

/** How a prober is started: the bundle beside this program, or its source where that is what runs. */
export function proberProgram(): string[] {
  const bundle = join(import.meta.dirname, "prober.js");
  if (existsSync(bundle)) return [process.execPath, bundle];
  return [process.execPath, ...process.execArgv, join(import.meta.dirname, "prober.ts")];
}
