/** What may stand at a place: keywords where a statement begins, names and ports elsewhere. Pure. */
import { statementForms } from "../../grammar/forms.js";
import { formatName } from "../ast/format.js";
import { BUILT_IN } from "../ir/scope.js";
import { PROTOCOLS } from "../net/ports.js";
import type { SourceFile } from "../text/source.js";
import type { Analysis } from "./analysis.js";

export interface Proposal {
  readonly label: string;
  readonly kind: "keyword" | "container" | "network" | "let" | "builtin" | "port";
  readonly detail: string;
}

export function proposals(analysis: Analysis, file: SourceFile, offset: number): Proposal[] {
  const before = file.text.slice(0, offset);
  if (/#[^\n"]*$/.test(before)) return [];
  // The statement as far as it goes, without the word that is being written.
  const statement = (/[^\n;]*$/.exec(before)?.[0] ?? "").replace(/[\w.-]*$/, "");
  const begun = statement.replace(/^.*\{(?=[^{}]*$)/, (block) => (isValueBrace(block) ? block : ""));
  if (/^[\s,]*$/.test(begun) || (/,\s*$/.test(begun) && !/\{[^}]*$/.test(begun))) return keywords(blockAt(before));
  if (/^\s*(icc|masquerade)\s+$/.test(begun)) return words(["on", "off"]);
  if (/^\s*mode\s+$/.test(begun)) return words(["host", "none", "container:"]);
  if (/:\s*(\{[^}]*)?$/.test(begun)) return ports(analysis);
  const { policy } = analysis.compiled;
  const named = <T extends { readonly name: string }>(list: readonly T[], kind: Proposal["kind"]): Proposal[] =>
    list.map(({ name }) => ({ label: formatName(name), kind, detail: kind }));
  if (/^\s*network\s+$/.test(begun)) return named(policy.networks, "network");
  const lets = [...policy.lets].filter(([, value]) => value.kind === "peers").map(([name]) => ({ name }));
  return [
    ...named(policy.containers, "container"),
    ...named(policy.networks, "network"),
    ...named(lets, "let"),
    ...BUILT_IN.map((label): Proposal => ({ label, kind: "builtin", detail: "built-in peer" })),
  ];
}

/** Whether a brace holds values and not statements. */
function isValueBrace(text: string): boolean {
  return !/\b(network|container)\s+("[^"]*"|\S+)\s*\{$/.test(text);
}

/** The block that is open at the end of a text. */
function blockAt(text: string): "file" | "network" | "container" {
  const open: string[] = [];
  for (const line of text.split("\n")) {
    const bare = line.replace(/"(?:[^"\\]|\\.)*"/g, "x").replace(/#.*/, "");
    for (const [, head = "", brace] of bare.matchAll(/([^{}]*)([{}])/g))
      if (brace === "}") open.pop();
      else open.push(/\b(network|container)\s+\S+\s*$/.exec(head)?.[1] ?? "");
  }
  const last = open.at(-1);
  return last === "network" || last === "container" ? last : "file";
}

function keywords(within: "file" | "network" | "container"): Proposal[] {
  return statementForms(within).map(([form]) => ({
    label: form.split(" ", 1)[0] as string,
    kind: "keyword",
    detail: form,
  }));
}

function words(list: readonly string[]): Proposal[] {
  return list.map((label) => ({ label, kind: "keyword", detail: "" }));
}

function ports({ compiled: { policy } }: Analysis): Proposal[] {
  const lets = [...policy.lets].filter(([, value]) => value.kind === "ports");
  return [
    ...lets.map(([name]): Proposal => ({ label: formatName(name), kind: "let", detail: "ports" })),
    ...[...PROTOCOLS.keys()].map((label): Proposal => ({ label, kind: "port", detail: "every port of the protocol" })),
  ];
}
