/** Text to tree. The grammar is in statements.ts, properties.ts, connections.ts and values.ts; here is the recovery. */
import type { Statement } from "../src/ast/nodes.js";
import { Tree } from "../src/ast/tree.js";
import { Diagnostics } from "../src/text/diagnostic.js";
import { SourceFile } from "../src/text/source.js";
import { HAS_WASM } from "../src/text/wasm.js";
import { readCommonLines } from "./common-lines.js";
import { explain, unclosedBrace } from "./explain.js";
import { spanOf } from "./items.js";
import { mended } from "./mend.js";
import type { Place, Within } from "./place.js";
import { PlainLines } from "./plain-lines.js";
import { type Advice, SyntaxProblem } from "./problem.js";
import { Mismatch } from "./recognizer.js";
import { type Chunk, Scanner } from "./scanner.js";
import { StatementGrammar } from "./statements.js";
import { EOF, type Token, type TokenType } from "./token.js";
import * as T from "./tokens.js";

/**
 * Parses a policy text. What is wrong goes to `diagnostics`, once for each broken statement; the tree has the others.
 * Never throws, whatever the text.
 */
export function parse(file: SourceFile, diagnostics: Diagnostics): Tree {
  const tree = new Tree(file);
  if (file.text.length < SHORT || !HAS_WASM) return parsed(tree, diagnostics);
  return PlainLines.over(tree.plain, (lines) => parsed(tree, diagnostics, lines));
}

/** Characters below which the grammar reads every line: to have another way ready would take longer. */
const SHORT = 2000;

function parsed(tree: Tree, diagnostics: Diagnostics, lines?: PlainLines): Tree {
  const { file } = tree;
  const add = (statement: Statement): void => tree.add(statement);
  const scanner = new Scanner(file, lines !== undefined);
  for (;;) {
    if (lines !== undefined) scanner.at = readCommonLines(tree, scanner.at, lines);
    if (scanner.done) break;
    parser ??= new PolicyParser();
    parser.parse(file, scanner.next(), add, diagnostics);
  }
  tree.comments = scanner.comments;
  return tree;
}

/** Constructed when the first line needs it: that takes longer than to parse a small policy. */
let parser: PolicyParser | undefined;

/** Tries mends while `parser` is at work. */
let trial: PolicyParser | undefined;

/** Whether a text is one statement, or one property of such a block, without an error. */
function isStatement(text: string, within: Within): boolean {
  const file = new SourceFile("", within === undefined ? text : `${within} x {\n${text}\n}`);
  const diagnostics = new Diagnostics();
  const statements: Statement[] = [];
  trial ??= new PolicyParser(true);
  for (const scanner = new Scanner(file); !scanner.done;)
    trial.parse(file, scanner.next(), (one) => statements.push(one), diagnostics);
  const [only] = statements;
  if (diagnostics.hasErrors || only === undefined || statements.length > 1) return false;
  return within === undefined || ("properties" in only && only.properties.length === 1);
}

/** Statements that are no property of any block. */
const ONLY_STATEMENTS = new Set<TokenType>([
  ...[T.Policy, T.Include, T.Let, T.Allow, T.Deny, T.Reject, T.Share, T.Assert],
]);

export class PolicyParser extends StatementGrammar {
  private add!: (statement: Statement) => void;
  private chunk!: Chunk;
  private within: Within;

  private readonly isTrial: boolean;

  /** @param isTrial only whether there are errors is asked, so that nobody looks for their mends */
  constructor(isTrial = false) {
    super();
    this.isTrial = isTrial;
  }

  /** Gives each statement of a chunk to `add`. */
  parse(file: SourceFile, chunk: Chunk, add: (statement: Statement) => void, diagnostics: Diagnostics): void {
    this.file = file;
    this.chunk = chunk;
    this.add = add;
    this.diagnostics = diagnostics;
    this.run(this.wholePolicy, chunk.tokens);
  }

  protected override everyStatement(statement: () => Statement): void {
    this.within = undefined;
    for (;;) {
      const token = this.LA(1);
      const type = token.tokenType;
      if (this.atEnd()) return;
      if (type === T.Separator) {
        this.SKIP_TOKEN();
      } else if (type === T.BlockClose) {
        this.report(
          token,
          new SyntaxProblem("stray-brace", spanOf(this.file, token), "this '}' closes nothing", {
            why: "each '}' closes a '{' before it",
            help: "remove it, or add the '{' that it should close",
          }),
        );
        this.SKIP_TOKEN();
      } else {
        const read = this.guarded(statement);
        if (read !== undefined) this.add(read);
      }
    }
  }

  /** The name is declared all the same: that others mean it is no further mistake. */
  protected override lacksBlock(): boolean {
    const [end, next] = [this.LA(1).tokenType, this.LA(2).tokenType];
    if (!(end === EOF || end === T.Separator) || next === T.BlockOpen) return false;
    const first = this.LA(-1);
    this.report(first, new Mismatch(first.tokenType === T.Container ? "container" : "network", T.BlockOpen));
    return true;
  }

  protected override block<P>(open: Token, property: () => P): P[] {
    const properties: P[] = [];
    this.within = this.LA(-2).tokenType === T.Container ? "container" : "network";
    const unclosed = this.chunk.unclosed.has(open);
    while (!this.atEnd() && this.LA(1).tokenType !== T.BlockClose && !(unclosed && this.atNextStatement())) {
      if (this.LA(1).tokenType === T.Separator) {
        this.SKIP_TOKEN();
      } else {
        const read = this.guarded(property);
        if (read !== undefined) properties.push(read);
      }
    }
    this.within = undefined;
    if (unclosed) this.report(open, unclosedBrace(this.file, open));
    else this.SKIP_TOKEN();
    return properties;
  }

  private atEnd(): boolean {
    return this.LA(1).tokenType === EOF;
  }

  /** At the start of a line, before what can only be a statement: here an unclosed block was meant to be over. */
  private atNextStatement(): boolean {
    if (!this.LA(0).image.includes("\n")) return false;
    const type = this.LA(1).tokenType;
    if (type === T.Network || type === T.Container) return this.LA(3).tokenType === T.BlockOpen;
    return ONLY_STATEMENTS.has(type);
  }

  /** Runs `parse` up to the end of a statement or property. After an error the next one begins here. */
  private guarded<S>(parse: () => S): S | undefined {
    const first = this.LA(1);
    try {
      // The grammar would find this too, but takes long to work out what it would have liked instead.
      if (!STARTS.has(first.tokenType) && first.tokenType !== T.EnvEntry)
        throw explain(this.place("start", undefined, first));
      const read = this.attempt(parse);
      this.requireEnd(first);
      return read;
    } catch (error) {
      this.report(first, error);
      this.recover();
      return undefined;
    }
  }

  private requireEnd(first: Token): void {
    const type = this.LA(1).tokenType;
    if (type === T.Separator || type === T.BlockClose || this.atEnd()) return;
    // A block that was never closed ends behind a separator.
    if (this.LA(0).tokenType === T.Separator) return;
    throw explain(this.place("end", undefined, first));
  }

  private report(first: Token, error: unknown): void {
    let problem = error;
    if (error instanceof Mismatch) problem = explain(this.place(error.rule, error.expected, first));
    if (!(problem instanceof SyntaxProblem)) throw problem;
    const { why } = problem.advice;
    this.diagnostics.error(problem.code, problem.span, problem.message, {
      why,
      help: this.help(problem.advice, first),
    });
  }

  /** The first mend that makes a statement of it, else the plain instruction. */
  private help({ help, mends = [] }: Advice, first: Token): string {
    if (this.isTrial) return help;
    const place = this.place("end", undefined, first);
    for (const mend of mends) {
      const text = mended(place, mend);
      if (text !== undefined && isStatement(text, this.within)) return `write ${text}`;
    }
    return help;
  }

  private place(rule: string, expected: TokenType | undefined, first: Token): Place {
    const { file, within } = this;
    return { file, rule, expected, first, within, unclosed: this.chunk.unclosed, token: (at) => this.LA(at) };
  }

  /** Skips the rest of a broken statement, blocks included. */
  private recover(): void {
    if (SPLIT.has(this.LA(0).tokenType) && this.LA(1).tokenType === T.Separator) {
      // The rest of a statement that was split over two lines.
      const next = this.LA(2).tokenType;
      if (OPERANDS.has(next)) this.SKIP_TOKEN();
    }
    for (let depth = 0; !this.atEnd(); this.SKIP_TOKEN()) {
      const { tokenType, image } = this.LA(1);
      if (tokenType === T.BlockOpen) depth++;
      else if (tokenType === T.BlockClose) {
        if (depth === 0) return;
        depth--;
      } else if (tokenType === T.Separator && depth === 0 && !this.belongsToBroken(image)) return;
    }
  }

  /** `allow a, b -> c` and a block whose brace begins a line: what follows the separator is no statement. */
  private belongsToBroken(separator: string): boolean {
    const next = this.LA(2);
    if (next.tokenType === T.BlockOpen || next.tokenType === T.Arrow) return true;
    return separator === "," && next.tokenType !== T.EnvEntry && !STARTS.has(next.tokenType);
  }
}

const SPLIT = new Set<TokenType>([T.Arrow, T.Colon, T.Except]);
const OPERANDS = new Set<TokenType>([T.Name, T.Quoted, T.Address, T.NumberWord, T.NumberRange, T.ListOpen]);
const STARTS = new Set(T.STARTS.values());
