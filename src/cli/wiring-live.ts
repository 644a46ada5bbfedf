/** Wiring of the commands that watch a policy at work, and of those that help to use tsnet. */
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import { NAMES } from "./completion-words.js";
import { examples } from "./examples.js";
import { printExactly } from "./output.js";

/** An option that may be given several times. */
function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError("A whole number from 1 to 1000000.");
  return value;
}

/** What asks a policy at work. Each command is a file of its own, loaded when it runs. */
export function addLiveCommands(program: Command, transportOption: () => Option): void {
  program
    .command("test")
    .description("runs files of `assert` statements against a policy, or with real packets against what is live")
    .argument("<file...>", "files of tests: assert, let and include; `-` is standard input")
    .option("--policy-file <file>", "the policy that they are about; may be given several times", collect)
    .option("--live", "send real packets where the policy is live, besides")
    .option("--policy <name>", "with --live and without --policy-file: which policy, where several are live")
    .addOption(new Option("--format <form>", "how results are written").choices(["tap", "junit"]).default("tap"))
    .option("--junit <file>", "write JUnit's XML into this file, besides")
    .addOption(new Option("--json", "one JSON object").conflicts("format"))
    .addHelpText(
      "after",
      `
Without --live it needs neither root nor a kernel: each assertion is checked for every packet that it covers.
--live asks it of the policy that is live, and sends packets between its containers, and between them and this host.
For that long, sockets of tsnet's own answer on the ports that are asked and on which nobody listens. Packets from and to
the world aren't sent: an assertion of which no packet can be sent is skipped, with the reason.
--json: { policy, live, passed, failed, skipped, tests: [{ text, file, line, column, outcome, message, why, help,
counterexample, measured, notMeasured }], diagnostics }; the last two of a test with --live alone.
Exit status: 0 all hold, 1 one doesn't or a file has errors, 2 a file can't be read, 3 packets couldn't be sent at all.
` +
        examples(
          "tsnet test rules.test.tsnet --policy-file shop.tsnet",
          "tsnet test tests/*.tsnet --policy-file shop.tsnet --junit results.xml",
          "echo 'assert deny world -> db' | tsnet test - --policy-file shop.tsnet",
          "tsnet test rules.test.tsnet --live",
        ),
    )
    .action(async (files: string[], options) => (await import("./test.js")).test(files, options));

  program
    .command("stats")
    .description("live counters per policy statement: the packets that each decided")
    .argument("[file...]", "policy files, or a container's name; none: all that is live")
    .option("--watch [seconds]", "look again and again, every second unless said", positive)
    .option("--json", "one JSON object; with --watch one a line")
    .addOption(transportOption())
    .addHelpText(
      "after",
      `
Of an allowed connection its first packet counts, of a denied one each. A packet counts for the statements that decide
it: those that name its ends and ports one by one before those of groups, ranges and zones. Counters survive an apply,
also of statements that others are written beside, and go with the policy. POLICY/NAME names a container where several
policies have it. With connection accounting on (sysctl net.netfilter.nf_conntrack_acct), bytes of the connections that
are open, both ways.
--json: { accounting, policies: [{ policy, statements: [{ kind, text, file, line, column, packets, bytes }],
defaults: [{ default, network, verdict, packets, bytes }], never }] }; \`bytes\` is null without accounting, \`never\` has
the statements that have decided no packet.
` +
        examples(
          "tsnet stats",
          "tsnet stats shop.tsnet --watch",
          "tsnet stats shop/db",
          "tsnet stats --json | jq -r '.policies[].never[]'",
        ),
    )
    .action(async (files: string[], options) => (await import("./stats.js")).stats(files, options));

  program
    .command("trace")
    .description("follows live packets of one flow through the hooks, each step with its policy line")
    .argument("<query>", "whose packets, as explain takes it: 'c2 -> c1:22'")
    .option("--policy <name>", "in which policy's names, where several are live")
    .option("--count <packets>", "end after so many packets", positive)
    .option("--for <seconds>", "end after so many seconds", positive)
    .option("--json", "one JSON object a packet and line")
    .addHelpText(
      "after",
      `
Follows packets from the source to the destination as they are sent, so 'c2 -> host:49153' follows a published port, and
no replies. Ctrl-C ends it. Of more than 100 packets a second only so many are shown. The kernel is told by a table of
tsnet's own, which decides nothing and is gone when the command ends, even if it is killed.
--json: { source, destination, proto, port, flags, verdict, decision: { verdict, by, default },
steps: [{ hook, table, chain, effect, object, by }] }, a line each; \`decision\` is what the policy says.
` +
        examples(
          "tsnet trace 'c2 -> c1:22'",
          "tsnet trace 'world -> host:49153' --count 1",
          "tsnet trace 'c1 -> world' --for 30 --json",
        ),
    )
    .action(async (query: string, options) => (await import("./trace.js")).trace(query, options));
}

/** What helps to use tsnet, on this host and in editors and shells. */
export function addHelpingCommands(program: Command): void {
  program
    .command("doctor")
    .description("what this host can do, and how to get what it lacks")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Changes nothing: what must be tried is tried in namespaces that end with the command.
--json: { version, kernel, node, transport, can: { check, try, apply },
features: [{ name, ok, needs, what, mend }] }; \`needs\` is the command that lacks without it, or "more".
Exit status: 0, or 3 where this host can't apply a policy even as root.
` + examples("tsnet doctor", "sudo tsnet doctor --json | jq .can"),
    )
    .action(async (options) => (await import("./doctor.js")).doctor(options));

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
      printExactly(completionScript(program, shell));
    });

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
    .action(async () => (await import("./lsp.js")).lsp());

  program
    .command(NAMES, { hidden: true })
    .argument("<of>")
    .action(async (of: string) => (await import("./names.js")).names(of));
}
