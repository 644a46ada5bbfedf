/** Wiring of what helps to use tsnet, on this host and in editors and shells. */
import { Argument, InvalidArgumentError, Option } from "commander";
import { NAMES } from "./completion-words.js";
import { examples } from "./examples.js";
import { printExactly } from "./output.js";
import { FILE_HELP, type Wiring } from "./wiring.js";

/** `1,1000,10000`, each a whole number of statements. */
function counts(text: string): number[] {
  const values = text.split(",").map(Number);
  if (values.every((value) => Number.isInteger(value) && value >= 1 && value <= 1_000_000)) return values;
  throw new InvalidArgumentError("Whole numbers from 1 to 1000000 with commas between them, such as 1,1000,10000.");
}

function rounds(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new InvalidArgumentError("A whole number from 1 to 1000.");
}

export const TOOL_COMMANDS: Wiring = {
  bench: (program) =>
    program
      .command("bench")
      .description("how fast rules are applied on this machine, beside other tools, in a throwaway namespace")
      .addOption(
        new Option("--statements <n,…>", "how many statements are installed")
          .argParser(counts)
          .default([1, 1_000, 10_000], "1,1000,10000"),
      )
      .option("--rounds <n>", "how often each command is timed", rounds, 7)
      .option("--json", "one JSON object")
      .option("--svg <file>", "also write a plot of how cost grows with the statements")
      .addHelpText(
        "after",
        `
Cold apply, churn, and applying again with nothing or one line changed, each beside the tools that are installed of nft,
iptables-restore, iptables-legacy-restore, ipset and ferm, in turn. Needs no root where user namespaces are allowed, and
touches nothing of the host. Lasts about a minute. docs/performance.md says what each figure means.
--json: { environment, suites: [{ name, note, figures: [{ name, unit, count, median, p99, min, max }],
ratios: [{ name, value }], missing }] }; p99 is absent where there are fewer than 100 measurements.
` +
          examples(
            "tsnet bench",
            "tsnet bench --statements 1,1000,10000,100000 --svg growth.svg",
            "tsnet bench --json > here.json",
          ),
      )
      .action(async (options) => (await import("./bench.js")).bench(options)),

  fmt: (program) =>
    program
      .command("fmt")
      .description("the formatter: in place; `-` prints")
      .argument("<file...>", FILE_HELP)
      .option("--check", "change nothing; exit 4 where something would change")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
--json: { files: [{ file, changed, text }] }; \`text\`, the formatted one, of standard input alone.
` + examples("tsnet fmt shop.tsnet", "tsnet fmt - < shop.tsnet", "tsnet fmt --check --json *.tsnet"),
      )
      .action(async (files: string[], options) => (await import("./fmt.js")).fmt(files, options)),

  doctor: (program) =>
    program
      .command("doctor")
      .description("what this host can do, and how to get what it lacks")
      .option("--json", "one JSON object")
      .addHelpText(
        "after",
        `
Changes nothing: what must be tried is tried in namespaces that end with the command.
--json: { version, kernel, node, transport, can: { check, try, apply }, backends: { nft, iptables, ebpf },
features: [{ name, ok, needs, what, mend }] }; \`needs\` is the command or the backend that lacks without it, or "more".
A backend is true where it can carry policies here, null where this user can't try it; \`--backend auto\` applies with the
first that can. Exit status: 0, or 3 where this host can't apply a policy even as root, with any backend.
` + examples("tsnet doctor", "sudo tsnet doctor --json | jq .backends"),
      )
      .action(async (options) => (await import("./doctor.js")).doctor(options)),

  completion: (program, { whole }) =>
    program
      .command("completion")
      .description("prints the script by which a shell completes tsnet's commands, options, files and live names")
      .addArgument(new Argument("<shell>", "whose script").choices(["bash", "zsh", "fish"]))
      .addHelpText(
        "after",
        examples(
          "source <(tsnet completion bash)                                     for this shell",
          "tsnet completion bash > /etc/bash_completion.d/tsnet                for good",
          'tsnet completion zsh > "${fpath[1]}/_tsnet"',
          "tsnet completion fish > ~/.config/fish/completions/tsnet.fish",
        ),
      )
      .action(async (shell: "bash" | "zsh" | "fish") => {
        const { completionScript } = await import("./completion.js");
        printExactly(completionScript(whole(), shell));
      }),

  lsp: (program) =>
    program
      .command("lsp")
      .description("the language server, for editors: they start it and speak to it over standard input and output")
      // Editors add it by habit; there is no other way.
      .addOption(new Option("--stdio", "speak over standard input and output, as always").hideHelp())
      .addHelpText(
        "after",
        `
Diagnostics with quick fixes, hover, definitions, references, renaming, symbols, completion and formatting. Files count
as they are in the editor, with what they include; an included file is looked at as a part of what includes it.
` + examples("tsnet lsp      in the editor's settings: the command for the language `tsnet`, files *.tsnet"),
      )
      .action(async () => (await import("./lsp.js")).lsp()),

  [NAMES]: (program) =>
    program
      .command(NAMES, { hidden: true })
      .argument("<of>")
      .action(async (of: string) => (await import("./names.js")).names(of)),
};
