/** The command line: wiring only. Each command is a file of its own, loaded when it runs. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { APPLICABLE } from "../backend/registry.js";
import { VERSION } from "../system/version.js";
import { parseSeconds, WAITER } from "./confirmation.js";
import { examples } from "./examples.js";
import { EXIT, Failure } from "./exit.js";
import { addBenchCommand } from "./wiring-bench.js";
import { addComparingCommands } from "./wiring-compare.js";
import { addHelpingCommands, addLiveCommands } from "./wiring-live.js";
import { chooseTransport, type Transport, TRANSPORTS } from "../system/transport.js";
import { note } from "./output.js";
import { PRINTABLE } from "./printable.js";

const FILE_HELP = "policy files; `-` is standard input";

function seconds(text: string): number {
  const value = parseSeconds(text);
  if (value === undefined) throw new InvalidArgumentError("Whole seconds from 1 to 86400, such as 60.");
  return value;
}

/** What carries the rules, for commands that apply. */
function backendOption(): Option {
  return new Option("--backend <name>", "what carries the rules").choices([...APPLICABLE]);
}

/** Chosen as soon as it is read: everything that speaks to the kernel comes later. */
function transportOption(): Option {
  return new Option("--transport <how>", "speak to the kernel by netlink, or with nft and the other tools")
    .choices([...TRANSPORTS])
    .default("auto");
}

function build(): Command {
  const program = new Command("tsnet");
  program
    .description(
      "A small policy language for container networking, compiled to kernel rulesets and applied in one step.",
    )
    .version(VERSION)
    .showHelpAfterError("(tsnet --help lists the commands)")
    .configureHelp({ showGlobalOptions: false })
    .addHelpText(
      "after",
      examples(
        "echo 'allow c2 -> c1:22, icc off, publish 49153->8080' | tsnet try -    see it work, nothing is touched",
        "tsnet check shop.tsnet                                                  errors, warnings, assertions",
        "tsnet compile shop.tsnet --apply                                        make the kernel match",
        "tsnet explain shop.tsnet 'c2 -> c1:22'                                  who decides, and where",
      ) +
        "\nExit status: 0 done, 1 the policy is wrong, 2 the command line is wrong, 3 the system refused, 4 differences found.\n",
    );

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
    .action(async (files: string[], options) => (await import("./check.js")).check(files, options));

  program
    .command("compile")
    .description("prints the ruleset that a policy compiles to; --apply makes the kernel match")
    .argument("<file...>", FILE_HELP)
    .addOption(
      new Option(
        "--backend <name>",
        "what to compile to; with --apply: what the policy is live with, unless given",
      ).choices([...PRINTABLE]),
    )
    .addOption(
      new Option("--format <form>", "nft's JSON, or its own syntax with the policy's lines").choices(["json", "text"]),
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
      examples(
        "tsnet compile shop.tsnet --format text      what the kernel will hold",
        "tsnet compile shop.tsnet --backend iptables --family 6      what ip6tables-restore takes",
        "tsnet compile shop.tsnet --apply --dry-run",
        "tsnet compile shop.tsnet --apply",
        "tsnet compile shop.tsnet --apply --confirm 60     and within a minute: tsnet confirm",
      ),
    )
    .action(async (files: string[], options) => (await import("./compile.js")).compile(files, options));

  addComparingCommands(program, transportOption, backendOption);

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
    .action(async (files: string[], options) => (await import("./graph.js")).graph(files, options));

  addLiveCommands(program, transportOption);

  program
    .command("audit")
    .description("the live kernel against the policy: what drifted, and which foreign rules are in the way")
    .argument("[file...]", `${FILE_HELP}; without them every live policy, as it was applied`)
    .option("--fix", "apply again what has drifted, and say what that mended")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Reads rules, devices, addresses, routes, neighbours, sysctls, namespaces and hosts files back. The rules, as the kernel
has them, are held against the policy for every packet. Exits with 4 on drift, and where a foreign rule drops what the
policy allows.
--json: { drift: [{ object, statement, message }], foreign: [{ object, effect, statement, message }],
findings: [{ code, severity, message, file, line }] }, and with --fix mended: [message].
` + examples("tsnet audit", "tsnet audit shop.tsnet", "tsnet audit --fix", "tsnet audit --json | jq .drift"),
    )
    .action(async (files: string[], options) => (await import("./audit.js")).audit(files, options));

  program
    .command("try")
    .description("the whole policy in a throwaway namespace: builds it, probes every pair with real packets")
    .argument("<file...>", FILE_HELP)
    .usage("[options] <file...> [-- COMMAND...]")
    .addOption(backendOption())
    .option("--json", "one JSON object: { cells: [...] }")
    .addHelpText("after", examples("tsnet try shop.tsnet", "tsnet try shop.tsnet -- tsnet exec c1 -- ip addr"))
    .action(async (files: string[], options) => (await import("./try.js")).tryPolicy(files, rest, options));

  program
    .command("ls")
    .description("the policies, networks and containers that are live")
    .option("--json", "one JSON object")
    .addHelpText("after", examples("tsnet ls"))
    .action(async (options) => (await import("./ls.js")).ls(options));

  program
    .command("inspect")
    .description("one live container or network as JSON, in the shape of `docker inspect`")
    .argument("<name>", "NAME, or POLICY/NAME where several policies have it")
    .option("--json", "the same; it is JSON anyway")
    .addHelpText("after", examples("tsnet inspect c1", "tsnet inspect shop/web"))
    .action(async (name: string) => (await import("./inspect.js")).inspect(name));

  program
    .command("exec")
    .description("runs a command in a container's sandbox, with its hosts file and link variables")
    .argument("<name>", "NAME, or POLICY/NAME where several policies have it")
    .usage("<name> -- COMMAND...")
    .addHelpText("after", examples("tsnet exec c1 -- ip addr", "tsnet exec app -- sh -c 'echo $DATABASE_PORT'"))
    .action(async (name: string) => (await import("./exec.js")).exec(name, rest));

  program
    .command("remove")
    .description("takes away everything a policy made, and nothing else")
    .argument("[file...]", "policy files that name the policy; without them the only live one")
    .option("--policy <name>", "the policy's name")
    .option("--json", "one JSON object")
    .addOption(transportOption())
    .addHelpText("after", examples("tsnet remove", "tsnet remove --policy shop"))
    .action(async (files: string[], options) => (await import("./remove.js")).remove(files, options));

  program
    .command("confirm")
    .description("keeps what `compile --apply --confirm SECONDS` has put on trial")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
While a policy is on trial nothing else is applied on this host. \`tsnet rollback\` ends the trial at once.
--json: { policy, hash, confirmed }
` + examples("tsnet compile shop.tsnet --apply --confirm 60 && ssh host tsnet confirm", "tsnet confirm"),
    )
    .action(async (options) => (await import("./confirm.js")).confirm(options));

  program
    .command("rollback")
    .description("goes back to the Nth last applied policy: 1, the default, is the one before the live one")
    .argument("[n]", "how far back from what is live")
    .option("--policy <name>", "which policy, where several are live")
    .option("--list", "print the entries and their numbers, change nothing")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
0 is live. Going back is applied like any policy and becomes the live one, so going back twice returns. After a remove,
1 is what was removed. Of a policy on trial, 1 is what was before the trial.
--json: { policy, n, hash, changed, operations, timings, changes }; hash is null
where nothing is live afterwards, timings absent where a trial was ended.
--list --json: { entries: [{ policy, n, hash, appliedAt, by, files, live, onTrial }] }
` + examples("tsnet rollback --list", "tsnet rollback", "tsnet rollback 3 --policy shop"),
    )
    .action(async (n: string | undefined, options) => (await import("./rollback.js")).rollback(n, options));

  program
    .command("restore")
    .description("makes all policies that were live and confirmed live again: after a reboot or a flush of the rules")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
A policy that can't be restored is left out whole: none of its ports is published, its containers have no network.
--json: { policies: [{ policy, restored, changed, operations, error }] }
` + examples("tsnet restore"),
    )
    .action(async (options) => (await import("./restore.js")).restore(options));

  program
    .command("install")
    .description("has systemd run `tsnet restore` at boot, before the network is up")
    .option("--print", "print the units, change nothing")
    .option("--remove", "take the units away")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Where systemd doesn't run it prints what to add where, and exits with 3.
` + examples("tsnet install", "tsnet install --print", "tsnet install --remove"),
    )
    .action(async (options) => (await import("./install.js")).install(options));

  addBenchCommand(program);

  program
    .command(WAITER, { hidden: true })
    .argument("<id>")
    .action(async (id: string) => (await import("../transaction/watch.js")).awaitEnd(id));

  program
    .command("fmt")
    .description("the formatter: in place; `-` prints")
    .argument("<file...>", FILE_HELP)
    .option("--check", "change nothing; exit 4 where something would change")
    .addHelpText("after", examples("tsnet fmt shop.tsnet", "tsnet fmt - < shop.tsnet"))
    .action(async (files: string[], options) => (await import("./fmt.js")).fmt(files, options));

  addHelpingCommands(program);

  program.hook("preAction", (_, command) => {
    const { transport } = command.opts<{ transport?: Transport }>();
    // Without the option the environment decides (TSNET_TRANSPORT).
    if (command.getOptionValueSource("transport") === "cli" && transport !== undefined) chooseTransport(transport);
  });
  for (const command of program.commands)
    command.exitOverride().showHelpAfterError(`(tsnet ${command.name()} --help shows how)`);
  return program.exitOverride();
}

/** What stands after `--`: commander would mix it with the files before it. */
let rest: string[] = [];

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const split = argv.indexOf("--");
  rest = split === -1 ? [] : argv.slice(split + 1);
  const words = split === -1 ? argv : argv.slice(0, split);
  try {
    await build().parseAsync(words, { from: "user" });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** How to mend what the system says about a file. */
const MENDS: Readonly<Record<string, string>> = {
  EACCES: "run it as root, or try the policy without: tsnet try FILE",
  EPERM: "run it as root, or try the policy without: tsnet try FILE",
  EROFS: "/run must be writable: what is live is recorded below /run/tsnet",
  ENOSPC: "free some space on that file system",
};

/** Every error as one or two lines: never a stack trace, unless asked for. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof Failure) {
    if (error.message !== "") note(`tsnet: ${error.message}`);
    if (error.help !== undefined) note(`       ${error.help}`);
    return error.status;
  }
  const { name, message, help, code } = error as Error & { help?: string; code?: string };
  note(`tsnet: ${message}`);
  const mend = help ?? MENDS[code ?? ""];
  if (mend !== undefined) note(`       ${mend}`);
  if (process.env["TSNET_DEBUG"]) note(String((error as Error).stack));
  else if (!["MissingTool", "CommandFailed", "SystemError", "IpFailed"].includes(name) && code === undefined)
    note("       this is a fault of tsnet's own; TSNET_DEBUG=1 shows where");
  return EXIT.system;
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  note(`tsnet: can't write the output: ${error.message}`);
  process.exit(EXIT.system);
});

void main();
