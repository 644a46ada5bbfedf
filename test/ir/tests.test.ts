import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { check } from "../../src/ir/assertions.js";
import { compile } from "../../src/ir/compile.js";
import { readSuites } from "../../src/ir/tests.js";
import { Diagnostics } from "../../src/text/diagnostic.js";
import { SourceFile } from "../../src/text/source.js";
import { root } from "../support/policies.js";

const test = suite("files of tests");

const POLICY = "container a { }; container b { }; let db = b; icc off; allow a -> b:5432";

/** What each assertion of these files comes to, or the codes and places of their errors. */
function outcomes(texts: Readonly<Record<string, string>>, roots = Object.keys(texts)): string[] {
  const { policy } = compile(POLICY);
  const diagnostics = new Diagnostics();
  const files = roots.map((name) => new SourceFile(name, texts[name] as string));
  const read = (path: string): string => {
    if (texts[path] === undefined) throw new Error("there is no such file");
    return texts[path];
  };
  const suites = readSuites(policy, files, { read }, diagnostics);
  if (diagnostics.hasErrors)
    return diagnostics
      .sorted()
      .map(({ code, span }) => `${code}: ${span.file.name}: ${span.file.text.slice(span.start, span.end)}`);
  return suites.flatMap(({ file, assertions }) =>
    assertions.map(
      (one) => `${file.name}: ${check(policy, one) === undefined ? "holds" : "fails"}: ${one.origin.text}`,
    ),
  );
}

test("speak in the policy's names, with lets of their own", () => {
  const text = "let port = 5432\nassert allow a -> db:port\nassert deny b -> a\nassert deny a -> db:{port, 80}";
  assert.equal(outcomes({ t: text }), [
    "t: holds: assert allow a -> db:port",
    "t: holds: assert deny b -> a",
    "t: fails: assert deny a -> db:{port, 80}",
  ]);
});

test("are read each on its own, includes with them", () => {
  const files = {
    one: 'include "ports"\nassert allow a -> b:p',
    two: "let p = 80\nassert deny a -> b:p",
    ports: "let p = 5432\nassert deny b -> a",
  };
  assert.equal(outcomes(files, ["one", "two"]), [
    "one: holds: assert allow a -> b:p",
    "one: holds: assert deny b -> a",
    "two: holds: assert deny a -> b:p",
  ]);
  assert.equal(outcomes({ t: 'include "gone"\nassert deny b -> a' }), ['include-unreadable: t: "gone"']);
});

test("change nothing and declare no name that the policy has, nor a container", () => {
  assert.equal(outcomes({ t: "allow a -> b\nassert deny b -> a" }), ["not-a-test: t: allow a -> b"]);
  assert.equal(outcomes({ t: "container c { }; assert deny b -> a" }), ["not-a-test: t: container c { }"]);
  for (const name of ["a", "db", "default"])
    assert.match(
      outcomes({ t: `let ${name} = 10.0.0.1; assert deny b -> a` }).join(),
      /^(duplicate|reserved)-name: t: /,
    );
  assert.equal(outcomes({ t: "assert deny c -> a" }), ["unknown-name: t: c"]);
  assert.equal(outcomes({ t: "assert deny b -> a:port" }), ["unknown-port: t: port"]);
  assert.equal(outcomes({ t: "assert deny world -> 10.0.0.1" }), [
    "rule-without-container: t: assert deny world -> 10.0.0.1",
  ]);
});

test("of a policy that declares no container declare none either", () => {
  const { policy } = compile("allow x -> y:22, icc off");
  const diagnostics = new Diagnostics();
  readSuites(policy, [new SourceFile("t", "assert deny z -> y")], { read: () => "" }, diagnostics);
  assert.equal(
    diagnostics.list.map(({ code }) => code),
    ["unknown-name"],
  );
});

test("assert something", () => {
  assert.equal(outcomes({ t: "let p = 80" }), ["no-assertion: t: "]);
  assert.equal(outcomes({ t: "# nothing" }), ["no-assertion: t: "]);
});

for (const name of readdirSync(join(root, "policies/tests")))
  test(`policies/tests/${name} holds of policies/${name}`, () => {
    const read = (folder: string) => new SourceFile(name, readFileSync(join(root, folder, name), "utf8"));
    const { policy, failed } = compile(read("policies").text);
    assert.not(failed);
    const diagnostics = new Diagnostics();
    const [suite] = readSuites(policy, [read("policies/tests")], { read: () => "" }, diagnostics);
    assert.equal(diagnostics.list, []);
    assert.ok((suite?.assertions.length ?? 0) > 3);
    for (const one of suite?.assertions ?? []) assert.is(check(policy, one), undefined, one.origin.text);
  });

test.run();
