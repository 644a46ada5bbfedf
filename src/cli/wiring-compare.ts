/** Wiring of the commands that explain a policy, and compare it with another or with what is live. */
import type { Command, Option } from "commander";
import { examples } from "./examples.js";

const FILE_HELP = "policy files; `-` is standard input";

export function addComparingCommands(
  program: Command,
  transportOption: () => Option,
  backendOption: () => Option,
): void {
  program
    .command("plan")
    .description("what --apply would change: first in packets, then in kernel objects; changes nothing")
    .argument("<file...>", FILE_HELP)
    .option("--json", "one JSON object")
    .addOption(transportOption())
    .addOption(backendOption())
    .addHelpText(
      "after",
      `
Exit 4 when there are changes, 0 when there are none, 3 when this host can't be read or refuses.
--json: { policy, appliedAt, changed, difference, objects: [{ verb, object, statements }],
topology: [{ verb, object, text, from }], sysctls: [{ path, before, now }] }; difference is as in diff --json,
from what is live; appliedAt is null where nothing is.
` + examples("tsnet plan shop.tsnet", "tsnet plan shop.tsnet --json | jq '.objects[].object'"),
    )
    .action(async (files: string[], options) => (await import("./plan.js")).plan(files, options));

  program
    .command("diff")
    .description("the packets whose verdict differs between two policies, as few boxes as possible")
    .argument("<file...>", "the old policy and the new one; with --live the files of one")
    .usage("[options] OLD NEW | --live FILE...")
    .option("--live", "compare what is live, as it was applied, with the policy")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Exact for every packet, not sampled. A box is a set of sources, of destinations and of services; boxes may overlap.
A container is itself by name, wherever its address moves; of one that only one policy has, what passes is listed.
Exit 4 when they differ, 0 when they don't.
--json: { same, changes: [{ box, source, destination, service, family, effect, before, after, example }],
containers: { added, removed, moved } }; before and after: { verdict, leads, by, defaults }; effect: opens, closes,
redirects (it passes before and after, and arrives elsewhere) or changes; service null is every service, family null both.
` +
        examples(
          "tsnet diff shop.tsnet shop-next.tsnet",
          "git show HEAD:shop.tsnet | tsnet diff - shop.tsnet",
          "tsnet diff --live shop.tsnet",
        ),
    )
    .action(async (files: string[], options) => (await import("./diff.js")).diff(files, options));

  program
    .command("explain")
    .description("who decides a packet: the verdict, the statements, the path, the kernel objects")
    .argument("<file-and-query...>", "policy files, then a query such as 'c2 -> c1:22'; with --object files alone")
    .option("--json", "one JSON object")
    .option("--why", "with --json: also why the other statements about these ends don't decide")
    .option("--object <object>", "the other way: from a rule, element, set or chain to its statements")
    .addHelpText(
      "after",
      examples(
        "tsnet explain shop.tsnet 'c2 -> c1:22'",
        "tsnet explain shop.tsnet 'world -> host:49153'      through a publish",
        "tsnet explain shop.tsnet '198.51.100.7 -> c1:8080'  the direct way",
        "tsnet explain shop.tsnet --object '10.83.4.7 . 10.83.9.2 . tcp . 22'   as nft list prints it",
      ),
    )
    .action(async (words: string[], options) => (await import("./explain.js")).explain(words, options));
}
