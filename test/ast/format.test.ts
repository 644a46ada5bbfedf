import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { format, formatStatement } from "../../src/ast/format.js";
import { read, withoutSpans } from "../support/syntax.js";
import { statements, treeOf } from "../support/syntax-arbitrary.js";

const test = suite("formatter");

const formatted = (text: string) => format(read(text).tree);

/** What formatting may change besides spans: quotes around names, and `/tcp`, which is what a port means without it. */
function normal(node: unknown): unknown {
  const plain = withoutSpans(node, true);
  const drop = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(drop);
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).filter(([key, each]) => !(key === "protocol" && each.text === "tcp"));
    return Object.fromEntries(entries.map(([key, each]) => [key, drop(each)]));
  };
  return drop(plain);
}

test("writes each statement on one line, with single spaces", () => {
  const cases: [string, string][] = [
    [
      'allow   a->{b,c}:{22/tcp,53/udp}   log "x"  limit 5/second',
      'allow a -> {b, c}:{22, 53/udp} log "x" limit 5/second',
    ],
    ['deny "a" -> "b c" except {d\n e\n}:ssh', 'deny a -> "b c" except {d, e}:ssh'],
    ["publish 49153->8080", "publish 49153 -> 8080"],
    ["publish 127.0.0.1:53/udp -> dns:53/udp from  x", "publish 127.0.0.1:53/udp -> dns:53/udp from x"],
    ["publish [::1]:443/tcp -> c1", "publish [::1]:443 -> c1"],
    ["publish 53/udp -> c1:53/tcp", "publish 53/udp -> c1:53/tcp"],
    ["publish all->c1", "publish all -> c1"],
    ['publish "all" -> c1', 'publish "all" -> c1'],
    ["let  x={22/tcp,icmp}", "let x = {22, icmp}"],
    ["allow a -> [fd00::5]:22", "allow a -> [fd00::5]:22"],
    ["allow a -> [fd00::5:22]", "allow a -> [fd00::5:22]"],
    ["allow a -> 2001:db8::/32:443", "allow a -> 2001:db8::/32:443"],
    ["link app->db as database", "link app -> db as database"],
    ['share "/x"{a,b}', 'share "/x" {a, b}'],
    ['include "a.tsnet"', 'include "a.tsnet"'],
    ['policy "shop"', "policy shop"],
    ['policy "0x"', 'policy "0x"'],
    ['policy "a\\"\\\\"', 'policy "a\\"\\\\"'],
    ["assert  deny a->b:22", "assert deny a -> b:22"],
    ["icc  off", "icc off"],
    ["container c{env A=b}", "container c"],
    ["network n{}", "network n"],
  ];
  for (const [text, expected] of cases) {
    const [statement] = read(text).tree.statements;
    assert.is(statement === undefined ? undefined : formatStatement(statement), expected, text);
  }
});

test("writes files with comments, blank lines and blocks", () => {
  const text = `# head


icc off;  allow a->b  # trailing
network n { subnet 10.0.0.0/8, mtu 1500 # both
  # last
}
container c { # open

  env A="x y"; env B="z"


  # before
  expose 80


} # closed
container d{}
allow {a, # one
  b # two
} -> c

# end

`;
  const expected = `# head

icc off
allow a -> b # trailing
network n {
  subnet 10.0.0.0/8
  mtu 1500 # both
  # last
}
container c { # open
  env A="x y"
  env B=z

  # before
  expose 80
} # closed
container d { }
# one
# two
allow {a, b} -> c

# end
`;
  assert.fixture(formatted(text), expected);
  assert.fixture(formatted(expected), expected);
  assert.is(formatted(""), "");
  assert.is(formatted("\n\n"), "");
  assert.is(formatted("# only"), "# only\n");
  assert.is(formatted("network n { # {\n}"), "network n { # {\n}\n");
});

test("what it writes reads back as the same tree, and formats to itself", () => {
  fc.assert(
    fc.property(statements, (list) => {
      const text = format(treeOf(list));
      const { tree, problems } = read(text);
      assert.equal(
        problems.filter(({ severity }) => severity === "error"),
        [],
        text,
      );
      assert.equal(normal(tree.statements), normal(list), text);
      assert.is(format(tree), text);
    }),
    { numRuns: 1500 },
  );
});

/** Statements and comments joined in every way that a person may. */
const source = fc
  .array(
    fc.tuple(
      fc.constantFrom(
        "icc off",
        "allow a->{b,\n c # in\n}:22",
        "network n { mtu 1 # x\n; icc on\n\n }",
        "container c { # y\n}",
        "deny a -> b",
        "",
      ),
      fc.constantFrom("", " # c", "\n# c", "\n\n\n# c {", "#"),
      fc.constantFrom("\n", "\n\n", "\r\n", "\n\n\n", "\n \t\n"),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.map((part) => part.join("")).join(""));

test("keeps every comment and every statement, and is a fixed point", () => {
  fc.assert(
    fc.property(source, (text) => {
      const before = read(text);
      const once = format(before.tree);
      const after = read(once);
      assert.equal(after.problems, []);
      assert.equal(
        after.tree.comments.map((each) => each.text).sort(),
        before.tree.comments.map((each) => each.text).sort(),
      );
      assert.equal(normal(after.tree.statements), normal(before.tree.statements));
      assert.is(format(after.tree), once);
      assert.not.match(once, /\n\n\n|^\n|\n\n$|[ \t]\n/);
    }),
    { numRuns: 1500 },
  );
});

test.run();
