/** What the wiring of commands shares: how one is added, and options that several have. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { AUTO } from "../backend/choice.js";
import { APPLICABLE } from "../backend/registry.js";
import { TRANSPORTS } from "../system/transport.js";

/** What an action needs besides its words. */
export interface Given {
  /** What stands after `--`, for commands that run another. */
  readonly rest: readonly string[];
  /** A command line with every command. */
  readonly whole: () => Command;
}

/** By their names, how commands are added: of most runs only one is. */
export type Wiring = Readonly<Record<string, (program: Command, given: Given) => Command>>;

export const FILE_HELP = "policy files; `-` is standard input";

/** What carries the rules, for commands that apply. */
export function backendOption(unless: string): Option {
  const text = `what carries the rules; ${unless}, unless given; auto: the first that can, here`;
  return new Option("--backend <name>", text).choices([...APPLICABLE, AUTO]);
}

/** Of `--backend auto`, in the help of commands that take it. */
export const AUTO_HELP = `
--backend auto has backends tried by the policy's own rules, in namespaces that end with it, one after the other until one
takes them all: the one that the policy is live with, then nft, iptables (the variant that iptables-restore is, then the
other), ebpf. One that can't carry out a statement exactly is passed over. Standard error says which, where it isn't nft.
With --json: chosen: { backend, live, passed: [{ backend, what, mend }] }.
`;

/** Chosen as soon as it is read: everything that speaks to the kernel comes later. */
export function transportOption(): Option {
  return new Option("--transport <how>", "speak to the kernel by netlink, or with nft and the other tools")
    .choices([...TRANSPORTS])
    .default("auto");
}

export function positive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > 1_000_000)
    throw new InvalidArgumentError("A whole number from 1 to 1000000.");
  return value;
}
