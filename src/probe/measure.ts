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

/** Answers of each cell, in the cells' order. */
async function askCells(cells: readonly Cell[], probers: Probers): Promise<Answer[][]> {
  const owners: number[] = [];
  const expecting: Wanted[] = [];
  const spread: Errand[] = [];
  const silent: Errand[] = [];
  cells.forEach((cell, owner) => {
    for (const question of errands.questionsOf(cell)) {
      const errand = { end: cell.from, question: { ...question, id: owners.push(owner) - 1 } };
      if (cell.expected === "allow") expecting.push({ ...errand, wanted: isOpen });
      else if (cell.expected === "reject") expecting.push({ ...errand, wanted: isRefused });
      else (cell.expected === "mixed" ? spread : silent).push(errand);
    }
  });
  const out: Answer[][] = cells.map(() => []);
  const take = (answers: Map<number, Answer>) => {
    for (const answer of answers.values()) out[owners[answer.id] as number]?.push(answer);
    return answers;
  };
  // What should be answered goes first, so that nobody is busy answering while others wait for silence.
  const answered = take(await persist(probers, expecting));
  take(await probers.ask(spread, PATIENT));
  const slowest = Math.max(0, ...[...answered.values()].filter(({ outcome }) => isOpen(outcome)).map(({ ms }) => ms));
  take(await probers.ask(silent, Math.min(PATIENT, Math.max(FIRST, 4 * slowest))));
  return out;
}

interface Wanted extends Errand {
  readonly wanted: (outcome: Outcome | undefined) => boolean;
}

function isOpen(outcome: Outcome | undefined): boolean {
  return outcome === "open";
}

function isRefused(outcome: Outcome | undefined): boolean {
  return outcome === "refused" || outcome === "unreachable";
}

/** Asks, and asks again what wasn't answered as wanted: a slow machine is no difference. */
async function persist(probers: Probers, wanted: readonly Wanted[]): Promise<Map<number, Answer>> {
  const answers = new Map<number, Answer>();
  let open = wanted;
  for (const timeout of TIMEOUTS) {
    if (open.length === 0) break;
    for (const [id, answer] of await probers.ask(open, timeout)) answers.set(id, answer);
    open = open.filter((one) => !one.wanted(answers.get(one.question.id)?.outcome));
  }
  return answers;
}
