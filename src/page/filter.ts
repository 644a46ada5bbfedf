/** Which rows and columns of the matrix are shown. */
import type { Case } from "../graph/model.js";
import type { Data } from "./data.js";

export type Show = "every" | "open" | "said" | "published" | "refused";

export interface Filter {
  readonly from: string;
  readonly to: string;
  readonly service: string;
  readonly show: Show;
}

export interface Shown {
  /** Ends, by their positions. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  /** Whether a flow, by its position, is what was asked for; undefined where nothing was. */
  readonly hits: Uint8Array | undefined;
  /** What the service can't be read as; undefined where it can. */
  readonly problem: string | undefined;
}

export function shown(data: Data, { from, to, service, show }: Filter): Shown {
  const rows = named(data, from);
  const columns = named(data, to);
  const asked = parseService(service);
  if (asked === "unreadable") return { rows, columns, hits: undefined, problem: service.trim() };
  if (asked === undefined && show === "every") return { rows, columns, hits: undefined, problem: undefined };
  const hits = Uint8Array.from(data.page.flows, ({ cases }) =>
    cases.some((one) => meetsAsked(one, show, asked)) ? 1 : 0,
  );
  const meets = (row: number, column: number) => {
    const position = data.position(row, column);
    return position >= 0 && hits[position] === 1;
  };
  const keptRows = rows.filter((row) => columns.some((column) => meets(row, column)));
  return {
    rows: keptRows,
    columns: columns.filter((column) => keptRows.some((row) => meets(row, column))),
    hits,
    problem: undefined,
  };
}

/** Ends whose name, or a network's name, holds one of the words. */
function named(data: Data, text: string): number[] {
  const words = text
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== "");
  const all = data.ends.map((_, index) => index);
  if (words.length === 0) return all;
  return all.filter((index) => {
    const end = data.ends[index];
    const texts = [
      end?.name ?? "",
      ...(end === undefined ? [] : data.group(end.group).networks),
      ...(end?.addresses ?? []),
    ];
    return words.some((word) => texts.some((one) => one.toLowerCase().includes(word)));
  });
}

/** Whether a case is what was asked for. A service alone asks for where it is allowed. */
function meetsAsked(one: Case, show: Show, asked: Service | undefined): boolean {
  if (asked !== undefined && !covers(one, asked)) return false;
  const said = one.default === undefined;
  if (show === "said") return said;
  if (show === "refused") return said && one.verdict !== "allow";
  return one.verdict === "allow" && (show !== "published" || one.via !== undefined);
}

interface Service {
  readonly protocol: number;
  readonly port: number;
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, icmp: 1 };

/** `443`, `53/udp`, `icmp`, `udp`; undefined for nothing. */
function parseService(text: string): Service | "unreadable" | undefined {
  const word = text.trim().toLowerCase().replace(/^:/, "");
  if (word === "") return undefined;
  if (word in PROTOCOLS) return { protocol: PROTOCOLS[word] ?? 0, port: 0 };
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(word);
  if (match === null || Number(match[1]) > 65535) return "unreadable";
  return { protocol: PROTOCOLS[match[2] ?? "tcp"] ?? 6, port: Number(match[1]) };
}

/** Port 0: any port of the protocol. Of a published port both the host's and the container's count. */
function covers({ ports, services, via }: Case, { protocol, port }: Service): boolean {
  const inside = via !== undefined && services.some((word) => word === String(port) || word.startsWith(`${port}/`));
  return inside || ports.some(([own, low, high]) => own === protocol && (port === 0 || (port >= low && port <= high)));
}
