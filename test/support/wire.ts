/** Runs on a lab's host: rulesets that go to the kernel as messages, beside what nft makes of the same plan. */
import { readFileSync } from "node:fs";
import { posix } from "node:path";
import fc from "./property.js";
import { approach } from "../../src/backend/nftables/apply.js";
import { commitText } from "../../src/backend/nftables/nft.js";
import { plan } from "../../src/backend/nftables/plan.js";
import { compare } from "../../src/backend/nftables/readback.js";
import type { Ruleset } from "../../src/backend/nftables/ruleset.js";
import { toText } from "../../src/backend/nftables/text.js";
import { sizeOf } from "../../src/backend/nftables/values.js";
import { count, textOf } from "../../src/backend/nftables/wire/elements.js";
import { Kernel } from "../../src/backend/nftables/wire/kernel.js";
import { desiredState, type TableState } from "../../src/backend/nftables/wire/state.js";
import { compile } from "../../src/ir/compile.js";
import { run } from "../../src/system/run.js";
import { compileLenient } from "./compare.js";
import { statements } from "./random-policy.js";

const FAMILIES = ["inet", "arp"] as const;

/** What differs between what is wanted and what the kernel has, a line each; `sizes`: sets' sizes too. */
export function differences(want: readonly TableState[], have: readonly TableState[], sizes: boolean): string[] {
  const out: string[] = [];
  const keys = (a: ReadonlyMap<string, unknown>): string => [...a.keys()].sort().join(" ");
  if (want.length !== have.length) out.push(`${want.length} tables, ${have.length} there`);
  for (const a of want) {
    const { table } = a;
    const b = have.find((state) => state.table.family === table.family && state.table.name === table.name);
    if (b === undefined) {
      out.push(`no table ${table.family} ${table.name}`);
      continue;
    }
    if (keys(a.sets) !== keys(b.sets)) out.push(`sets ${keys(a.sets)} / ${keys(b.sets)}`);
    if (keys(a.chains) !== keys(b.chains)) out.push(`chains ${keys(a.chains)} / ${keys(b.chains)}`);
    for (const [name, set] of a.sets) {
      const there = b.sets.get(name);
      if (there === undefined) continue;
      if (set.definition !== there.definition) out.push(`definition of ${name}`);
      if (sizes && set.size !== there.size) out.push(`size of ${name}: ${set.size} / ${there.size}`);
      const texts = ({ elements }: typeof set): string =>
        Array.from({ length: count(elements) }, (_, i) => textOf(elements, i))
          .sort()
          .join("");
      if (texts(set) !== texts(there)) out.push(`elements of ${name}`);
    }
    for (const [name, chain] of a.chains) {
      const there = b.chains.get(name);
      if (there === undefined) continue;
      if (chain.hook !== there.hook) out.push(`hook of ${name}: ${chain.hook} / ${there.hook}`);
      if (chain.rules.join("\n") !== there.rules.join("\n")) out.push(`rules of ${name}`);
    }
  }
  return out;
}

function stateOf(kernel: Kernel, ruleset: Ruleset): TableState[] {
  const name = ruleset.tables[0]?.name ?? "";
  return kernel.read(FAMILIES.map((family) => ({ family, name }))).tables;
}

export interface Carried {
  /** What the kernel has after each way, against the plan; and as nft reads it back. */
  readonly nft: readonly string[];
  readonly netlink: readonly string[];
  readonly readback: string;
  /** Whether nft lists the same text after both. */
  readonly listing: boolean;
}

/** Loads a policy's ruleset both ways and reads it back both ways. */
export async function carry(path: string): Promise<Carried> {
  const { policy, failed } = compile(readFileSync(path, "utf8"), {
    file: path,
    read: (name) => readFileSync(posix.normalize(name), "utf8"),
  });
  if (failed) throw new Error(`${path} doesn't compile`);
  const ruleset = plan(policy);
  const want = desiredState(ruleset, sizeOf);
  const kernel = new Kernel();
  const listed = async (): Promise<string> => (await run("nft", ["-s", "list", "ruleset"])).stdout;
  await commitText(toText(ruleset));
  const nft = differences(want, stateOf(kernel, ruleset), true);
  const first = await listed();
  await run("nft", ["flush", "ruleset"]);
  await (await approach(ruleset, undefined)).commit();
  const netlink = differences(want, stateOf(kernel, ruleset), true);
  const readback = await compare(ruleset);
  const listing = normal(await listed()) === normal(first);
  kernel.close();
  return { nft, netlink, readback, listing };
}

/** Elements of a set come in an order of the kernel's own. */
function normal(listing: string): string {
  return listing.replace(/elements = \{([^}]*)\}/g, (_, list: string) =>
    list
      .split(/,\s*/)
      .map((element) => element.trim())
      .sort()
      .join(),
  );
}

export interface Walk {
  readonly applied: number;
  readonly objects: number;
  readonly differences: readonly string[];
  /** Policies after which applying once more would have changed something. */
  readonly restless: number;
}

/** Applies random policies one after the other and compares the kernel with each one's plan. */
export async function walk(seed: number, steps: number): Promise<Walk> {
  const kernel = new Kernel();
  const found: string[] = [];
  let objects = 0;
  let restless = 0;
  const policies = fc.sample(statements, { seed, numRuns: steps });
  // Every other one is a small edit of the one before: elements that change in place.
  const edited = policies.flatMap((lines) => [lines, lines.slice(1), [...lines, "allow a -> b:4242"]]);
  for (const lines of edited) {
    const { policy, text } = compileLenient(lines);
    const ruleset = plan(policy);
    const there = await approach(ruleset, undefined);
    const committed = there.standing === "equal" ? undefined : await there.commit();
    objects += committed?.operations ?? 0;
    const left = differences(desiredState(ruleset, sizeOf), stateOf(kernel, ruleset), false);
    found.push(...left.map((line) => `${line} after\n${text}`));
    if ((await approach(ruleset, undefined)).standing !== "equal") restless++;
    if (committed !== undefined && (await approach(ruleset, committed)).standing !== "equal") restless++;
  }
  kernel.close();
  return { applied: edited.length, objects, differences: found.slice(0, 3), restless };
}

function rulesetOf(text: string): Ruleset {
  const { policy, failed } = compile(text);
  if (failed) throw new Error(`it doesn't compile: ${text}`);
  return plan(policy);
}

/** What an edit sends: the kinds and numbers of its changes. */
export async function sent(before: string, after: string): Promise<{ operations: number; standing: string }> {
  await (await approach(rulesetOf(before), undefined)).commit();
  const there = await approach(rulesetOf(after), undefined);
  const { operations } = await there.commit();
  return { operations, standing: there.standing };
}

/** A change of somebody else's between reading and commit. */
export async function disturbed(before: string, after: string): Promise<string[]> {
  await (await approach(rulesetOf(before), undefined)).commit();
  const ruleset = rulesetOf(after);
  const there = await approach(ruleset, undefined);
  await run("nft", ["add", "element", "inet", ruleset.tables[0]?.name ?? "", "own4", "{ 192.0.2.1 }"]);
  await there.commit();
  const kernel = new Kernel();
  const left = differences(desiredState(ruleset, sizeOf), stateOf(kernel, ruleset), false);
  kernel.close();
  return left;
}

/** What a verification says of a commit behind which somebody has nft do this; with the table's name for TABLE. */
export async function verified(text: string, command: string): Promise<string> {
  const ruleset = rulesetOf(text);
  const there = await approach(ruleset, undefined);
  const { generation } = await there.commit();
  if (command !== "") await run("nft", command.replace("TABLE", ruleset.tables[0]?.name ?? "").split(" "));
  try {
    const then = there.verify();
    return then === undefined || generation === undefined ? "unknown" : `${then - generation} on`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether a check changes anything, and whether it finds what the kernel refuses. */
export async function checked(text: string): Promise<{ before: string; after: string; refusal: string }> {
  const listed = async (): Promise<string> => (await run("nft", ["list", "ruleset"])).stdout;
  const before = await listed();
  const ruleset = rulesetOf(text);
  await (await approach(ruleset, undefined)).check();
  const [table] = ruleset.tables;
  const broken = {
    ...ruleset,
    tables: [{ ...table, chains: [...(table?.chains ?? []), { name: "x".repeat(300), rules: [] }] }],
  } as Ruleset;
  const refusal = await (await approach(broken, undefined)).commit().then(
    () => "none",
    (error: Error) => error.message.replace(/x{9,}/, "x…"),
  );
  return { before, after: await listed(), refusal };
}
