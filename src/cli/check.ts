/** `tsnet check` */
import { VERSION } from "../system/version.js";
import type { Silenced } from "../ir/silence.js";
import { toJson, toSarif } from "../text/render.js";
import { location } from "../text/source.js";
import { EXIT } from "./exit.js";
import { compilePaths } from "./input.js";
import { countText, diagnosticsJson, note, print, printDiagnostics, printJson, shown } from "./output.js";

export function check(files: readonly string[], options: { strict?: boolean; json?: boolean; sarif?: boolean }): void {
  const { diagnostics, silenced, failed, policy } = compilePaths(files, { full: true });
  if (options.json) printJson({ diagnostics: diagnosticsJson(diagnostics), silenced: silenced.map(silencedJson) });
  else if (options.sarif) printJson(toSarif(diagnostics, { version: VERSION, silenced }));
  else {
    const problems = diagnostics.filter(({ severity }) => severity !== "info");
    const notes = diagnostics.filter(({ severity }) => severity === "info");
    printDiagnostics(problems);
    if (!failed) {
      for (const { code, span, message } of notes) note(shown(`note[${code}]: ${location(span)}: ${message}`));
      const held = policy.assertions.length;
      const asserted =
        held === 0 ? "" : `, ${held} assertion${held === 1 ? "" : "s"} hold${held === 1 ? "s" : ""} for every packet`;
      const counts = [
        problems.length === 0 ? "no problems" : countText(problems),
        ...(notes.length === 0 ? [] : [`${notes.length} ${notes.length === 1 ? "note" : "notes"}`]),
        ...(silenced.length === 0 ? [] : [`${silenced.length} silenced`]),
      ];
      print(`${shown(policy.name)}: ${summary(policy)}${asserted}; ${counts.join(", ")}`);
    }
  }
  const warned = options.strict === true && diagnostics.some((diagnostic) => diagnostic.severity === "warning");
  process.exitCode = failed || warned ? EXIT.policy : EXIT.done;
}

function silencedJson({ diagnostic, reason }: Silenced): object {
  return { ...toJson(diagnostic), reason };
}

function summary(policy: {
  containers: readonly unknown[];
  networks: readonly unknown[];
  rules: readonly unknown[];
  publishes: readonly unknown[];
}): string {
  const count = (list: readonly unknown[], word: string, many = `${word}s`): string =>
    `${list.length} ${list.length === 1 ? word : many}`;
  return [
    count(policy.containers, "container"),
    count(policy.networks, "network"),
    count(policy.rules, "rule"),
    count(policy.publishes, "published port"),
  ].join(", ");
}
