/** Which backend `auto` takes, by what probes have found. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendName, Part } from "../../src/backend/backend.js";
import { type Candidate, canCarry, choose, orderOf, reasonText } from "../../src/backend/choice.js";
import { Inexpressible } from "../../src/backend/inexpressible.js";
import { choiceJson, choiceText } from "../../src/cli/chosen.js";
import { SourceFile } from "../../src/text/source.js";

const test = suite("choice of a backend");

const part = (name: string, ok: boolean, needed = true): Part => ({
  name,
  ok,
  needed,
  what: `${name} is ${ok ? "" : "not "}there`,
  mend: ok ? "" : `get ${name}`,
});

const able = (backend: BackendName): Candidate => ({ backend, refuses: undefined, parts: [part("tool", true)] });
const lacking = (backend: BackendName, ...names: string[]): Candidate => ({
  backend,
  refuses: undefined,
  parts: [part("tool", true), ...names.map((name) => part(name, false))],
});
const file = new SourceFile("shop.tsnet", 'policy shop\nallow a -> b log "long"');
const refusing = (backend: BackendName): Candidate => ({
  backend,
  refuses: new Inexpressible("its log prefix is too long", { file, start: 12, end: 20 }),
  parts: [],
});

const ALL = ["nft", "iptables", "ebpf"] as const;

test("the order: what carries the policy, then as listed", () => {
  assert.equal(orderOf(ALL, undefined), ["nft", "iptables", "ebpf"]);
  assert.equal(orderOf(ALL, "nft"), ["nft", "iptables", "ebpf"]);
  assert.equal(orderOf(ALL, "iptables"), ["iptables", "nft", "ebpf"]);
  assert.equal(orderOf(ALL, "ebpf"), ["ebpf", "nft", "iptables"]);
});

test("a backend can carry a policy that it has all it needs for, whatever else it lacks", () => {
  assert.is(canCarry(able("nft")), true);
  assert.is(canCarry({ ...able("iptables"), parts: [part("iptables", true), part("ipset", false, false)] }), true);
  assert.is(canCarry(lacking("nft", "rules")), false);
  assert.is(canCarry(refusing("iptables")), false);
  assert.is(canCarry({ ...refusing("iptables"), parts: [part("iptables", true)] }), false);
});

const cases: [string, BackendName | undefined, Candidate[], [BackendName, boolean, BackendName[]] | undefined][] = [
  ["the first that can", undefined, [able("nft"), able("iptables")], ["nft", false, []]],
  ["the next one", undefined, [lacking("nft", "rules"), able("iptables")], ["iptables", false, ["nft"]]],
  [
    "the last one",
    undefined,
    [lacking("nft", "rules"), refusing("iptables"), able("ebpf")],
    ["ebpf", false, ["nft", "iptables"]],
  ],
  ["live stays", "iptables", [able("iptables"), able("nft")], ["iptables", true, []]],
  [
    "live, and no longer able",
    "iptables",
    [lacking("iptables", "iptables"), able("nft")],
    ["nft", false, ["iptables"]],
  ],
  ["live, and refusing", "iptables", [refusing("iptables"), able("nft")], ["nft", false, ["iptables"]]],
  ["none", undefined, [lacking("nft", "nft"), refusing("iptables"), lacking("ebpf", "dataplane")], undefined],
  ["nobody asked", undefined, [], undefined],
];

for (const [name, carrier, candidates, expected] of cases)
  test(name, () => {
    const choice = choose(candidates, carrier);
    const found = choice && [choice.backend, choice.live, choice.passed.map(({ backend }) => backend)];
    assert.equal(found, expected);
  });

test("why not: each thing that lacks with its mend, or the statement", () => {
  assert.is(
    reasonText(lacking("nft", "nft", "rules")),
    "nft: nft is not there (get nft); rules is not there (get rules)",
  );
  assert.is(
    reasonText(refusing("iptables")),
    "iptables: its log prefix is too long (shop.tsnet:2:1) (take the statement out)",
  );
});

test("it is said where it isn't the default", () => {
  const said = (candidates: Candidate[], carrier?: BackendName): string | undefined => {
    const choice = choose(candidates, carrier);
    return choice && choiceText(choice);
  };
  assert.is(said([able("nft")]), undefined);
  assert.is(said([able("nft")], "nft"), undefined);
  assert.is(said([able("ebpf")], "ebpf"), "backend ebpf, by which the policy is live");
  assert.is(
    said([lacking("nft", "rules"), able("iptables")]),
    "backend iptables, since others can't carry the policy here: nft: rules is not there (get rules)",
  );
  // From another backend to the default: it changes what carries the policy.
  assert.match(said([refusing("iptables"), able("nft")], "iptables") ?? "", /^backend nft, since .*too long/);
});

test("as programs read it", () => {
  const choice = choose([lacking("nft", "nft"), refusing("iptables"), able("ebpf")], undefined);
  assert.equal(choice && choiceJson(choice), {
    backend: "ebpf",
    live: false,
    passed: [
      { backend: "nft", what: "nft is not there", mend: "get nft" },
      { backend: "iptables", what: "its log prefix is too long (shop.tsnet:2:1)", mend: "take the statement out" },
    ],
  });
});

test.run();
