/**
 * tsnet as a library.
 *
 *     import { compile, open } from "tsnet";
 *     const { policy, diagnostics } = compile(text, { file: "shop.tsnet" });
 *     const net = await open({ backend: "nft" });
 *     await net.apply(policy);
 *     await net.update({ add: "allow c3 -> c1:22", remove: "allow c2 -> c1:22" });
 *     await net.close();
 */
import { compile as compileText, type Compiled, type CompileOptions } from "./ir/compile.js";

/** Compiles one text. Pure: never touches the machine, never throws on bad policies. */
export function compile(text: string, options: CompileOptions = {}): Compiled {
  // Programs without types pass what they like.
  if (typeof text !== "string")
    throw new TypeError("compile takes a policy's text, as a string: compile(readFileSync(file, 'utf8'), { file })");
  return compileText(text, options);
}

export { compileFiles, type Compiled, type CompileOptions } from "./ir/compile.js";
export { open, type Net, type OpenOptions } from "./transaction/open.js";
export type { ApplyResult } from "./transaction/apply.js";
export type { BackendName } from "./backend/backend.js";
export { Inexpressible } from "./backend/inexpressible.js";
export { Obstacle } from "./transaction/obstacle.js";
export type { Update } from "./transaction/edits.js";
export { PolicyError } from "./transaction/update.js";
export { type Decision, evaluate, type Packet, translate } from "./ir/evaluate.js";
export type { Policy } from "./ir/policy.js";
export { plan } from "./backend/nftables/plan.js";
export { toJson } from "./backend/nftables/json.js";
export { toText } from "./backend/nftables/text.js";
export { planTopology } from "./topology/plan.js";
export type { Topology } from "./topology/topology.js";
export type { Diagnostic, Severity } from "./text/diagnostic.js";
export { SourceFile, type Span } from "./text/source.js";
