/** Ports: profiles of what a statement covers, and trees over what is published. */
import { type PortSet, protocolIn } from "../../net/ports.js";
import { goto, rule, type TableBuilder } from "./builder.js";
import type { Match, Rule, Run } from "./ruleset.js";
import { FAN_OUT } from "./tree.js";

/** What one rule compares, a range counted twice (iptables-extensions(8), multiport). */
const SLOTS = 15;

/** Tests of which one holds for the packets of a port set. Protocols without ports are never asked for one. */
export function portMatches(ports: PortSet, family: 4 | 6): Match[][] {
  if (ports.all) return [[]];
  const matches: Match[][] = [];
  for (const [number, set] of [...ports.protocols].sort((a, b) => a[0] - b[0])) {
    const protocol = protocolIn(family, number);
    if (set === null) {
      matches.push([{ kind: "protocol", protocol }]);
      continue;
    }
    let runs: Run[] = [];
    let slots = 0;
    const flush = (): void => {
      const [first] = runs;
      if (first !== undefined)
        matches.push([runs.length === 1 ? { kind: "port", protocol, run: first } : { kind: "ports", protocol, runs }]);
      runs = [];
      slots = 0;
    };
    for (let i = 0; i < set.length; i += 2) {
      const run = [set[i] as number, set[i + 1] as number] as const;
      const needs = run[0] === run[1] ? 1 : 2;
      if (slots + needs > SLOTS) flush();
      runs.push(run);
      slots += needs;
    }
    flush();
  }
  return matches;
}

/** Rules for a run of ports, and nothing else. */
export interface PortCell {
  readonly run: Run;
  readonly rules: readonly Rule[];
}

/**
 * Rules that lead a packet to what is done for its port: `test` compares it with a run. Cells are in the order of their
 * runs; those that overlap are kept together. `rest` is done where nothing is for the port.
 */
export function portTree(
  table: TableBuilder,
  kind: string,
  test: (run: Run) => Match,
  cells: readonly PortCell[],
  rest: readonly Rule[] = [],
): Rule[] {
  const all = (cells: readonly PortCell[]): Rule[] => [...cells.flatMap((cell) => cell.rules), ...rest];
  if (cells.length <= FAN_OUT) return all(cells);
  const share = Math.ceil(cells.length / FAN_OUT);
  const rules: Rule[] = [];
  for (let first = 0; first < cells.length;) {
    let end = Math.min(first + share, cells.length);
    let last = Math.max(...cells.slice(first, end).map((cell) => cell.run[1]));
    for (let cell = cells[end]; cell !== undefined && cell.run[0] <= last; cell = cells[end]) {
      last = Math.max(last, cell.run[1]);
      end++;
    }
    const group = cells.slice(first, end);
    const run = [(group[0] as PortCell).run[0], last] as const;
    // Runs that all overlap can't be told apart.
    const inner = group.length === cells.length ? all(group) : portTree(table, kind, test, group, rest);
    rules.push(rule([test(run)], goto(table.chain(kind, inner))));
    first = end;
  }
  return [...rules, ...rest];
}
