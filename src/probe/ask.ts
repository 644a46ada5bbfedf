/** The asking side of a prober: one connection, datagram or echo each, and what became of it. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { ping } from "../system/ping.js";
import { type Answer, NO_PING, type Outcome, type Question, readGreeting } from "./protocol.js";

/** Sockets that are opened before the answers that have come meanwhile are looked at. */
const AT_ONCE = 32;
/** Each echo is a process of its own. */
const PINGS_AT_ONCE = 32;

type Result = Omit<Answer, "id" | "ms">;

export async function ask(questions: readonly Question[], timeout: number): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  const echoes = questions.filter((question) => question.proto === "icmp");
  const pings = pool(echoes, PINGS_AT_ONCE, (question) => timed(question, askIcmp(question, timeout)));
  const sockets = questions.filter((question) => question.proto !== "icmp");
  for (let i = 0; i < sockets.length; i += AT_ONCE) {
    for (const question of sockets.slice(i, i + AT_ONCE)) {
      answers.push(timed(question, question.proto === "tcp" ? askTcp(question, timeout) : askUdp(question, timeout)));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  return [...(await Promise.all(answers)), ...(await pings)];
}

async function timed({ id }: Question, result: Promise<Result>): Promise<Answer> {
  const started = performance.now();
  return { id, ...(await result), ms: Math.round(performance.now() - started) };
}

async function pool<T, R>(items: readonly T[], width: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) results.push(await work(item));
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

/**
 * Calls `late` after the timeout, but looks at what has arrived meanwhile first: on a busy machine the answer may be
 * there already when the timer is due.
 */
function deadline(timeout: number, late: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(() => setImmediate(late)), timeout);
}

function newNonce({ id }: Question): string {
  return `${id}-${randomBytes(6).toString("hex")}`;
}

function askTcp(question: Question, timeout: number): Promise<Result> {
  const { source, target, port } = question;
  const nonce = newNonce(question);
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host: target, port, localAddress: source });
    const settle = (result: Result): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = deadline(timeout, () => settle({ outcome: "silent" }));
    socket.on("connect", () => (question.bare ? settle({ outcome: "open" }) : socket.write(`${nonce}\n`)));
    socket.on("data", (chunk) => {
      text += chunk.toString();
      const found = text.endsWith("\n") ? readGreeting(text, nonce) : undefined;
      if (found !== undefined) settle({ outcome: "open", ...found });
    });
    socket.on("end", () => settle({ outcome: "failed", error: "closed without an answer" }));
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const outcome = outcomeOf(error.code);
      if (outcome !== "silent") settle({ outcome, error: error.code });
    });
  });
}

function askUdp(question: Question, timeout: number): Promise<Result> {
  const { source, target, port } = question;
  const nonce = newNonce(question);
  return new Promise((resolve) => {
    const socket = createSocket(target.includes(":") ? "udp6" : "udp4");
    let settled = false;
    const settle = (result: Result): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      clearTimeout(again);
      socket.close();
      resolve(result);
    };
    const fail = (error: NodeJS.ErrnoException | null | undefined): void => {
      if (error == null) return;
      const outcome = outcomeOf(error.code);
      // A packet that the output hook drops is an error too, and a rejection may follow it.
      if (outcome !== "silent") settle({ outcome, error: error.code });
    };
    const send = (): void => {
      if (!settled) socket.send(`${nonce}\n`, fail);
    };
    const timer = deadline(timeout, () => settle({ outcome: "silent" }));
    // Nobody repeats a datagram that got lost but we.
    const again = setTimeout(send, timeout / 2);
    socket.on("error", fail);
    socket.on("message", (message) => {
      const found = readGreeting(message.toString(), nonce);
      if (found !== undefined) settle({ outcome: "open", ...found });
    });
    socket.bind({ address: source, exclusive: true }, () =>
      socket.connect(port, target, (error?: Error) => {
        fail(error as NodeJS.ErrnoException | undefined);
        if (error == null) send();
      }),
    );
  });
}

async function askIcmp({ source, target }: Question, timeout: number): Promise<Result> {
  const echo = await ping(source, target, timeout);
  if (echo === "missing") return { outcome: "failed", error: NO_PING };
  return { outcome: echo === "reply" ? "open" : echo };
}

const OUTCOMES: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EACCES: "unreachable",
  // What an output hook drops never leaves, which is silence to whoever waits for an answer.
  EPERM: "silent",
  ETIMEDOUT: "silent",
};

function outcomeOf(code: string | undefined): Outcome {
  return OUTCOMES[code ?? ""] ?? "failed";
}
