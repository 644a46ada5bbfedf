/** The explanation of a cell, a statement, an end: what is said, by which line, and where to go from here. */
import type { Case } from "../graph/model.js";
import { type Data, flowWords, type Said, servicesText } from "./data.js";
import { button, type Child, el } from "./dom.js";

export type View =
  | { readonly kind: "flow"; readonly from: number; readonly to: number }
  | { readonly kind: "statements"; readonly list: readonly number[]; readonly file: number; readonly line: number }
  | { readonly kind: "end"; readonly end: number }
  | { readonly kind: "groups"; readonly groups: readonly number[] };

export interface Actions {
  readonly open: (view: View) => void;
  readonly statement: (index: number) => void;
}

/** Entries of a list before the others are counted. */
const MOST = 60;

export class Panel {
  constructor(
    private readonly data: Data,
    private readonly actions: Actions,
  ) {}

  title(view: View): string {
    const name = (end: number) => this.data.ends[end]?.name ?? "";
    if (view.kind === "flow") return `${name(view.from)} → ${name(view.to)}`;
    if (view.kind === "end") return name(view.end);
    if (view.kind === "groups") return "Containers";
    const { files } = this.data.page;
    return files.length > 1 ? `${files[view.file]?.name}:${view.line}` : `Line ${view.line}`;
  }

  contents(view: View): Node[] {
    if (view.kind === "flow") return this.flow(view.from, view.to);
    if (view.kind === "statements") return view.list.flatMap((index) => this.statement(index));
    if (view.kind === "end") return this.end(view.end);
    return this.groups(view.groups);
  }

  // A cell -----------------------------------------------------------------------------------------------------------

  private flow(from: number, to: number): Node[] {
    const flow = this.data.flow(from, to);
    if (flow === undefined) {
      const why =
        from === to
          ? "What a container says to itself never leaves it."
          : "No container of this policy is at either end: it is never touched.";
      return [el("p", { class: "verdict" }, why)];
    }
    const verdict = el("p", { class: `verdict ${flow.extent}` }, `${capital(flowWords(flow))}.`);
    if (flow.cases.length === 0) return [verdict, el("p", {}, "They have no addresses of the same family.")];
    const direct = flow.cases.filter((one) => one.via === undefined);
    const through = flow.cases.filter((one) => one.via !== undefined);
    return [
      verdict,
      ...section(
        "Direct",
        direct.map((one) => this.case(one, direct.length === 1)),
      ),
      ...section(
        "Through the host",
        through.map((one) => this.case(one, false)),
      ),
      el("p", { class: "note" }, this.alike(from), " ", this.alike(to)),
    ];
  }

  private alike(index: number): string {
    const end = this.data.ends[index];
    const { names } = this.data.group(end?.group ?? 0);
    return names.length < 2 ? "" : `The same holds for ${names.length - 1} more like ${end?.name}.`;
  }

  private case(one: Case, alone: boolean): HTMLElement {
    const places = [
      ...(one.from === undefined ? [] : [`from ${one.from}`]),
      ...(one.to === undefined ? [] : [`to ${one.to}`]),
    ];
    const reasons: Child[] = one.by.map((index) => this.link(index));
    if (one.default !== undefined) reasons.unshift(el("span", { class: "default" }, `Default: ${one.default}`));
    return el(
      "li",
      { class: `case ${one.verdict}` },
      el(
        "p",
        {},
        el("b", { class: `tag ${one.verdict}` }, one.verdict),
        " ",
        servicesText(one, alone),
        ...(places.length === 0 ? [] : [el("span", { class: "places" }, ` ${places.join(", ")}`)]),
      ),
      el("div", { class: "reasons" }, ...reasons),
    );
  }

  /** To a statement's line. */
  private link(index: number): HTMLElement {
    const { text, file, line } = this.data.statement(index);
    const { files } = this.data.page;
    const place = `${files[file]?.name}:${line}`;
    const link = button(
      "",
      { class: "statement", "data-statement": String(index), "aria-label": `${text}, ${place}: show the line` },
      () => this.actions.statement(index),
    );
    link.append(el("code", {}, text), el("span", { class: "place" }, place));
    return link;
  }

  // A statement ------------------------------------------------------------------------------------------------------

  private statement(index: number): Node[] {
    const said = this.data.decides(index);
    const { text } = this.data.statement(index);
    const lines = new Map<string, Said>();
    for (const one of said) {
      const key = `${one.from} ${one.to} ${one.case.verdict}`;
      if (!lines.has(key)) lines.set(key, one);
    }
    const list = [...lines.values()];
    const entries = list.slice(0, MOST).map((one) => this.saidLine(one));
    const what =
      list.length === 0 ? "Decides no packet by itself." : "Decides this, as marked in the matrix and the picture:";
    return [
      el("p", { class: "said" }, el("code", {}, text)),
      el("p", { class: "note" }, what),
      el(
        "ul",
        { class: "ways" },
        ...entries,
        list.length > MOST ? el("li", { class: "note" }, `and ${list.length - MOST} more`) : undefined,
      ),
    ];
  }

  private saidLine({ from, to, case: one }: Said): HTMLElement {
    const [a] = [this.data.memberOf(from)];
    const b = this.data.memberOf(to, from === to ? a : -1);
    const other = b === -1 ? a : b;
    const words = (group: number) => {
      const { names } = this.data.group(group);
      return names.length <= 3 ? names.join(", ") : `${names[0]} and ${names.length - 1} alike`;
    };
    const what = one.default === undefined ? servicesText(one, true) : `${servicesText(one, true)}, as the default`;
    return el(
      "li",
      {},
      el("b", { class: `tag ${one.verdict}` }, one.verdict),
      " ",
      button(`${words(from)} → ${words(to)}`, { class: "way" }, () =>
        this.actions.open({ kind: "flow", from: a ?? 0, to: other }),
      ),
      el("span", { class: "places" }, ` ${what}`),
    );
  }

  // An end -----------------------------------------------------------------------------------------------------------

  private end(index: number): Node[] {
    const end = this.data.ends[index];
    if (end === undefined) return [];
    const { networks } = this.data.group(end.group);
    const facts = [...networks.map((name) => `on ${name}`), ...end.addresses];
    return [
      ...(facts.length === 0 ? [] : [el("p", { class: "note" }, facts.join(", "))]),
      ...section("Reaches", this.ways(index, true)),
      ...section("Is reached by", this.ways(index, false)),
    ];
  }

  /** What an end reaches, or by whom it is reached; ends alike are one line. */
  private ways(index: number, out: boolean): HTMLElement[] {
    const lines = this.data.page.groups.flatMap(({ names }, group) => {
      const other = this.data.memberOf(group, index);
      if (other === -1) return [];
      const [from, to] = out ? [index, other] : [other, index];
      const flow = this.data.flow(from, to);
      if (flow === undefined || flow.extent === "none") return [];
      const words = names.length === 1 ? (names[0] ?? "") : `${names[0]} and ${names.length - 1} alike`;
      return [
        el(
          "li",
          {},
          button(words, { class: "way" }, () => this.actions.open({ kind: "flow", from, to })),
          el("span", { class: "places" }, ` ${flow.label}`),
        ),
      ];
    });
    if (lines.length === 0) return [el("li", { class: "note" }, "nobody")];
    return lines.length <= MOST
      ? lines
      : [...lines.slice(0, MOST), el("li", { class: "note" }, `and ${lines.length - MOST} more`)];
  }

  private groups(groups: readonly number[]): Node[] {
    const ends = this.data.ends.flatMap((end, index) => (groups.includes(end.group) ? [index] : []));
    const items = ends.slice(0, MOST * 4).map((index) =>
      el(
        "li",
        {},
        button(this.data.ends[index]?.name ?? "", { class: "way" }, () =>
          this.actions.open({ kind: "end", end: index }),
        ),
      ),
    );
    const more =
      ends.length > items.length
        ? el("li", { class: "note" }, `and ${ends.length - items.length} more: filter the matrix`)
        : undefined;
    return [el("ul", { class: "names" }, ...items, more)];
  }
}

function section(title: string, items: readonly HTMLElement[]): Node[] {
  return items.length === 0 ? [] : [el("h3", {}, title), el("ul", { class: "cases" }, ...items)];
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
