/** Results folded into rows: what is alike of a pair is one row, and pairs that are alike share theirs. Pure. */
import { formatAddress } from "../net/address.js";
import type { Cell } from "./cells.js";
import type { Result } from "./compare.js";
import type { Unnamed } from "./services.js";
import { decidedBy, differs } from "./summary.js";

/** Results of several pairs that are alike in everything but the pair. */
export interface Row {
  readonly services: string;
  readonly results: readonly Result[];
  readonly pairs: readonly (readonly [string, string])[];
}

/** `unnamed`: ports that stand for whatever no statement names. */
export function foldRows(results: readonly Result[], unnamed: Unnamed): Row[] {
  const rows = new Map<string, { services: string; results: Result[]; pairs: [string, string][] }>();
  for (const { pair, members } of pairsOf(results)) {
    const groups = groupBy(members, outcomeKey);
    for (const [key, group] of groups) {
      const services = servicesText(group, unnamed, groups.size === 1);
      const rowKey = `${key} ${services}`;
      const row = rows.get(rowKey);
      if (row === undefined) rows.set(rowKey, { services, results: [...group], pairs: [pair] });
      else {
        row.results.push(...group);
        row.pairs.push(pair);
      }
    }
  }
  return [...rows.values()];
}

/** What makes two results alike. */
function outcomeKey(result: Result): string {
  const { cell, measured } = result;
  const by = decidedBy(cell).map(({ text, at }) => `${text} ${at}`);
  return [cell.expected, measured ?? "", differs(result), cell.via?.origin.index ?? "", ...by].join("|");
}

interface PairResults {
  readonly pair: [string, string];
  readonly members: readonly Result[];
}

/** By names; where the addresses of an end make a difference, by names and addresses. */
function pairsOf(results: readonly Result[]): PairResults[] {
  return [...groupBy(results, ({ cell }) => `${cell.from}\0${cell.to}`).values()].flatMap((members) => {
    const byAddress = groupBy(
      members,
      ({ cell }) => `${formatAddress(cell.source)} ${formatAddress(cell.destination)}`,
    );
    const contents = [...byAddress.values()].map((list) => list.map(contentKey).sort().join("\n"));
    const [first] = members;
    if (first === undefined) return [];
    if (new Set(contents).size === 1) return [{ pair: [first.cell.from, first.cell.to], members }];
    const shown = {
      source: new Set(members.map(({ cell }) => formatAddress(cell.source))).size > 1,
      destination: new Set(members.map(({ cell }) => formatAddress(cell.destination))).size > 1,
    };
    const label = ({ cell }: Result): [string, string] => [
      shown.source ? `${cell.from} (${formatAddress(cell.source)})` : cell.from,
      shown.destination ? `${cell.to} (${formatAddress(cell.destination)})` : cell.to,
    ];
    return [...byAddress.values()].map((list) => ({ pair: label(list[0] as Result), members: list }));
  });
}

function contentKey(result: Result): string {
  return `${result.cell.proto} ${result.cell.port ?? ""} ${outcomeKey(result)}`;
}

function servicesText(group: readonly Result[], unnamed: Unnamed, alone: boolean): string {
  const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };
  const isUnnamed = ({ proto, port, via }: Cell) =>
    via === undefined && port !== undefined && unnamed.get(protocols[proto] ?? -1) === port;
  const cells = group.map(({ cell }) => cell);
  const others = new Set(cells.filter(isUnnamed).map((cell) => cell.proto));
  if (others.has("tcp") && others.has("udp") && cells.some((cell) => cell.proto === "icmp")) {
    return alone ? "anything" : "anything else";
  }
  const texts = cells.map((cell) => (isUnnamed(cell) ? `other ${cell.proto}` : serviceText(cell)));
  return [...new Set(texts)].join(", ");
}

/** `22/tcp`, `icmp`, `49153/tcp -> c1:8080`. */
export function serviceText({ proto, port, via, targets }: Cell): string {
  const service = port === undefined ? proto : `${port}/${proto}`;
  if (via === undefined) return service;
  const names = targets.map((target) => target.name);
  const inner = targets[0]?.port ?? "";
  return `${service} -> ${names.length === 1 ? names[0] : `{${names.join(", ")}}`}:${inner}`;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const own = key(item);
    const group = groups.get(own);
    if (group === undefined) groups.set(own, [item]);
    else group.push(item);
  }
  return groups;
}
