import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";

const test = suite("assertions");

function failures(text: string): string[] {
  return compile(text)
    .diagnostics.filter((d) => d.severity === "error")
    .map((d) => `${d.code}: ${d.span.file.text.slice(d.span.start, d.span.end)}`);
}

const BASE = "container a { }; container b { }; container c { }; icc off; allow a -> b:8000-8010\n";

test("hold for every packet, found at the one port that breaks them", () => {
  assert.equal(failures(`${BASE}assert allow a -> b:8000-8010`), []);
  assert.equal(failures(`${BASE}assert allow a -> b:8000-8011`), ["assertion-failed: assert allow a -> b:8000-8011"]);
  assert.equal(failures(`${BASE}assert deny a -> b:1-7999`), []);
  assert.equal(failures(`${BASE}assert deny a -> b:1-8000`), ["assertion-failed: assert deny a -> b:1-8000"]);
});

test("see the one address that breaks them", () => {
  const text = `${BASE}allow 203.0.113.77 -> c:443\n`;
  assert.equal(failures(`${text}assert deny world except 203.0.113.77 -> c`), []);
  assert.equal(failures(`${text}assert deny world -> c`), ["assertion-failed: assert deny world -> c"]);
  assert.match(
    compile(`${text}assert deny world -> c`)
      .diagnostics.map((d) => d.message)
      .join(),
    "203.0.113.77",
  );
});

test("deny: by any way, also through a publish", () => {
  const text = `${BASE}publish 49153 -> c:8080\n`;
  assert.equal(failures(`${text}assert deny world -> c:8080`), ["assertion-failed: assert deny world -> c:8080"]);
  assert.equal(failures(`${text}assert deny world -> c:8081`), []);
  assert.equal(failures(`${text}deny b -> c\nassert deny b -> c:8080`), []);
});

test("allow: directly or through a publish", () => {
  const text = `${BASE}publish 49153 -> c:8080 from {b, 198.51.100.0/24}\n`;
  assert.equal(failures(`${text}assert allow b -> c:8080`), []);
  assert.equal(failures(`${text}assert allow 198.51.100.0/24 -> c:8080`), []);
  assert.equal(failures(`${text}assert allow a -> c:8080`), ["assertion-failed: assert allow a -> c:8080"]);
  assert.equal(failures(`${text}assert allow 198.51.0.0/16 -> c:8080`), [
    "assertion-failed: assert allow 198.51.0.0/16 -> c:8080",
  ]);
});

test.run();
