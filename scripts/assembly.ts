// Compiles the AssemblyScript below an `assembly` folder to WebAssembly: as text in a module of TypeScript, so that whatever
// bundles the command or runs its sources needs to know nothing of it.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Sources, and the modules that are made of them. */
export const ASSEMBLIES = [
  ["grammar/assembly/lines.ts", "grammar/generated/lines.ts"],
  ["src/backend/shape/assembly/exact.ts", "src/backend/shape/generated/exact.ts"],
  ["src/backend/nftables/wire/assembly/tuples.ts", "src/backend/nftables/wire/generated/tuples.ts"],
] as const;

/** The module that a source comes to. Throws with the compiler's messages where it has errors. */
export async function assembled(source: string): Promise<string> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [source, "--outFile", "out.wasm", "--optimizeLevel", "3", "--shrinkLevel", "0", "--runtime", "stub", "--noAssert"],
    {
      readFile: (name, base) => {
        try {
          return readFileSync(path.resolve(root, base, name), "utf8");
        } catch {
          return null;
        }
      },
      writeFile: (name, content) => {
        if (name === "out.wasm") wasm = content as Uint8Array;
      },
      listFiles: () => null,
    },
  );
  if (error !== null || wasm === undefined) throw new Error(`${source}: ${stderr.toString()}`);
  const lines =
    Buffer.from(wasm)
      .toString("base64")
      .match(/.{1,110}/g) ?? [];
  return `/** Made of ${source} by scripts/assembly.ts: WebAssembly in base64. */
export const WASM =
${lines.map((line) => `  "${line}"`).join(" +\n")};
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  for (const [source, target] of ASSEMBLIES) {
    writeFileSync(path.join(root, target), await assembled(source));
    console.log(target);
  }
