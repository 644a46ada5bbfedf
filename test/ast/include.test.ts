/** Includes: each file once by whatever name, with and without a file system; what can't be included, and why. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Compiled, compile, compileFiles } from "../../src/ir/compile.js";
import { analyse } from "../../src/lsp/analysis.js";
import { identify, readRegular } from "../../src/text/files.js";
import { SourceFile } from "../../src/text/source.js";
import { recompile } from "../../src/transaction/state.js";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("include");
const folder = mkdtempSync(path.join(tmpdir(), "tsnet-include-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.after(forgetCommand);

const at = (name: string): string => path.join(folder, name);
mkdirSync(at("sub"));
writeFileSync(at("sub/common.tsnet"), "container c1 { }\ncontainer c2 { }\n");
symlinkSync("sub/common.tsnet", at("link.tsnet"));
symlinkSync("sub", at("other"));

function fromDisk(...names: string[]): Compiled {
  const files = names.map((name) => new SourceFile(name, readRegular(name)));
  return compileFiles(files, readRegular, { identify });
}

const codes = ({ diagnostics }: Compiled): string[] => diagnostics.map(({ code }) => code);

/** As a record has it, and whoever restores it. */
function kept({ files, roots }: Compiled): { files: { name: string; text: string }[]; roots: readonly string[] } {
  return { files: files.map(({ name, text }) => ({ name, text })), roots };
}

const RULES = "allow c2 -> c1:22\nicc off\n";

test("a file is read once, by whatever names and links it is included", () => {
  writeFileSync(
    at("names.tsnet"),
    `include "sub/common.tsnet"
include "${at("sub/common.tsnet")}"
include "link.tsnet"
include "other/common.tsnet"
include "other/../sub/common.tsnet"
${RULES}`,
  );
  const compiled = fromDisk(at("names.tsnet"));
  assert.equal(codes(compiled), []);
  // The texts alone, as they are kept of what is applied, are the same policy.
  const again = recompile(kept(compiled));
  assert.equal(codes(again), []);
  assert.equal(
    again.policy.containers.map(({ name }) => name),
    ["c1", "c2"],
  );
  assert.equal(kept(again), kept(compiled));
});

test("what is kept stays whole where the first of two names is taken out", () => {
  writeFileSync(at("two.tsnet"), `include "sub/common.tsnet"\ninclude "link.tsnet"\n${RULES}`);
  const { files, roots } = kept(fromDisk(at("two.tsnet")));
  const edited = files.map(({ name, text }) => ({ name, text: text.replace('include "sub/common.tsnet"', "") }));
  const again = recompile({ files: edited, roots });
  assert.equal(codes(again), []);
  assert.is(again.policy.containers.length, 2);
});

test("a file that is given and included is read once, by the name that was given", () => {
  writeFileSync(at("given.tsnet"), `include "${at("sub/common.tsnet")}"\n${RULES}`);
  for (const names of [
    [at("given.tsnet"), at("link.tsnet")],
    [at("link.tsnet"), at("given.tsnet")],
  ]) {
    const compiled = fromDisk(...names);
    assert.equal(codes(compiled), [], names.join(" "));
    assert.ok(compiled.policy.containers.every(({ origin }) => origin?.span.file.name === at("link.tsnet")));
    const again = recompile(kept(compiled));
    assert.equal(codes(again), []);
    assert.equal(kept(again), kept(compiled));
  }
});

test("a circle through another name is one", () => {
  writeFileSync(at("circle.tsnet"), `include "${at("self.tsnet")}"\n`);
  symlinkSync("circle.tsnet", at("self.tsnet"));
  const [problem] = fromDisk(at("circle.tsnet")).diagnostics;
  assert.is(problem?.code, "include-cycle");
  assert.is(problem?.why, `The chain is ${at("circle.tsnet")} -> ${at("self.tsnet")}.`);
});

test("without a file system two paths are one file where they are the same when written out", () => {
  const texts: Record<string, string> = { "lib/common.tsnet": "container c1 { }\ncontainer c2 { }\n" };
  const text = `include "lib/common.tsnet"\ninclude "./lib/../lib/common.tsnet"\n${RULES}`;
  let reads = 0;
  const read = (name: string): string => {
    reads++;
    return texts[name] ?? "";
  };
  const compiled = compile(text, { read });
  assert.equal(codes(compiled), []);
  assert.is(reads, 1);
  assert.equal(
    compiled.files.map(({ name }) => name),
    ["policy.tsnet", "lib/common.tsnet"],
  );
});

test("a text that says it is the same as itself is a comment", () => {
  const read = (): string => '# tsnet: the same file as "a.tsnet"\n';
  assert.equal(codes(compile(`include "a.tsnet"\n${RULES}`, { read })), []);
});

test("an editor sees what check sees", () => {
  const { compiled, trees } = analyse(at("names.tsnet"), readRegular, identify);
  assert.equal(codes(compiled), []);
  assert.equal([...trees.keys()], [at("names.tsnet"), at("sub/common.tsnet")]);
});

function check(shell: string): { status: number | null; stdout: string; stderr: string } {
  const words = commandLine(["check"]).map((word) => `'${word}'`);
  const options = { cwd: folder, encoding: "utf8", timeout: 20_000 } as const;
  return spawnSync("bash", ["-c", shell.replaceAll("CHECK", words.join(" "))], options);
}

test("files given by two names are one", () => {
  const { status, stderr } = check(`CHECK sub/common.tsnet ./link.tsnet ${at("sub/common.tsnet")} <(echo '${RULES}')`);
  assert.is(status, 0, stderr);
});

test("only a regular file is included, and a FIFO is read where it is given", () => {
  execFileSync("mkfifo", [at("fifo")]);
  for (const [name, kind] of [
    ["/dev/zero", "a device"],
    ["fifo", "a FIFO"],
  ]) {
    writeFileSync(at("endless.tsnet"), `include "${name}"\n${RULES}`);
    const { status, stderr } = check("CHECK endless.tsnet");
    assert.is(status, 1, stderr);
    assert.match(stderr, `error[include-unreadable]: '${name}' can't be read: it is ${kind}, and no regular file`);
    assert.match(stderr, "help: include a regular file");
  }
  const { status, stderr } = check(`CHECK <(echo 'container c1 { }') <(echo 'container c2 { }') - <<< '${RULES}'`);
  assert.is(status, 0, stderr);
});

test("where a text isn't UTF-8, and what to do", () => {
  // The sign for what can't be decoded may itself stand in a text.
  const latin = Buffer.concat([Buffer.from("# é \ufffd\ncontainer caf"), Buffer.from([0xe9]), Buffer.from(" { }\n")]);
  writeFileSync(at("latin.tsnet"), latin);
  const says = "can't be read: it is not UTF-8 text: line 2 has the byte 0xe9, at offset 22 of the file";
  const given = check("CHECK latin.tsnet");
  assert.is(given.status, 2);
  assert.match(given.stderr, says.replace("can't be read:", "can't read latin.tsnet:"));
  assert.match(given.stderr, "save it as UTF-8");
  writeFileSync(at("includes-latin.tsnet"), 'include "latin.tsnet"\n');
  const included = check("CHECK includes-latin.tsnet");
  assert.is(included.status, 1);
  assert.match(included.stderr, says);
  assert.match(included.stderr, "help: save it as UTF-8");
});

test.run();
