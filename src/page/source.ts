/** The policy's text. Each line that a statement stands on is a button to what it decides. */
import type { Data } from "./data.js";
import { el } from "./dom.js";

/** Lines of one block: a block out of sight costs the browser nothing (content-visibility). */
const BLOCK = 100;

export class Source {
  private marked: HTMLElement[] = [];

  constructor(
    private readonly root: HTMLElement,
    data: Data,
    onLine: (file: number, line: number) => void,
  ) {
    const statements = linesOf(data);
    data.page.files.forEach(({ name, text }, file) => {
      if (data.page.files.length > 1) root.append(el("h3", { class: "file" }, name));
      const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
      for (let first = 0; first < lines.length; first += BLOCK) {
        const block = el("div", { class: "block" });
        block.style.containIntrinsicSize = `auto ${Math.min(BLOCK, lines.length - first) * 20}px`;
        block.append(
          ...lines.slice(first, first + BLOCK).map((line, i) => lineOf(file, first + i + 1, line, statements)),
        );
        root.append(block);
      }
    });
    root.addEventListener("click", (event) => {
      const line = (event.target as Element).closest<HTMLElement>("[data-line]");
      if (line !== null && !line.matches(".plain")) onLine(Number(line.dataset["file"]), Number(line.dataset["line"]));
    });
  }

  /** Shows lines, and puts the focus on the first where `focus` says so. */
  mark(file: number, first: number, last: number, focus: boolean): void {
    for (const line of this.marked) line.classList.remove("here");
    this.marked = [];
    for (let number = first; number <= last; number++) {
      const line = this.root.querySelector<HTMLElement>(`[data-file="${file}"][data-line="${number}"]`);
      if (line === null) continue;
      line.classList.add("here");
      this.marked.push(line);
    }
    const [top] = this.marked;
    top?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) top?.querySelector("button")?.focus({ preventScroll: true });
  }
}

/** `file line` of every line that a statement begins on. */
function linesOf(data: Data): ReadonlySet<string> {
  return new Set(data.page.statements.map(({ file, line }) => `${file} ${line}`));
}

function lineOf(file: number, number: number, text: string, statements: ReadonlySet<string>): HTMLElement {
  const said = statements.has(`${file} ${number}`);
  const label = said
    ? el("button", { type: "button", class: "number", "aria-label": `Line ${number}: what it decides` }, String(number))
    : el("span", { class: "number" }, String(number));
  return el(
    "div",
    { class: said ? "line" : "line plain", "data-file": String(file), "data-line": String(number) },
    label,
    el("code", {}, text),
  );
}
