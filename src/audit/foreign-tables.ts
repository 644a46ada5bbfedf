/** The tables of others, read for interpretation: nft's own, those of iptables in either kind. */
import { existsSync, readFileSync } from "node:fs";
import { type ReadChain, type ReadRule, readTable, type ReadTable } from "../backend/nftables/from-json.js";
import type { Listed, ListedTable } from "../backend/nftables/listing.js";
import { run } from "../system/run.js";
import { isInstalled } from "../system/tools.js";
import { spelledOut } from "./compat-text.js";
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
  const findings = others.flatMap(aside);
  for (const family of [4, 6] as const) {
    const legacy = await legacyTables(family);
    if (typeof legacy === "string") findings.push(unclear(legacy));
    else tables.push(...legacy);
  }
  return { tables, findings };
}

const unclear = (message: string): Finding => ({
  ...{ code: "foreign-unclear", severity: "info", message },
  ...{ file: null, line: null },
});

async function readForeign(table: ListedTable): Promise<ForeignTable> {
  const texts = table.rules.length === 0 ? new Map<number, string>() : await ruleTexts(table);
  const textOf = (rule: ReadRule): string => texts.get(rule.handle) ?? rule.text;
  const read = readTable(table, true);
  if (!read.chains.some(({ rules }) => rules.some(({ kinds }) => kinds.includes("xt")))) return { ...read, textOf };
  const chains = await refined(read);
  if (chains !== undefined) return { ...read, chains, owner: "of iptables", textOf };
  const rules = table.rules.map((rule) => ({
    ...rule,
    expr: spelledOut(rule["expr"] as Listed[], texts.get(rule["handle"] as number) ?? ""),
  }));
  return { ...readTable({ ...table, rules }, true), owner: "of iptables", textOf };
}

/**
 * nft's JSON doesn't say what a match of iptables asks for; iptables-save does, rule by rule in the same order. Undefined
 * where it has another table than nft, or none: it prints no table in which nft has left rules that iptables lacks.
 */
async function refined({ family, name, chains }: ReadTable): Promise<readonly ReadChain[] | undefined> {
  const version = IPTABLES[family];
  // iptables has no tables of other families; one of the same name would lend its rules.
  if (version === undefined) return undefined;
  const tables = await save(version === 4 ? "iptables-nft-save" : "ip6tables-nft-save", version, ["-t", name]);
  const saved = tables?.find((one) => one.name === name);
  const out: ReadChain[] = [];
  for (const chain of chains) {
    const other = saved?.chains.find((one) => one.name === chain.name);
    const uses = chain.rules.some(({ kinds }) => kinds.includes("xt"));
    if (uses && other?.rules.length !== chain.rules.length) return undefined;
    const rules = chain.rules.map((rule, i): ReadRule => {
      const told = other?.rules[i];
      return told === undefined || !rule.kinds.includes("xt") ? rule : { ...told, handle: rule.handle };
    });
    out.push({ ...chain, rules });
  }
  return out;
}

const IPTABLES: Readonly<Record<string, 4 | 6 | undefined>> = { ip: 4, ip6: 6 };

/**
 * The tables of the old iptables, which nft doesn't see; none where its modules aren't loaded, and a sentence where they
 * are and can't be read.
 */
async function legacyTables(family: 4 | 6): Promise<ForeignTable[] | string> {
  const [names, tool] =
    family === 4
      ? ["/proc/net/ip_tables_names", "iptables-legacy-save"]
      : ["/proc/net/ip6_tables_names", "ip6tables-legacy-save"];
  // Asking iptables-legacy-save itself would load the modules.
  if (!existsSync(names)) return [];
  const loaded = readFileSync(names, "utf8").trim().split(/\s+/).join(", ");
  if (loaded === "") return [];
  const tables = await save(tool, family, []);
  if (tables === undefined)
    return `iptables-legacy has the tables ${loaded} of IPv${family} in this kernel, and ${tool} is missing or fails, so what they do to the policy's packets can't be told`;
  return tables.map(({ name, chains }) => ({
    family: (family === 4 ? "ip" : "ip6") as never,
    name,
    chains,
    sets: [],
    dormant: false,
    owner: "of iptables-legacy",
    textOf: ({ text }: ReadRule) => text,
  }));
}

/** Undefined where the tool is missing or fails. */
async function save(tool: string, family: 4 | 6, args: readonly string[]): Promise<SavedTable[] | undefined> {
  if (!isInstalled(tool)) return undefined;
  const { stdout, exitCode } = await run(tool, args, { accept: "any" });
  return exitCode === 0 ? parseSave(stdout, family) : undefined;
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

/** Hooks of routed packets; where chains of other hooks and families meet the policies' packets isn't worked out. */
const HOOKS: readonly unknown[] = [undefined, "prerouting", "input", "forward", "output", "postrouting"];

function aside({ family, name, rules, dormant, chains }: ListedTable): Finding[] {
  if (dormant) return [];
  const drops = (list: readonly Listed[]): boolean => list.some((chain) => chain["policy"] === "drop");
  if (!ROUTED.includes(family)) {
    if (rules.length === 0 && !drops(chains)) return [];
    return [
      unclear(
        `the table ${family} ${name} of somebody else's has ${rules.length} rules; whether they drop or redirect frames of containers can't be told, since chains of the family ${family} aren't interpreted`,
      ),
    ];
  }
  return chains.flatMap((chain): Finding[] => {
    const own = rules.filter((rule) => rule["chain"] === chain["name"]);
    if (HOOKS.includes(chain["hook"]) || (own.length === 0 && !drops([chain]))) return [];
    return [
      unclear(
        `the chain ${String(chain["name"])} of the table ${family} ${name} of somebody else's has ${own.length} rules and the policy '${String(chain["policy"] ?? "accept")}'; whether it drops or redirects packets of containers can't be told, since the hook ${String(chain["hook"])} isn't interpreted`,
      ),
    ];
  });
}
