/**
 * What the last commit of this process left in the kernel: who applies one policy after the other need not read its tables
 * to know them, as long as nobody else has touched them.
 */
import type { Committed } from "../backend.js";
import { NONE } from "./wire/elements.js";
import type { SetState, TableState } from "./wire/state.js";

interface Left {
  readonly digest: string;
  readonly tables: readonly TableState[];
  /** Up to which nobody has touched them. */
  generation: number;
}

/** By the tables' name. */
const all = new Map<string, Left>();

/** The tables of a name as the commit that is `known` left them, if it was ours; nobody has touched them up to `generation`. */
export function leftBy(
  name: string,
  known: Committed | undefined,
  generation: number | undefined,
): readonly TableState[] | undefined {
  const left = all.get(name);
  if (left === undefined || generation === undefined) return undefined;
  if (left.digest !== known?.digest || left.generation !== known.generation) return undefined;
  left.generation = generation;
  return left.tables;
}

/**
 * Notes that `want` stands since `generation`. `have` is how its sets and chains were read: sizes and the numbers of rules
 * are the kernel's. Elements are those that were wanted, of which only the number is read back.
 */
export function leave(
  name: string,
  digest: string,
  generation: number,
  want: readonly TableState[],
  have: readonly TableState[],
): void {
  const tables = want.flatMap(({ table, sets }): TableState[] => {
    const there = have.find((state) => state.table.family === table.family);
    if (there === undefined) return [];
    const own = [...there.sets].map(([set, state]) => [set, new LeftSet(state, sets.get(set))] as const);
    return [{ ...there, sets: new Map(own) }];
  });
  all.set(name, { digest, tables, generation });
}

export function forgetAll(): void {
  all.clear();
}

/** A set as the kernel has it; its elements are those of the plan, encoded when somebody asks for them. */
class LeftSet implements SetState {
  readonly definition: string;
  readonly size: number | undefined;
  readonly timeout: boolean;
  private readonly wanted: SetState | undefined;

  constructor({ definition, size, timeout }: SetState, wanted: SetState | undefined) {
    this.definition = definition;
    this.size = size;
    this.timeout = timeout;
    this.wanted = wanted;
  }

  get elements(): SetState["elements"] {
    return this.timeout || this.wanted === undefined ? NONE : this.wanted.elements;
  }
}
