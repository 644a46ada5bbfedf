import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { catalogue } from "../../src/text/codes.js";
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
  assert.is(helpOf("allow café -> b"), 'write allow "café" -> b');
  assert.is(helpOf("allow “x” -> b"), 'write allow "x" -> b');
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
  assert.is(helpOf("allow a -> 10.0.0.1-9"), "write allow a -> 10.0.0.1-10.0.0.9");
  assert.is(helpOf("allow a -> fd00::5:ssh"), "write allow a -> [fd00::5]:ssh");
  assert.is(helpOf("allow a -> fd00::5:65535"), "for a port write [fd00::5]:65535");
});

/** The help of each text is to write the other. */
function mendEach(cases: readonly (readonly [text: string, mended: string])[]): void {
  for (const [text, mend] of cases) assert.is(helpOf(text), `write ${mend}`, text);
}

test("what is nearly an address or a range is one wrong word", () => {
  expectEach([
    ["allow a -> 1:2:3:4:5:6:7", "bad-address '1:2:3:4:5:6:7'"],
    ["allow a:b:c:d:e -> a", "bad-address 'a:b:c:d:e'"],
    ["allow {1:2:3:4:5:6:7:8:9, b} -> a", "bad-address '1:2:3:4:5:6:7:8:9'"],
    ["allow a -> 1:2:3:4:5:1.2.3.4", "bad-address '1:2:3:4:5:1.2.3.4'"],
    ["allow a -> 1:2:3:4:5:6:7:1.2.3.4", "bad-address '1:2:3:4:5:6:7:1.2.3.4'"],
    ["allow 10.0.0.1-fd00::1 -> a", "bad-range '10.0.0.1-fd00::1'"],
    ["allow fd00::1-10.0.0.1->a", "bad-range 'fd00::1-10.0.0.1'"],
  ]);
  assert.equal(problemsOf("allow a -> 1:2:3:4:5:6:1.2.3.4"), []);
  assert.is(helpOf("allow a -> 1:2:3:4:5:6:7"), "give it eight groups instead of 7, or '::' where the zeros are");
  assert.is(helpOf("allow a -> 1:2:3:4:5:6:7:1.2.3.4"), "give it eight groups instead of 9");
});

test("a comma that ends a statement before another item", () => {
  for (const text of ["allow c1 -> c2,c3", "allow c1 -> c2, c3:22", "publish 80 -> c1, c2", "let x = a, b"])
    assert.equal(problemsOf(text), ["comma-outside-braces ','"], text);
  assert.equal(problemsOf("allow c1 -> c2, alow c3 -> c2"), ["unknown-statement 'alow'"]);
});

test("a quoted name over two lines is one problem, and a quote that nothing closes another", () => {
  for (const rest of ['b" -> c', 'b":22', '" -> c', 'b" { }', 'b"'])
    assert.equal(
      problemsOf(`allow "a\n${rest}`).map((problem) => problem.split(" ")[0]),
      ["newline-in-string"],
      rest,
    );
  for (const next of ['allow "x" -> c', 'share "/x" {a}', 'policy "x"'])
    assert.equal(problemsOf(`allow "abc -> b\n${next}`), [`unterminated-string '"abc -> b'`], next);
});

test("an arrow that is another sign, a word, or missing", () => {
  mendEach([
    ["allow c1 → c2", "allow c1 -> c2"],
    ["allow c1 ⇒ c2", "allow c1 -> c2"],
    ["allow c1 ⟶ c2:22", "allow c1 -> c2:22"],
    ["allow c1⭢c2", "allow c1->c2"],
    ["allow c1 ➡️ c2", "allow c1 -> c2"],
    ["allow c1 🡒 c2", "allow c1 -> c2"],
    ["allow c1 => c2", "allow c1 -> c2"],
    ["allow c2 c1", "allow c2 -> c1"],
    ["allow {a, b} c1:22", "allow {a, b} -> c1:22"],
    ["assert deny any 10.0.0.1", "assert deny any -> 10.0.0.1"],
    ["publish 80 c1:8080", "publish 80 -> c1:8080"],
    ["allow from c1 to c2", "allow c1 -> c2"],
    ["deny from {a, b} to c2:22", "deny {a, b} -> c2:22"],
    ["allow from c1 -> c2", "allow c1 -> c2"],
    ["allow c1 c2 -> c3", "allow {c1, c2} -> c3"],
  ]);
  assert.is(helpOf("allow a b c"), "put -> between source and destination");
  assert.is(helpOf("allow a ← b"), "swap the two sides and write ->");
  assert.is(helpOf("allow a ↔ b"), "use one rule for each direction");
  assert.equal(problemsOf("allow from -> c1"), []);
});

test("dashes of other keyboards: in an arrow, in a name, in a range", () => {
  mendEach([
    ["allow a –> b", "allow a -> b"],
    ["allow a −> b:22", "allow a -> b:22"],
    ["allow a—>b", "allow a->b"],
    ["allow a − b", "allow a -> b"],
    ["publish 80 –> c1:80", "publish 80 -> c1:80"],
    ["link a −> b", "link a -> b"],
    ["container web–1 { }", "container web-1 { }"],
    ["allow web−1 -> b", "allow web-1 -> b"],
    ["allow a -> b:22−80", "allow a -> b:22-80"],
  ]);
  assert.equal(problemsOf("allow a –> b"), ["wrong-arrow '–>'"]);
  assert.equal(problemsOf("allow a <– b"), ["wrong-arrow '<–'"]);
});

test("quotes of other keyboards, also where the statement goes on in the next line", () => {
  mendEach([
    ["container “c1” { }", 'container "c1" { }'],
    ["allow „a b“ -> c", 'allow "a b" -> c'],
    ["deny a -> b log “x y”", 'deny a -> b log "x y"'],
  ]);
  assert.is(helpOf("container “c1” {\n  mode none\n}"), 'put plain double quotes in their place: "c1"');
  assert.is(helpOf("container a { env A=“b c” }"), "put plain double quotes in their place");
});

test("a protocol before the peers", () => {
  mendEach([
    ["allow tcp a -> b:22", "allow a -> b:22/tcp"],
    ["deny udp {a, c} -> b:{53, 60-70, 80/tcp}", "deny {a, c} -> b:{53/udp, 60-70/udp, 80/tcp}"],
    ["allow tcp a -> any except b:22/tcp", "allow a -> any except b:22/tcp"],
    ["assert deny tcp a -> b:22", "assert deny a -> b:22/tcp"],
    ['reject udp a -> [fd00::1]:22 log "x"', 'reject a -> [fd00::1]:22/udp log "x"'],
    ["allow a -> tcp b:22", "allow a -> b:22/tcp"],
    ["allow icmp a -> b", "allow a -> b:icmp"],
    ["publish udp 53 -> a", "publish 53/udp -> a"],
  ]);
  assert.equal(problemsOf("allow tcp a -> b:22"), ["protocol-order 'tcp'"]);
  assert.is(helpOf("allow tcp a b -> c:22"), "put it behind the port: allow a -> b:22/tcp");
  assert.is(helpOf("allow icmp a -> b:22"), "put it behind the destination: allow a -> b:icmp");
});

test("an except that is misspelt, or has nothing before it", () => {
  mendEach([
    ["deny any exept c2 -> c1", "deny any except c2 -> c1"],
    ["deny c1 -> any exept c2:22", "deny c1 -> any except c2:22"],
    ["publish 80 -> c1 from any excpet c2", "publish 80 -> c1 from any except c2"],
    ["deny except c2 -> c1", "deny any except c2 -> c1"],
    ["deny exept {a, b} -> c1", "deny any except {a, b} -> c1"],
    ["deny c1 -> except c2", "deny c1 -> any except c2"],
    ["publish 80 -> c1 from except c2", "publish 80 -> c1 from any except c2"],
  ]);
  assert.equal(problemsOf("deny any except a exept b -> c"), ["except-chained 'exept'"]);
  assert.equal(problemsOf("let x = any exept c2"), ["unexpected-token 'exept'"]);
  assert.equal(problemsOf("deny except -> c1"), []);
});

test("a protocol in the wrong place, or twice", () => {
  mendEach([
    ["allow a -> b:icmp/22", "allow a -> b:icmp"],
    ["allow a -> b:{icmp/22, 80}", "allow a -> b:{icmp, 80}"],
    ["allow a -> b:22/udp/udp", "allow a -> b:22/udp"],
    ["publish 80/udp-90/udp -> c1", "publish 80-90/udp -> c1"],
    ["publish 80/udp-90 -> c1", "publish 80-90/udp -> c1"],
    ["allow a -> b:{22}/udp", "allow a -> b:{22/udp}"],
    ["allow a -> b:{22, 80-90, ssh}/udp", "allow a -> b:{22/udp, 80-90/udp, ssh}"],
    ["let p = {22, 80}/udp", "let p = {22/udp, 80/udp}"],
    ["allow a -> fd50::b:22-23", "allow a -> [fd50::b]:22-23"],
    ["allow a -> fd50::b:22-23/udp", "allow a -> [fd50::b]:22-23/udp"],
    ["allow a -> fd50::b-fd50::d:22/udp", "allow a -> {fd50::b-fd50::d}:22/udp"],
  ]);
  expectEach([
    ["allow a -> b:22/udp/tcp", "protocol-order '/tcp'"],
    ["allow a -> fd50::b:22-23", "ipv6-needs-brackets 'fd50::b:22-23'"],
    ["allow a -> {b, c}/24", "unexpected-token '/'"],
  ]);
  assert.is(helpOf("allow a -> b:22/udp/tcp"), "keep one: 22/udp or 22/tcp");
  assert.is(helpOf("allow a -> b:{22/udp, 80}/tcp"), "put it behind each number: {22/udp, 53/udp}");
});

test("a star, and characters of full width", () => {
  mendEach([
    ["allow a -> b:*", "allow a -> b"],
    ["allow * -> b:22", "allow any -> b:22"],
    ["publish * -> c1", "publish all -> c1"],
    ["publish *:80 -> c1", "publish 80 -> c1"],
    ["publish 80 -> c1 from *", "publish 80 -> c1 from any"],
    ["allow a -> b:２２", "allow a -> b:22"],
    ["allow a -> b：22", "allow a -> b:22"],
    ["allow １０.0.0.1 -> b", "allow 10.0.0.1 -> b"],
    ["allow ａｂ -> b", 'allow "ａｂ" -> b'],
  ]);
  assert.is(helpOf("allow a -> b:{22, *}"), "leave the ports out to mean every protocol and port");
  assert.is(helpOf("container c { expose * }"), "name the ports: expose {80, 53/udp}");
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
  assert.is(helpOf("allow c1 -> c2 : 22"), "write allow c1 -> c2:22");
  assert.is(helpOf("allow c1 => c2"), "write allow c1 -> c2");
  assert.is(helpOf("allow c1 to c2 # x"), "write allow c1 -> c2");
  assert.is(helpOf("publish 80:8080"), "write publish 80 -> c1:8080");
  assert.is(helpOf("publish 127.0.0.1:80:8080"), "write publish 127.0.0.1:80 -> c1:8080");
  assert.is(helpOf("publish c1:80"), "write publish 80 -> c1:80");
  assert.is(helpOf("container c { publish 80:8080 }"), "write publish 80 -> 8080");
  assert.is(helpOf("publish ::1:53 -> dns"), "write publish [::1]:53 -> dns");
  assert.is(helpOf("port 22"), "did you mean 'publish'?");
  assert.is(helpOf("alow a -> b"), "did you mean 'allow'?");
  assert.is(helpOf("publsh 80 -> a"), "did you mean 'publish'?");
  assert.is(helpOf("network n { drivr bridge }"), "did you mean 'driver'?");
  assert.is(helpOf("icc true"), "write icc on");
  assert.is(helpOf("allow a -> b:tcp/22"), "write allow a -> b:22/tcp");
  assert.is(helpOf("container c { network n mac 02-42-ac-11-00-05 }"), "write network n mac 02:42:ac:11:00:05");
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
    ["allow a -> {fd00::5:22}", "if a port is meant, write {fd00::5}:22"],
    [
      "allow a -> {fd00::5:22, b}",
      "if a port is meant, put ':22' behind all peers, or use a rule of its own for [fd00::5]:22",
    ],
    [
      "let x = fd00::5:22",
      "if a port is meant, put fd00::5 here and x:22 in the rules, or [fd00::5]:22 without the let",
    ],
    [
      "let x = {fd00::5:22, c1}",
      "if a port is meant, put fd00::5 here and x:22 in the rules, or [fd00::5]:22 without the let",
    ],
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
      assert.is(catalogue()[code]?.severity, severity, `${code} of ${text}`);
      assert.ok(why !== undefined && why !== "" && help !== undefined && help !== "", `${code} of ${text}`);
    }
  }
});

test("a help is the statement that was meant, or a plain instruction", () => {
  const helps: [text: string, help: string][] = [
    ["allow c2- -> c1", 'write allow "c2-" -> c1'],
    ["allow c1. -> c2", 'write allow "c1." -> c2'],
    ["network c- { }", 'write network "c-" { }'],
    ["allow c1-- c2", "write allow c1-> c2"],
    ["allow a→b:22", "write allow a->b:22"],
    ["allow a -> b → c", "put -> between source and destination"],
    ["allow c1 => c2 : 22", "put -> between source and destination"],
    ["allow a -> b:-1", "a port is a number from 1 to 65535, without a sign"],
    ["allow a -> b:8000 - 8010", "write allow a -> b:8000-8010"],
    ["allow a -> b:8000–8010", "write allow a -> b:8000-8010"],
    ["allow a -> [fd00::1]-[fd00::9]:22", "write allow a -> {fd00::1-fd00::9}:22"],
    ["allow a -> [fd00::1]-[fd00::9]", "write allow a -> fd00::1-fd00::9"],
    ["allow a -> [fd00::1-fd00::9]:22", "write allow a -> {fd00::1-fd00::9}:22"],
    ["deny 10.0.0.1 - 10.0.0.9 -> c1", "write deny 10.0.0.1-10.0.0.9 -> c1"],
    ["allow a -> 10.0.0.0/255.240.0.0", "write allow a -> 10.0.0.0/12"],
    ["allow a -> fd00::5:22/tcp", "write allow a -> [fd00::5]:22/tcp"],
    ["allow a -> b:22:80", "write allow a -> b:{22, 80}"],
    ["allow a -> b:22 80", "write allow a -> b:{22, 80}"],
    ["allow a -> b udp 53", "write allow a -> b:53/udp"],
    ["allow a b c -> d", "write allow {a, b, c} -> d"],
    ["allow a -> {b; c}", "write allow a -> {b, c}"],
    ["allow a -> world:443 except {b, c}", "write allow a -> world except {b, c}:443"],
    ["publish 80 -> c1:90 from 10.0.0.0/8:22", "write publish 80 -> c1:90 from 10.0.0.0/8"],
    ["publish host:80 -> c1", "write publish 80 -> c1"],
    ["publish 80:8080 -> web", "write publish 80 -> web:8080"],
    ["publish 80:8080/tcp from a", "write publish 80 -> c1:8080/tcp from a"],
    ["publish 53/udp:53", "write publish 53/udp -> c1:53"],
    ["publish 80 -> c1:80:90", "publish each port in a statement of its own"],
    ["publish 80 -> c1 except c2", "name what remains"],
    ["publish 10.0.0.1 -> c1", "put a ':' and the host port behind it: 10.0.0.1:8080"],
    ["let x = any except c1", "say it in the rules that use the let, as in allow web except c1 -> db"],
    ["let x = {any except c1}", "say it in the rules that use the let, as in allow web except c1 -> db"],
    ["let x 22", "write let x = 22"],
    ["allow a -> b log except c", "move it right behind the peers that it takes away from"],
    ["deny a -> b log limit x", 'write for example: deny c2 -> c1:22 log "ssh: " limit 5/second'],
    ["deny a -> b limit 5/second", "write deny a -> b log limit 5/second"],
    ['deny a -> b log limit 5/second "x"', 'write deny a -> b log "x" limit 5/second'],
    ['"a" -> b', "if it is a rule, begin with allow, deny or reject"],
    ["a -> b", "if it is a rule, begin with allow, deny or reject"],
    ["80 -> b", "if it is a port, begin with publish"],
    [
      "foo",
      "begin it with one of policy, include, let, network, container, icc, allow, deny, reject, publish, link, share, assert",
    ],
    ["network n { foo }", "begin it with one of driver, subnet, gateway, internal, masquerade, mtu, bridge, icc"],
    ["network n { expos 80 }", "if 'expose' is meant, move it: it stands in the block of a container"],
    ["container c { mode container }", "name it behind a ':', as in mode container:c1"],
    ["container c { env A = b c }", 'write env A="b c"'],
    ["icc=off", "write icc off"],
    ["link app", "write link web -> app"],
    ["link app => db as x", "write link app -> db as x"],
    ["link app db", "write link app -> db"],
    ["allow web* -> db", "for everything write any"],
  ];
  for (const [text, help] of helps) assert.is(helpOf(text), help, text);
  assert.is(read('"a" -> b').problems[0]?.message, "no statement begins with '\"a\"'");
  assert.is(read("let x = any except c1").problems[0]?.why?.split(",")[0], "'except' belongs to a side of a rule");
});

const TOP = [
  "policy shop",
  'include "a.tsnet"',
  "let web = {app1, 10.0.0.0/8}",
  "let ssh = 22/tcp",
  "icc off",
  "allow c2 -> c1:22",
  "deny any except app -> db:{3306, 53/udp}",
  "reject {a, b} -> 10.0.0.1-10.0.0.9",
  "allow c1 -> [2001:db8::1]:8000-8010/udp",
  "allow c1 -> fd00::1-fd00::9",
  'deny c1 -> host:22 log "ssh" limit 5/second',
  "deny c1 -> world except {203.0.113.0/24, c2}:443",
  "publish 127.0.0.1:49153 -> c1:8080/tcp",
  "publish [::1]:53 -> dns:53/udp from any except {a, b}",
  "publish all -> c1",
  "publish 80-90 -> {a, b}:80-90",
  "link app -> db as database",
  'share "/run/x" {a, b}',
  "assert deny a -> b:icmp",
  "network front { subnet 10.0.0.0/8 }",
  "container c1 { network front }",
];
const IN_CONTAINER = [
  "network front ip 172.17.0.5 mac 02:42:ac:11:00:05",
  "expose {80, 53/udp}",
  "env KEY=value",
  "publish 49153->8080",
  "link db as database",
  "mode container:c1",
  'netns "/run/netns/x"',
  "pid 4242",
];
const IN_NETWORK = ["driver macvlan eth0", "subnet fd17::/64", "gateway 172.17.0.1", "masquerade off", "mtu 1500"];
const PIECES = [
  ..."-> => → - -- – . : / = [ ] * ! $ ' < > ; , ( & %".split(" "),
  ..."a c1 web any host 22 0 8000-8010 22- 22tcp 5s 10.0.0.1 10.0.0.0/8 255.0.0.0 fd00::5 fd00::5:22 ::1".split(" "),
  ..."[fd00::1] fd00::1-fd00::9 02-42-ac-11-00-05 0afe é “x” 'q' port tcp udp to true except from log limit as".split(
    " ",
  ),
  ...["on", "all", "ip", "allow", "env", '"q"', '"a b"', "5/second", "{a, b}", " ", "", "\n", "\t"],
];

/** The pieces of a statement with its spaces. */
const piecesOf = (text: string) => text.match(/"[^"]*"|[\w.]+|->|\s+|./g) as string[];

test("what a help says to write is a statement without an error", () => {
  const place = fc.oneof(
    { weight: 4, arbitrary: fc.record({ text: fc.constantFrom(...TOP), head: fc.constant("") }) },
    { weight: 2, arbitrary: fc.record({ text: fc.constantFrom(...IN_CONTAINER), head: fc.constant("container c {") }) },
    fc.record({ text: fc.constantFrom(...IN_NETWORK), head: fc.constant("network n {") }),
  );
  const change = fc.record({
    at: fc.nat({ max: 30 }),
    length: fc.integer({ min: 0, max: 2 }),
    insert: fc.array(fc.constantFrom(...PIECES), { maxLength: 2 }),
    space: fc.constantFrom("", " "),
  });
  const inBlock = (head: string, text: string) => (head === "" ? text : `${head}\n${text}\n}`);
  let statements = 0;
  let instructions = 0;
  fc.assert(
    fc.property(place, fc.array(change, { minLength: 1, maxLength: 2 }), ({ text, head }, changes) => {
      const pieces = piecesOf(text);
      for (const { at, length, insert, space } of changes) {
        pieces.splice(at % pieces.length, length, space + insert.join(space) + space);
      }
      const broken = pieces.join("");
      for (const { severity, message, help = "" } of read(inBlock(head, broken)).problems) {
        if (severity !== "error") continue;
        const story = `${inBlock(head, broken)}\n${message}\n${help}`;
        assert.not.match(help, /…$|^write one|undefined/, story);
        assert.not.match(message, /something|undefined/, story);
        const [, mend] = /(?:^write |write for example: )(?:for example: )?(.*)$/su.exec(help) ?? [];
        if (mend === undefined) {
          instructions++;
          continue;
        }
        statements++;
        assert.is.not(mend, broken.trim(), story);
        const heads = broken.includes("{") ? ["", "network n {", "container c {"] : [head];
        const errors = heads.map((each) =>
          read(inBlock(each, mend)).problems.filter((problem) => problem.severity === "error"),
        );
        assert.ok(
          errors.some((list) => list.length === 0),
          story,
        );
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(statements > 1000 && instructions > 1000, `${statements} statements, ${instructions} instructions`);
});

test.run();
