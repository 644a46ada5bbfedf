import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import { onlyAllowsMore, onlyPublishesMore, plainEdit } from "../../src/transaction/plain-edit.js";

const test = suite("plain edits");

const HEAD = "network n { subnet 10.9.0.0/24 }\ncontainer a { network n }\ncontainer b { network n }\n";

/** The lines that are gone and the lines that are new. */
function edit(before: string, after: string): { removed: string[]; added: string[] } | undefined {
  const roots = ["policy.tsnet"];
  const found = plainEdit(compile(after), { files: [{ name: "policy.tsnet", text: before }], roots });
  const lines = (rows: NonNullable<typeof found>["added"]): string[] =>
    Array.from({ length: rows.length }, (_, row) => rows.at(row).text);
  return found && { removed: lines(found.removed), added: lines(found.added) };
}

const A = "allow 192.0.2.1 -> a:80\n";
const B = "allow 192.0.2.2 -> a:80\n";
const C = "deny 192.0.2.3 -> b\n";

test("one line more, less, or other, at the top, between and at the end", () => {
  assert.equal(edit(HEAD + A, A + HEAD), undefined);
  assert.equal(edit(HEAD, A + HEAD), { removed: [], added: [A.trim()] });
  assert.equal(edit(A + HEAD, HEAD), { removed: [A.trim()], added: [] });
  assert.equal(edit(HEAD + A + C, HEAD + A + B + C), { removed: [], added: [B.trim()] });
  assert.equal(edit(HEAD + A + C, HEAD + B + C), { removed: [A.trim()], added: [B.trim()] });
  assert.equal(edit(HEAD + A, HEAD + A + C), { removed: [], added: [C.trim()] });
  assert.equal(edit(HEAD + A + C, HEAD + C), { removed: [A.trim()], added: [] });
  assert.equal(edit(HEAD + A.trim(), HEAD + A + C.trim()), { removed: [A.trim()], added: [A.trim(), C.trim()] });
});

test("a line that ends as another does is another line", () => {
  const [short, long] = ["deny a -> b:1\n", "deny a -> b:11\n"];
  assert.equal(edit(HEAD + short, HEAD + long), { removed: [short.trim()], added: [long.trim()] });
  const [one, other] = ["deny a -> b:1\n", "deny aa -> b:1\n"];
  assert.equal(edit(`${HEAD}container aa { network n }\n${one}`, `${HEAD}container aa { network n }\n${other}`), {
    removed: [one.trim()],
    added: [other.trim()],
  });
});

test("what is more than plain rules is none", () => {
  assert.equal(edit(HEAD + A, `${HEAD}icc off\n`), undefined);
  assert.equal(edit(HEAD + A, `${HEAD}allow {a, b} -> 192.0.2.1:80\n`), undefined);
  assert.equal(edit(HEAD + A, `${HEAD}# ${A}`), undefined);
  // Where nothing is declared a rule may name a new container, and a publish may mean another one.
  assert.equal(edit("allow a -> b:1\n", "allow a -> c:1\n"), undefined);
  assert.equal(edit(`${HEAD}${A}publish 80\n`, `${HEAD}${B}publish 80\n`), undefined);
  assert.equal(edit(`${HEAD}${A}publish 80 -> a\n`, `${HEAD}${B}publish 80 -> a\n`)?.added, [B.trim()]);
  assert.equal(edit(`${HEAD}${A}publish 80 -> 8080\n`, `${HEAD}${B}publish 80 -> 8080\n`), undefined);
});

test("publishes of single TCP ports more are told from every other edit", () => {
  const more = (before: string, after: string, name = "policy.tsnet"): boolean =>
    onlyPublishesMore(compile(after), { files: [{ name, text: before }], roots: [name] });
  const [one, other] = ["publish 80 -> a:8080\n", "publish 81 -> b:8081\n"];
  assert.ok(more(HEAD + A, `${HEAD}${one}${A}${other}`));
  assert.ok(more(HEAD + one + A, HEAD + other + A + one));
  assert.ok(more(HEAD + one, HEAD + one + other.trim()));
  // One file is the policy, whatever it is called.
  assert.ok(more(HEAD, HEAD + one, "yesterday.tsnet"));
  assert.ok(more(`${HEAD}publish 53 -> a:53/udp\n`, `${HEAD}publish 53 -> a:53/udp\n${one}`));
  for (const [before, after] of [
    [HEAD + one, HEAD],
    [HEAD + one, HEAD + other],
    [HEAD + one, `${HEAD}publish 80 -> a:8081\n`],
    [HEAD, HEAD + one + A],
    [HEAD + A, HEAD + one],
    [HEAD, `${HEAD}publish 53 -> a:53/udp\n`],
    [HEAD, `${HEAD}publish 80 -> a:8080 from 192.0.2.0/24\n`],
    [HEAD, `${HEAD}publish 80 -> a:8080, deny world -> b\n`],
    [HEAD, `${HEAD}# publish 80 -> a:8080\n`],
    [`${HEAD}publish all -> b\n`, `${HEAD}publish all -> b\n${one}`],
  ] as const)
    assert.not(more(before, after), `${before} => ${after}`);
});

test("statements more that only allow are told from every other edit", () => {
  const more = (before: string, after: string): boolean =>
    onlyAllowsMore(compile(after), { files: [{ name: "policy.tsnet", text: before }], roots: ["policy.tsnet"] });
  const [one, other] = ["allow {a, b} -> 192.0.2.1:{80, 443}\n", "let two = {a, b}\n"];
  assert.ok(more(HEAD, HEAD + A + one + other));
  assert.ok(more(HEAD + B, `${HEAD}${A}\n# of two\n${B}`));
  assert.ok(more(HEAD + A, HEAD + A + one.trim()));
  assert.ok(more(HEAD + A, HEAD + A));
  assert.ok(
    onlyAllowsMore(compile(HEAD + A), { files: [{ name: "other.tsnet", text: HEAD }], roots: ["other.tsnet"] }),
    "another file",
  );
  for (const [before, after] of [
    [HEAD + A, HEAD],
    [HEAD + A, HEAD + B],
    [HEAD, `${HEAD}${A}deny a -> b\n`],
    [HEAD, `${HEAD}${A}icc off\n`],
    [HEAD, `${HEAD}allow a -> b:1, deny b -> a\n`],
    [HEAD, `${HEAD}allow a -> b:1; icc off\n`],
    [HEAD, `${HEAD}  deny a -> b\n`],
    [HEAD + A, HEAD + one + A + one],
    [`${HEAD}${A}icc off\n`, `${HEAD}${A}icc off\n${B}`.replace("icc off", "icc on ")],
    [`${HEAD}deny a -> b\n`, `${HEAD}deny a -> b:1\n`],
    [`${HEAD}deny a -> b, ${B}`, `${HEAD}deny a -> b, ${A}deny a -> b, ${B}`],
  ] as const)
    assert.not(more(before, after), `${before} => ${after}`);
});

test("takes exactly the lines that differ, of random texts", () => {
  const line = fc.constantFrom(A, B, C, "allow a -> b:1\n", "allow a -> b:11\n", "deny a -> b\n");
  const lines = fc.array(line, { maxLength: 8 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const found = edit(HEAD + before.join(""), HEAD + after.join(""));
      if (before.join("") === after.join("")) return assert.is(found, undefined);
      const count = (list: readonly string[], text: string): number => list.filter((one) => one.trim() === text).length;
      for (const text of new Set([...before, ...after].map((one) => one.trim())))
        assert.is(
          count(found?.added ?? [], text) - count(found?.removed ?? [], text),
          count(after, text) - count(before, text),
          text,
        );
    }),
    { numRuns: 500 },
  );
});

test.run();
