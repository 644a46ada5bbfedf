import { suite } from "uvu";
import * as assert from "uvu/assert";
import { containerNamed } from "../../src/ir/policy.js";
import { hostsFile } from "../../src/topology/hosts.js";
import { makePolicy, type PolicyText, SHOP } from "./policies.js";

const test = suite("hostsFile");

/** The lines after the six that every file starts with. */
function lines(text: PolicyText, container: string): string[] {
  const policy = makePolicy(text);
  const file = hostsFile(policy, containerNamed(policy, container));
  assert.ok(file.endsWith("\n"));
  return file.split("\n").slice(6, -1);
}

test("as a Docker engine begins it, and the container itself", () => {
  const policy = makePolicy(SHOP);
  assert.is(
    hostsFile(policy, containerNamed(policy, "c1")),
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n" +
      "ff00::0\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n" +
      "10.84.1.11\tc1\nfd84:1::11\tc1\n",
  );
});

test("links come first: alias and target, once when they are one word", () => {
  const text: PolicyText = {
    ...SHOP,
    links: [
      ["c1", "c2", "database"],
      ["c1", "c3", "c3"],
      ["c2", "c1", "web"],
    ],
  };
  assert.equal(lines(text, "c1"), [
    "10.84.1.12\tdatabase c2",
    "fd84:1::12\tdatabase c2",
    "10.84.1.13\tc3",
    "fd84:1::13\tc3",
    "10.84.1.11\tc1",
    "fd84:1::11\tc1",
  ]);
});

test("a target on another network is named by its first endpoint", () => {
  const text: PolicyText = {
    networks: SHOP.networks,
    containers: [
      { name: "a", on: [["front", "10.84.1.2"]] },
      { name: "b", on: [["back", "10.84.2.2"]] },
    ],
    links: [["a", "b", "db"]],
  };
  assert.equal(lines(text, "a"), ["10.84.2.2\tdb b", "10.84.1.2\ta"]);
});

test("a container with several endpoints has a line for each address", () => {
  assert.equal(lines(SHOP, "c3"), ["10.84.2.13\tc3", "10.84.1.13\tc3", "fd84:1::13\tc3"]);
});

test("no name adds a line or a word", () => {
  const text: PolicyText = {
    networks: SHOP.networks,
    containers: [{ name: "a b\n6.6.6.6\tbank.example #", on: [["front", "10.84.1.2"]] }],
  };
  assert.equal(lines(text, text.containers[0]?.name ?? ""), ["10.84.1.2\ta_b_6.6.6.6_bank.example__"]);
});

test.run();
