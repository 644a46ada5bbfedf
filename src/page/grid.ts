/**
 * The matrix: an ARIA grid of which only what is in sight is in the document. The grid itself has the focus and names the
 * active cell (aria-activedescendant), so nothing is lost when cells come and go.
 */
import { type Data, flowWords } from "./data.js";
import { el } from "./dom.js";
import type { Shown } from "./filter.js";
import { lookOf, wordsOf } from "./looks.js";
import { type Drawn, keep, numbers, span } from "./window.js";

const ROW = 30;
const NARROW = 30;
const WIDEST = 200;
/** From here on there is room for words. */
const READABLE = 64;
/** Room for a scroll bar. */
const SCROLLBAR = 16;

export interface GridEvents {
  readonly onCell: (from: number, to: number) => void;
  readonly onEnd: (end: number) => void;
}

interface Line extends Drawn {
  readonly cells: Map<number, Drawn>;
}

interface Metrics {
  readonly head: number;
  readonly side: number;
  readonly column: number;
  readonly words: boolean;
}

export class Grid {
  private shown: Shown = { rows: [], columns: [], hits: undefined, problem: undefined };
  private metrics: Metrics = { head: ROW, side: 100, column: NARROW, words: false };
  /** Row and column; -1 is a header. */
  private active = { row: 0, column: 0 };
  private selected: readonly [number, number] | undefined;
  private marked: ReadonlySet<string> = new Set();
  private readonly body = el("div", { role: "rowgroup", class: "cells" });
  private readonly header = el("div", { role: "row", class: "columns", "aria-rowindex": "1" });
  /** Rows that are in the document, by their numbers. */
  private readonly lines = new Map<number, Line>();
  private pending = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly data: Data,
    private readonly events: GridEvents,
  ) {
    root.append(el("div", { role: "rowgroup", class: "head" }, this.header), this.body);
    root.addEventListener("scroll", () => this.later(), { passive: true });
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => this.resize()).observe(root.parentElement ?? root);
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.active = {
      row: Math.min(this.active.row, shown.rows.length - 1),
      column: Math.min(this.active.column, shown.columns.length - 1),
    };
    this.active = { row: Math.max(this.active.row, 0), column: Math.max(this.active.column, 0) };
    this.root.scrollTo(0, 0);
    this.resize();
  }

  /** The cell that is explained. */
  select(from: number, to: number): void {
    this.selected = [from, to];
    const [row, column] = [this.shown.rows.indexOf(from), this.shown.columns.indexOf(to)];
    if (row >= 0 && column >= 0) {
      this.active = { row, column };
      this.reveal();
    }
    this.render();
  }

  /** Pairs of groups, as `from to`, that a statement decides. */
  mark(pairs: ReadonlySet<string>): void {
    this.marked = pairs;
    this.render();
  }

  private resize(): void {
    const { rows, columns } = this.shown;
    const longest = (list: readonly number[]) =>
      Math.max(4, ...list.map((end) => [...(this.data.ends[end]?.name ?? "")].length));
    const side = Math.min(220, Math.max(100, Math.round(longest(rows) * 7.9) + 26));
    const room = this.root.clientWidth - side;
    const column = Math.max(NARROW, Math.min(WIDEST, Math.floor(room / Math.max(1, columns.length))));
    const name = Math.round(longest(columns) * 7.9);
    const level = name + 12 <= column;
    this.metrics = { side, column, words: column >= READABLE, head: level ? ROW + 4 : Math.min(150, name + 24) };
    this.root.classList.toggle("level", level);
    this.root.setAttribute("aria-rowcount", String(rows.length + 1));
    this.root.setAttribute("aria-colcount", String(columns.length + 1));
    const bar = columns.length * column > room ? SCROLLBAR : 0;
    this.root.style.height = `min(62vh, ${this.metrics.head + rows.length * ROW + bar + 2}px)`;
    this.header.style.height = `${this.metrics.head}px`;
    const width = `${side + columns.length * column}px`;
    this.header.style.width = width;
    this.body.style.width = width;
    this.body.style.height = `${rows.length * ROW}px`;
    this.render();
  }

  private later(): void {
    if (this.pending === 0) this.pending = requestAnimationFrame(() => this.render(false));
  }

  // Drawing ----------------------------------------------------------------------------------------------------------

  /** Everything in sight; what is there already stays where nothing but the place changed. */
  private render(anew = true): void {
    cancelAnimationFrame(this.pending);
    this.pending = 0;
    if (anew) {
      this.lines.clear();
      this.body.replaceChildren();
    }
    const { rows, columns } = this.shown;
    const { side, column, head } = this.metrics;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.root;
    const visibleRows = span(scrollTop, clientHeight - head, ROW, rows.length);
    const visible = span(scrollLeft, clientWidth - side, column, columns.length);
    this.header.replaceChildren(this.corner(), ...numbers(visible).map((c) => this.columnHeader(c)));
    keep(this.body, this.lines, visibleRows, (r) => this.row(r));
    for (const [r, line] of this.lines) keep(line.element, line.cells, visible, (c) => ({ element: this.cell(r, c) }));
    const { row, column: active } = this.active;
    const id = idOf(row, active);
    if (document.getElementById(id) === null) this.root.removeAttribute("aria-activedescendant");
    else this.root.setAttribute("aria-activedescendant", id);
  }

  private corner(): HTMLElement {
    const corner = el("div", { role: "columnheader", class: "corner", "aria-colindex": "1" }, "from \\ to");
    corner.style.width = `${this.metrics.side}px`;
    return corner;
  }

  private columnHeader(c: number): HTMLElement {
    const end = this.shown.columns[c] as number;
    const name = this.data.ends[end]?.name ?? "";
    const active = this.active.row === -1 && this.active.column === c;
    const cell = el(
      "div",
      {
        role: "columnheader",
        id: idOf(-1, c),
        class: classes("column", [active, "active"]),
        "aria-colindex": String(c + 2),
        "data-row": "-1",
        "data-column": String(c),
        title: name,
      },
      el("span", {}, name),
    );
    cell.style.left = `${this.metrics.side + c * this.metrics.column}px`;
    cell.style.width = `${this.metrics.column}px`;
    return cell;
  }

  private row(r: number): Line {
    const end = this.shown.rows[r] as number;
    const name = this.data.ends[end]?.name ?? "";
    const active = this.active.column === -1 && this.active.row === r;
    const header = el(
      "div",
      {
        role: "rowheader",
        id: idOf(r, -1),
        class: classes("name", [active, "active"]),
        "aria-colindex": "1",
        "data-row": String(r),
        "data-column": "-1",
        title: name,
      },
      name,
    );
    header.style.width = `${this.metrics.side}px`;
    const line = el("div", { role: "row", class: "row", "aria-rowindex": String(r + 2) }, header);
    line.style.top = `${r * ROW}px`;
    return { element: line, cells: new Map() };
  }

  private cell(r: number, c: number): HTMLElement {
    const [from, to] = [this.shown.rows[r] as number, this.shown.columns[c] as number];
    const position = this.data.position(from, to);
    const flow = this.data.page.flows[position];
    const [a, b] = [this.data.ends[from], this.data.ends[to]];
    const { hits } = this.shown;
    const selected = this.selected?.[0] === from && this.selected[1] === to;
    const miss = hits !== undefined && hits[position] !== 1;
    const look = lookOf(flow);
    const text = this.metrics.words ? wordsOf(flow) : look.sign;
    const cell = el(
      "div",
      {
        role: "gridcell",
        id: idOf(r, c),
        class: classes(
          `cell ${look.kind}`,
          [selected, "selected"],
          [this.active.row === r && this.active.column === c, "active"],
          [miss, "miss"],
          [this.marked.has(`${a?.group} ${b?.group}`) && from !== to, "marked"],
        ),
        "aria-colindex": String(c + 2),
        "aria-label": `${a?.name} to ${b?.name}: ${from === to && flow === undefined ? "itself" : flowWords(flow)}`,
        "aria-selected": String(selected),
        "data-row": String(r),
        "data-column": String(c),
        title: `${a?.name} → ${b?.name}: ${flowWords(flow)}`,
      },
      text,
    );
    cell.style.left = `${this.metrics.side + c * this.metrics.column}px`;
    cell.style.width = `${this.metrics.column}px`;
    return cell;
  }

  // Moving -----------------------------------------------------------------------------------------------------------

  private onClick(event: Event): void {
    const cell = (event.target as Element).closest<HTMLElement>("[data-row]");
    if (cell === null) return;
    this.active = { row: Number(cell.dataset["row"]), column: Number(cell.dataset["column"]) };
    this.root.focus({ preventScroll: true });
    this.press();
  }

  private press(): void {
    const { row, column } = this.active;
    const [from, to] = [this.shown.rows[row], this.shown.columns[column]];
    if (from !== undefined && to !== undefined) this.events.onCell(from, to);
    else if (from !== undefined || to !== undefined) this.events.onEnd((from ?? to) as number);
    this.render();
  }

  private onKey(event: KeyboardEvent): void {
    const { row, column } = this.active;
    const [lastRow, lastColumn] = [this.shown.rows.length - 1, this.shown.columns.length - 1];
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW) - 2);
    const moves: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      PageUp: [row - page, column],
      PageDown: [row + page, column],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? lastRow : row, lastColumn],
    };
    const to = moves[event.key];
    if (to === undefined) {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      return this.press();
    }
    event.preventDefault();
    const bounded = (value: number, last: number) => Math.min(Math.max(value, -1), last);
    this.active = { row: bounded(to[0], lastRow), column: bounded(to[1], lastColumn) };
    if (this.active.row === -1 && this.active.column === -1) this.active = { row, column };
    this.reveal();
    this.render();
  }

  /** Scrolls no further than needed. */
  private reveal(): void {
    const { row, column } = this.active;
    const { head, side, column: width } = this.metrics;
    const { root } = this;
    const top = row * ROW;
    const left = column * width;
    const [height, room] = [root.clientHeight - head, root.clientWidth - side];
    if (row >= 0) root.scrollTop = Math.min(Math.max(root.scrollTop, top + ROW - height), top);
    if (column >= 0) root.scrollLeft = Math.min(Math.max(root.scrollLeft, left + width - room), left);
  }
}

function idOf(row: number, column: number): string {
  return `cell-${row}-${column}`;
}

function classes(always: string, ...more: readonly (readonly [boolean, string])[]): string {
  return [always, ...more.filter(([yes]) => yes).map(([, name]) => name)].join(" ");
}
