/**
 * Measures cells with real packets.
 *
 * Silence proves that something is blocked only if an answer could have come. So before the rules are in, every socket
 * must answer its own end, and a packet must get from each address to each other; cells whose way isn't proven so
 * count as not measured when nothing answers. Then the rules go in, and every cell is asked.
 */
import type { Policy } from "../ir/policy.js";
import type { Cell } from "./cells.js";
import type { Measurement } from "./compare.js";
import * as errands from "./errands.js";
import type { Errand, Probers } from "./probers.js";
import type { Answer, Outcome } from "./protocol.js";

/** Milliseconds for an answer. What should come and doesn't is asked again, with more patience. */
const TIMEOUTS = [400, 1500, 3000] as const;
const [FIRST, PATIENT] = TIMEOUTS;

export interface Steps {
  /** Brings the rules of the policy into force; the network is there already. */
  readonly enforce: () => Promise<void>;
  readonly progress: (text: string) => void;
}

export async function measure(
  policy: Policy,
  cells: readonly Cell[],
  probers: Probers,
  { enforce, progress }: Steps,
): Promise<Measurement[]> {
  const { early, late } = errands.listenersOf(policy, cells);
  const proof = new Proof();
  progress("trying the way without rules");
  await prove(probers, early, proof);
  await proveWays(policy, cells, probers, proof);
  progress("applying the rules");
  await enforce();
  await prove(probers, late, proof);
  progress(`sending ${cells.length} probes`);
  const answers = await askCells(cells, probers);
  return cells.map((cell, i) => {
    if (!errands.isProbed(cell)) return { answers: [], unmeasured: errands.unprobed(cell) };
    return { answers: answers[i] ?? [], unmeasured: proof.missing(cell) };
  });
}

/** What is known to answer, and between which addresses packets get through. */
class Proof {
  readonly listeners = new Map<string, boolean>();
  readonly ways = new Map<string, boolean>();

  /** Why silence would prove nothing for a cell. */
  missing(cell: Cell): string | undefined {
    for (const { name, address, port } of cell.targets) {
      if (port === undefined) continue;
      if (this.listeners.get(errands.listenerKey(name, cell.proto, address, port)) !== true) {
        return `nothing answers on ${port}/${cell.proto} in ${name} itself`;
      }
    }
    if (cell.via === undefined && this.ways.get(errands.wayKey(cell)) === false) {
      return `no packet gets from ${cell.from} to ${cell.to}, not even without rules`;
    }
    return undefined;
  }
}

async function prove(probers: Probers, listeners: readonly errands.Listener[], proof: Proof): Promise<void> {
  if (listeners.length === 0) return;
  await probers.listen(errands.socketsOf(listeners));
  const answers = await persist(
    probers,
    listeners.map((listener, id) => ({ ...errands.controlOf(listener, id), wanted: isOpen })),
  );
  listeners.forEach(({ key }, id) => proof.listeners.set(key, isOpen(answers.get(id)?.outcome)));
}

/** Tries TCP between each two addresses of the direct cells. */
async function proveWays(policy: Policy, cells: readonly Cell[], probers: Probers, proof: Proof): Promise<void> {
  const ways = new Map<string, Cell>();
  for (const cell of cells) {
    const { via, proto, port } = cell;
    if (via !== undefined || proto !== "tcp" || port === undefined || ways.has(errands.wayKey(cell))) continue;
    // The host's late listeners aren't there yet.
    if (!errands.isPublished(policy, { proto, port })) ways.set(errands.wayKey(cell), cell);
  }
  const wanted = [...ways].flatMap(([, cell], id): Wanted[] =>
    errands.questionsOf(cell).map((question) => ({ end: cell.from, question: { ...question, id }, wanted: isOpen })),
  );
  const answers = await persist(probers, wanted);
  [...ways.keys()].forEach((key, id) => proof.ways.set(key, isOpen(answers.get(id)?.outcome)));
}

/**
 * Answers of each cell, in the cells' order.
 *
 * What should be answered goes first, so that nobody is busy answering while others wait for silence; how long it takes
 * says how long to wait. Echoes keep the machine busiest, each being a process, and go on their own. `isBare` says of
 * which cells somebody else answers.
 */
export async function askCells(
  cells: readonly Cell[],
  probers: Probers,
  isBare: (cell: Cell) => boolean = () => false,
): Promise<Answer[][]> {
  const owners: number[] = [];
  const all = cells.flatMap((cell, owner) =>
    errands.questionsOf(cell).map((question): Asked => {
      const id = owners.push(owner) - 1;
      return { cell, end: cell.from, question: isBare(cell) ? { ...question, id, bare: true } : { ...question, id } };
    }),
  );
  const out: Answer[][] = cells.map(() => []);
  for (const echoes of [false, true]) {
    const part = all.filter(({ question }) => (question.proto === "icmp") === echoes);
    for (const answer of await askPart(part, probers)) out[owners[answer.id] as number]?.push(answer);
  }
  return out;
}

interface Asked extends Errand {
  readonly cell: Cell;
}

async function askPart(asked: readonly Asked[], probers: Probers): Promise<Answer[]> {
  const of = (...expected: Cell["expected"][]) => asked.filter(({ cell }) => expected.includes(cell.expected));
  const wanted = of("allow", "reject").map((one): Wanted => {
    return { ...one, wanted: one.cell.expected === "allow" ? isOpen : isRefused };
  });
  const answered = [...(await persist(probers, wanted)).values()];
  const slowest = Math.max(0, ...answered.filter(({ outcome }) => isOpen(outcome)).map(({ ms }) => ms));
  const spread = await probers.ask(of("mixed"), PATIENT);
  const silent = await probers.ask(of("deny"), Math.min(PATIENT, Math.max(FIRST, 3 * slowest)));
  return [...answered, ...spread.values(), ...silent.values()];
}

export interface Wanted extends Errand {
  readonly wanted: (outcome: Outcome | undefined) => boolean;
}

export function isOpen(outcome: Outcome | undefined): boolean {
  return outcome === "open";
}

function isRefused(outcome: Outcome | undefined): boolean {
  return outcome === "refused" || outcome === "unreachable";
}

/** Asks, and asks again what wasn't answered as wanted: a slow machine is no difference. */
export async function persist(probers: Probers, wanted: readonly Wanted[]): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  let open = wanted;
  for (const timeout of TIMEOUTS) {
    if (open.length === 0) break;
    for (const [id, answer] of await probers.ask(open, timeout)) answers.set(id, answer);
    open = open.filter((one) => !one.wanted(answers.get(one.question.id)?.outcome));
  }
  return answers;
}
