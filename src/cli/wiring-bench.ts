/** The command line of `tsnet bench`. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { examples } from "./examples.js";

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

export function addBenchCommand(program: Command): void {
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
    .action(async (options) => (await import("./bench.js")).bench(options));
}
