import { suite } from "uvu";
import * as assert from "uvu/assert";
import { objectsNamed } from "../../src/audit/objects.js";
import { pathOf } from "../../src/audit/path.js";
import { bystanders } from "../../src/audit/reasons.js";
import { plan } from "../../src/backend/nftables/plan.js";
import { toText } from "../../src/backend/nftables/text.js";
import { parse } from "../../grammar/parser.js";
import { readQuery } from "../../src/ir/ask.js";
import { compile } from "../../src/ir/compile.js";
import { type Answer, explain } from "../../src/ir/query.js";
import { Diagnostics } from "../../src/text/diagnostic.js";

const test = suite("explain");

const SHOP = `policy shop
network front { subnet 10.90.1.0/24; icc off }
container web { network front ip 10.90.1.2; publish 8080 -> 80 }
container app { network front ip 10.90.1.3 }
container db { network front ip 10.90.1.4 }
allow web -> app:8000
allow app -> db:5432
deny web -> db
reject any -> app:9
`;
const { policy } = compile(SHOP, { file: "shop.tsnet" });
const ruleset = plan(policy);

function answer(query: string): Answer {
  const diagnostics = new Diagnostics();
  const parsed = readQuery(policy, query, parse, diagnostics);
  const [first] = parsed === undefined ? [] : explain(policy, parsed).answers;
  if (first === undefined) throw new Error(query);
  return first;
}

const reasons = (query: string): string[] => {
  const { packet, decision } = answer(query);
  return bystanders(policy, packet, decision).map(({ origin, reason }) => `${origin.text}: ${reason}`);
};

test("says why each statement about the ends didn't decide", () => {
  assert.equal(reasons("web -> app:8000"), [
    "network front icc off: a statement speaks of the packet, so the default isn't asked",
    "deny web -> db: its destination isn't app",
    "reject any -> app:9: it is about 9/tcp, and the packet is for 8000/tcp",
  ]);
  assert.equal(reasons("web -> db:5432"), [
    "network front icc off: a statement speaks of the packet, so the default isn't asked",
    "allow web -> app:8000: its destination isn't db",
    "allow app -> db:5432: its source isn't web",
  ]);
  assert.equal(reasons("web -> app:9"), [
    "network front icc off: a statement speaks of the packet, so the default isn't asked",
    "allow web -> app:8000: it is about 8000/tcp, and the packet is for 9/tcp",
    "deny web -> db: its destination isn't app",
  ]);
  assert.equal(
    reasons("app -> web:80").filter((text) => text.startsWith("allow web")),
    ["allow web -> app:8000: it is about the other direction; replies pass by the state of their connection"],
  );
  assert.ok(
    reasons("world -> web:80").includes(
      "container web publish 8080 -> 80: it is the way through the host's port 8080, and the packet comes directly",
    ),
  );
});

test("the path goes from where the frame enters to the source translation", () => {
  const steps = (query: string): string[] =>
    pathOf(policy, ruleset, answer(query).packet, () => 7).map(
      ({ hook, chain, effect, handle }) => `${hook} ${chain} ${effect} ${handle}`,
    );
  assert.equal(steps("web -> world:443"), [
    "prerouting guard frames 7",
    "prerouting frames accept 7",
    "forward forward from4 7",
    "forward from4 cw4 7",
    "forward cw4 accept 7",
    "postrouting translate-out masquerade 7",
  ]);
  const published = steps("world -> host:8080").map((text) => text.split(" ").slice(0, 3).join(" "));
  assert.equal(
    published.filter((text) => text.includes("translate")),
    ["prerouting translate-in publish4", "prerouting publish4 translate"],
  );
  // What is dropped is not translated on its way out.
  assert.not.ok(steps("web -> db:5432").some((text) => text.startsWith("postrouting")));
});

test("every object as compile prints it leads to its statements", () => {
  const lines = toText(ruleset, { locations: true }).split("\n");
  let elements = 0;
  for (const line of lines) {
    const place = / # (\S+:\d+:\d+)$/.exec(line)?.[1];
    if (place === undefined) continue;
    elements++;
    const found = objectsNamed(ruleset, line.trim());
    assert.ok(found.length > 0, line);
    const places = found.flatMap(({ statements }) =>
      statements.map(({ span }) => {
        const at = span.file.position(span.start);
        return `${span.file.name}:${at.line}:${at.column}`;
      }),
    );
    assert.ok(places.includes(place), `${line}: ${places.join()}`);
  }
  assert.ok(elements > 10, "the ruleset has no objects with places");
});

test("an object is found as nft lists it, by part of it, and by its set; what a policy hasn't is none", () => {
  const texts = (name: string): string[] =>
    objectsNamed(ruleset, name).flatMap(({ statements }) => statements.map(({ text }) => text));
  assert.equal(texts("10.90.1.3 . 10.90.1.4 . tcp . 5432"), ["allow app -> db:5432"]);
  assert.equal(texts('10.90.1.3 . 10.90.1.4 . tcp . 5432 comment "allow app -> db:5432",'), ["allow app -> db:5432"]);
  assert.equal(texts("10.90.1.4 . tcp"), ["allow app -> db:5432"]);
  assert.ok(texts("set allow-port4").includes("allow web -> app:8000"));
  for (const listed of [
    "ip saddr . ip daddr . udp sport . udp dport @cut4 drop # handle 53",
    'ct state new tcp flags != syn / fin,syn,rst,ack drop comment "a connection begins at its beginning" # handle 59',
  ]) {
    const found = objectsNamed(ruleset, listed);
    assert.ok(found.length > 0 && found.every(({ kind }) => kind === "rule"), listed);
  }
  assert.equal(objectsNamed(ruleset, "10.99.0.1"), []);
  assert.equal(objectsNamed(ruleset, " "), []);
});

test.run();
