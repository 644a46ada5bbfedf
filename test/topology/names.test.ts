import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bridgeMark, component, endpointMark, hostsPath, netnsPath, parseMark } from "../../src/topology/names.js";

const test = suite("names");

test("plain names stay, every other byte is encoded", () => {
  assert.is(component("c1"), "c1");
  assert.is(component("a.b-c_D"), "a.b-c_D");
  assert.is(component("a/b"), "a%2Fb");
  assert.is(component("ä b%"), "%C3%A4%20b%25");
  assert.is(component("x\n'\"$(id)"), "x%0A%27%22%24%28id%29");
});

test("nothing climbs and nothing is empty", () => {
  assert.match(component("."), /^~[0-9a-z]{12}$/);
  assert.match(component(".."), /^~[0-9a-z]{12}$/);
  assert.match(component(""), /^~[0-9a-z]{12}$/);
  assert.is(component("..."), "...");
  assert.is(netnsPath("../x", "../../etc"), "/run/tsnet/netns/..%2Fx/..%2F..%2Fetc");
});

test("long names are cut to their limit and stay apart", () => {
  const a = component("a".repeat(300));
  const b = component(`${"a".repeat(299)}b`);
  assert.is(a.length, 200);
  assert.is.not(a, b);
  assert.is(component("a".repeat(200)), "a".repeat(200));
});

test("paths", () => {
  assert.is(netnsPath("tsnet", "c1"), "/run/tsnet/netns/tsnet/c1");
  assert.is(hostsPath("shop", "web 1"), "/run/tsnet/policies/shop/web%201/hosts");
});

test("marks are printable, short enough for an alias, and read back", () => {
  assert.is(bridgeMark("tsnet", "front"), "tsnet:tsnet/front");
  assert.is(endpointMark("tsnet", "front", "c1"), "tsnet:tsnet/front/c1");
  assert.equal(parseMark("tsnet:a%2Fb/front/c%201"), { policy: "a/b", network: "front", container: "c 1" });
  assert.equal(parseMark("tsnet:p/n"), { policy: "p", network: "n", container: undefined });
  assert.is(parseMark("uplink of rack 4"), undefined);
  const long = endpointMark("é".repeat(99), "\n".repeat(99), '"'.repeat(99));
  assert.ok(long.length <= 200);
  assert.match(long, /^[!-~]+$/);
});

test("a policy whose name is another's beginning has another mark", () => {
  assert.not.ok(bridgeMark("shop2", "n").startsWith("tsnet:shop/"));
});

test.run();
