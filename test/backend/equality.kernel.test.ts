/** Random small topologies with real packets: every backend has the same truth table, and it is the evaluator's. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendName } from "../../src/backend/backend.js";
import { needs, when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { topologies } from "../support/topologies.js";
import type { Table } from "../support/truth-table.js";

const TABLE = import.meta.resolve("../support/truth-table.ts");
const VARIANT = import.meta.resolve("../support/variant.ts");

/** `TSNET_TOPOLOGIES=300` tries more, `TSNET_TOPOLOGY=4,7` those of them alone; `TSNET_VERBOSE=1` names unproven cells. */
const ONLY = process.env["TSNET_TOPOLOGY"];
const COUNT = Number(process.env["TSNET_TOPOLOGIES"] ?? 32);
const test = suite("backends are equal");
const it = await when(test, "namespaces", "nf_tables", "perl");

/** Each a throwaway host with one variant of the iptables tools; two of each, since waiting for silence is most of it. */
const WORKERS = ["nft", "legacy", "nft", "legacy"] as const;

async function backendsWith(variant: "nft" | "legacy"): Promise<BackendName[]> {
  const out: BackendName[] = ["nft"];
  for (const [name, need] of [
    ["iptables", `iptables-${variant}`],
    ["ebpf", "ebpf"],
  ] as const) {
    const lacking = await needs(need);
    if (lacking === undefined) out.push(name);
    else console.log(`SKIP ${lacking}`);
  }
  return out;
}

it(`${COUNT} random topologies have one truth table on nftables, iptables and eBPF`, async () => {
  const queue = [...topologies(COUNT).entries()].filter(
    ([number]) => ONLY === undefined || ONLY.split(",").includes(String(number)),
  );
  const failures: string[] = [];
  const sum = { cells: 0, blocked: 0, unproven: 0 };
  const times: Record<string, number> = {};
  const note = (number: number, text: string, variant: string, table: Table): void => {
    sum.cells += table.cells;
    sum.blocked += table.blocked;
    sum.unproven += table.unproven.length;
    for (const [name, seconds] of Object.entries(table.times)) times[name] = (times[name] ?? 0) + seconds;
    if (process.env["TSNET_VERBOSE"]) for (const line of table.unproven) console.log(`unproven ${number} ${line}`);
    // What differs first: a topology is long.
    if (table.differences.length > 0)
      failures.push(`topology ${number}, iptables-${variant}:\n${table.differences.join("\n")}\n\n${text}\n`);
  };
  await Promise.all(
    WORKERS.map(async (variant) => {
      const backends = await backendsWith(variant);
      await lab(async (host) => {
        await host.call(VARIANT, "usual", variant);
        await host.call(TABLE, "clearWay");
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [number, text] = next;
          note(number, text, variant, await host.call<Table>(TABLE, "measureTable", text, backends));
        }
      });
    }),
  );
  console.log(JSON.stringify({ ...sum, times }));
  assert.is(failures.join("\n"), "");
  // Nothing may be equal because nothing was measured.
  assert.ok(sum.unproven * 100 < sum.cells, `${sum.unproven} cells are unproven`);
  assert.ok(sum.blocked * 10 > sum.cells, `${sum.blocked} of ${sum.cells} cells are blocked`);
});

test.run();
