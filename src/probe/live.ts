/**
 * Measures cells where a policy is live, with real packets.
 *
 * Silence proves that something is blocked only if an answer could have come. So a socket of ours answers on every port
 * that is asked, for as long as that takes; where somebody listens already, a connection is answer enough for TCP, and
 * UDP can't be measured.
 */
import type { Policy } from "../ir/policy.js";
import { formatAddress } from "../net/address.js";
import { planTopology } from "../topology/plan.js";
import type { Cell, Target } from "./cells.js";
import { compare, type Measurement, type Result } from "./compare.js";
import { HOST } from "./ends.js";
import { askCells, isOpen, persist, type Wanted } from "./measure.js";
import { proberProgram, Probers } from "./probers.js";
import type { Socket } from "./protocol.js";

/** A socket where a cell leads to, by the end that it is at. */
interface Listener {
  readonly end: string;
  readonly socket: Socket;
}

type Answering = "ours" | "theirs";

/** What becomes of each cell. Throws when a namespace can't be entered. */
export async function measureLive(
  policy: Policy,
  cells: readonly Cell[],
  progress: (text: string) => void,
): Promise<Result[]> {
  const probers = new Probers(placesOf(policy, cells), proberProgram());
  try {
    progress("opening sockets that answer");
    const answering = await openListeners(cells, probers);
    progress(`sending ${cells.length} probes`);
    const isBare = (cell: Cell): boolean =>
      cell.targets.some((target) => stateOf(answering, cell, target) === "theirs");
    const answers = await askCells(cells, probers, isBare);
    return cells.map((cell, i) => {
      const measurement: Measurement = { answers: answers[i] ?? [], unmeasured: missing(answering, cell) };
      return compare(cell, measurement);
    });
  } finally {
    await probers.end();
  }
}

/** Which ends take part. */
export function endsOf(cells: readonly Cell[]): Set<string> {
  return new Set(cells.flatMap((cell) => [cell.from, ...cell.targets.map((target) => target.name)]));
}

/** Where the ends that take part are. */
function placesOf(policy: Policy, cells: readonly Cell[]): Map<string, string | undefined> {
  const paths = new Map<string, string | undefined>([[HOST, undefined]]);
  for (const { container, path } of planTopology(policy).sandboxes) paths.set(container, path);
  const taking = endsOf(cells);
  return new Map([...paths].filter(([end]) => taking.has(end)));
}

function keyOf(end: string, { proto, address, port }: Socket): string {
  return `${end} ${proto} ${address} ${port}`;
}

function socketOf({ proto }: Cell, { address, port }: Target): Socket | undefined {
  if (port === undefined || (proto !== "tcp" && proto !== "udp")) return undefined;
  return { proto, address: formatAddress(address), port };
}

function stateOf(answering: ReadonlyMap<string, Answering>, cell: Cell, target: Target): Answering | undefined {
  const socket = socketOf(cell, target);
  return socket && answering.get(keyOf(target.name, socket));
}

/** Opens a socket at every target, and says who answers there. */
async function openListeners(cells: readonly Cell[], probers: Probers): Promise<Map<string, Answering>> {
  const listeners = new Map<string, Listener>();
  for (const cell of cells)
    for (const target of cell.targets) {
      const socket = socketOf(cell, target);
      if (socket !== undefined) listeners.set(keyOf(target.name, socket), { end: target.name, socket });
    }
  const byEnd = new Map<string, Socket[]>();
  for (const { end, socket } of listeners.values()) byEnd.set(end, [...(byEnd.get(end) ?? []), socket]);
  const taken = new Set((await probers.listen(byEnd)).map(({ end, socket }) => keyOf(end, socket)));
  const keys = [...listeners.keys()].filter((key) => !taken.has(key) || listeners.get(key)?.socket.proto === "tcp");
  // Each end asks its own sockets, which no rule of the policy can forbid.
  const controls = keys.map((key, id): Wanted => {
    const { end, socket } = listeners.get(key) as Listener;
    const { proto, address, port } = socket;
    const bare = taken.has(key) ? { bare: true } : {};
    return { end, question: { id, proto, source: address, target: address, port, ...bare }, wanted: isOpen };
  });
  const answers = await persist(probers, controls);
  return new Map(
    keys.flatMap((key, id) => (isOpen(answers.get(id)?.outcome) ? [[key, taken.has(key) ? "theirs" : "ours"]] : [])),
  );
}

/** Why silence would prove nothing for a cell. */
function missing(answering: ReadonlyMap<string, Answering>, cell: Cell): string | undefined {
  const dumb = cell.targets.find((target) => socketOf(cell, target) && stateOf(answering, cell, target) === undefined);
  if (dumb === undefined) return undefined;
  return `nothing that could be asked listens on ${dumb.port}/${cell.proto} in ${dumb.name}`;
}
