/** What the probers must do for a set of cells: sockets that answer, questions, and controls. Pure. */
import type { Policy } from "../ir/policy.js";
import { type Address, formatAddress } from "../net/address.js";
import { protocolName } from "../net/ports.js";
import type { Cell } from "./cells.js";
import { HOST } from "./ends.js";
import type { Errand } from "./probers.js";
import type { Question, Socket } from "./protocol.js";

/** Connections of one cell that are opened at most where they are spread over several containers. */
const MOST_SPREAD = 8;

/** Protocols that a prober has sockets for. */
export function isProbed(cell: Cell): cell is Cell & { readonly proto: Question["proto"] } {
  return cell.proto === "tcp" || cell.proto === "udp" || cell.proto === "icmp";
}

/** Why a cell can't be measured, whatever the machine. */
export function unprobed(cell: Cell): string {
  const name = /^\d+$/.test(cell.proto) ? `protocol ${cell.proto}` : cell.proto.toUpperCase();
  return `Node has no ${name} sockets to probe with`;
}

/** A socket, the end that it is at, and an address under which that end itself reaches it. */
export interface Listener {
  readonly key: string;
  readonly end: string;
  readonly socket: Socket;
  readonly own: string;
}

/**
 * The listeners that cells lead to. UDP ones are bound to their address: from a wildcard socket the answer could leave
 * with another. `late` ones hold a published port of the host, which mustn't be held while the policy is applied.
 */
export function listenersOf(policy: Policy, cells: readonly Cell[]): { early: Listener[]; late: Listener[] } {
  const found = new Map<string, Listener>();
  for (const cell of cells) {
    if (!isProbed(cell) || cell.proto === "icmp") continue;
    for (const { name, address, port } of cell.targets) {
      const key = listenerKey(name, cell.proto, address, port ?? 0);
      if (found.has(key)) continue;
      const own = formatAddress(address);
      const wild = address.family === 4 ? "0.0.0.0" : "::";
      const socket: Socket = { proto: cell.proto, address: cell.proto === "tcp" ? wild : own, port: port ?? 0 };
      found.set(key, { key, end: name, socket, own });
    }
  }
  const all = [...found.values()];
  const isLate = ({ end, socket }: Listener) => end === HOST && isPublished(policy, socket);
  return { early: all.filter((listener) => !isLate(listener)), late: all.filter(isLate) };
}

export function listenerKey(end: string, proto: string, address: Address, port: number): string {
  return `${end} ${proto} ${proto === "tcp" ? address.family : formatAddress(address)} ${port}`;
}

export function isPublished(policy: Policy, { proto, port }: { proto: string; port: number }): boolean {
  return policy.publishes.some(
    ({ protocol, hostPorts: [low, high] }) => protocolName(protocol) === proto && port >= low && port <= high,
  );
}

export function socketsOf(listeners: readonly Listener[]): Map<string, Socket[]> {
  const out = new Map<string, Socket[]>();
  for (const { end, socket } of listeners) {
    const list = out.get(end);
    if (list === undefined) out.set(end, [socket]);
    else list.push(socket);
  }
  return out;
}

/** Each end asks each of its own sockets, which no rule of the policy can forbid: does it answer at all? */
export function controlOf({ end, socket, own }: Listener, id: number): Errand {
  return { end, question: { id, proto: socket.proto, source: own, target: own, port: socket.port } };
}

/** One connection for a cell; several where they are spread over containers. */
export function questionsOf(cell: Cell): Omit<Question, "id">[] {
  if (!isProbed(cell)) return [];
  const spread = cell.targets.length;
  const times = spread === 1 ? 1 : Math.min(MOST_SPREAD, cell.expected === "mixed" ? 2 * spread : spread);
  const { proto, port = 0 } = cell;
  const question = { proto, source: formatAddress(cell.source), target: formatAddress(cell.destination), port };
  return Array.from({ length: times }, () => question);
}

/** What tells the way between two addresses from others. */
export function wayKey(cell: { source: Address; destination: Address; from: string; to: string }): string {
  return `${cell.from} ${formatAddress(cell.source)} ${cell.to} ${formatAddress(cell.destination)}`;
}
