/**
 * A parser that needn't analyse its grammar when it is constructed.
 *
 * Chevrotain records every rule and works out the lookahead each time that a parser is made, which every policy with a
 * block would feel at its start. What comes of it depends on the grammar alone, so it is in generated/lookahead.json,
 * and a test holds that to be what an analysis finds.
 *
 * Chevrotain (11.2) has no interface for this; the fields below are its own, by its names.
 */
import { EmbeddedActionsParser, type Rule } from "chevrotain";
import generated from "./generated/lookahead.json" with { type: "json" };
import { type Choice, choiceOf, type Entrance, entranceOf, tableOf } from "./lookahead.js";

/** Of each decision, by Chevrotain's key for it: the tokens' numbers and choices, or the tokens that lead into a part. */
export interface LookaheadTables {
  readonly choices: Readonly<Record<string, readonly (readonly [token: number, choice: number])[]>>;
  readonly entrances: Readonly<Record<string, readonly number[]>>;
}

/** Fields and methods of Chevrotain's parser that its types don't show. */
interface Inner {
  definedRulesNames: string[];
  lookAheadFuncsCache: Map<number, Choice | Entrance>;
}

export abstract class PreparedParser extends EmbeddedActionsParser {
  private recorded = true;
  private analysed: PreparedParser | undefined;

  /** Makes the same parser, analysed: for messages that need the grammar itself. */
  protected abstract anew(): PreparedParser;

  /** In place of `performSelfAnalysis`. */
  protected prepare(): void {
    this.recorded = false;
    const inner = this as unknown as Inner;
    const names = inner.definedRulesNames;
    // What is left of the analysis is that V8 takes the parser for an object of fixed shape.
    inner.definedRulesNames = [];
    this.performSelfAnalysis();
    inner.definedRulesNames = names;
    const { choices, entrances } = generated as unknown as LookaheadTables;
    const { lookAheadFuncsCache } = inner;
    for (const [key, table] of Object.entries(choices)) lookAheadFuncsCache.set(Number(key), choiceOf(new Map(table)));
    for (const [key, table] of Object.entries(entrances))
      lookAheadFuncsCache.set(Number(key), entranceOf(new Set(table)));
  }

  /** Of a parser that was analysed: what `prepare` reads. */
  lookaheadTables(): LookaheadTables {
    const choices: Record<string, [number, number][]> = {};
    const entrances: Record<string, number[]> = {};
    const byNumber = (a: number, b: number): number => a - b;
    for (const [key, made] of (this as unknown as Inner).lookAheadFuncsCache) {
      const table = tableOf(made);
      if (table instanceof Map) choices[key] = [...(table as Map<number, number>)].sort((a, b) => a[0] - b[0]);
      else entrances[key] = [...(table as Set<number>)].sort(byNumber);
    }
    return { choices, entrances };
  }

  override getGAstProductions(): Record<string, Rule> {
    if (this.recorded) return super.getGAstProductions();
    this.analysed ??= this.anew();
    return this.analysed.getGAstProductions();
  }

  /** Chevrotain puts eighty methods on the parser for the recording, and takes them away: nothing is recorded here. */
  protected enableRecording(): void {
    if (this.recorded) (EmbeddedActionsParser.prototype as unknown as Recording).enableRecording.call(this);
  }

  protected disableRecording(): void {
    if (this.recorded) (EmbeddedActionsParser.prototype as unknown as Recording).disableRecording.call(this);
  }
}

interface Recording {
  enableRecording(this: unknown): void;
  disableRecording(this: unknown): void;
}
