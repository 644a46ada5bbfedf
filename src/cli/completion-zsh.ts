/** zsh's completion (zshcompsys(1)). Pure. */
import { type CommandWords, NAMES, type OptionWords, type Values } from "./completion-words.js";

/** A text inside single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A description inside the brackets of an _arguments spec. */
function bracketed(text: string): string {
  return text.replace(/[[\]\\]/g, "\\$&").replace(/:/g, "\\:");
}

/** The action of an _arguments spec. */
function action(values: Values): string {
  switch (values.kind) {
    case "none":
      return " ";
    case "files":
      return "_files";
    case "policy-files":
      return '_files -g "*.tsnet(-.)"';
    case "choices":
      return `(${values.choices.join(" ")})`;
    case "live":
      return `_tsnet_live ${values.of}`;
  }
}

function optionSpecs({ names, description, values }: OptionWords): string[] {
  const others = names.length > 1 ? `(${names.join(" ")})` : "";
  const value = values === undefined ? "" : `:value:${action(values)}`;
  const equals = values === undefined ? "" : "=";
  return names.map((name) =>
    quoted(`${others}${name}${name.startsWith("--") ? equals : ""}[${bracketed(description)}]${value}`),
  );
}

function commandFunction({ name, options, values }: CommandWords): string[] {
  const specs = [...options.flatMap(optionSpecs), quoted(`*:argument:${action(values)}`)];
  return [`    ${name})`, `      _arguments -s ${specs.join(" ")} ;;`];
}

export function zshScript(commands: readonly CommandWords[], options: readonly OptionWords[]): string {
  return [
    "#compdef tsnet",
    '# Completion of tsnet for zsh: tsnet completion zsh > "${fpath[1]}/_tsnet"',
    "",
    "_tsnet_live() {",
    "  local -a names",
    `  names=(\${(f)"$(_call_program names tsnet ${NAMES} $1 2>/dev/null)"})`,
    "  compadd -a names",
    "}",
    "",
    "_tsnet() {",
    "  local curcontext=$curcontext state line",
    "  local -a commands",
    "  commands=(",
    ...commands.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`),
    "  )",
    `  _arguments -C ${options.flatMap(optionSpecs).join(" ")} '1: :->command' '*:: :->argument'`,
    '  case "$state" in',
    "    command) _describe command commands; return ;;",
    "  esac",
    '  case "${line[1]}" in',
    ...commands.flatMap(commandFunction),
    "  esac",
    "}",
    "",
    "# Read by compinit it is called; sourced, it registers itself.",
    'if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _tsnet "$@"; else compdef _tsnet tsnet; fi',
  ].join("\n");
}
