/** What the probers are told and what they answer: JSON objects, one a line. */

/** A socket that answers: each request with its nonce, the prober's name and the peer's address. */
export interface Socket {
  readonly proto: "tcp" | "udp";
  /** `0.0.0.0` and `::` for every address of one family. */
  readonly address: string;
  readonly port: number;
}

export interface Question {
  readonly id: number;
  readonly proto: "tcp" | "udp" | "icmp";
  readonly source: string;
  readonly target: string;
  readonly port: number;
  /** TCP only: what listens there is somebody else's, so that a connection is the answer, and nothing is said on it. */
  readonly bare?: boolean;
}

export type Order =
  | { readonly op: "listen"; readonly name: string; readonly sockets: readonly Socket[] }
  /** Everything at once; `timeout` in milliseconds is for each. */
  | { readonly op: "ask"; readonly questions: readonly Question[]; readonly timeout: number };

/**
 * - `open`: an answer came back, so both directions work.
 * - `refused`: a TCP reset, or an ICMP error that closes a port. `unreachable`: another ICMP error, or no route.
 * - `silent`: nothing came back in time.
 * - `failed`: the prober couldn't even ask.
 */
export type Outcome = "open" | "refused" | "unreachable" | "silent" | "failed";

/** The error of an ICMP question that can't be asked, with the mend. */
export const NO_PING = "ping is not installed (apt-get install iputils-ping)";

export interface Answer {
  readonly id: number;
  readonly outcome: Outcome;
  /** Who answered, and the address that it saw; not for ICMP. */
  readonly by?: string | undefined;
  readonly peer?: string | undefined;
  /** Milliseconds until the answer. */
  readonly ms: number;
  /** The system's word for what went wrong. */
  readonly error?: string | undefined;
}

/** A socket that couldn't be opened. */
export interface Unopened {
  readonly socket: Socket;
  readonly message: string;
}

export type Report =
  | { readonly op: "listening"; readonly problems: readonly Unopened[] }
  | { readonly op: "answers"; readonly answers: readonly Answer[] };

/** What an answering socket says: one line. */
export function greeting(nonce: string, name: string, peer: string): string {
  return `${JSON.stringify([nonce, name, peer])}\n`;
}

/** The name and peer of a greeting with this nonce; undefined for anything else. */
export function readGreeting(text: string, nonce: string): { by: string; peer: string } | undefined {
  try {
    const [said, by, peer] = JSON.parse(text) as unknown[];
    return said === nonce && typeof by === "string" && typeof peer === "string" ? { by, peer } : undefined;
  } catch {
    return undefined;
  }
}
