/** The eBPF backend, as the transaction knows it. */
import { beginDigest } from "../../system/digest.js";
import type { Origin, Policy } from "../../ir/policy.js";
import { isRun } from "../../ir/rule-list.js";
import { deviceIndex } from "../../system/bpf/calls.js";
import { unmountPinned } from "../../system/bpf/filesystem.js";
import { MissingTool } from "../../system/run.js";
import { isInstalled } from "../../system/tools.js";
import { VERSION } from "../../system/version.js";
import type { Approach, Backend, Committed, ObjectChange, Source } from "../backend.js";
import { Refused } from "../refused.js";
import { endConnections } from "./adopt.js";
import { commitTable, endDenied, giveUp, putInForce, removeFolder } from "./apply.js";
import { MapEdits } from "./edits.js";
import { intervalOf } from "./encode.js";
import { toText } from "./json.js";
import { localRoutesConflict } from "./local-routes.js";
import type { Maps } from "./maps.js";
import { objectChanges } from "./object-changes.js";
import { objectDigest, requireObject } from "./object.js";
import { plan } from "./plan.js";
import { probe } from "./probe.js";
import { folderOf, foldersOf, generationOf, isLinked, readTable } from "./readback.js";
import { markOf, replaceText, tableName, translationText } from "./translation.js";

export const ebpf: Backend = {
  name: "ebpf",
  hangsOnDevices: true,
  inexpressible: () => undefined,
  require: async () => void requireObject(),
  requireRemoval: () => (isInstalled("nft") ? Promise.resolve() : Promise.reject(new MissingTool("nft"))),
  probe,
  approach,
  edits: (policy) => MapEdits.of(policy, folderOf(policy.name, objectDigest(requireObject()))),
  stop: (policy, _flows, _anew, doomed = []) => {
    const folder = folderOf(policy.name, objectDigest(requireObject()));
    endDenied(folder);
    endConnections(folder, doomed);
    return Promise.resolve();
  },
  async handOver(policy) {
    // First: what it translates must be decided by its own `from`, or not be translated by it.
    await removeTable(policy);
    for (const folder of foldersOf(policy)) giveUp(folder);
  },
  remove,
  tidy: () => undefined,
};

/** What the kernel may log of a statement, and how often. */
function logsOf(policy: Policy): Map<Origin, number> {
  return new Map(
    policy.ruleList.parts.flatMap((part) =>
      isRun(part) || part.log === undefined ? [] : [[part.origin, intervalOf(part.log.limit)]],
    ),
  );
}

function digestOf(maps: Maps, object: string, source: Source | undefined): string {
  const hash = beginDigest("sha1").update(`${VERSION}\n${object}\n`);
  if (source === undefined) hash.update(toText(maps));
  else for (const text of source.texts) hash.update(`${text.length}\n`).update(text);
  return `ebpf:${source === undefined ? "maps" : "texts"}:${hash.hex()}`;
}

async function approach(policy: Policy, known: Committed | undefined, source?: Source): Promise<Approach> {
  const object = requireObject();
  const maps = plan(policy);
  const digest = objectDigest(object);
  const folder = folderOf(policy.name, digest);
  const wanted = digestOf(maps, digest, source);
  const body = translationText(maps);
  const there = foldersOf(policy.name).includes(folder) ? generationOf(folder) : 0;
  const marked = there === 0 ? undefined : await readTable(policy.name, markOf(body));
  const sameTable = there > 0 && marked === (body === "" ? undefined : true);
  const placed = (): Maps => ({ ...maps, devices: maps.devices.filter((one) => !isGone(policy, one)) });
  const linked = (): boolean => placed().devices.every(({ device }) => isLinked(folder, device, deviceIndex(device)));
  const equal = known?.digest === wanted && known.generation === there && there > 0 && sameTable && linked();
  const now = { digest: wanted, generation: there };
  const objects = equal ? 0 : countOf(maps);
  return {
    standing: equal ? "equal" : there === 0 ? "absent" : "different",
    conflict: await localRoutesConflict(policy),
    now,
    objects,
    loosens: false,
    describe: () => `${there === 0 ? "load" : "swap"} the maps of the eBPF dataplane (${objects} objects)`,
    check: async () => {
      if (!sameTable) await commitTable(replaceText(policy.name, body), ["-c"]);
    },
    async commit(_, standing) {
      const table = sameTable ? undefined : body;
      const generation = await putInForce(placed(), logsOf(policy), folder, object, table, standing);
      return { digest: wanted, generation, operations: objects };
    },
    verify() {
      const generation = generationOf(folder);
      if (generation === 0 || !linked())
        throw new Refused(
          "the eBPF programs aren't on their devices as they were put there: somebody else has changed it meanwhile",
          "look for what else manages BPF programs on this host, and apply again",
        );
      return generation;
    },
    list: (before): ObjectChange[] => (equal ? [] : objectChanges(maps, before && plan(before))),
  };
}

/** A device of a container that adopted its namespace goes with whoever made that, and no packet comes by it then. */
function isGone({ containers }: Policy, { device, container }: Maps["devices"][number]): boolean {
  const kind = containers[container - 1]?.sandbox.kind;
  return (kind === "netns" || kind === "pid") && deviceIndex(device) === undefined;
}

const countOf = (maps: Maps): number =>
  maps.devices.length + maps.own.length + maps.exact.most + maps.near.length + maps.far.length + maps.ports.length;

/** The table of translations; whether there was one. */
async function removeTable(policy: string): Promise<boolean> {
  if ((await readTable(policy, markOf(""))) === undefined) return false;
  await commitTable(replaceText(policy, ""));
  return true;
}

/** The folder goes last: it tells that there may be a table, as does the record where somebody took the folder away. */
async function remove(policy: string, recorded: boolean): Promise<string[]> {
  const folders = foldersOf(policy);
  if (folders.length === 0 && !(recorded && isInstalled("nft"))) return [];
  const removed = (await removeTable(policy)) ? [`table inet ${tableName(policy)}`] : [];
  for (const folder of folders) removeFolder(folder);
  unmountPinned();
  return folders.length === 0 ? removed : [...removed, `the eBPF dataplane of ${policy}`];
}
