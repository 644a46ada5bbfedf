import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importsOf, MAX_LINES, type SourceFile, violations } from "./support/architecture.js";

const root = path.dirname(import.meta.dirname);

function sources(folder: string): SourceFile[] {
  if (!existsSync(path.join(root, folder))) return [];
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => path.posix.join(folder, name))
    .filter((name) => name.endsWith(".ts") && !name.startsWith("grammar/generated/"))
    .map((name) => ({ path: name, text: readFileSync(path.join(root, name), "utf8") }));
}

test("the sources keep to the architecture", () => {
  const files = [...sources("src"), ...sources("grammar")];
  assert.ok(files.length > 1);
  assert.is(violations(files).join("\n"), "");
});

const forbidden: [string, string, string, RegExp][] = [
  ["upwards", "src/text/span.ts", 'import { a } from "../net/a.js";', /text must not import net/],
  ["types count too", "src/net/a.ts", 'import type { A } from "../ir/a.js";', /net must not import ir/],
  ["re-exports count too", "src/ir/a.ts", 'export * from "../topology/a.js";', /ir must not import topology/],
  ["over several lines", "src/ir/a.ts", 'import {\n  a,\n  b,\n} from "../system/a.js";', /ir must not import system/],
  ["dynamically", "src/audit/a.ts", 'await import("../cli/main.js");', /audit must not import cli/],
  ["for its effects", "src/ast/a.ts", 'import "../ir/a.js";', /ast must not import ir/],
  ["a sibling", "src/backend/nftables/plan.ts", 'import { a } from "../ebpf/plan.js";', /nftables must not know ebpf/],
  ["the library, the command", "src/index.ts", 'export { a } from "./cli/a.js";', /index must not import cli/],
  ["ast outside lowering", "src/ir/evaluate.ts", 'import type { A } from "../ast/nodes.js";', /was lowered/],
  ["the machine from a plan", "src/backend/nftables/plan.ts", 'import { a } from "../../system/a.js";', /is pure/],
  ["a process", "src/cli/a.ts", 'import { execa } from "execa";', /only system may import execa/],
  ["an escape", "src/cli/a.ts", 'import { a } from "../../test/a.js";', /leads out/],
  ["without .js", "src/cli/a.ts", 'import { a } from "../ir/a";', /must end in \.js/],
  ["an unknown folder", "src/cli/a.ts", 'import { a } from "../util/a.js";', /in no layer/],
];

for (const [name, file, text, why] of forbidden) {
  test(`caught: ${name}`, () => assert.match(violations([{ path: file, text }]).join("\n"), why));
}

const allowed: [string, string, string][] = [
  ["downwards", "src/cli/check.ts", 'import { a } from "../ir/a.js";\nimport { Command } from "commander";'],
  ["lowering reads the tree", "src/ir/lower.ts", 'import type { A } from "../ast/nodes.js";'],
  ["a backend's common part", "src/backend/nftables/plan.ts", 'import type { B } from "../backend.js";'],
  ["grammar and ast know each other", "grammar/parser.ts", 'import type { A } from "../src/ast/nodes.js";'],
  ["system starts processes", "src/system/run.ts", 'import { execa } from "execa";'],
  ["a comment is not an import", "src/text/a.ts", '// import { a } from "../cli/a.js";\nexport const a = 1;'],
];

for (const [name, file, text] of allowed) {
  test(`allowed: ${name}`, () => assert.equal(violations([{ path: file, text }]), []));
}

test("caught: a file too long, and one in no layer", () => {
  const long = "let a;\n".repeat(MAX_LINES);
  assert.equal(violations([{ path: "src/ir/a.ts", text: long }]), []);
  assert.match(violations([{ path: "src/ir/a.ts", text: `${long}let b;\n` }]).join(), /351 lines/);
  assert.match(violations([{ path: "src/util/a.ts", text: "" }]).join(), /in no layer/);
});

test("imports are found in order of kind, each once", () => {
  const text = 'import a from "a";\nimport "b";\nconst c = await import("c");\nexport { d } from "d";';
  assert.equal(importsOf(text), ["a", "d", "b", "c"]);
});

test.run();
