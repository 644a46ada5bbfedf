import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { plan } from "../../src/backend/nftables/plan.js";
import type { Set as NftSet } from "../../src/backend/nftables/ruleset.js";
import { encodeElements } from "../../src/backend/nftables/wire/elements.js";
import { compile } from "../../src/ir/compile.js";
import { compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("tuples");

function tupleSets(text: string): NftSet[] {
  return plan(compile(text).policy).tables.flatMap((table) => table.sets.filter((set) => set.tuples !== undefined));
}

/** Encodes a set's elements one by one. */
function byElements(set: NftSet): ReturnType<typeof encodeElements> {
  const { name, type, interval, elements, comment } = set;
  return encodeElements({ name, type, interval, elements, comment });
}

/** Every kind of line: plain ones, others between them, the same key twice, no port, other protocols, no IPv4. */
const LINES = `# ☃ naïve: more bytes than characters
network n { subnet 10.9.0.0/24; subnet fd09::/64 }
container a { network n }
container b { network n }
allow 192.0.2.1 -> a:80
allow 192.0.2.2 -> a:443/udp
allow 192.0.2.1 -> a:80/tcp # the first again
allow {192.0.2.3, b} -> a:{80, 81/udp}
allow 192.0.2.1 -> a:80
allow a -> b
deny a -> b:icmp
deny b -> 192.0.2.9:65535/sctp
reject 2001:db8::1 -> b:1
allow 192.0.2.4 -> b:22`;

test("columns encode to what elements encode to", () => {
  const check = (text: string): number => {
    const sets = tupleSets(text);
    for (const set of sets) assert.equal(encodeElements(set), byElements(set), text);
    return sets.length;
  };
  assert.ok(check(LINES) > 5);
  // Comments longer than what room is made for at first.
  const name = "n".repeat(70);
  const long = Array.from({ length: 300 }, (_, i) => `allow 192.0.2.${i % 250} -> ${name}:${i + 1}\n`);
  assert.ok(check(`container ${name} {}\n${long.join("")}`) > 0);
  let sets = 0;
  fc.assert(
    fc.property(statements, (lines) => void (sets += check(compileLenient(lines).text))),
    { numRuns: 300 },
  );
  assert.ok(sets > 300, `${sets} sets`);
});

test("an element names its statements, in the order of the text", () => {
  const set = tupleSets(LINES).find(({ name }) => name === "allow-port4");
  assert.equal(
    set?.elements.map(({ from }) => from.map(({ span }) => span.file.text.slice(0, span.start).split("\n").length)),
    [[5, 7, 9], [6], [8], [8], [8], [8], [14]],
  );
});

test.run();
