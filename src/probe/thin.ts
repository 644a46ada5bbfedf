/** Fewer cells where there are very many: of each kind some stand for the rest. Pure. */
import { formatAddress } from "../net/address.js";
import type { Cell } from "./cells.js";
import { groupBy } from "./fold.js";

/** Each echo is a process of its own. */
export const MOST_ECHOES = 240;
export const MOST_CONNECTIONS = 6000;

/** At most so many cells, in their order. Every kind keeps as many as every other, as far as it has them. */
export function thin(cells: readonly Cell[]): Cell[] {
  const isEcho = (cell: Cell) => cell.port === undefined;
  const kept = new Set([
    ...chosen(cells.filter(isEcho), MOST_ECHOES),
    ...chosen(
      cells.filter((cell) => !isEcho(cell)),
      MOST_CONNECTIONS,
    ),
  ]);
  return kept.size === cells.length ? [...cells] : cells.filter((cell) => kept.has(cell));
}

function chosen(cells: readonly Cell[], most: number): readonly Cell[] {
  if (cells.length <= most) return cells;
  const kinds = [...groupBy(cells, kindOf).values()];
  const out: Cell[] = [];
  for (let round = 0; out.length < most; round++) {
    for (const members of kinds) {
      const member = members[round];
      if (member !== undefined && out.length < most) out.push(member);
    }
  }
  return out;
}

/** Cells are of one kind when the same statements decide them and their ends outside are the same. */
function kindOf({ decisions, from, to, source, destination, proto, via }: Cell): string {
  const end = (name: string, address: Cell["source"]) =>
    name === "host" || name === "world" ? `${name} ${formatAddress(address)}` : "";
  const said = decisions.map(({ verdict, by, default: name }) => `${verdict} ${by.map(({ index }) => index)} ${name}`);
  return [proto, ...said, via?.origin.index ?? "", end(from, source), end(to, destination)].join("|");
}
