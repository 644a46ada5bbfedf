import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Change, diff } from "../../src/audit/diff/diff.js";
import { effectOf } from "../../src/audit/diff/report.js";
import { wayText } from "../../src/audit/diff/words.js";
import { compile } from "../../src/ir/compile.js";
import { readStatement } from "../support/rule-query.js";
import type { Group } from "../../src/audit/diff/group.js";
import { hasAddress } from "../../src/net/address.js";
import { hasPort } from "../../src/net/ports.js";
import { hasPeer } from "../../src/ir/peers.js";
import type { Policy } from "../../src/ir/policy.js";
import { compileLenient } from "../support/compare.js";
import { statements } from "../support/random-policy.js";
import { everybody, everything, exists, judge, type Try, type Who, whoText } from "../support/sent.js";

const test = suite("diff");
const RUNS = Number(process.env["TSNET_DIFFS"] ?? 60);
/** Packets that are tried of each pair of policies. */
const TRIES = Number(process.env["TSNET_DIFF_PACKETS"] ?? 3000);

const verdictOf = (judged: string): string => judged.split(" ")[0] as string;
const passes = (judged: string): boolean => /^(allow|mixed)/.test(judged);

/** As it is documented: what one policy doesn't have counts only if it passes in the other. */
const changed = (before: string, after: string): boolean =>
  before === "absent" || after === "absent" ? passes(before) || passes(after) : before !== after;

function inGroup(group: Group, who: Who): boolean {
  if ("zone" in who) return hasAddress(group[who.zone], who.address);
  return [...group.places].some(
    (p) => p.container === who.container && p.network === who.network && p.family === who.family,
  );
}

function inBox({ extent }: Change, one: Try): boolean {
  return (
    inGroup(extent.sources, one.from) &&
    inGroup(extent.destinations, one.to) &&
    extent.services.some(
      ({ protocol, ports }) =>
        protocol === one.protocol &&
        (ports === undefined ||
          ports.some(
            (from, i) =>
              i % 2 === 0 && (one.port as number) >= from && (one.port as number) <= (ports[i + 1] as number),
          )),
    )
  );
}

/** A box in the words that people read, as a rule of the newer policy; undefined where no rule can say it. */
function spoken(after: Policy, change: Change) {
  const text = wayText(change.source, change.destination, change.service);
  // Names of what is gone are the older policy's.
  if (
    [...change.extent.sources.places, ...change.extent.destinations.places].some((place) => place.in[1] === undefined)
  )
    return undefined;
  if (/\(|every service|other protocols/.test(text)) return undefined;
  return readStatement(after, text);
}

function inWords(after: Policy, change: Change, query: NonNullable<ReturnType<typeof spoken>>, one: Try): boolean {
  const address = (who: Who) =>
    "zone" in who
      ? who.address
      : after.containers
          .find((c) => c.name === who.container)
          ?.endpoints.find((e) => e.network === who.network)
          ?.addresses.find((a) => a.family === who.family);
  const [from, to] = [address(one.from), address(one.to)];
  if (from === undefined || to === undefined) return false;
  if (change.family !== undefined && from.family !== change.family) return false;
  const zone = (who: Who) => ("zone" in who ? who.zone : "container");
  return (
    hasPeer(query.from, zone(one.from), from) &&
    hasPeer(query.to, zone(one.to), to) &&
    hasPort(query.ports, one.protocol, one.port)
  );
}

function* sample(before: Policy, after: Policy, seed: number): Generator<Try> {
  const who = everybody([before, after]);
  const what = everything([before, after]);
  let state = seed >>> 0 || 1;
  const draw = (n: number): number => {
    // Marsaglia's xorshift (2003).
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % n;
  };
  for (let i = 0; i < TRIES; i++) {
    const one = {
      from: who[draw(who.length)] as Who,
      to: who[draw(who.length)] as Who,
      ...(what[draw(what.length)] as (typeof what)[number]),
    };
    if (exists(one)) yield one;
  }
}

test(`has every packet whose verdict differs, and no other, in ${RUNS} random pairs of policies`, () => {
  const counts = { packets: 0, changed: 0, boxes: 0, spoken: 0 };
  fc.assert(
    fc.property(
      statements,
      statements,
      fc.array(fc.nat({ max: 30 }), { maxLength: 4 }),
      fc.nat(),
      (mine, others, cut, seed) => {
        // Most pairs are a policy and an edit of it; some have nothing in common.
        const edited =
          cut.length === 4
            ? others
            : [
                ...mine.filter((_, i) => !cut.includes(i)),
                ...others.filter((line, i) => cut.includes(i) && /^(allow|deny|reject|publish)/.test(line)),
              ];
        const [a, b] = [compileLenient(mine), compileLenient(edited)];
        const { changes } = diff(a.policy, b.policy);
        const texts = changes.map((change) => spoken(b.policy, change));
        counts.boxes += changes.length;
        counts.spoken += texts.filter((text) => text !== undefined).length;
        for (const one of sample(a.policy, b.policy, seed)) {
          counts.packets++;
          const [before, after] = [judge(a.policy, one), judge(b.policy, one)];
          const where = `${whoText(one.from)} -> ${whoText(one.to)} ${one.protocol} ${one.port}: ${before} > ${after}\n--- before\n${a.text}\n--- after\n${b.text}`;
          const boxes = changes.filter((change) => inBox(change, one));
          if (changed(before, after)) counts.changed++;
          assert.is(boxes.length > 0, changed(before, after), where);
          const like = ({ before: x, after: y }: Change): boolean =>
            x.verdict === verdictOf(before) && y.verdict === verdictOf(after);
          for (const box of boxes)
            assert.ok(like(box), `${where}\n--- box says ${box.before.verdict} > ${box.after.verdict}`);
          changes.forEach((change, i) => {
            const query = texts[i];
            if (query === undefined) return;
            const said = inWords(b.policy, change, query, one);
            const text = wayText(change.source, change.destination, change.service, change.family);
            if (said) assert.ok(changed(before, after) && like(change), `${where}\n--- words say ${text}`);
          });
        }
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(counts.changed > RUNS * 10, JSON.stringify(counts));
  console.log(JSON.stringify(counts));
});

/** Boxes as `effect box: before > after`. */
function boxes(before: string, after: string): string[] {
  const [a, b] = [compile(before), compile(after)];
  assert.ok(!a.failed && !b.failed, [...a.diagnostics, ...b.diagnostics].map(({ message }) => message).join());
  return diff(a.policy, b.policy).changes.map((change) => {
    const text = wayText(change.source, change.destination, change.service, change.family);
    return `${effectOf(change)} ${text}: ${change.before.verdict} > ${change.after.verdict}`;
  });
}

const NET = "network n { subnet 10.1.0.0/24; subnet fd17::/64; icc off }\n";
const THREE = `${NET}container a { network n }\ncontainer b { network n }\ncontainer c { network n }\n`;

test("says the family where words mean ends of both and only one changes, though no container has the other", () => {
  const four = "network n { subnet 10.1.0.0/24; icc off }\ncontainer a { network n }\n";
  assert.equal(boxes(four, `${four}publish 80 -> a`), [
    "opens {world, host} -> host:80 (IPv4 only): untouched > allow",
    "redirects a -> host:80: allow > allow",
  ]);
});

test("says in the policy's words, and in as few boxes, what a reader would", () => {
  assert.equal(boxes(THREE, `# again\n${THREE}`), []);
  assert.equal(boxes(`${THREE}allow a -> b:22`, `${THREE}allow a -> b:{22, 23}`), ["opens a -> b:23: deny > allow"]);
  assert.equal(boxes(THREE, `${THREE}allow n -> n`), ["opens n -> n: deny > allow"]);
  assert.equal(boxes(THREE, `${THREE}allow any except b -> c:icmp`), ["opens {world, a} -> c:icmp: deny > allow"]);
  assert.equal(boxes(`${THREE}let web = {a, b}\nallow web -> c:80`, `${THREE}let web = {a, b}`), [
    "closes web -> c:80: allow > deny",
  ]);
  assert.equal(boxes(THREE, `${THREE}deny a -> world except 203.0.113.0/24`), [
    "closes a -> world except 203.0.113.0/24: allow > deny",
  ]);
  assert.equal(boxes(THREE, `${THREE}reject a -> 198.51.100.0/24:443`), [
    "closes a -> 198.51.100.0/24:443: allow > reject",
  ]);
  assert.equal(boxes(`${THREE}deny a -> host`, `${THREE}reject a -> host`), ["changes a -> host: deny > reject"]);
  assert.equal(boxes(`${THREE}allow a -> b`, `${THREE}allow a -> b:{tcp, udp, sctp, icmp}`), [
    "closes a -> b, other protocols: allow > deny",
  ]);
});

test("a packet asks for the host's port, and its destination counts", () => {
  const at = (publish: string): string => `${THREE}deny a -> host\n${publish}`;
  assert.equal(boxes(at("publish 80 -> b"), at("publish 80 -> c")), ["redirects any -> host:80: allow > allow"]);
  assert.equal(
    boxes(
      at("publish 80 -> {b, c}:8080\ndeny world -> {b, c}"),
      at("publish 80 -> {b, c}:8080\ndeny world -> b\ndeny n -> b"),
    ),
    ["opens world -> host:80: deny > mixed", "changes n -> host:80: allow > mixed"],
  );
  assert.equal(
    boxes(at("publish 80 -> b from world"), at("publish 80 -> b from 198.51.100.0/24")),
    [
      "closes world except 198.51.100.0/24 -> host:80: allow > deny",
      "opens host (198.51.100.0/24) -> host:80: deny > allow",
    ].reverse(),
  );
});

test("a container is itself by name; of one that only one policy has, what passes is told", () => {
  const moved = `${NET}container a { network n ip 10.1.0.77 }\ncontainer b { network n }\n`;
  const two = `${NET}container a { network n }\ncontainer b { network n }\n`;
  assert.equal(boxes(`${two}allow a -> b:22`, `${moved}allow a -> b:22`), []);
  const [a, b] = [compile(two).policy, compile(moved).policy];
  assert.equal(
    diff(a, b).moved.map(([was, is]) => `${was.name} ${is.name}`),
    ["a a"],
  );
  assert.equal(boxes(two, `${THREE}allow c -> a:22`).sort(), [
    "opens c -> a:22: absent > allow",
    "opens c -> {world, host}: absent > allow",
    "opens host -> c: absent > allow",
  ]);
  assert.equal(
    diff(compile(two).policy, compile(THREE).policy).added.map(({ name }) => name),
    ["c"],
  );
  assert.equal(
    diff(compile(THREE).policy, compile(two).policy).removed.map(({ name }) => name),
    ["c"],
  );
});

test("every side says what decides it, statements and defaults", () => {
  const [before, after] = [compile(THREE), compile(`${THREE}allow a -> b\ndeny b -> c`)];
  const [change] = diff(before.policy, after.policy).changes;
  assert.equal(
    change?.before.by.map(({ text }) => text),
    ["network n icc off"],
  );
  assert.equal(change?.before.defaults, ["icc"]);
  assert.equal(
    change?.after.by.map(({ text }) => text),
    ["allow a -> b"],
  );
  assert.equal(change?.after.defaults, []);
});

test.run();
