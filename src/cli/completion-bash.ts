/** bash's completion (bash(1), "Programmable Completion"); it needs nothing but bash 4.4. Pure. */
import { type CommandWords, NAMES, type OptionWords, type Values } from "./completion-words.js";

const quoted = (words: readonly string[]): string => `'${words.join(" ")}'`;

/** The call that offers what can stand there. */
function offer(values: Values): string {
  switch (values.kind) {
    case "none":
      return ":";
    case "files":
      return "_tsnet_files";
    case "policy-files":
      return "_tsnet_files tsnet";
    case "choices":
      return `_tsnet_words ${quoted(values.choices)}`;
    case "live":
      return `_tsnet_live ${values.of}`;
  }
}

function optionCases(options: readonly OptionWords[]): string[] {
  return options.flatMap(({ names, values }) =>
    values === undefined ? [] : [`        ${names.join("|")}) ${offer(values)}; return ;;`],
  );
}

function commandCase({ name, options, values }: CommandWords): string[] {
  const cases = optionCases(options);
  const words = options.flatMap(({ names }) => names.filter((one) => one.startsWith("--")));
  return [
    `    ${name})`,
    ...(cases.length === 0 ? [] : ['      case "$prev" in', ...cases, "      esac"]),
    `      case "$cur" in`,
    `        -*) _tsnet_words ${quoted(words)} ;;`,
    `        *) ${offer(values)} ;;`,
    "      esac ;;",
  ];
}

export function bashScript(commands: readonly CommandWords[], options: readonly OptionWords[]): string {
  return [
    "# Completion of tsnet for bash. For this shell alone: source <(tsnet completion bash)",
    "# for good: tsnet completion bash > /etc/bash_completion.d/tsnet",
    FUNCTIONS,
    "_tsnet() {",
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word i",
    "  COMPREPLY=()",
    "  # bash breaks --option=value in three.",
    '  if [[ $cur == "=" ]]; then cur=; elif [[ $prev == "=" ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi',
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    "    word=${COMP_WORDS[i]}",
    "    # What follows -- is a command of somebody else.",
    '    if [[ $word == "--" ]]; then compopt -o default; return; fi',
    "    if [[ -z $command && $word != -* ]]; then command=$word; fi",
    "  done",
    '  case "$command" in',
    '    "")',
    '      case "$cur" in',
    `        -*) _tsnet_words ${quoted(options.flatMap(({ names }) => names.filter((one) => one.startsWith("--"))))} ;;`,
    `        *) _tsnet_words ${quoted(commands.map(({ name }) => name))} ;;`,
    "      esac ;;",
    ...commands.flatMap(commandCase),
    "  esac",
    "}",
    "complete -F _tsnet tsnet",
  ].join("\n");
}

const FUNCTIONS = `_tsnet_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}
_tsnet_live() {
  local IFS=$'\\n'
  mapfile -t COMPREPLY < <(compgen -W "$("\${COMP_WORDS[0]}" ${NAMES} "$1" 2>/dev/null)" -- "$cur")
}
# Files, or files of one suffix and the directories that lead to more.
_tsnet_files() {
  compopt -o filenames
  if [[ -z $1 ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -f -X "!*.$1" -- "$cur"; compgen -d -- "$cur")
  fi
}`;
