/** Runs on a lab's host: loads a policy's ruleset in both forms and reads it back. */
import { readFileSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { commitText } from "../../src/backend/nftables/nft.js";
import { toJson } from "../../src/backend/nftables/json.js";
import { plan } from "../../src/backend/nftables/plan.js";
import { compare, snapshot, type Standing } from "../../src/backend/nftables/readback.js";
import { toRemoval, toText } from "../../src/backend/nftables/text.js";
import { compile } from "../../src/ir/compile.js";
import { run } from "../../src/system/run.js";

export interface RoundTrip {
  readonly before: Standing;
  readonly text: Standing;
  readonly json: Standing;
  readonly same: boolean;
  readonly mutated: Standing;
}

export async function roundTrip(path: string): Promise<RoundTrip> {
  const { policy, failed } = compile(readFileSync(path, "utf8"), {
    file: path,
    read: (name) => readFileSync(posix.normalize(name), "utf8"),
  });
  if (failed) throw new Error(`${path} doesn't compile`);
  const ruleset = plan(policy);
  const snapshots = async (): Promise<string> => JSON.stringify(await Promise.all(ruleset.tables.map(snapshot)));
  const before = await compare(ruleset);
  await commitText(toText(ruleset));
  const text = await compare(ruleset);
  const first = await snapshots();
  await run("nft", ["flush", "ruleset"]);
  writeFileSync("/run/round-trip.json", JSON.stringify(toJson(ruleset)));
  await run("nft", ["-j", "-f", "/run/round-trip.json"]);
  const json = await compare(ruleset);
  const same = first === (await snapshots());
  const table = ruleset.tables[0]?.name ?? "";
  await run("nft", ["flush", "set", "inet", table, "veths"]);
  const mutated = await compare(ruleset);
  await commitText(toRemoval(ruleset));
  return { before, text, json, same, mutated };
}
