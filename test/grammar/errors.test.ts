import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CODES } from "../../src/text/codes.js";
import { problemsOf, read } from "../support/syntax.js";

const test = suite("syntax errors");

/** Each text has exactly this one problem. */
function expectEach(cases: readonly (readonly [text: string, problem: string])[]): void {
  for (const [text, problem] of cases) assert.equal(problemsOf(text), [problem], text);
}

const helpOf = (text: string) => read(text).problems[0]?.help;

test("words and quotes", () => {
  expectEach([
    ["allow 0afe24ab86b8 -> b", "digit-word '0afe24ab86b8'"],
    ["allow café -> b", "non-ascii-word 'café'"],
    ["allow a -> été.x", "non-ascii-word 'été.x'"],
    ["allow “x” -> b", "non-ascii-word '“x”'"],
    ["allow\u00a0a -> b", "unexpected-character '\u00a0'"],
    ["allow a\u0000 -> b", "unexpected-character '\u0000'"],
    ['allow "abc -> b', `unterminated-string '"abc -> b'`],
    ['include "foo\nbar"', `newline-in-string '"foo\nbar"'`],
    ['allow "a\\n" -> b', "bad-escape '\\n'"],
    ["allow 'a' -> b", "unexpected-character '''"],
    ["allow * -> b", "unexpected-character '*'"],
    ["include a.tsnet", "missing-quotes 'a.tsnet'"],
    ["share /run/x {a}", "missing-quotes '/run/x'"],
    ["container c { netns /run/x }", "missing-quotes '/run/x'"],
  ]);
  assert.is(helpOf("allow 0afe24ab86b8 -> b"), 'if it is a name, quote it: "0afe24ab86b8"');
  assert.is(helpOf("allow café -> b"), 'write "café"');
  assert.is(helpOf("allow “x” -> b"), 'write "x"');
});

test("numbers and addresses", () => {
  expectEach([
    ["allow a -> b:0", "bad-port '0'"],
    ["allow a -> b:65536", "bad-port '65536'"],
    ["allow a -> b:22-99999", "bad-port '99999'"],
    ["allow a -> b:30-20", "bad-range '30-20'"],
    ["allow a -> b:22-", "bad-range '22-'"],
    ["allow a -> 10.0.0.256", "bad-address '10.0.0.256'"],
    ["allow a -> 010.0.0.1", "bad-address '010.0.0.1'"],
    ["allow a -> 1.2.3", "bad-address '1.2.3'"],
    ["allow a -> fd00:::1", "bad-address 'fd00:::1'"],
    ["allow a -> fd00::xyz", "bad-address 'fd00::xyz'"],
    ["allow a -> 1:2:3:4:5:6:7:88888", "bad-address '1:2:3:4:5:6:7:88888'"],
    ["allow a -> 10.0.0.0/33", "bad-prefix '10.0.0.0/33'"],
    ["allow a -> fd00::/129", "bad-prefix 'fd00::/129'"],
    ["allow a -> 10.0.0.9-10.0.0.1", "bad-range '10.0.0.9-10.0.0.1'"],
    ["allow a -> fd00::9-fd00::1", "bad-range 'fd00::9-fd00::1'"],
    ["allow a -> 10.0.0.1-9", "bad-range '10.0.0.1-9'"],
    ["allow a -> [10.0.0.1]:22", "bad-brackets '[10.0.0.1]'"],
    ["allow a -> [fd00::/8]", "bad-brackets '[fd00::/8]'"],
    ["allow a -> fd00::5:{22}", "ipv6-needs-brackets 'fd00::5'"],
    ["allow a -> fd00::5:ssh", "ipv6-needs-brackets 'fd00::5'"],
    ["allow a -> fd00::5:22/tcp", "ipv6-needs-brackets 'fd00::5:22/tcp'"],
    ["network n { mtu 0 }", "bad-number '0'"],
    ["container c { pid 99999999999 }", "bad-number '99999999999'"],
    ["network n { gateway 10.0.0.1/8 }", "not-an-address '10.0.0.1/8'"],
    ["network n { subnet 10.0.0.1 }", "not-a-prefix '10.0.0.1'"],
    ["allow 22 -> b", "not-a-peer '22'"],
    ["allow a -> b:10.0.0.1", "not-a-port '10.0.0.1'"],
    ["publish 80 -> 10.0.0.1:80", "not-a-container '10.0.0.1'"],
  ]);
  assert.is(helpOf("allow a -> 10.0.0.1-9"), "write 10.0.0.1-10.0.0.9");
  assert.is(helpOf("allow a -> fd00::5:ssh"), "write [fd00::5]:…");
  assert.is(helpOf("allow a -> fd00::5:65535"), "for a port write [fd00::5]:65535");
});

test("what people bring from other tools", () => {
  expectEach([
    ["allow c1 -> c2 : 22", "unexpected-space ' : '"],
    ["allow c1 -> c2: 22", "unexpected-space ': '"],
    ["allow c1 => c2", "wrong-arrow '=>'"],
    ["allow c1 to c2", "wrong-arrow 'to'"],
    ["allow c1 → c2", "wrong-arrow '→'"],
    ["allow c1 --> c2", "wrong-arrow '-->'"],
    ["allow c1 <-> c2", "wrong-arrow '<->'"],
    ["publish 80:8080", "docker-publish '80:8080'"],
    ["publish 127.0.0.1:80:8080", "docker-publish '80:8080'"],
    ["container c { publish 80:8080 }", "docker-publish '80:8080'"],
    ["publish {80, 443} -> c1", "several-published-ports '{'"],
    ["publish ::1:53 -> dns", "missing-host-port '::1:53'"],
    ["port 22", "unknown-statement 'port'"],
    ["allow a -> b:tcp/22", "protocol-order 'tcp/22'"],
    ["allow a -> b:ssh/tcp", "protocol-order 'ssh/tcp'"],
    ["icc true", "not-a-switch 'true'"],
    ["allow a -> b 22", "loose-port '22'"],
    ["allow a -> b port 22", "loose-port 'port 22'"],
    ["allow a -> b udp 53", "loose-port 'udp 53'"],
    ["allow a:22 -> b", "source-port ':'"],
    ["drop a -> b", "unknown-statement 'drop'"],
    ["container c { mode bridge }", "unknown-mode 'bridge'"],
    ["network n { driver overlay }", "unknown-driver 'overlay'"],
    ["container c { network n mac 02-42-ac-11-00-05 }", "bad-address '02-42-ac-11-00-05'"],
    ["allow a b -> c", "missing-braces 'a b'"],
    ["container c { expose 80 443 }", "missing-braces '80 443'"],
    ["allow a -> b:22, 80", "comma-outside-braces ','"],
    ["allow a, b -> c", "comma-outside-braces ','"],
    ["allow a ->\n  b:22", "split-statement ''"],
    ["allow a\n  -> b:22", "split-statement ''"],
    ["publish 80\n  -> c1:80", "split-statement '->'"],
  ]);
  assert.is(helpOf("allow c1 -> c2 : 22"), "write c2:22");
  assert.is(helpOf("allow c1 => c2"), "write allow c1 -> c2");
  assert.is(helpOf("allow c1 to c2 # x"), "write allow c1 -> c2");
  assert.is(helpOf("publish 80:8080"), "write publish 80 -> c1:8080");
  assert.is(helpOf("publish 127.0.0.1:80:8080"), "write publish 127.0.0.1:80 -> c1:8080");
  assert.is(helpOf("publish c1:80"), "write publish 80 -> c1:80");
  assert.is(helpOf("container c { publish 80:8080 }"), "write publish 80 -> 8080");
  assert.is(helpOf("publish ::1:53 -> dns"), "write publish [::1]:53 -> …");
  assert.is(helpOf("port 22"), "did you mean 'publish'?");
  assert.is(helpOf("alow a -> b"), "did you mean 'allow'?");
  assert.is(helpOf("publsh 80 -> a"), "did you mean 'publish'?");
  assert.is(helpOf("network n { drivr bridge }"), "did you mean 'driver'?");
  assert.is(helpOf("icc true"), "write icc on");
  assert.is(helpOf("allow a -> b:tcp/22"), "write 22/tcp");
  assert.is(helpOf("container c { network n mac 02-42-ac-11-00-05 }"), "write 02:42:ac:11:00:05");
});

test("lists", () => {
  expectEach([
    ["allow a -> {b except c}", "except-in-braces 'except'"],
    ["allow a -> {b, {c}}", "nested-braces '{'"],
    ["allow a -> {b; c}", "semicolon-in-braces ';'"],
    ["allow a -> {}", "empty-braces '}'"],
    ["allow a -> {b:22, c}", "ports-in-braces ':'"],
    ["allow a -> {b c}", "missing-comma 'c'"],
    ["allow a except b except c -> d", "except-chained 'except'"],
    ["allow a -> b except c except d", "except-chained 'except'"],
    ["allow a -> world:443 except c", "ports-before-except 'except'"],
    ["allow a -> b:22:80", "several-ports ':'"],
    ["allow a -> {b, c", "unclosed-brace '{'"],
    ["publish 80 -> c1:{80, 81}", "several-published-ports '{80, 81}'"],
    ["publish all -> c1:80", "publish-all-port '80'"],
  ]);
});

test("logs, assertions, links, env, blocks", () => {
  expectEach([
    ["assert allow a -> b log", "assert-log 'log'"],
    ["assert reject a -> b", "assert-reject 'reject'"],
    ["allow a -> b limit 5/second", "limit-without-log 'limit'"],
    ["allow a -> b log ssh", "missing-quotes 'ssh'"],
    ['allow a -> b log limit 5/second "x"', `log-order '"x"'`],
    ["allow a -> b log limit 5/sec", "bad-limit 'sec'"],
    ["allow a -> b log limit 0/second", "bad-number '0'"],
    ["link a", "link-without-source 'link a'"],
    ["container c { link a -> b }", "link-in-block 'link a -> b'"],
    ["container c { env A = b }", "bad-env 'env'"],
    ["container c { env C=a b }", "bad-env 'b'"],
    ["env A=b", "misplaced-statement 'env A=b'"],
    ["container c { subnet 10.0.0.0/8 }", "misplaced-statement 'subnet'"],
    ["container c { allow a -> b }", "misplaced-statement 'allow'"],
    ["network x", "missing-block ''"],
    ["network x\n{\n  icc off\n}", "brace-on-next-line '{'"],
    ["}", "stray-brace '}'"],
    ["network x {", "unclosed-brace '{'"],
    ["internal", "misplaced-statement 'internal'"],
  ]);
});

test("what is missing is named", () => {
  const messages: [string, string][] = [
    ["allow a -> b:", "expected a port after ':', found the end of the file"],
    ["allow a ->", "expected peers after '->', found the end of the file"],
    ["allow\n", "expected peers after 'allow', found the end of the line"],
    ["allow a -> b:22/", "expected a protocol after '/', found the end of the file"],
    ["let x 5", "expected '=' after 'x', found '5'"],
    ["policy", "expected a name after 'policy', found the end of the file"],
    ["assert a -> b", "expected allow or deny after 'assert', found 'a'"],
    ["allow a -> [fd00::1", "expected ']' after 'fd00::1', found the end of the file"],
    ["icc off icc on", "unexpected 'icc' behind a statement"],
    ["network n { mtu x }", "expected a number after 'mtu', found 'x'"],
  ];
  for (const [text, message] of messages)
    assert.equal(
      read(text).problems.map((p) => p.message),
      [message],
      text,
    );
});

test("warns where an address may have been meant as an address and a port", () => {
  const warned: [string, string][] = [
    ["allow a -> fd00::5:22", "if a port is meant, write [fd00::5]:22"],
    ["deny a -> world except fd00::5:22", "if a port is meant, write [fd00::5]:22"],
    ["allow a -> {fd00::5:22, b}", "if a port is meant, write {fd00::5}:22"],
    ["assert deny a -> fd00::5:9999", "if a port is meant, write [fd00::5]:9999"],
    ["allow a -> fd00::1-fd00::5:22", "if a port is meant, write {fd00::1-fd00::5}:22"],
  ];
  for (const [text, help] of warned) {
    const { problems, tree } = read(text);
    assert.equal(
      problems.map((p) => [p.severity, p.code, p.help]),
      [["warning", "ipv6-port-ambiguous", help]],
      text,
    );
    assert.is(tree.statements.length, 1);
  }
  const clear = [
    "allow a -> fd00::22",
    "allow a -> fd00::5:ffff",
    "allow a -> [fd00::5:22]",
    "allow a -> [fd00::5]:22",
    "allow a -> fd00::5:22/128",
    "allow a -> {fd00::5:22}:80",
    "allow a -> 1:2:3:4:5:6:7:22",
    "allow fd00::5:22 -> a",
    "allow a -> fd00::5:0",
  ];
  for (const text of clear) assert.equal(problemsOf(text), [], text);
});

test("every problem says why and how to mend it, with a code of the catalogue", () => {
  const texts = [
    "alow",
    "allow",
    "allow a",
    "allow a ->",
    "icc",
    "let",
    "let x",
    "publish",
    "publish 1:",
    "link",
    "}",
    "{",
  ];
  for (const head of ["network n { ", "container c { "]) {
    for (const word of ["driver", "subnet", "gateway", "mtu", "bridge", "expose", "env", "mode", "netns", "pid", "x"]) {
      texts.push(`${head}${word} }`, `${head}${word} ;}`, `${head}${word} "x" 5 }`);
    }
  }
  for (const text of texts) {
    const { problems } = read(text);
    assert.ok(problems.length > 0, text);
    for (const { code, severity, why, help } of problems) {
      assert.is(CODES[code]?.severity, severity, `${code} of ${text}`);
      assert.ok(why !== undefined && why !== "" && help !== undefined && help !== "", `${code} of ${text}`);
    }
  }
});

test.run();
