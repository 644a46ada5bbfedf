/** What the language server knows, without the protocol. `|` marks a place in a text. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { analyse, occurrenceAt, placesOf } from "../../src/lsp/analysis.js";
import { proposals } from "../../src/lsp/completion.js";
import { fixesOf } from "../../src/lsp/fixes.js";
import { hoverText } from "../../src/lsp/hover.js";

const test = suite("language server features");

/** A policy's analysis, and the marked place in its first file. */
function marked(text: string, others: Readonly<Record<string, string>> = {}) {
  const offset = text.indexOf("|");
  const files: Readonly<Record<string, string>> = { "/p.tsnet": text.replace("|", ""), ...others };
  const read = (path: string): string => {
    if (files[path] === undefined) throw new Error("there is no such file");
    return files[path];
  };
  return { offset, analysis: analyse("/p.tsnet", read), read };
}

const POLICY = `network n { subnet 10.9.0.0/24; icc off }
container "my db" { network n ip 10.9.0.5; expose 5432 }
container app { network n ip 10.9.0.6; publish 8080 -> 80 }
let dbs = {"my db"}
let pg = 5432/tcp
allow app -> dbs:pg
deny app -> "my db"
`;

/** Texts of every place of the marked name, with their lines. */
function places(text: string, others?: Readonly<Record<string, string>>): string[] {
  const { analysis, offset } = marked(text, others);
  const found = occurrenceAt(analysis, "/p.tsnet", offset);
  return placesOf(analysis, found?.name ?? "").map(({ span, declares }) => {
    const { line } = span.file.position(span.start);
    return `${span.file.name}:${line}${declares ? "!" : ""} ${span.file.text.slice(span.start, span.end)}`;
  });
}

test("every kind of mention of a name is found, the declaration first", () => {
  assert.equal(places(POLICY.replace('deny app -> "my', 'deny app -> "m|y')), [
    '/p.tsnet:2! "my db"',
    '/p.tsnet:4 "my db"',
    '/p.tsnet:7 "my db"',
  ]);
  assert.equal(
    places(POLICY.replace("network n ip", "network n| ip")).map((place) => place.split(" ")[0]),
    ["/p.tsnet:1!", "/p.tsnet:2", "/p.tsnet:3"],
  );
  assert.equal(places(POLICY.replace("dbs:pg", "dbs:p|g")), ["/p.tsnet:5! pg", "/p.tsnet:6 pg"]);
  const everywhere = `container a|1 { link b1 as x; mode container:b1 }
container b1 { expose 80 }
container c { mode container:a1 }
link c -> a1
share "/s" {a1, b1}
publish 80 -> a1:80 from {a1, 10.0.0.1}
deny any except a1 -> b1 except a1
assert deny a1 -> b1`;
  assert.is(places(everywhere).length, 9);
});

test("names of included files, and of policies that declare none", () => {
  assert.equal(places('include "more"\nallow a| -> b', { "/more": "deny b -> a" }), ["/p.tsnet:2 a", "/more:1 a"]);
  assert.equal(places("allow hos|t -> a"), []);
});

/** What is said at the marked place. */
function hover(text: string): string | undefined {
  const { analysis, offset } = marked(text);
  return hoverText(analysis, "/p.tsnet", offset);
}

test("hover: what a name is", () => {
  const container = hover(POLICY.replace("allow ap", "allow ap|")) ?? "";
  for (const words of ["**container** `app`", "eth0 on `n`: 10.9.0.6", "publish 8080 -> 80`"])
    assert.match(container, words);
  assert.match(
    hover(POLICY.replace("network n", "network n|")) ?? "",
    /icc off\n- 10\.9\.0\.0\/24, gateway 10\.9\.0\.1\n- containers: my db, app/,
  );
  assert.match(hover(POLICY.replace("dbs:pg", "db|s:pg")) ?? "", /let dbs = "my db"|let dbs = \{"my db"\}/);
  assert.match(hover(POLICY.replace("dbs:pg", "dbs:pg|")) ?? "", "ports: 5432/tcp");
  assert.is(hover("# no|thing\nallow a -> b"), undefined);
});

test("hover: who decides what a rule covers", () => {
  const shadowed = hover(POLICY.replace("allow app", "all|ow app")) ?? "";
  assert.match(shadowed, 'deny: `deny app -> "my db"` (/p.tsnet:7:1)');
  assert.match(hover("icc off\nall|ow a -> b:22\n") ?? "", "- allow: this line decides");
  const mixed = hover("icc off\nallow a -> b:22\nasser|t deny b -> a\n") ?? "";
  assert.match(mixed, "- deny: the default for containers of one network, `icc off` (/p.tsnet:1:1)");
  const parts = hover("icc off\nal|low a -> b\ndeny a -> b:22\n") ?? "";
  assert.match(parts, /- allow: this line decides \(\d+ of \d+ kinds of packets\)/);
  assert.match(parts, /- deny: `deny a -> b:22` \(\/p\.tsnet:3:1\) \(1 of \d+ kinds of packets\)/);
});

/** The text after the only fix. */
function fixed(text: string): string[] {
  const { analysis, read } = marked(text);
  const { diagnostics } = analysis.compiled;
  return diagnostics.flatMap((one) =>
    fixesOf(one, diagnostics, "/p.tsnet", read).map(({ span, text: now }) => {
      return text.slice(0, span.start) + now + text.slice(span.end);
    }),
  );
}

test("a mend that is a replacement is a fix, if it mends", () => {
  const named = "container webserver { }\ncontainer b { }\nallow websrver -> b # why";
  assert.equal(fixed(named), [named.replace("websrver", "webserver")]);
  const spaced = 'container "my db" { }\ncontainer b { }\nicc off\nallow b -> "my dbs"';
  assert.equal(fixed(spaced), [spaced.replace('"my dbs"', '"my db"')]);
  assert.equal(
    fixed("container c1 { network n }\nnetwork n { subnet fd00::/64 }\nallow c1 -> 2001:db8::5:22\nicc off"),
    ["container c1 { network n }\nnetwork n { subnet fd00::/64 }\nallow c1 -> [2001:db8::5]:22\nicc off"],
  );
  assert.equal(fixed("icc false # no\nallow {a b} -> c"), [
    "icc off # no\nallow {a b} -> c",
    "icc false # no\nallow {a, b} -> c",
  ]);
  // A help that isn't a replacement is none.
  assert.equal(fixed("icc on; icc off; allow a -> b"), []);
});

/** Labels that are proposed at the marked place. */
function proposed(text: string): string[] {
  const { analysis, offset } = marked(text);
  const file = analysis.trees.get("/p.tsnet")?.file;
  assert.ok(file);
  return proposals(analysis, file, offset).map(({ label }) => label);
}

test("completion: keywords where a statement begins, names and ports elsewhere", () => {
  assert.ok(proposed("icc off\nal|\n").includes("allow"));
  assert.ok(proposed("icc off; |").includes("publish"));
  assert.ok(proposed("icc off, |").includes("deny"));
  assert.equal(proposed("container c { exp| }").includes("expose"), true);
  assert.equal(proposed("container c {\n  |\n}").slice(0, 3), ["network", "publish", "link"]);
  assert.ok(proposed("network n { subnet 10.9.0.0/24; i| }").includes("internal"));
  assert.equal(proposed(`${POLICY}allow a|`).slice(0, 2), ['"my db"', "app"]);
  assert.ok(proposed(`${POLICY}allow app -> {app, |`).includes("dbs"));
  assert.equal(proposed(`${POLICY}allow app -> dbs:|`), ["pg", "tcp", "udp", "sctp", "icmp"]);
  assert.equal(proposed(`${POLICY}icc |`), ["on", "off"]);
  assert.equal(proposed(`${POLICY}# al|`), []);
  assert.ok(proposed(`${POLICY}container x { network |`).every((label) => ["n", "default"].includes(label)));
});

test.run();
