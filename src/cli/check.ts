/** `tsnet check` */
import { toSarif } from "../text/render.js";
import { EXIT } from "./exit.js";
import { compilePaths } from "./input.js";
import { countText, diagnosticsJson, print, printDiagnostics, printJson, shown } from "./output.js";

export function check(files: readonly string[], options: { strict?: boolean; json?: boolean; sarif?: boolean }): void {
  const { diagnostics, failed, policy } = compilePaths(files);
  if (options.json) printJson({ diagnostics: diagnosticsJson(diagnostics) });
  else if (options.sarif) printJson(toSarif(diagnostics));
  else {
    printDiagnostics(diagnostics);
    if (!failed) {
      const held = policy.assertions.length;
      const asserted =
        held === 0 ? "" : `, ${held} assertion${held === 1 ? "" : "s"} hold${held === 1 ? "s" : ""} for every packet`;
      print(
        `${shown(policy.name)}: ${summary(policy)}${asserted}${diagnostics.length === 0 ? "; no problems" : `; ${countText(diagnostics)}`}`,
      );
    }
  }
  const warned = options.strict === true && diagnostics.some((diagnostic) => diagnostic.severity === "warning");
  process.exitCode = failed || warned ? EXIT.policy : EXIT.done;
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
