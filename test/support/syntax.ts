/** Reading policies in tests: trees without their spans, problems as short texts. */
import { parse } from "../../grammar/parser.js";
import type { Tree } from "../../src/ast/tree.js";
import { PlainPublish } from "../../src/ast/plain-publish.js";
import { PlainRule } from "../../src/ast/plain-rule.js";
import { type Diagnostic, Diagnostics } from "../../src/text/diagnostic.js";
import { SourceFile } from "../../src/text/source.js";

export interface Reading {
  readonly tree: Tree;
  readonly problems: readonly Diagnostic[];
}

export function read(text: string): Reading {
  const diagnostics = new Diagnostics();
  const tree = parse(new SourceFile("test.tsnet", text), diagnostics);
  return { tree, problems: diagnostics.list };
}

/** The statements of a text that must have no problem, without spans. */
export function statementsOf(text: string): unknown[] {
  const { tree, problems } = read(text);
  if (problems.length > 0) throw new Error(`${problems[0]?.code}: ${problems[0]?.message}\n${text}`);
  return tree.statements.map((statement) => withoutSpans(statement));
}

/** `code 'text under the span'` of each problem. */
export function problemsOf(text: string): string[] {
  return read(text).problems.map(({ code, span }) => `${code} '${text.slice(span.start, span.end)}'`);
}

/** A copy without spans and undefined properties; with `ignoreQuotes` also without the note whether a name was quoted. */
export function withoutSpans(node: unknown, ignoreQuotes = false): unknown {
  if (Array.isArray(node)) return node.map((each) => withoutSpans(each, ignoreQuotes));
  if (typeof node !== "object" || node === null) return node;
  if (node instanceof PlainRule || node instanceof PlainPublish) return withoutSpans(node.toJSON(), ignoreQuotes);
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === "span" || value === undefined || (ignoreQuotes && key === "quoted")) continue;
    copy[key] = withoutSpans(value, ignoreQuotes);
  }
  return copy;
}
