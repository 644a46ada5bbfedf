/** Verdicts of several statements, and profiles of ports: what the statements of a cell say of each protocol and port. */
import type { Rule } from "../../ir/policy.js";
import type { Family } from "../../net/address.js";
import { protocolIn } from "../../net/ports.js";
import type { Ports, Verdict } from "./maps.js";
import { prefixesOf } from "./prefixes.js";

export type Statement = Pick<Rule, "verb" | "ports" | "log" | "origin">;

/** The first of each verb decides; one that logs goes first, or its log would be lost. */
export function verdictOf(statements: readonly Statement[]): Verdict {
  const out: { -readonly [K in keyof Verdict]: Verdict[K] } = {};
  for (const { verb, log, origin } of statements) if (log !== undefined) out[verb] ??= origin;
  for (const { verb, origin } of statements) out[verb] ??= origin;
  return out;
}

/** A profile's rows by its statements; equal lists share one. Numbers begin with 1. */
export class Profiles {
  readonly rows: Ports[] = [];
  private readonly known = new Map<string, number>();
  private readonly numbers = new Map<Statement, number>();

  of(family: Family, statements: readonly Statement[]): number {
    // ICMP's number differs between the families.
    const key = `${family} ${statements.map((statement) => this.numberOf(statement)).join(" ")}`;
    let profile = this.known.get(key);
    if (profile === undefined) {
      profile = this.known.size + 1;
      this.known.set(key, profile);
      this.rows.push(...rowsOf(profile, family, statements));
    }
    return profile;
  }

  private numberOf(statement: Statement): number {
    let number = this.numbers.get(statement);
    if (number === undefined) this.numbers.set(statement, (number = this.numbers.size));
    return number;
  }
}

function rowsOf(profile: number, family: Family, statements: readonly Statement[]): Ports[] {
  const always = statements.filter(({ ports }) => ports.all);
  const rows: Ports[] = [];
  if (always.length > 0) rows.push({ profile, protocol: undefined, port: 0, length: 0, verdict: verdictOf(always) });
  const protocols = new Set(statements.flatMap(({ ports }) => (ports.all ? [] : [...ports.protocols.keys()])));
  for (const number of [...protocols].sort((a, b) => a - b)) {
    const whole: Statement[] = [];
    const ranged: { statement: Statement; set: readonly number[] }[] = [];
    for (const statement of statements) {
      const set = statement.ports.all ? null : statement.ports.protocols.get(number);
      if (set === null) whole.push(statement);
      else if (set !== undefined) ranged.push({ statement, set });
    }
    const protocol = protocolIn(family, number);
    if (whole.length > always.length) rows.push({ profile, protocol, port: 0, length: 0, verdict: verdictOf(whole) });
    const cuts = [...new Set(ranged.flatMap(({ set }) => set.map((port, i) => port + (i % 2))))].sort((a, b) => a - b);
    cuts.forEach((low, i) => {
      const high = (cuts[i + 1] ?? low) - 1;
      const here = ranged.filter(({ set }) =>
        set.some((port, at) => at % 2 === 0 && port <= low && low <= (set[at + 1] as number)),
      );
      if (here.length === 0) return;
      const verdict = verdictOf(statements.filter((s) => whole.includes(s) || here.some((one) => one.statement === s)));
      for (const { base, length } of prefixesOf(low, high, 16))
        rows.push({ profile, protocol, port: Number(base), length, verdict });
    });
  }
  return rows;
}
