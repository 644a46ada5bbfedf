/** What the proof takes for alike must be alike: of each part one packet is asked, and it speaks for the others. */
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Apart } from "../../src/audit/apart.js";
import { alike, type Seen } from "../../src/audit/pieces.js";
import { type End, endpointAt, evaluate } from "../../src/ir/evaluate.js";
import type { Policy, Zone } from "../../src/ir/policy.js";
import { type Address, type Family, parseAddress } from "../../src/net/address.js";
import { indexSetOf, places } from "../../src/net/index-set.js";
import { compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";

const test = suite("audit: what fares alike");

const containers = (policy: Policy, family: Family): End[] =>
  policy.containers.flatMap(({ endpoints }) =>
    endpoints.flatMap(({ addresses }) =>
      addresses.filter((one) => one.family === family).map((address): End => ({ zone: "container", address })),
    ),
  );

const others = (zone: Zone, ...texts: string[]): End[] =>
  texts.map((text) => ({ zone, address: parseAddress(text) as Address }));

const outside = (family: Family): Record<"world" | "host", End[]> =>
  family === 4
    ? { world: others("world", "198.51.100.7", "192.0.2.1"), host: others("host", "192.168.7.7", "127.0.0.1") }
    : { world: others("world", "2001:db8::7", "2001:db8::8"), host: others("host", "fd77::7", "::1") };

const chosen = <T>(list: readonly T[], mask: number): number[] =>
  [...list.keys()].filter((i) => ((mask >> i) & 1) === 1);

test("the parts of a box are the box, and all packets of a part fare alike where no rule tells them apart", () => {
  const everything = compileLenient(["allow a -> b", "allow any -> any"]).policy.rules;
  assert.is(everything.length, 2);
  let apart = 0;
  fc.assert(
    fc.property(
      statements,
      fc.constantFrom<Family>(4, 6),
      fc.constantFrom<Zone>("container", "world", "host"),
      fc.nat(0xffff),
      fc.nat(0xffff),
      (lines, family, entry, from, to) => {
        const { policy, text } = compileLenient(lines);
        const inside = containers(policy, family);
        const { world, host } = outside(family);
        const sources = entry === "container" ? inside : { world, host }[entry];
        const destinations = [...world, ...inside, ...host].filter(
          ({ zone }) => entry === "container" || zone === "container",
        );
        const box = { sources: indexSetOf(chosen(sources, from)), destinations: indexSetOf(chosen(destinations, to)) };
        if (box.sources.length === 0 || box.destinations.length === 0) return;
        const pairs: string[] = [];
        let parts = 0;
        for (const part of new Apart(policy, sources, destinations).direct(box)) {
          parts++;
          const verdicts = [new Set<string>(), new Set<string>()] as const;
          for (const i of places(part.sources))
            for (const k of places(part.destinations)) {
              pairs.push(`${i} ${k}`);
              const [source, destination] = [sources[i] as End, destinations[k] as End];
              const ends = [source, destination].map(({ address }) => endpointAt(policy, address)?.container);
              if (ends[0] !== undefined && ends[0] === ends[1]) continue;
              const packet = { source, destination, protocol: 6, port: 7 };
              verdicts[0].add(evaluate(policy, packet, []).verdict);
              verdicts[1].add(evaluate(policy, packet, everything).verdict);
            }
          for (const some of verdicts)
            assert.ok(some.size <= 1, `${[...some].join()} in ${JSON.stringify(part)} of\n${text}`);
        }
        const all = [...places(box.sources)].flatMap((i) => [...places(box.destinations)].map((k) => `${i} ${k}`));
        assert.equal(pairs.sort(), all.sort(), text);
        if (parts > 1) apart++;
      },
    ),
    { numRuns: 1500 },
  );
  assert.ok(apart > 100, `only ${apart} boxes had several parts`);
});

test("the way through a publish is cut by who may take it", () => {
  const { policy } = compileLenient([
    "network in { subnet 10.9.0.0/24; internal }",
    "network out { subnet 10.10.0.0/24 }",
    "container a { network in }",
    "container b { network out }",
    "container c { network out }",
  ]);
  const sources = containers(policy, 4);
  const name = ({ address }: End): string => endpointAt(policy, address)?.container.name ?? "?";
  const cut = (admits?: readonly number[]): string[] =>
    [...new Apart(policy, sources, sources).through([0, 2], admits)].map((part) =>
      [...places(part)].map((i) => name(sources[i] as End)).join(""),
    );
  assert.equal(cut(), ["a", "bc"]);
  assert.equal(cut([1, 1]), ["a", "b", "c"]);
});

test("places are put together exactly where the same rules cover them", () => {
  const set = fc.uniqueArray(fc.nat(20), { maxLength: 8 });
  fc.assert(
    fc.property(set, fc.array(set, { maxLength: 6 }), (within, sets) => {
      const rules = sets.map((list) => ({ sources: indexSetOf(list) }) as unknown as Seen);
      const found = alike(indexSetOf(within), rules, ({ sources }) => sources).flatMap((one) =>
        [...places(one.places)].map((at) => `${at}: ${one.rules.map((rule) => rules.indexOf(rule)).join()}`),
      );
      const wanted = within.map((at) => `${at}: ${[...rules.keys()].filter((i) => sets[i]?.includes(at)).join()}`);
      assert.equal(found.sort(), wanted.sort());
    }),
    { numRuns: 500 },
  );
});

test.run();
