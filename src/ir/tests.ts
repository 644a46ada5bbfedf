/** Files of tests: assertions about a policy that stand outside of it, in its names and with lets of their own. */
import { parse } from "../../grammar/parser.js";
import { parseAll, type Reading } from "../ast/include.js";
import type { AssertStatement, LetStatement, Statement } from "../ast/nodes.js";
import type { Diagnostics } from "../text/diagnostic.js";
import type { SourceFile } from "../text/source.js";
import { reopen } from "./ask.js";
import { ownAddresses } from "./own.js";
import type { Assertion, Policy } from "./policy.js";
import { Reach } from "./reach.js";
import { lowerAssertion } from "./rules.js";

/** One file that was given, and the assertions of it and of what it includes. */
export interface Suite {
  readonly file: SourceFile;
  readonly assertions: readonly Assertion[];
}

/**
 * Reads files of tests in the names of a policy. A file may hold assertions, lets, and includes of files that hold the
 * same; each file is read on its own, so that two may use one name for a let. Anything else is an error, as is a name
 * that the policy has already, and a file without an assertion, which would pass whatever the policy says.
 */
export function readSuites(
  policy: Policy,
  files: readonly SourceFile[],
  reading: Omit<Reading, "parse">,
  diagnostics: Diagnostics,
): Suite[] {
  const reach = new Reach(ownAddresses(policy.containers));
  return files.map((file) => {
    const before = diagnostics.list.length;
    const statements = parseAll([file], { ...reading, parse }, diagnostics).flatMap((tree) => tree.statements);
    const lets: LetStatement[] = [];
    const asserts: AssertStatement[] = [];
    for (const statement of statements) {
      if (statement.kind === "assert") asserts.push(statement);
      else if (statement.kind === "let") {
        if (!isTaken(policy, statement, diagnostics)) lets.push(statement);
      } else if (statement.kind !== "include") refuse(statement, diagnostics);
    }
    if (asserts.length === 0 && diagnostics.list.length === before)
      diagnostics.error("no-assertion", { file, start: 0, end: 0 }, "this file of tests asserts nothing", {
        why: "A test that asserts nothing passes whatever the policy says.",
        help: "write what must hold: assert deny c2 -> c1:22",
      });
    const low = reopen(policy, file, diagnostics, lets);
    return { file, assertions: asserts.flatMap((statement) => lowerAssertion(low, statement, reach) ?? []) };
  });
}

function isTaken(policy: Policy, { name }: LetStatement, diagnostics: Diagnostics): boolean {
  const { containers, networks, lets } = policy;
  const taken = [...containers, ...networks].some((one) => one.name === name.text) || lets.has(name.text);
  if (taken)
    diagnostics.error("duplicate-name", name.span, `the policy has a '${name.text}' already`, {
      why: "Tests speak in the policy's names, so that an assertion can mean only one thing.",
      help: "give the let another name",
    });
  return taken;
}

function refuse(statement: Statement, diagnostics: Diagnostics): void {
  const word = statement.kind === "rule" ? statement.verb : statement.kind;
  diagnostics.error("not-a-test", statement.span, `'${word}' doesn't belong in a file of tests`, {
    why: "A file of tests says what must hold of a policy: it has assert, let and include, and changes nothing.",
    help:
      statement.kind === "rule"
        ? `assert it: assert ${statement.verb === "allow" ? "allow" : "deny"} …`
        : "move it into the policy",
  });
}
