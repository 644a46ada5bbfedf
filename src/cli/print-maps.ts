/** What `tsnet compile --backend ebpf` prints: the contents of the maps. */
import { sourceMap, toJson, toText } from "../backend/ebpf/json.js";
import { plan } from "../backend/ebpf/plan.js";
import type { Compiled } from "../ir/compile.js";
import type { Topology } from "../topology/topology.js";
import type { CompileFlags } from "./compile.js";
import { EXIT, Failure } from "./exit.js";
import { diagnosticsJson, printExactly, printJson } from "./output.js";

export function printMaps({ policy, diagnostics }: Compiled, topology: Topology, options: CompileFlags): void {
  if (options.format === "text") throw new Failure(EXIT.usage, "--format text is nft's own syntax: maps are JSON");
  const maps = plan(policy);
  if (options.json !== true) return printExactly(toText(maps));
  printJson({
    policy: policy.name,
    maps: toJson(maps).maps,
    topology,
    sourceMap: sourceMap(maps),
    diagnostics: diagnosticsJson(diagnostics),
  });
}
