/** The grammar of values: items, lists, peers, ports, log. */
import type { Item, Limit, List, Log, Name, Peers } from "../src/ast/nodes.js";
import type { Diagnostics } from "../src/text/diagnostic.js";
import type { SourceFile, Span } from "../src/text/source.js";
import { type ListKind, requireKind, requireNoGap, requireUnit, requireWholeRange } from "./checks.js";
import { addressOf, nameOf, numberOf, portOf, spanOf } from "./items.js";
import { SyntaxProblem } from "./problem.js";
import { Recognizer } from "./recognizer.js";
import type { Token } from "./token.js";
import * as T from "./tokens.js";

type ListArguments = { ARGS: [ListKind] };
/** Arguments made once: a fresh object on every call would show. */
export const PEERS: ListArguments = { ARGS: ["peers"] };
export const PORTS: ListArguments = { ARGS: ["ports"] };
export const NAMES: ListArguments = { ARGS: ["names"] };
export const ANY: ListArguments = { ARGS: ["any"] };

/** What an action returns while the grammar is recorded; nobody looks at it. */
export const RECORDED = undefined as never;

export abstract class ValueGrammar extends Recognizer {
  protected file!: SourceFile;
  protected diagnostics!: Diagnostics;

  /** From the token `first` to the last one consumed. */
  protected since(first: Token): Span {
    const last = this.LA(0);
    return { file: this.file, start: first.startOffset, end: last.startOffset + last.image.length };
  }

  protected nameNode(token: Token): Name {
    return this.RECORDING_PHASE ? RECORDED : nameOf(this.file, token);
  }

  protected readonly item = this.RULE("item", (kind: ListKind): Item => {
    const item = this.OR<Item>([
      { ALT: () => this.nameItem(this.CONSUME(T.AnyName)) },
      { ALT: () => this.portItem() },
      { ALT: () => this.addressItem(this.CONSUME(T.Address)) },
      { ALT: () => this.bracketedItem() },
    ]);
    if (!this.RECORDING_PHASE) requireKind(item, kind);
    return item;
  });

  private nameItem(token: Token): Item {
    if (this.RECORDING_PHASE) return RECORDED;
    const name = nameOf(this.file, token);
    return { kind: "name", name, span: name.span };
  }

  private portItem(): Item {
    const port = this.CONSUME(T.PortNumber);
    const protocol = this.OPTION(() => {
      const slash = this.CONSUME(T.Slash);
      const word = this.CONSUME(T.Name);
      if (this.RECORDING_PHASE) return word;
      requireNoGap(this.file, port, slash, word);
      requireWholeRange(this.file, port, word);
      return word;
    });
    return this.RECORDING_PHASE ? RECORDED : portOf(this.file, port, protocol);
  }

  protected addressItem(token: Token): Item {
    return this.RECORDING_PHASE ? RECORDED : addressOf(this.file, token);
  }

  protected bracketedItem(): Item {
    const open = this.CONSUME(T.BracketOpen);
    const token = this.CONSUME2(T.Address);
    this.CONSUME(T.BracketClose);
    if (this.RECORDING_PHASE) return RECORDED;
    const item = addressOf(this.file, token);
    const span = this.since(open);
    if (item.kind === "address" && item.text.includes(":")) return { ...item, bracketed: true, span };
    const needsBraces = token.image.includes(":") && this.LA(1).tokenType === T.Colon;
    throw new SyntaxProblem("bad-brackets", span, "brackets hold one IPv6 address and nothing else", {
      why: "they set the colons of the address apart from the one before a port",
      help: `leave the brackets out: ${token.image}`,
      mends: [{ start: span.start, end: span.end, text: needsBraces ? `{${token.image}}` : token.image }],
    });
  }

  protected readonly list = this.RULE("list", (kind: ListKind): List => {
    const first = this.LA(1);
    const items: Item[] = [];
    this.OR([
      { ALT: () => items.push(this.SUBRULE(this.item, { ARGS: [kind] })) },
      {
        ALT: () => {
          this.CONSUME(T.ListOpen);
          this.MANY(() => this.CONSUME(T.ItemSeparator));
          items.push(this.SUBRULE2(this.item, { ARGS: [kind] }));
          this.MANY2(() => {
            this.AT_LEAST_ONE(() => this.CONSUME2(T.ItemSeparator));
            this.OPTION(() => items.push(this.SUBRULE3(this.item, { ARGS: [kind] })));
          });
          this.CONSUME(T.ListClose);
        },
      },
    ]);
    if (this.RECORDING_PHASE) return RECORDED;
    const braced = first.tokenType === T.ListOpen;
    return { items, braced, span: braced ? this.since(first) : (items[0] as Item).span };
  });

  protected readonly peers = this.RULE("peers", (): Peers => {
    const include = this.SUBRULE(this.list, PEERS);
    const except = this.OPTION(() => {
      this.CONSUME(T.Except);
      return this.SUBRULE2(this.list, PEERS);
    });
    if (this.RECORDING_PHASE) return RECORDED;
    const span =
      except === undefined ? include.span : { file: this.file, start: include.span.start, end: except.span.end };
    return { include, except, span };
  });

  protected readonly ports = this.RULE("ports", (): List => {
    const before = this.LA(0);
    const colon = this.CONSUME(T.Colon);
    const after = this.LA(1);
    const list = this.SUBRULE(this.list, PORTS);
    if (!this.RECORDING_PHASE) requireNoGap(this.file, before, colon, after);
    return list;
  });

  protected readonly log = this.RULE("log", (): Log => {
    const first = this.CONSUME(T.Log);
    const prefix = this.OPTION(() => this.nameNode(this.CONSUME(T.Quoted)));
    const limit = this.OPTION2(() => this.SUBRULE(this.limit));
    return this.RECORDING_PHASE ? RECORDED : { prefix, limit, span: this.since(first) };
  });

  private readonly limit = this.RULE("limit", (): Limit => {
    const first = this.CONSUME(T.Limit);
    const count = this.CONSUME(T.NumberWord);
    const slash = this.CONSUME(T.Slash);
    const unit = this.CONSUME(T.Name);
    if (this.RECORDING_PHASE) return RECORDED;
    requireNoGap(this.file, count, slash, unit);
    const { value } = numberOf(this.file, count, "limit");
    const per = requireUnit(unit.image, spanOf(this.file, unit));
    return { count: value, per, span: this.since(first) };
  });
}
