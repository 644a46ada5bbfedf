/** Lines, indentation, comments and blank lines of formatted text. */
import type { SourceFile, Span } from "../text/source.js";
import type { Comment } from "./nodes.js";
import type { Tree } from "./tree.js";

/**
 * Writes nodes in the order of the source and places the comments between them.
 *
 * A comment behind something on its line stays behind it; a comment inside a statement moves in front of it; every
 * other has a line of its own. One blank line stays where there were any, except at the edges of a file or block.
 */
export class Layout {
  private readonly file: SourceFile;
  private readonly comments: readonly Comment[];
  private next = 0;
  private readonly output: string[] = [];
  private indent = "";
  /** The first line of the block that is being written. */
  private opening = "";
  /** The line of the source where the last thing written ended; undefined at the start of a file or block. */
  private lastLine: number | undefined;
  /** The line of the source behind whose code a comment may still be written. */
  private openLine: number | undefined;

  constructor(tree: Tree) {
    this.file = tree.file;
    this.comments = tree.comments;
  }

  /** Writes `nodes` with what stands between them. */
  lines<N extends { readonly span: Span }>(nodes: readonly N[], write: (node: N) => void): void {
    for (const node of nodes) {
      this.commentsBefore(node.span.start);
      write(node);
    }
  }

  /** Writes a statement that takes one line; comments from inside it come first. */
  line(text: string, span: Span): void {
    this.blankBefore(span.start);
    for (let comment = this.peek(span.end); comment !== undefined; comment = this.peek(span.end)) {
      this.write(comment.text);
      this.next++;
    }
    this.write(text);
    this.ended(span.end);
  }

  /** Writes the first line of a block. */
  open(text: string, span: Span): void {
    this.blankBefore(span.start);
    this.write(text);
    this.opening = text;
    this.indent = "  ";
    this.lastLine = undefined;
    this.openLine = this.file.position(span.start).line;
  }

  /** Writes the rest of a block; an empty one is closed on its own line. */
  close(span: Span): void {
    this.commentsBefore(span.end);
    this.indent = "";
    // What is written in a block is indented, so its first line is the last one only while nothing follows it.
    const last = this.output.length - 1;
    if (this.output[last] === this.opening) this.output[last] += " }";
    else this.write("}");
    this.ended(span.end);
  }

  end(): string {
    this.commentsBefore(this.file.text.length + 1);
    return this.output.length === 0 ? "" : `${this.output.join("\n")}\n`;
  }

  private commentsBefore(offset: number): void {
    for (let comment = this.peek(offset); comment !== undefined; comment = this.peek(offset)) {
      const line = this.file.position(comment.span.start).line;
      if (line === this.openLine) {
        this.output[this.output.length - 1] += ` ${comment.text}`;
        this.openLine = undefined;
      } else {
        this.blankBefore(comment.span.start);
        this.write(comment.text);
        this.ended(comment.span.end);
      }
      this.next++;
    }
  }

  /** The next comment if it begins before `offset`. */
  private peek(offset: number): Comment | undefined {
    const comment = this.comments[this.next];
    return comment !== undefined && comment.span.start < offset ? comment : undefined;
  }

  private blankBefore(offset: number): void {
    const { line } = this.file.position(offset);
    if (this.lastLine !== undefined && line > this.lastLine + 1) this.output.push("");
  }

  private write(text: string): void {
    this.output.push(this.indent + text);
  }

  private ended(offset: number): void {
    this.lastLine = this.file.position(offset).line;
    this.openLine = this.lastLine;
  }
}
