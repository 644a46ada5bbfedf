/** The tables of others, read for interpretation: nft's own, those of iptables in either kind. */
import { readTable, type ReadRule } from "../backend/nftables/from-json.js";
import type { ListedTable } from "../backend/nftables/listing.js";
import { run } from "../system/run.js";
import type { ForeignTable } from "./foreign.js";
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
  return { tables, findings: others.filter(({ family }) => !ROUTED.includes(family)).flatMap(aside) };
}

async function readForeign(table: ListedTable): Promise<ForeignTable> {
  const texts = table.rules.length === 0 ? new Map<number, string>() : await ruleTexts(table);
  return { ...readTable(table, true), textOf: (rule: ReadRule) => texts.get(rule.handle) ?? rule.text };
}

/** The rules as nft prints them, by their handles. */
async function ruleTexts({ family, name }: ListedTable): Promise<Map<number, string>> {
  const { stdout } = await run("nft", ["-a", "list", "table", family, name], { accept: "any", timeout: 60_000 });
  const texts = new Map<number, string>();
  for (const line of stdout.split("\n")) {
    const found = /^\t\t(.*?) # handle (\d+)$/.exec(line);
    if (found !== null) texts.set(Number(found[2]), (found[1] as string).replace(/counter packets \d+ bytes \d+ ?/, ""));
  }
  return texts;
}

/** Chains of the families bridge, netdev and arp: where they can meet the policies' packets isn't worked out. */
function aside({ family, name, rules, dormant, chains }: ListedTable): Finding[] {
  if (dormant || (rules.length === 0 && chains.every((chain) => chain["policy"] !== "drop"))) return [];
  const message = `the table ${family} ${name} of somebody else's has ${rules.length} rules; whether they drop or redirect frames of containers can't be told, since chains of the family ${family} aren't interpreted`;
  return [{ code: "foreign-unclear", severity: "info", message, file: null, line: null }];
}

