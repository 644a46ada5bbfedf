/** `tsnet completion` */
import type { Command } from "commander";
import { bashScript } from "./completion-bash.js";
import { fishScript } from "./completion-fish.js";
import { commandWords, programOptions } from "./completion-words.js";
import { zshScript } from "./completion-zsh.js";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };
export type Shell = keyof typeof SCRIPTS;

/** The script that a shell reads. */
export function completionScript(program: Command, shell: Shell): string {
  return SCRIPTS[shell](commandWords(program), programOptions(program));
}
