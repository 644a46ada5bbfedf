/** The command line as a value, made from commander's own tree, for a shell's script. */
import type { Argument, Command, Option } from "commander";

/** What can stand in a place of the command line. */
export type Values =
  | { readonly kind: "none" | "files" | "policy-files" }
  | { readonly kind: "choices"; readonly choices: readonly string[] }
  /** Names of what is live: the words of `NAMES` that print them. */
  | { readonly kind: "live"; readonly of: "containers" | "all" | "policies" };

export interface OptionWords {
  /** `--json`, and `-h` where there is a short form. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined: it takes no value. */
  readonly values: Values | undefined;
}

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionWords[];
  /** Of its arguments; the same for all. */
  readonly values: Values;
}

/** The hidden command that prints live names. */
export const NAMES = "__names";

const HELP: OptionWords = { names: ["--help", "-h"], description: "display help for command", values: undefined };

/** Every visible command, and `help`. */
export function commandWords(program: Command): CommandWords[] {
  const commands = program.createHelp().visibleCommands(program);
  const names = commands.map((command) => command.name()).filter((name) => name !== "help");
  return commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    options: command.name() === "help" ? [] : [...command.options.filter((one) => !one.hidden).map(optionWords), HELP],
    values:
      command.name() === "help"
        ? { kind: "choices", choices: names }
        : argumentValues(command, command.registeredArguments[0]),
  }));
}

/** Options before a command. */
export function programOptions(program: Command): OptionWords[] {
  return [...program.options.map(optionWords), HELP];
}

function optionWords(option: Option): OptionWords {
  const names = [option.long, option.short].filter((name) => name !== undefined && name !== null);
  const takes = option.required || option.optional;
  return { names, description: option.description, values: takes ? optionValues(option) : undefined };
}

function optionValues({ argChoices, flags, long }: Option): Values {
  if (argChoices !== undefined) return { kind: "choices", choices: argChoices };
  if (long === "--policy") return { kind: "live", of: "policies" };
  if (long === "--policy-file") return { kind: "policy-files" };
  return { kind: /<file>|\[file\]/.test(flags) ? "files" : "none" };
}

function argumentValues(command: Command, argument: Argument | undefined): Values {
  if (argument === undefined) return { kind: "none" };
  if (argument.argChoices !== undefined) return { kind: "choices", choices: argument.argChoices };
  if (argument.name() === "name") return { kind: "live", of: command.name() === "exec" ? "containers" : "all" };
  return { kind: /^(file|old|new)/.test(argument.name()) ? "policy-files" : "none" };
}
