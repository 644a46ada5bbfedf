/** Cold apply of N statements with ten containers up, beside nft loading the same by hand. Changes the host it runs on. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Figure, interleave } from "./timing.js";
import { workload } from "./workload.js";

const CLI = resolve("dist/tsnet.js");

function run(command: readonly string[]): void {
  const { status, stderr } = spawnSync(command[0] as string, command.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
}

export function coldApply(count: number, rounds: number): Figure[] {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-bench-"));
  const { base, policy, nft } = workload(count);
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const [basePath, policyPath] = [file("base.tsnet", base), file("policy.tsnet", policy)];
  const nftPath = file("hand.nft", nft);
  const tsnet = (path: string): string[] => [process.execPath, CLI, "compile", path, "--apply"];
  try {
    const figures = interleave(
      [
        { name: "tsnet compile --apply", command: tsnet(policyPath), before: () => run(tsnet(basePath)) },
        {
          name: "nft -f by hand",
          command: ["nft", "-f", nftPath],
          before: () => void spawnSync("nft", ["delete", "table", "inet", "hand"]),
        },
      ],
      rounds,
    );
    run([process.execPath, CLI, "remove"]);
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
