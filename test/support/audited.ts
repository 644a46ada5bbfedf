/** Runs on a lab's host: what an audit finds of the policies that are live there, as programs get it. */
import { audit, livePolicies } from "../../src/audit/audit.js";
import { citation } from "../../src/audit/statement.js";
import { applyPolicy } from "../../src/transaction/apply.js";
import { compile } from "../../src/ir/compile.js";

export interface Audited {
  readonly drift: readonly { readonly object: string; readonly statement: string; readonly message: string }[];
  readonly foreign: readonly {
    readonly object: string;
    readonly effect: string;
    readonly severity: string;
    readonly statement: string;
    readonly message: string;
  }[];
  readonly findings: readonly { readonly code: string; readonly severity: string; readonly message: string }[];
}

export async function auditLive(text?: string): Promise<Audited> {
  const { policies, findings } = await audit(
    text === undefined ? livePolicies() : [compile(text, { file: "lab.tsnet" })],
  );
  const said = (origin: Parameters<typeof citation>[0]): string => citation(origin, "lab.tsnet", "lab");
  return {
    drift: policies.flatMap(({ drift }) =>
      drift.map(({ object, origin, message, effect }) => ({
        object,
        statement: said(origin),
        message: `${message}: ${effect}`,
      })),
    ),
    foreign: policies.flatMap(({ foreign }) =>
      foreign.map(({ object, effect, severity, origin, message }) => ({
        object,
        effect,
        severity,
        statement: said(origin),
        message,
      })),
    ),
    findings: [...findings, ...policies.flatMap((report) => report.findings)].map(({ code, severity, message }) => ({
      code,
      severity,
      message,
    })),
  };
}

/** What `--fix` does. */
export async function fixLive(): Promise<void> {
  for (const compiled of livePolicies()) await applyPolicy(compiled, { thorough: true });
}
