/** fish's completion (complete(1)). Pure. */
import { type CommandWords, NAMES, type OptionWords, type Values } from "./completion-words.js";

/** A text inside single quotes, where fish knows two escapes. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** Words of `complete` that say what can stand there. */
function offer(values: Values): string {
  switch (values.kind) {
    case "none":
      return "-x";
    case "files":
      return "-r -F";
    case "policy-files":
      return "-x -a '(__fish_complete_suffix .tsnet)'";
    case "choices":
      return `-x -a ${quoted(values.choices.join(" "))}`;
    case "live":
      return `-x -a '(tsnet ${NAMES} ${values.of} 2>/dev/null)'`;
  }
}

function optionLine(condition: string, { names, description, values }: OptionWords): string {
  const flags = names.map((name) => (name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const value = values === undefined ? "" : ` ${offer(values)}`;
  return `complete -c tsnet -n ${quoted(condition)} ${flags.join(" ")}${value} -d ${quoted(description)}`;
}

export function fishScript(commands: readonly CommandWords[], options: readonly OptionWords[]): string {
  const lines = [
    "# Completion of tsnet for fish: tsnet completion fish > ~/.config/fish/completions/tsnet.fish",
    "complete -c tsnet -f",
    ...options.map((option) => optionLine("__fish_use_subcommand", option)),
  ];
  for (const { name, description, options: own, values } of commands) {
    const seen = `__fish_seen_subcommand_from ${name}`;
    lines.push(`complete -c tsnet -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`);
    lines.push(...own.map((option) => optionLine(seen, option)));
    if (values.kind !== "none") lines.push(`complete -c tsnet -n ${quoted(seen)} ${offer(values)}`);
  }
  return lines.join("\n");
}
