/** Talks to stream.mjs: long-lived traffic in a lab's places. */
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import type { Host, Place } from "../kernel/lab.js";

const HERE = import.meta.url;
const PROGRAM = fileURLToPath(new URL("./stream.mjs", import.meta.url));

/** Runs on the lab's host. */
export function askStream(path: string, question: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let said = "";
    socket.on("connect", () => socket.write(JSON.stringify(question)));
    socket.on("data", (data) => (said += String(data)));
    socket.on("error", reject);
    socket.on("close", () => {
      const { result, error } = JSON.parse(said) as { result?: unknown; error?: string };
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    });
  });
}

export interface Look {
  readonly received: number;
  readonly sent: number;
  readonly closed: number;
  readonly last: string;
}

/** One process in one place, with named ends. */
export class Streams {
  private static count = 0;
  private readonly host: Host;
  private readonly path: string;

  private constructor(host: Host, path: string) {
    this.host = host;
    this.path = path;
  }

  static async start(host: Host, place: Place): Promise<Streams> {
    const path = `/run/lab/stream-${++Streams.count}`;
    await host.spawn(place, process.execPath, [PROGRAM, path], "ready");
    return new Streams(host, path);
  }

  accept(name: string, port: number): Promise<unknown> {
    return this.ask({ op: "accept", name, port });
  }

  connect(name: string, address: string, port: number, from?: { from?: string; fromPort?: number }): Promise<unknown> {
    return this.ask({ op: "connect", name, address, port, ...from });
  }

  /** Answers its own port. */
  datagrams(name: string, family: 4 | 6, where: { port?: number; address?: string; toPort?: number }): Promise<number> {
    return this.ask({ op: "datagrams", name, family, ...where }) as Promise<number>;
  }

  send(name: string, text?: string): Promise<unknown> {
    return this.ask({ op: "send", name, text });
  }

  startSending(name: string, every: number): Promise<unknown> {
    return this.ask({ op: "start", name, every });
  }

  stopSending(name: string): Promise<number> {
    return this.ask({ op: "stop", name }) as Promise<number>;
  }

  look(name: string): Promise<Look> {
    return this.ask({ op: "look", name }) as Promise<Look>;
  }

  private ask(question: unknown): Promise<unknown> {
    return this.host.call(HERE, "askStream", this.path, question);
  }
}
