/** The page of `tsnet graph --format html`: wires its parts together. */
import type { PageData } from "../graph/page-data.js";
import { SOME_ADDRESSES } from "../graph/summary.js";
import { Data } from "./data.js";
import { byId, el } from "./dom.js";
import { shown, type Show } from "./filter.js";
import { Grid } from "./grid.js";
import { LOOKS } from "./looks.js";
import { Panel, type View } from "./panel.js";
import { Picture } from "./picture.js";
import { Source } from "./source.js";
import { setUpTheme } from "./theme.js";

const data = new Data(JSON.parse(byId("data").textContent ?? "") as PageData);
/** Where Back leads, the nearest last. */
const trail: View[] = [];
let current: View | undefined;

const panel = new Panel(data, { open: (view) => open(view), statement: (index) => openStatement(index) });
const grid = new Grid(byId("grid"), data, {
  onCell: (from, to) => open({ kind: "flow", from, to }),
  onEnd: (end) => open({ kind: "end", end }),
});
const source = new Source(byId("source"), data, (file, line) => openLine(file, line));
const picture = new Picture(data, {
  onGroups: (groups) => openGroups(groups),
  onPair: (from, to) => openPair(from, to),
});

function open(view: View): void {
  if (current !== undefined) trail.push(current);
  present(view);
}

function present(view: View): void {
  current = view;
  byId("panel-title").textContent = panel.title(view);
  byId("panel").replaceChildren(...panel.contents(view));
  byId("panel").parentElement?.scrollTo(0, 0);
  const back = byId("back");
  const last = trail[trail.length - 1];
  back.hidden = last === undefined;
  if (last !== undefined) back.textContent = `Back to ${panel.title(last)}`;
  highlight(view);
}

/** Shows in the matrix, the picture and the text what the panel speaks of. */
function highlight(view: View): void {
  const said = view.kind === "statements" ? view.list.flatMap((index) => data.decides(index)) : [];
  grid.mark(new Set(said.map(({ from, to }) => `${from} ${to}`)));
  if (view.kind === "flow") {
    grid.select(view.from, view.to);
    const [a, b] = [data.ends[view.from]?.group ?? -1, data.ends[view.to]?.group ?? -1];
    picture.highlight([[a, b]], [a, b]);
    const by = data.flow(view.from, view.to)?.cases.flatMap((one) => one.by) ?? [];
    const [first] = by.map((index) => data.statement(index));
    if (first !== undefined) source.mark(first.file, first.line, first.endLine, false);
  } else if (view.kind === "statements") {
    picture.highlight(
      said.map(({ from, to }) => [from, to] as const),
      [],
    );
  } else picture.highlight([], view.kind === "end" ? [data.ends[view.end]?.group ?? -1] : view.groups);
}

/** From a rule to its line. */
function openStatement(index: number): void {
  const { file, line, endLine } = data.statement(index);
  open({ kind: "statements", list: [index], file, line });
  source.mark(file, line, endLine, true);
}

/** From a line to what stands on it. */
function openLine(file: number, line: number): void {
  open({ kind: "statements", list: data.onLine(file, line), file, line });
  source.mark(file, line, line, false);
}

function openGroups(groups: readonly number[]): void {
  const ends = data.ends.flatMap((end, index) => (groups.includes(end.group) ? [index] : []));
  open(ends.length === 1 ? { kind: "end", end: ends[0] ?? 0 } : { kind: "groups", groups });
}

function openPair(from: number, to: number): void {
  const first = data.memberOf(from);
  open({ kind: "flow", from: first, to: data.memberOf(to, from === to ? first : -1) });
}

byId("back").addEventListener("click", () => {
  const last = trail.pop();
  if (last === undefined) return;
  present(last);
  byId("panel-title").focus({ preventScroll: true });
});

// Filters ------------------------------------------------------------------------------------------------------------

function value(id: string): string {
  return byId<HTMLInputElement>(id).value;
}

function refresh(): void {
  const result = shown(data, {
    from: value("filter-from"),
    to: value("filter-to"),
    service: value("filter-service"),
    show: value("filter-show") as Show,
  });
  grid.show(result);
  const total = data.ends.length;
  const count = `${result.rows.length} of ${total} rows, ${result.columns.length} of ${total} columns`;
  const none = result.rows.length === 0 ? "No pair is like that." : count;
  byId("count").textContent =
    result.problem === undefined ? none : `“${result.problem}” is no service: write 443, 53/udp or icmp`;
  byId("filter-service").setAttribute("aria-invalid", String(result.problem !== undefined));
}

const filters = byId<HTMLFormElement>("filters");
filters.addEventListener("input", refresh);
filters.addEventListener("submit", (event) => event.preventDefault());
byId("filter-reset").addEventListener("click", () => {
  filters.reset();
  refresh();
});

byId("matrix-legend").append(
  ...(["all", "some", "published", "refused", "none"] as const).map((kind) =>
    el(
      "li",
      {},
      el("span", { class: `cell ${kind} sample`, "aria-hidden": "true" }, LOOKS[kind].sign),
      LOOKS[kind].words,
    ),
  ),
);
if (data.page.flows.some(({ label }) => label.includes(SOME_ADDRESSES)))
  byId("matrix-legend").append(el("li", {}, `${SOME_ADDRESSES} for some addresses only`));
setUpTheme(byId<HTMLButtonElement>("theme"));
byId("panel").append(
  el("p", { class: "note" }, "Choose a cell of the matrix, an arrow or a box of the picture, or a line of the policy."),
  ...(data.page.others.length === 0
    ? []
    : [
        el(
          "ul",
          { class: "cases" },
          ...data.page.others.map(({ name, what }) => el("li", {}, el("code", {}, name), ` ${what}`)),
        ),
      ]),
);
refresh();
document.documentElement.dataset["ready"] = "true";
