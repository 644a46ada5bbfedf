/** Wiring of the commands about policy files. Each command is a file of its own, loaded when it runs. */
import { InvalidArgumentError, Option } from "commander";
import { parseSeconds } from "./confirmation.js";
import { examples } from "./examples.js";
import { AUTO } from "../backend/choice.js";
import { PRINTABLE } from "./printable.js";
import { AUTO_HELP, backendOption, FILE_HELP, transportOption, type Wiring } from "./wiring.js";

function seconds(text: string): number {
  const value = parseSeconds(text);
  if (value === undefined) throw new InvalidArgumentError("Whole seconds from 1 to 86400, such as 60.");
  return value;
}

export const POLICY_COMMANDS: Wiring = {
  check: (program) =>
    program
      .command("check")
      .description("errors, warnings and assertions of a policy")
      .argument("<file...>", FILE_HELP)
      .option("--strict", "exit 1 on warnings too")
      .addOption(new Option("--json", "one JSON object").conflicts("sarif"))
      .option("--sarif", "SARIF 2.1.0, for code hosts")
      .addHelpText(
        "after",
        `
Notes are information: they never change the exit status. A comment '# tsnet: ignore CODE reason' silences a warning or
note of its line, or alone on a line of the next statement's.
--json: { diagnostics, silenced }, the latter with reasons.
` + examples("tsnet check shop.tsnet", "tsnet check --json *.tsnet | jq .diagnostics"),
      )
      .action(async (files: string[], options) => (await import("./check.js")).check(files, options)),

  compile: (program) =>
    program
      .command("compile")
      .description("prints the ruleset that a policy compiles to; --apply makes the kernel match")
      .argument("<file...>", FILE_HELP)
      .addOption(
        new Option(
          "--backend <name>",
          "what to compile to; with --apply: what the policy is live with, unless given; auto: the first that can, here",
        ).choices([...PRINTABLE, AUTO]),
      )
      .addOption(
        new Option("--format <form>", "nft's JSON, or its own syntax with the policy's lines").choices([
          "json",
          "text",
        ]),
      )
      .addOption(
        new Option("--family <number>", "with --backend iptables: for ip6tables-restore; 4 unless given").choices([
          "4",
          "6",
        ]),
      )
      .option("--topology", "print the namespaces, links, addresses, routes and sysctls instead")
      .option("--json", "everything in one JSON object, with the source map; with --apply: what was done")
      .option("--apply", "make the kernel match, in one step: all or nothing")
      .option("--dry-run", "with --apply: have the kernel check it, change nothing")
      .addOption(transportOption())
      .option("--confirm <seconds>", "with --apply: goes back by itself unless `tsnet confirm` comes in time", seconds)
      .addHelpText(
        "after",
        `
--apply --json: { changed, operations, timings: { parse, compile, plan, commit }, changes, diagnostics }, timings in
milliseconds; with --dry-run also dryRun: true, and \`changed\` and \`changes\` are what an apply would do; with --confirm
also trial: { policy, hash, by, seconds, until, secondsLeft, goesBackTo }.
${AUTO_HELP}` +
          examples(
            "tsnet compile shop.tsnet --format text      what the kernel will hold",
            "tsnet compile shop.tsnet --backend iptables --family 6      what ip6tables-restore takes",
            "tsnet compile shop.tsnet --apply --dry-run",
            "tsnet compile shop.tsnet --apply",
            "tsnet compile shop.tsnet --apply --backend auto      nftables, or what else this host has",
            "tsnet compile shop.tsnet --apply --confirm 60     and within a minute: tsnet confirm",
          ),
      )
      .action(async (files: string[], options) => (await import("./compile.js")).compile(files, options)),

  plan: (program) =>
    program
      .command("plan")
      .description("what --apply would change: first in packets, then in kernel objects; changes nothing")
      .argument("<file...>", FILE_HELP)
      .option("--json", "one JSON object")
      .addOption(transportOption())
      .addOption(backendOption("what the policy is live with, or else nft"))
      .addHelpText(
        "after",
        `${AUTO_HELP}
Exit 4 when there are changes, 0 when there are none, 3 when this host can't be read or refuses.
--json: { policy, appliedAt, changed, difference, objects: [{ verb, object, statements }],
topology: [{ verb, object, text, from }], sysctls: [{ path, before, now }] }; difference is as in diff --json,
from what is live; appliedAt is null where nothing is.
` + examples("tsnet plan shop.tsnet", "tsnet plan shop.tsnet --json | jq '.objects[].object'"),
      )
      .action(async (files: string[], options) => (await import("./plan.js")).plan(files, options)),

  diff: (program) =>
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
      .action(async (files: string[], options) => (await import("./diff.js")).diff(files, options)),

  explain: (program) =>
    program
      .command("explain")
      .description("who decides a packet: the verdict, the statements, the path, the kernel objects")
      .argument("<file-and-query...>", "policy files, then a query such as 'c2 -> c1:22'; with --object files alone")
      .option("--json", "one JSON object")
      .option("--why", "with --json: also why the other statements about these ends don't decide")
      .option("--object <object>", "the other way: from a rule, element, set or chain to its statements")
      .addHelpText(
        "after",
        `
--json: { verdict, by, default, source, destination, path, cases }. Of several cases of one verdict, \`by\` has what decides
any of them; of different ones the verdict is "mixed", and each case has its own. With --object:
{ objects: [{ object, kind, statements, purpose }] }.
` +
          examples(
            "tsnet explain shop.tsnet 'c2 -> c1:22'",
            "tsnet explain shop.tsnet 'world -> host:49153'      through a publish",
            "tsnet explain shop.tsnet '198.51.100.7 -> c1:8080'  the direct way",
            "tsnet explain shop.tsnet --object '10.83.4.7 . 10.83.9.2 . tcp . 22'   as nft list prints it",
          ),
      )
      .action(async (words: string[], options) => (await import("./explain.js")).explain(words, options)),

  graph: (program) =>
    program
      .command("graph")
      .description("who may talk to whom: a matrix, a picture, or a page to search and click through")
      .argument("<file...>", FILE_HELP)
      .addOption(
        new Option("--format <form>", "a matrix; Graphviz; a picture; a page of its own")
          .choices(["text", "dot", "svg", "html"])
          .default("text"),
      )
      .addOption(new Option("--json", "one JSON object: { cells: [...] }, as `try --json`").conflicts("format"))
      .option("-o, --output <file>", "write to this file; else to standard output")
      .addHelpText(
        "after",
        `
Containers that nothing in the policy tells apart share a row. The page needs no network: open it from disk, send it by mail.
--json: { cells: [{ from, to, port, proto, expected, measured, … }] }; measured is null, since nothing is: see \`tsnet try\`.
` +
          examples(
            "tsnet graph shop.tsnet",
            "tsnet graph shop.tsnet --format html -o shop.html",
            "tsnet graph shop.tsnet --format dot | dot -Tpdf -o shop.pdf",
            "tsnet graph shop.tsnet --json | jq '.cells[] | select(.expected == \"allow\")'",
          ),
      )
      .action(async (files: string[], options) => (await import("./graph.js")).graph(files, options)),
};
