/** The whole ruleset of this network namespace as nft's JSON lists it (libnftables-json(5)), table by table. */
import { run } from "../../system/run.js";

/** One object of nft's JSON: its properties as they came. */
export type Listed = Readonly<Record<string, unknown>>;

/** A table of anybody's, as it was listed; nothing of it is interpreted yet. */
export interface ListedTable {
  readonly family: string;
  readonly name: string;
  readonly flagged: boolean;
  /** Put to sleep: its chains hang on no hook. */
  readonly dormant: boolean;
  readonly chains: readonly Listed[];
  /** Sets and maps; a map has the property `map`. */
  readonly sets: readonly Listed[];
  /** In the order of their chains. */
  readonly rules: readonly Listed[];
  readonly flowtables: readonly Listed[];
}

/** Reads every table, rules and elements included. Throws `CommandFailed` or `MissingTool`. */
export async function listRuleset(): Promise<ListedTable[]> {
  // Protocols as numbers: which names there are is up to /etc/protocols.
  const { stdout } = await run("nft", ["-j", "-p", "list", "ruleset"], { timeout: 120_000 });
  const tables = toTables((JSON.parse(stdout) as { nftables: Listed[] }).nftables);
  return Promise.all(
    tables.map(async (table) => (table.flagged ? { ...table, dormant: await isDormant(table) } : table)),
  );
}

/** Which flags a table has, nft 1.0.6 says right only in its own syntax. */
async function isDormant({ family, name }: ListedTable): Promise<boolean> {
  const { stdout } = await run("nft", ["-t", "list", "table", family, name], { timeout: 60_000 });
  return /^\tflags .*\bdormant\b/m.test(stdout);
}

type Growing = {
  -readonly [K in keyof ListedTable]: ListedTable[K] extends readonly Listed[] ? Listed[] : ListedTable[K];
};

/** Sorts the objects of a listing by their tables. Pure. */
export function toTables(objects: readonly Listed[]): ListedTable[] {
  const tables = new Map<string, Growing>();
  for (const object of objects) {
    const [kind, value] = Object.entries(object)[0] as [string, Listed];
    const name = kind === "table" ? value["name"] : value["table"];
    if (typeof name !== "string") continue;
    const family = value["family"] as string;
    const key = `${family} ${name}`;
    let table = tables.get(key);
    if (table === undefined)
      tables.set(
        key,
        (table = { family, name, flagged: false, dormant: false, chains: [], sets: [], rules: [], flowtables: [] }),
      );
    if (kind === "table") table.flagged = value["flags"] !== undefined;
    else if (kind === "chain") table.chains.push(value);
    else if (kind === "set" || kind === "map") table.sets.push(value);
    else if (kind === "rule") table.rules.push(value);
    else if (kind === "flowtable") table.flowtables.push(value);
  }
  return [...tables.values()];
}

/** What nft writes as one word or as a list of words. */
export function words(value: unknown): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
}
