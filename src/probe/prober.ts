/**
 * The prober: a program of its own (dist/prober.js), one process in each namespace that is probed. It takes orders on
 * standard input and ends when that closes, so that nothing is left behind whatever becomes of who started it.
 */
import { createInterface } from "node:readline";
import { endPings } from "../system/ping.js";
import { ask } from "./ask.js";
import { listen } from "./listen.js";
import type { Order, Report } from "./protocol.js";

async function obey(order: Order): Promise<Report> {
  if (order.op === "listen") return { op: "listening", problems: await listen(order.name, order.sockets) };
  return { op: "answers", answers: await ask(order.questions, order.timeout) };
}

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  void obey(JSON.parse(line) as Order).then((report) => process.stdout.write(`${JSON.stringify(report)}\n`));
});
input.on("close", () => {
  endPings();
  process.exit(0);
});
// The terminal's Ctrl-C reaches every process; who started us decides.
process.on("SIGINT", () => undefined);
