/** What the tests of the probes make of a policy's text. */
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import type { Policy } from "../../src/ir/policy.js";
import { formatAddress } from "../../src/net/address.js";
import { type Cell, planCells } from "../../src/probe/cells.js";
import { planPlace } from "../../src/probe/place.js";

export function policyOf(text: string): Policy {
  const { policy, diagnostics } = compile(text);
  const errors = diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
  assert.equal(errors, []);
  return policy;
}

export function cellsOf(text: string): readonly Cell[] {
  const policy = policyOf(text);
  return planCells(policy, planPlace(policy)).cells;
}

/** The verdicts of the cells between two ends and of one service, by the address that is asked. */
export function verdicts(cells: readonly Cell[], from: string, to: string, service: string): Record<string, string> {
  const out: Record<string, string> = {};
  for (const cell of cells) {
    if (cell.from !== from || cell.to !== to) continue;
    if (service !== (cell.port === undefined ? cell.proto : `${cell.port}/${cell.proto}`)) continue;
    const ends = from === "world" ? `${formatAddress(cell.source)} ` : "";
    out[ends + formatAddress(cell.destination)] = cell.expected;
  }
  return out;
}

/** The verdicts, where they don't depend on the addresses. */
export function verdict(cells: readonly Cell[], from: string, to: string, service: string): string | undefined {
  const distinct = [...new Set(Object.values(verdicts(cells, from, to, service)))];
  assert.ok(distinct.length <= 1, `${from} -> ${to}:${service} has ${distinct.join(" and ")}`);
  return distinct[0];
}
