/** Whether this kernel takes BPF programs, tried on a file system that ends with the command. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../run.js";

const NO_MOUNT = 100;
/** Sees no name as text: paths are its arguments. */
const SCRIPT = `mount -t bpf bpf "$1" || exit ${NO_MOUNT}; exec bpftool prog loadall "$2" "$1/programs" pinmaps "$1/maps"`;

/** What is refused, and why: that the file system is mounted where objects are pinned, or the programs themselves. */
export interface ProgramsRefused {
  readonly at: "mount" | "load";
  readonly why: string;
}

/** Loads an object's programs and makes its maps, as an apply does; undefined where the kernel takes them. */
export async function triesPrograms(object: string): Promise<ProgramsRefused | undefined> {
  const directory = mkdtempSync(join(tmpdir(), "tsnet-"));
  try {
    const args = ["--mount", "--propagation", "private", "--", "sh", "-c", SCRIPT, "sh", directory, object];
    const { exitCode, stderr } = await run("unshare", args, { accept: "any" });
    if (exitCode === 0) return undefined;
    const lines = stderr.split("\n").filter((line) => line.trim() !== "");
    if (exitCode === NO_MOUNT) return { at: "mount", why: lines[0] ?? "no reason given" };
    const said = lines.filter((line) => /libbpf|Error/.test(line) && !/-- /.test(line));
    return { at: "load", why: said[0] ?? lines[0] ?? "no reason given" };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
