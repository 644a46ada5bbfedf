/** The tables of others, read for interpretation: nft's own, those of iptables in either kind. */
import { existsSync, readFileSync } from "node:fs";
import { type ReadChain, type ReadRule, readTable, type ReadTable } from "../backend/nftables/from-json.js";
import type { ListedTable } from "../backend/nftables/listing.js";
import { run } from "../system/run.js";
import { isInstalled } from "../system/tools.js";
import type { ForeignTable } from "./foreign.js";
import { parseSave, type SavedTable } from "./iptables-save.js";
import type { Finding } from "./report.js";

/** Families whose chains see the policies' packets on their way through the hooks. */
const ROUTED: readonly string[] = ["inet", "ip", "ip6"];

export interface ForeignTables {
  readonly tables: readonly ForeignTable[];
  /** What isn't looked at. */
  readonly findings: readonly Finding[];
}

export async function foreignTables(
  listed: readonly ListedTable[],
  isOurs: (table: ListedTable) => boolean,
): Promise<ForeignTables> {
  const others = listed.filter((table) => !isOurs(table));
  const tables: ForeignTable[] = [];
  for (const table of others.filter(({ family }) => ROUTED.includes(family))) tables.push(await readForeign(table));
  tables.push(...(await legacyTables(4)), ...(await legacyTables(6)));
  return { tables, findings: others.filter(({ family }) => !ROUTED.includes(family)).flatMap(aside) };
}

async function readForeign(table: ListedTable): Promise<ForeignTable> {
  const texts = table.rules.length === 0 ? new Map<number, string>() : await ruleTexts(table);
  const textOf = (rule: ReadRule): string => texts.get(rule.handle) ?? rule.text;
  const read = readTable(table, true);
  if (!read.chains.some(({ rules }) => rules.some(({ kinds }) => kinds.includes("xt")))) return { ...read, textOf };
  return { ...read, chains: await refined(read), owner: "of iptables", textOf };
}

/** nft doesn't say what a match of iptables asks for; iptables-save does, rule by rule in the same order. */
async function refined({ family, name, chains }: ReadTable): Promise<readonly ReadChain[]> {
  const [tool, version] =
    family === ("ip6" as string) ? ["ip6tables-nft-save", 6 as const] : ["iptables-nft-save", 4 as const];
  const saved = (await save(tool, version, ["-t", name])).find((one) => one.name === name);
  return chains.map((chain) => {
    const other = saved?.chains.find((one) => one.name === chain.name);
    if (other?.rules.length !== chain.rules.length) return chain;
    const rules = chain.rules.map((rule, i): ReadRule => {
      const told = other.rules[i];
      return told === undefined || !rule.kinds.includes("xt") ? rule : { ...told, handle: rule.handle };
    });
    return { ...chain, rules };
  });
}

/** The tables of the old iptables, which nft doesn't see; none where its modules aren't loaded. */
async function legacyTables(family: 4 | 6): Promise<ForeignTable[]> {
  const [names, tool] =
    family === 4
      ? ["/proc/net/ip_tables_names", "iptables-legacy-save"]
      : ["/proc/net/ip6_tables_names", "ip6tables-legacy-save"];
  // Asking iptables-legacy-save itself would load the modules.
  if (!existsSync(names) || readFileSync(names, "utf8").trim() === "") return [];
  return (await save(tool, family, [])).map(({ name, chains }) => ({
    family: (family === 4 ? "ip" : "ip6") as never,
    name,
    chains,
    sets: [],
    dormant: false,
    owner: "of iptables-legacy",
    textOf: ({ text }: ReadRule) => text,
  }));
}

async function save(tool: string, family: 4 | 6, args: readonly string[]): Promise<SavedTable[]> {
  if (!isInstalled(tool)) return [];
  const { stdout, exitCode } = await run(tool, args, { accept: "any" });
  return exitCode === 0 ? parseSave(stdout, family) : [];
}

/** The rules as nft prints them, by their handles. */
async function ruleTexts({ family, name }: ListedTable): Promise<Map<number, string>> {
  const { stdout } = await run("nft", ["-a", "list", "table", family, name], { accept: "any", timeout: 60_000 });
  const texts = new Map<number, string>();
  for (const line of stdout.split("\n")) {
    const found = /^\t\t(.*?) # handle (\d+)$/.exec(line);
    if (found !== null)
      texts.set(Number(found[2]), (found[1] as string).replace(/counter packets \d+ bytes \d+ ?/, ""));
  }
  return texts;
}

/** Chains of the families bridge, netdev and arp: where they can meet the policies' packets isn't worked out. */
function aside({ family, name, rules, dormant, chains }: ListedTable): Finding[] {
  if (dormant || (rules.length === 0 && chains.every((chain) => chain["policy"] !== "drop"))) return [];
  const message = `the table ${family} ${name} of somebody else's has ${rules.length} rules; whether they drop or redirect frames of containers can't be told, since chains of the family ${family} aren't interpreted`;
  return [{ code: "foreign-unclear", severity: "info", message, file: null, line: null }];
}
