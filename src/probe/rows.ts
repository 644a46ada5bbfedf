/** Results folded into rows: what is alike of a pair is one row, and pairs that are alike share theirs. Pure. */
import { formatAddress } from "../net/address.js";
import type { Cell } from "./cells.js";
import type { Result } from "./compare.js";
import { groupBy } from "./fold.js";
import type { Unnamed } from "./services.js";
import { decidedBy, differs } from "./summary.js";

/** Results that are alike in everything but the pair. */
export interface Row {
  readonly services: string;
  readonly example: Result;
  readonly pairs: readonly RowPair[];
}

/** Names of the two ends, and how many results of the row they have. */
export type RowPair = readonly [from: string, to: string, results: number];

/** `unnamed`: ports that stand for whatever no statement names. */
export function foldRows(results: readonly Result[], unnamed: Unnamed): Row[] {
  const rows = new Map<string, { services: string; example: Result; pairs: RowPair[] }>();
  for (const { names, members } of pairsOf(results)) {
    const groups = groupBy(members, outcomeKey);
    for (const [key, group] of groups) {
      const services = servicesText(group, unnamed, groups.size === 1);
      const pair: RowPair = [...names, group.length];
      const row = rows.get(`${key} ${services}`);
      if (row !== undefined) row.pairs.push(pair);
      else rows.set(`${key} ${services}`, { services, example: group[0] as Result, pairs: [pair] });
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
  readonly names: readonly [from: string, to: string];
  readonly members: readonly Result[];
}

type Label = (result: Result) => readonly [from: string, to: string];

const PLAIN: Label = ({ cell }) => [cell.from, cell.to];
const WITH_TO: Label = ({ cell }) => [cell.from, `${cell.to} (${formatAddress(cell.destination)})`];
const WITH_FROM: Label = ({ cell }) => [`${cell.from} (${formatAddress(cell.source)})`, cell.to];
const WITH_BOTH: Label = (result) => [WITH_FROM(result)[0], WITH_TO(result)[1]];

/** By names; with the addresses of an end where they make a difference. */
function pairsOf(results: readonly Result[]): PairResults[] {
  return [...groupBy(results, (result) => PLAIN(result).join("\0")).values()].flatMap((members) => {
    for (const label of [PLAIN, WITH_TO, WITH_FROM, WITH_BOTH]) {
      const groups = [...groupBy(members, (result) => label(result).join("\0")).values()];
      if (label !== WITH_BOTH && !groups.every(isUniform)) continue;
      return groups.map((group) => ({ names: label(group[0] as Result), members: group }));
    }
    return [];
  });
}

/** Whether the results are the same whatever the addresses. An echo may be missing: see thin.ts. */
function isUniform(members: readonly Result[]): boolean {
  const byAddresses = [...groupBy(members, (result) => WITH_BOTH(result).join("\0")).values()];
  const contents = byAddresses.map((list) => list.filter(isConnection).map(contentKey).sort().join("\n"));
  const echoes = members.filter((result) => !isConnection(result)).map(contentKey);
  return new Set(contents).size === 1 && new Set(echoes).size <= 1;
}

function isConnection({ cell }: Result): boolean {
  return cell.port !== undefined;
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
