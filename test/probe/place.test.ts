import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatAddress } from "../../src/net/address.js";
import { planPlace } from "../../src/probe/place.js";
import { policyOf } from "./text.js";

const test = suite("place");

function place(text: string) {
  const { uplinks, published, world, left } = planPlace(policyOf(text));
  return {
    hosts: uplinks.map((uplink) => formatAddress(uplink.host)),
    published: published.map(formatAddress),
    world: world.map(formatAddress),
    left,
  };
}

test("without anything said of the world it has one address a family", () => {
  assert.equal(place("container c { }"), { hosts: ["198.51.100.1"], published: [], world: ["198.51.100.2"], left: 0 });
  const six = place("network default { subnet fd00::/64 }; container c { }");
  assert.equal([six.hosts, six.world], [["2001:db8:100::1"], ["2001:db8:100::2"]]);
});

test("an address of each range that a statement names", () => {
  const { world } = place("deny c -> 10.0.0.0/8; allow 192.0.2.7 -> c; publish 80 -> c from 8.8.4.0-8.8.4.9");
  assert.equal(world, ["198.51.100.2", "8.8.4.1", "10.0.0.1", "192.0.2.7"]);
});

test("never a container's, a subnet's, the host's, loopback or multicast", () => {
  const text =
    "deny c -> {127.0.0.0/8, 10.83.0.0/16, 224.0.0.0/4, 169.254.0.0/16, 192.0.2.10}; publish 192.0.2.10:80 -> c";
  const { world, published } = place(text);
  assert.equal(world, ["198.51.100.2"]);
  assert.equal(published, ["192.0.2.10"]);
});

test("the uplink keeps away from the policy's own subnets and from addresses that it names", () => {
  assert.equal(place("network default { subnet 198.51.100.0/24 }; container c { }").hosts, ["203.0.113.1"]);
  assert.equal(place("allow 198.51.100.1 -> c").hosts, ["203.0.113.1"]);
  assert.equal(place("allow 198.51.100.0/24 -> c").hosts, ["203.0.113.1"]);
  assert.equal(place("allow world -> c").hosts, ["198.51.100.1"]);
});

test("many ranges: a few, and a count of the others", () => {
  const rules = Array.from({ length: 20 }, (_, i) => `allow 10.${i}.0.0/16 -> c:${i + 1}`);
  const { world, left } = place(rules.join("\n"));
  assert.is(world.length, 6);
  assert.is(left, 15);
});

test("a publish at a gateway's address or on loopback needs no address", () => {
  assert.equal(place("publish 10.83.0.1:80 -> c; publish 127.0.0.1:81 -> c").published, []);
});

test.run();
