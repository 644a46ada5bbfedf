/** Random small topologies, each as the policy that is tried and as the same with everything allowed. */
import { compile, type Compiled } from "../../src/ir/compile.js";
import { compileLenient } from "./compare.js";
import fc from "./property.js";
import { statements } from "./random-policy.js";

/** What the shared generator lacks: a publish of the third protocol with ports. */
const sctp = fc.constantFrom("", "", "publish 9/sctp -> a", "publish 99 -> {b, c}:9/sctp");

export function topologies(count: number): string[] {
  const lines = fc.tuple(statements, sctp).map(([all, published]) => (published === "" ? all : [...all, published]));
  return fc
    .sample(lines, { numRuns: count, seed: fc.readConfigureGlobal().seed ?? 7 })
    .map((all) => compileLenient(all).text);
}

export function compiled(text: string): Compiled {
  const made = compile(text, { file: "topology.tsnet" });
  if (made.failed)
    throw new Error(`the policy is wrong: ${made.diagnostics.map((d) => d.message).join("; ")}\n${text}`);
  return made;
}

/** The same containers, addresses and published ports, and nothing that stops a packet. */
export function opened(text: string): string {
  const kept = text.split("\n").filter((line) => !/^\s*(allow|deny|reject|link)\b/.test(line));
  const open = kept.map((line) =>
    line
      .replace(/\bicc off\b/, "icc on")
      .replace(/ internal;/, "")
      .replace(/^(publish .*) from .*/, "$1"),
  );
  return [...open, "allow any -> any"].join("\n");
}
