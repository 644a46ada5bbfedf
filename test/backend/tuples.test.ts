import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Tuples } from "../../src/backend/shape/tuples.js";
import { plan } from "../../src/backend/nftables/plan.js";
import type { Set as NftSet } from "../../src/backend/nftables/ruleset.js";
import { type Elements, encodeElements } from "../../src/backend/nftables/wire/elements.js";
import { formatAddress } from "../../src/net/address.js";
import { compile } from "../../src/ir/compile.js";
import { Origins } from "../../src/ir/origins.js";
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
  const parts = ({ bytes, offsets }: Elements): unknown => ({ bytes, offsets: Array.from(offsets) });
  let atOnce = 0;
  const check = (text: string): number => {
    const sets = tupleSets(text);
    for (const set of sets) {
      const encoded = encodeElements(set);
      // WebAssembly's memory comes in pages of 64 KiB.
      if (encoded.bytes.buffer.byteLength % 65536 === 0) atOnce++;
      assert.equal(parts(encoded), parts(byElements(set)), text);
    }
    return sets.length;
  };
  assert.ok(check(LINES) > 5);
  // Comments longer than what room is made for at first.
  const name = "n".repeat(70);
  const long = Array.from({ length: 300 }, (_, i) => `allow 192.0.2.${i % 250} -> ${name}:${i + 1}\n`);
  assert.ok(check(`container ${name} {}\n${long.join("")}`) > 0);
  atOnce = 0;
  // Many plain rules are written at once: with a port, without, of a protocol, to and from, behind other text.
  const ends = [":22", "", ":53/udp", ":65535/sctp"];
  const many = (port: string): string =>
    Array.from({ length: 600 }, (_, i) => {
      const address = `${200 + (i & 31)}.${i & 255}.${(i * 7) & 255}.${i >> 3}`;
      return i % 2 === 0 ? `allow ${address} -> a${port}\n` : `allow b -> ${address}${port}\n`;
    }).join("");
  const sandboxes = "container a { network n }\ncontainer b { network n }\n";
  for (const network of ["network n { subnet 10.9.0.0/24 }", "network n { subnet 10.9.0.0/24; subnet fd09::/64 }"])
    for (const port of ends) assert.ok(check(`# naïve ☃\n${network}\n${sandboxes}${many(port)}`) > 0);
  assert.is(atOnce, 8);
  // The same with a statement that says one of them again, another kind of rule between, and a line that is too long.
  const text = many(":22");
  const half = text.indexOf("\n", text.length / 2) + 1;
  const split = (line: string): string => `${text.slice(0, half)}${line}\n${text.slice(half)}`;
  for (const line of [text.slice(0, text.indexOf("\n")), "allow {b, 192.0.2.3} -> a:{80, 81/udp}", "icc off"])
    assert.ok(check(`network n { subnet 10.9.0.0/24 }\n${sandboxes}${split(line)}`) > 0);
  const longName = "n".repeat(100);
  assert.ok(check(`container ${longName} {}\ncontainer b {}\n${text.replaceAll("-> a", `-> ${longName}`)}`) > 0);
  let sets = 0;
  fc.assert(
    fc.property(statements, (lines) => void (sets += check(compileLenient(lines).text))),
    { numRuns: 300 },
  );
  assert.ok(sets > 300, `${sets} sets`);
});

test("many plain rules come to the same tuples as rules of another form", () => {
  const sandboxes = "network n { subnet 10.9.0.0/24 }\ncontainer a { network n }\ncontainer b { network n }\n";
  const own = compile(sandboxes).policy.containers.flatMap(({ endpoints }) => endpoints[0]?.addresses ?? []);
  const peers = fc.oneof(
    { weight: 300, arbitrary: fc.ipV4() },
    { weight: 60, arbitrary: fc.constantFrom("192.0.2.1", "255.255.255.255", "0.0.0.0", "10.9.0.77") },
    { weight: 1, arbitrary: fc.constantFrom("a", "b", ...own.map(formatAddress)) },
  );
  const line = fc
    .tuple(
      fc.constantFrom("allow", "allow", "allow", "deny", "reject"),
      peers,
      fc.oneof(
        { weight: 300, arbitrary: fc.constantFrom("a", "b") },
        { weight: 1, arbitrary: fc.constantFrom("192.0.2.1", ...own.map(formatAddress)) },
      ),
      fc.constantFrom(":22", ":80", ":443/udp", ":9/sctp", ""),
    )
    .filter(([, from, to]) => from !== to && (/[ab]/.test(from + to) || own.map(formatAddress).includes(to)))
    .map(([verb, from, to, port]) => `${verb} ${from} -> ${to}${port}\n`);
  const saidBy = (text: string): unknown =>
    tupleSets(text).map(({ name, elements, tuples }) => ({
      name,
      ways: tuples?.ways,
      said: elements.map(({ key, from }) => [key, from.map((origin) => origin.text)]),
    }));
  let many = 0;
  fc.assert(
    fc.property(fc.noShrink(fc.array(line, { minLength: 700, maxLength: 900 })), (lines) => {
      const text = sandboxes + lines.join("");
      if (tupleSets(text).some(({ tuples }) => tuples?.ports.buffer.byteLength !== tuples?.ports.byteLength)) many++;
      // A second space keeps a line from becoming a row.
      assert.equal(saidBy(text), saidBy(sandboxes + lines.map((one) => one.replace(" ", "  ")).join("")), text);
    }),
    { numRuns: 20 },
  );
  assert.ok(many > 5, `${many} of 20 came to tuples at once`);
});

test("columns that grow a tuple at a time are moved seldom", () => {
  const tuples = new Tuples(4, new Origins());
  const columns = new Set<unknown>();
  for (let i = 0; i < 10_000; i++) {
    tuples.reserve(1);
    tuples.add("destination", i, 1, 6, 22, i);
    columns.add(tuples.ports);
  }
  assert.is(tuples.length, 10_000);
  assert.is(tuples.find(9_999, 1, 6, 22), 9_999);
  assert.ok(columns.size < 20, `${columns.size} times`);
});

test("an element names its statements, in the order of the text", () => {
  const set = tupleSets(LINES).find(({ name }) => name === "allow-port4");
  assert.equal(
    set?.elements.map(({ from }) => from.map(({ span }) => span.file.text.slice(0, span.start).split("\n").length)),
    [[5, 7, 9], [6], [8], [8], [8], [8], [14]],
  );
});

test.run();
