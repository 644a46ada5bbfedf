/** The nftables backend, as the transaction knows it. */
import type { Policy } from "../../ir/policy.js";
import { inhabitedFamilies } from "../../ir/own.js";
import { UDP } from "../../net/ports.js";
import { probe as probeFeature } from "../../system/features.js";
import { MissingTool } from "../../system/run.js";
import { isInstalled } from "../../system/tools.js";
import { usesNetlink } from "../../system/transport.js";
import type { Approach, Backend, Committed, Source, StoppedFlow } from "../backend.js";
import { approach, deafen, deleteTables, tablesNamed, type TablesSource } from "./apply.js";
import { Mirror } from "./mirror.js";
import { cutBareSet, cutSet, tableName } from "./names.js";
import { clearBatches, commitText } from "./nft.js";
import { plan } from "./plan.js";
import { probe } from "./probe.js";
import type { Ruleset } from "./ruleset.js";

export const nftables: Backend = {
  name: "nft",
  inexpressible: () => undefined,
  require: () => requireNft("or have the host's other backends tried: --backend auto"),
  requireRemoval: () =>
    usesNetlink() ? Promise.resolve() : requireNft("the policy's tables can't be taken away without"),
  probe,
  approach: planned,
  edits: (policy) => Mirror.of(policy, planOf(policy)),
  stop,
  remove,
  tidy: clearBatches,
  rest: deafen,
};

/** Who edits a policy through a handle has just applied it: to plan it again takes as long. */
const plans = new WeakMap<Policy, Ruleset>();

function planOf(policy: Policy): Ruleset {
  let known = plans.get(policy);
  if (known === undefined) plans.set(policy, (known = plan(policy)));
  return known;
}

/** Flows are stopped by it, whatever commits the rules. */
function requireNft(help: string): Promise<void> {
  return isInstalled("nft") ? Promise.resolve() : Promise.reject(Object.assign(new MissingTool("nft"), { help }));
}

async function planned(policy: Policy, known: Committed | undefined, source?: Source): Promise<Approach> {
  const ruleset = planOf(policy);
  const there = await approach(ruleset, known, source && tablesSource(policy, ruleset, source));
  const [foreign] = there.foreign;
  const name = foreign === undefined ? "" : `${foreign.family} ${foreign.name}`;
  return {
    standing: there.standing,
    conflict:
      foreign === undefined
        ? undefined
        : {
            message: `the table ${name} that the policy needs exists already and isn't tsnet's`,
            mend: `remove it (nft delete table ${name}), or give the policy another name`,
          },
    now: there.now,
    objects: there.objects,
    get loosens() {
      return there.loosens;
    },
    tightened: there.tightened,
    describe() {
      const tables = ruleset.tables.map((table) => `${table.family} ${table.name}`).join(", ");
      if (there.standing === "absent") return `load the ruleset ${tables}`;
      if (there.whole) return `replace the ruleset ${tables}`;
      return `change ${there.objects} ${there.objects === 1 ? "object" : "objects"} of the ruleset ${tables}`;
    },
    check: () => there.check(),
    commit: () => there.commit(),
    verify: () => there.verify(),
    list: (before) => there.list(before && plan(before)),
  };
}

function tablesSource(policy: Policy, ruleset: Ruleset, { texts, last, again = false }: Source): TablesSource {
  if (last === undefined) return { texts, again };
  return { texts, again, last: { texts: last.texts, change: () => Mirror.of(policy, ruleset)?.since(last.edit) } };
}

/** Puts both directions of the flows, as they are between the translations, into the sets that stop them; see plan.ts. */
async function stop(policy: Policy, flows: readonly StoppedFlow[], anew: boolean): Promise<void> {
  const now = Date.now();
  let text = "";
  for (const family of inhabitedFamilies(policy.containers)) {
    // What was stopped and is allowed now goes on.
    for (const [set, ported] of [
      [cutSet(family), true],
      [cutBareSet(family), false],
    ] as const) {
      if (anew) text += `flush set inet ${tableName(policy.name)} ${set}\n`;
      const elements = flows
        .filter(({ connection }) => connection.family === family && (connection.protocol === UDP) === ported)
        .flatMap(({ connection: { original, reply, protocol }, until }) => {
          const timeout = `timeout ${Math.max(1, Math.ceil((until - now) / 1000))}s`;
          const [there, back] = ported
            ? [`${original.sourcePort} . ${reply.sourcePort}`, `${reply.sourcePort} . ${original.sourcePort}`]
            : [protocol, protocol];
          return [
            `${original.source} . ${reply.source} . ${there} ${timeout}`,
            `${reply.source} . ${original.source} . ${back} ${timeout}`,
          ];
        });
      if (elements.length > 0)
        text += `add element inet ${tableName(policy.name)} ${set} { ${[...new Set(elements)].join(", ")} }\n`;
    }
  }
  if (text !== "") await commitText(text);
}

async function tablesOf(policy: string, recorded: boolean): ReturnType<typeof tablesNamed> {
  try {
    return await tablesNamed(tableName(policy));
  } catch (error) {
    // Where nf_tables can't be used at all, a policy of another backend has nothing in it.
    if (recorded || (await probeFeature("nf_tables")).ok) throw error;
    return [];
  }
}

async function remove(policy: string, recorded: boolean): Promise<string[]> {
  const tables = (await tablesOf(policy, recorded)).filter((table) => recorded || table.ours);
  await deleteTables(tables);
  return tables.map((table) => `table ${table.family} ${table.name}`);
}
