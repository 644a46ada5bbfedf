import { suite } from "uvu";
import * as assert from "uvu/assert";
import { guardRules } from "../../src/topology/guard.js";

const test = suite("guardRules");

test("nothing to guard, no table", () => {
  assert.is(guardRules({ v4: [], v6: [] }), undefined);
});

test("only what enters by the named devices is stopped, family by family", () => {
  assert.is(
    guardRules({ v4: ["eth0", "wlan0"], v6: ["eth0"] }),
    `table inet tsnet_guard {
  chain forward {
    type filter hook forward priority filter - 10; policy accept;
    meta nfproto ipv4 iifname { "eth0", "wlan0" } oifname != "tsv-*" ct state != { established, related } counter drop
    meta nfproto ipv6 iifname { "eth0" } oifname != "tsv-*" ct state != { established, related } counter drop
  }
}
`,
  );
});

test("a device's name can't end the string it is in", () => {
  assert.throws(() => guardRules({ v4: ['x" } accept; #'], v6: [] }), /no device name/);
});

test.run();
