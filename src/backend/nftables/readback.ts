/**
 * Reads the kernel's rulesets back and compares them with a plan.
 *
 * Both sides are brought to one canonical form of nft's JSON, because a listing differs from what was loaded: handles
 * are added, implied matches are folded into the keys that need them, defaults are filled in.
 */
import { run } from "../../system/run.js";
import { type Json, toJson } from "./json.js";
import { DEVICES } from "./names.js";
import type { Ruleset, Table } from "./ruleset.js";

export interface NamedTable {
  readonly family: string;
  readonly name: string;
}

/** Tables of the form `tsnet-…`. */
export async function ownTables(): Promise<NamedTable[]> {
  const listed = await list(["tables"]);
  return listed.flatMap((object) => {
    const table = object["table"] as { family: string; name: string } | undefined;
    return table?.name.startsWith("tsnet-") ? [{ family: table.family, name: table.name }] : [];
  });
}

/** Of these tables those that are there and that somebody else has made: each of ours has the set of the devices. */
export async function foreignTables(tables: readonly NamedTable[]): Promise<NamedTable[]> {
  const there = await ownTables();
  const foreign: NamedTable[] = [];
  for (const table of tables) {
    if (!there.some(({ family, name }) => family === table.family && name === table.name)) continue;
    const listed = await list(["table", table.family, table.name]);
    const ours = listed.some((object) => (object["set"] as Listed | undefined)?.["name"] === DEVICES);
    if (!ours) foreign.push(table);
  }
  return foreign;
}

/** How a plan's tables stand in the kernel. */
export type Standing = "absent" | "equal" | "different";

export async function compare(ruleset: Ruleset): Promise<Standing> {
  const there = new Set((await ownTables()).map((table) => `${table.family} ${table.name}`));
  const missing = ruleset.tables.filter((table) => !there.has(`${table.family} ${table.name}`));
  if (missing.length === ruleset.tables.length) return "absent";
  if (missing.length > 0) return "different";
  if (await sleeping(ruleset.tables)) return "different";
  for (const table of ruleset.tables) {
    const live = canonical(await list(["table", table.family, table.name]));
    const wanted = canonical(planned(ruleset, table));
    if (JSON.stringify(live) !== JSON.stringify(wanted)) return "different";
  }
  return "equal";
}

/** Whether somebody has put one of the tables to sleep: it hangs on no hook then. */
async function sleeping(tables: readonly NamedTable[]): Promise<boolean> {
  const listed = await list(["tables"]);
  return listed.some((object) => {
    const table = object["table"] as (NamedTable & { flags?: unknown }) | undefined;
    return (
      table?.flags !== undefined && tables.some(({ family, name }) => family === table.family && name === table.name)
    );
  });
}

/** The kernel's own listing of a table, canonical; undefined when it isn't there. For comparing before and after. */
export async function snapshot(table: Pick<Table, "family" | "name">): Promise<unknown> {
  try {
    return canonical(await list(["table", table.family, table.name]));
  } catch {
    return undefined;
  }
}

type Listed = Record<string, unknown>;

async function list(what: readonly string[]): Promise<Listed[]> {
  const { stdout } = await run("nft", ["-j", "list", ...what], { timeout: 120_000 });
  return (JSON.parse(stdout) as { nftables: Listed[] }).nftables;
}

function planned(ruleset: Ruleset, table: Table): Listed[] {
  const only = { ...ruleset, tables: [table] };
  return toJson(only).nftables.flatMap((command) => {
    const add = (command as { add?: Listed }).add;
    return add === undefined ? [] : [add];
  });
}

// The canonical form -------------------------------------------------------------------------------------------------

interface Canonical {
  readonly chains: Record<string, { hook: string; rules: string[] }>;
  readonly sets: Record<string, { type: string; elements: string[] }>;
}

export function canonical(objects: readonly Listed[]): Canonical {
  const chains: Record<string, { hook: string; rules: string[] }> = {};
  const sets: Record<string, { type: string; elements: string[] }> = {};
  for (const object of objects) {
    const chain = object["chain"] as Listed | undefined;
    if (chain !== undefined) {
      const hook =
        chain["hook"] === undefined ? "" : `${chain["type"]} ${chain["hook"]} ${chain["prio"]} ${chain["policy"]}`;
      chains[chain["name"] as string] = { hook, rules: [] };
    }
    const set = (object["set"] ?? object["map"]) as Listed | undefined;
    if (set !== undefined)
      sets[set["name"] as string] = {
        type: `${JSON.stringify(set["type"])} ${set["map"] ?? ""} ${set["flags"] ?? ""}`,
        // What comes and goes while the policy is live is no part of the plan.
        elements: `${set["flags"] ?? ""}`.includes("timeout")
          ? []
          : ((set["elem"] ?? []) as unknown[]).map((element) => JSON.stringify(tidyValue(element))).sort(),
      };
  }
  for (const object of objects) {
    const rule = object["rule"] as Listed | undefined;
    if (rule === undefined) continue;
    const text = JSON.stringify([rule["comment"] ?? null, ...foldProtocol(rule["expr"] as Json[]).map(tidyValue)]);
    chains[rule["chain"] as string]?.rules.push(text);
  }
  return { chains: sorted(chains), sets: sorted(sets) };
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A match on one protocol is folded by nft into the port that follows it: `meta l4proto tcp th dport` is `tcp dport`. */
function foldProtocol(expressions: readonly Json[]): Json[] {
  const at = expressions.findIndex((e) => {
    const match = (e as { match?: { left: Json; right: Json; op: string } }).match;
    return (
      match?.op === "==" &&
      JSON.stringify(match.left) === '{"meta":{"key":"l4proto"}}' &&
      typeof match.right === "string"
    );
  });
  if (at === -1) return [...expressions];
  const protocol = (expressions[at] as { match: { right: string } }).match.right;
  const rest = JSON.stringify(expressions.slice(at + 1));
  if (!rest.includes('"protocol":"th"')) return [...expressions];
  const folded = JSON.parse(rest.replaceAll('"protocol":"th"', `"protocol":${JSON.stringify(protocol)}`)) as Json[];
  return [...expressions.slice(0, at), ...folded];
}

/** What differs between a listing and what was loaded without meaning anything else. */
function tidyValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidyValue);
  if (typeof value !== "object" || value === null) return value;
  const record = value as Record<string, unknown>;
  if ("reject" in record) {
    const reject = record["reject"] as { type?: string; expr?: string } | null;
    return { reject: reject?.type === "tcp reset" ? "tcp reset" : "icmpx port-unreachable" };
  }
  if ("limit" in record) {
    const { rate, per } = record["limit"] as { rate: number; per: string };
    return { limit: { rate, per } };
  }
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(record).sort()) {
    if (key === "handle" || key === "counter") continue;
    const tidy = tidyValue(record[key]);
    // nft sorts the members of anonymous sets.
    out[key] = key === "set" && Array.isArray(tidy) ? tidy.map((member) => JSON.stringify(member)).sort() : tidy;
  }
  return out;
}
