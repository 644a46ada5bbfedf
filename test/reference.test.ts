import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../src/ir/compile.js";
import { catalogue as allCodes } from "../src/text/codes.js";
import { expected, policiesIn, readPolicy, root } from "./support/policies.js";

const page = "grammar/reference.md";
const text = readFileSync(path.join(root, page), "utf8");

interface Block {
  readonly line: number;
  /** `error=CODE`, `warning=CODE`, or nothing: no problem at all. */
  readonly promise: string;
  readonly policy: string;
}

const blocks = [...text.matchAll(/^```tsnet ?(.*)\n([\s\S]*?)^```$/gm)].map((match): Block => ({
  line: text.slice(0, match.index).split("\n").length,
  promise: match[1] as string,
  policy: match[2] as string,
}));

test("the reference has examples", () => assert.ok(blocks.length > 20));

for (const { line, promise, policy } of blocks)
  test(`${page}:${line} ${promise === "" ? "compiles" : promise}`, () => {
    const { diagnostics } = compile(policy, { file: "reference.tsnet", read: readPolicy });
    const found = diagnostics.map(({ severity, code }) => `${severity}=${code}`);
    assert.equal(found, promise === "" ? [] : [promise]);
  });

test("fences are tsnet's only, so that no example goes unchecked", () => {
  const opened = [...text.matchAll(/^```(\S*)/gm)].map((match) => match[1]).filter((name) => name !== "");
  assert.equal([...new Set(opened)], ["tsnet"]);
});

test("the reference lists every diagnostic", () => {
  const catalogue = text.slice(text.indexOf("## Diagnostics"), text.indexOf("## Where this implementation chose"));
  const listed = new Set([...catalogue.matchAll(/`([a-z0-9-]+)`/g)].map((match) => match[1]));
  const emitted = ["invalid", "."].flatMap(policiesIn).flatMap(expected);
  const codes = [...Object.keys(allCodes()), ...emitted.map((line) => line.split(" ")[1] as string)];
  const missing = [...new Set(codes)].filter((code) => !listed.has(code));
  assert.equal(missing, []);
});

test("links within the reference lead somewhere", () => {
  const anchors = [...text.matchAll(/^##+ (.+)$/gm)].map((match) =>
    (match[1] as string).toLowerCase().replace(/ /g, "-"),
  );
  const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map((match) => match[1] as string);
  assert.equal(
    links.filter((link) => !anchors.includes(link)),
    [],
  );
});

test.run();
