/** What statements say between groups, a word an arrow: what a picture is made of. Pure. */
import type { Case, Flow, Graph } from "./model.js";
import type { Style } from "./picture.js";
import { type Services, serviceWords } from "./services.js";
import { isPartial, SOME_ADDRESSES } from "./summary.js";

export interface Saying {
  readonly from: number;
  readonly to: number;
  readonly style: Style;
  /** `22`, `all`, `8443→443`. */
  readonly word: string;
  /** Of a published port the container's port alone. */
  readonly inner: string | undefined;
}

export function arrowsOf(graph: Graph): Saying[] {
  const { groups, matrix, flows } = graph;
  const zone = (name: string) => groups.findIndex((group) => group.zone === name);
  const [world, host] = [zone("world"), zone("host")];
  const flow = (from: number, to: number): Flow | undefined => flows[matrix[from]?.[to] ?? -1];
  const opened = (from: number, to: number, statement: number) =>
    flow(from, to)?.cases.some((one) => one.via?.statement === statement && one.verdict === "allow") === true;
  /** A published port is open to almost everybody: one arrow says it, from the farthest who may. */
  const isDrawn = (from: number, to: number, statement: number) =>
    from === world || (!opened(world, to, statement) && (from === host || !opened(host, to, statement)));
  return groups.flatMap((_, from) =>
    groups.flatMap((_, to) =>
      (flow(from, to)?.cases ?? []).flatMap((one): Saying[] => {
        if (one.default !== undefined || (one.verdict !== "allow" && !one.cuts)) return [];
        if (one.via !== undefined && !isDrawn(from, to, one.via.statement)) return [];
        return sayings(one).map((words) => ({ from, to, style: styleOf(one), ...words }));
      }),
    ),
  );
}

function styleOf({ verdict, via }: Case): Style {
  if (verdict !== "allow") return "deny";
  return via === undefined ? "allow" : "publish";
}

function sayings(one: Case): { word: string; inner: string | undefined }[] {
  const { via, rest, services, ports, verdict } = one;
  const marked = (word: string) => (isPartial(one) ? `${word}${SOME_ADDRESSES}` : word);
  if (via === undefined) return (rest ? ["all"] : services).map((word) => ({ word: marked(word), inner: undefined }));
  if (verdict !== "allow")
    return serviceWords(ports as Services).map((word) => ({
      word: marked(`:${word}`),
      inner: marked(`→${services.join()}`),
    }));
  return via.ways.map((way) => {
    const [outer, inner] = way.split(" -> ");
    return { word: marked(`${outer}→${inner}`), inner: marked(`→${inner}`) };
  });
}
