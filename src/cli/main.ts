/** The command line: wiring only. Each command is a file of its own, loaded when it runs. */
import { Command, CommanderError } from "commander";
import { VERSION } from "../system/version.js";
import { examples } from "./examples.js";
import { EXIT, Failure } from "./exit.js";
import { chooseTransport, type Transport } from "../system/transport.js";
import { answerPrograms, note, wantsColour } from "./output.js";
import { standardError, standardOutput } from "./sink.js";
import { HOST_COMMANDS } from "./wiring-host.js";
import { LIVE_COMMANDS } from "./wiring-live.js";
import { POLICY_COMMANDS } from "./wiring-policy.js";
import { TOOL_COMMANDS } from "./wiring-tools.js";
import type { Wiring } from "./wiring.js";

/** In the order in which help lists them. */
const COMMANDS: Wiring = { ...POLICY_COMMANDS, ...LIVE_COMMANDS, ...HOST_COMMANDS, ...TOOL_COMMANDS };

/** @param named the only command that is asked for: to describe them all takes longer than most of them take */
function build(named?: string): Command {
  const program = new Command("tsnet");
  program
    .description(
      "A small policy language for container networking, compiled to kernel rulesets and applied in one step.",
    )
    .version(VERSION)
    .showHelpAfterError("(tsnet --help lists the commands)")
    .configureHelp({ showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => standardOutput.write(text),
      writeErr: (text) => standardError.write(text),
      getOutHelpWidth: () => standardOutput.width as number,
      getErrHelpWidth: () => standardError.width as number,
      getOutHasColors: () => wantsColour(standardOutput),
      getErrHasColors: () => wantsColour(standardError),
    })
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

  const added = Object.entries(COMMANDS).filter(([name]) => name === named);
  for (const [, add] of added.length > 0 ? added : Object.entries(COMMANDS))
    add(program, { rest, whole: () => build() })
      .exitOverride()
      .showHelpAfterError(`(tsnet ${program.commands.at(-1)?.name()} --help shows how)`);

  program.hook("preAction", (_, command) => {
    const { transport, json } = command.opts<{ transport?: Transport; json?: boolean }>();
    answerPrograms(json === true);
    // Without the option the environment decides (TSNET_TRANSPORT).
    if (command.getOptionValueSource("transport") === "cli" && transport !== undefined) chooseTransport(transport);
  });
  return program.exitOverride();
}

/** Commands that run another, whose words stand after `--`. Elsewhere `--` ends the options, and files follow. */
const RUNNING = ["exec", "try"];

/** Of those, what stands after `--`: commander would mix it with the files before it. */
let rest: string[] = [];

async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  const split = RUNNING.includes(argv[0] ?? "") ? argv.indexOf("--") : -1;
  rest = split === -1 ? [] : argv.slice(split + 1);
  const words = split === -1 ? argv : argv.slice(0, split);
  try {
    await build(words[0]).parseAsync(words, { from: "user" });
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
  const { name, message, help, code, status } = error as Error & { help?: string; code?: string; status?: number };
  note(`tsnet: ${message}`);
  if (name === "Interrupted") return status as number;
  const mend = help ?? MENDS[code ?? ""];
  if (mend !== undefined) note(`       ${mend}`);
  if (process.env["TSNET_DEBUG"]) note(String((error as Error).stack));
  else if (!["MissingTool", "CommandFailed", "SystemError", "IpFailed"].includes(name) && code === undefined)
    note("       this is a fault of tsnet's own; TSNET_DEBUG=1 shows where");
  return EXIT.system;
}

// Nothing is left to do or to write then; ended by itself, Node would first give back its heap piece by piece.
process.on("beforeExit", () => process.exit());

void main();
