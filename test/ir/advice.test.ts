import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../src/ir/compile.js";
import { evaluate } from "../../src/ir/evaluate.js";
import { addressesIn } from "../../src/ir/own.js";
import { ANY, inContainers } from "../../src/ir/peers.js";
import type { Rule } from "../../src/ir/policy.js";
import { ALL_PORTS } from "../../src/net/ports.js";
import { compileLenient } from "../support/compare.js";
import { packetsOf } from "../support/every-packet.js";
import { statements } from "../support/random-policy.js";

const test = suite("advice and silencing");

/** What `check` hears, as `code line`. */
function said(text: string): string[] {
  const { diagnostics } = compile(text, { full: true });
  return diagnostics.map(({ code, span }) => `${code} ${span.file.position(span.start).line}`);
}

test("information is for check alone, and no warning", () => {
  const text = "icc off\nallow c2 -> c1:22\npublish 49153 -> c1:8080";
  const { diagnostics } = compile(text, { full: true });
  assert.equal(diagnostics.map(({ code, severity }) => `${severity} ${code}`).sort(), [
    "info container-unreached",
    "info publish-open",
  ]);
  assert.equal(compile(text).diagnostics, []);
});

test("a published port is open unless somebody is kept out of it", () => {
  assert.equal(said("publish 80 -> a\nicc on\nallow b -> a"), ["publish-open 1", "rule-already-default 3"]);
  for (const policy of [
    "publish 80 -> a from 198.51.100.0/24",
    "publish 127.0.0.1:80 -> a",
    "publish [::1]:80 -> a\nnetwork default { subnet 10.83.0.0/16; subnet fd17::/64 }\ncontainer a { }",
  ])
    assert.equal(said(policy), [], policy);
  // A deny that leaves some of the world leaves it open.
  assert.ok(said("publish 80 -> a\ndeny 198.51.100.0/24 -> a").includes("publish-open 1"));
  assert.equal(said("publish 80 -> a\ndeny world -> a"), ["publish-hidden 1"]);
});

test("what an apply refuses is said by check", () => {
  assert.equal(said("network n { driver macvlan eth0 }\ncontainer a { network n }"), ["not-applied-yet 1"]);
});

test("a container is unreached when only the host and replies come to it", () => {
  const policy = (more: string): string =>
    `network n { icc off }\ncontainer a { network n }\ncontainer b { network n }\nallow a -> b\n${more}`;
  assert.equal(said(policy("")), ["container-unreached 2"]);
  assert.equal(said(policy("allow host -> a")), ["container-unreached 2", "rule-already-default 5"]);
  assert.equal(said(policy("allow world -> a")), ["container-unreached 2"]);
  assert.equal(said(policy("allow b -> a:icmp")), []);
  assert.equal(said(policy("publish 127.0.0.1:80 -> a")), []);
  assert.equal(said("network n { }\ncontainer a { network n }"), [], "alone it has nobody to be reached by");
});

test("a neighbour on two networks reaches it from either of his addresses", () => {
  const text = (deny: string): string => `network n { subnet 10.9.1.0/24 }
network m { subnet 10.9.2.0/24 }
container a { network n ip 10.9.1.2 }
container b { network n ip 10.9.1.3; network m ip 10.9.2.3 }
container c { network m }
deny 10.9.1.3 -> a
${deny}`;
  assert.equal(
    said(text("")).filter((one) => one.startsWith("container")),
    [],
  );
  assert.equal(
    said(text("deny 10.9.2.3 -> a")).filter((one) => one.startsWith("container")),
    ["container-unreached 3"],
  );
});

test("so it is in random policies, asked for every packet", () => {
  let some = 0;
  fc.assert(
    fc.property(statements, (lines) => {
      const { policy, text } = compileLenient(lines);
      const inhabited = policy.containers.filter(({ endpoints }) => endpoints.length > 0);
      const unreached = inhabited.filter((container) => {
        const to = inContainers(addressesIn(container.endpoints));
        const asked = { from: ANY, to, ports: ALL_PORTS } as Rule;
        for (const packet of packetsOf(policy, asked)) {
          const { source, via } = packet;
          const counts =
            via === undefined ? source.zone === "container" : via.targets.some((t) => t.container === container.name);
          if (counts && evaluate(policy, packet).verdict === "allow") return false;
        }
        return true;
      });
      const expected = inhabited.length < 2 ? [] : unreached.map(({ name }) => name);
      some += expected.length;
      const { diagnostics } = compile(text, { full: true });
      const found = diagnostics.flatMap(({ message }) => /publish reaches '(\w+)'$/.exec(message)?.[1] ?? []);
      assert.equal(found.sort(), expected.sort(), text);
    }),
    { numRuns: 40 },
  );
  assert.ok(some > 20, String(some));
});

test("a CIDR is wide when nobody owns it, or when it takes in containers that it doesn't name", () => {
  const policy = (rule: string): string =>
    `network n { subnet 10.88.0.0/24; icc off }\ncontainer a { network n }\n${rule}`;
  assert.equal(said(policy("allow 0.0.0.0/0 -> a:80")), ["wide-range 3"]);
  assert.equal(said(policy("allow 10.0.0.0/8 -> a:80")), ["wide-range 3"]);
  assert.equal(
    said(policy("allow 10.88.0.0/24 -> a:80")).filter((one) => one.startsWith("wide")),
    [],
    "that is the network",
  );
  assert.equal(said(policy("let office = {192.168.0.0/16, 2000::/3}\nallow office -> a:80")), ["wide-range 3"]);
  assert.equal(
    said(policy("deny 0.0.0.0/0 -> a:80")).filter((one) => one.startsWith("wide")),
    [],
  );
  assert.equal(said(policy("allow 192.168.0.0/16 -> a:80")), []);
});

const SHADOWED = "icc off\ndeny any -> c1:22\n";

test("a comment silences its line, or the next one that holds a statement, and says why", () => {
  const rule = "allow c2 -> c1:22";
  const wish = "# tsnet: ignore rule-shadowed the deny goes soon";
  assert.equal(
    said(`${SHADOWED}${rule}`).filter((one) => one.startsWith("rule")),
    ["rule-shadowed 3"],
  );
  for (const text of [
    `${rule} ${wish}`,
    `${wish}\n${rule}`,
    `${wish}\n\n# more\n${rule}`,
    `  ${wish.replace("# ", "#")}\n${rule}`,
  ]) {
    const { diagnostics, silenced } = compile(SHADOWED + text, { full: true });
    assert.equal(
      diagnostics.filter(({ severity }) => severity === "warning"),
      [],
      text,
    );
    assert.equal(
      silenced.map(({ diagnostic, reason }) => `${diagnostic.code}: ${reason}`),
      ["rule-shadowed: the deny goes soon"],
    );
  }
  // Elsewhere it silences nothing.
  const elsewhere = said(`${wish}\n${SHADOWED}${rule}`);
  assert.ok(elsewhere.includes("rule-shadowed 4") && elsewhere.includes("ignore-unused 1"), elsewhere.join());
});

test("a comment that silences nothing is only information, and one that is wrong a warning", () => {
  const base = "allow c2 -> c1:22, icc off\n";
  const wish = (text: string): string[] =>
    said(`${base}publish 80 -> c1 from world ${text}`).filter((one) => one.startsWith("ignore"));
  assert.equal(wish("# tsnet: ignore publish-hidden as it was"), ["ignore-unused 2"]);
  assert.equal(wish("# tsnet: ignore publish-hiden as it was"), ["ignore-unknown 2"]);
  assert.equal(wish("# tsnet: ignore"), ["ignore-unknown 2"]);
  assert.equal(wish("# tsnet: ignore publish-hidden"), ["ignore-without-reason 2"]);
  assert.equal(wish("# tsnets ignore no such thing"), []);
  const { diagnostics } = compile(`${base}publish 80 -> c1 # tsnet: ignore publish-hiden x`, { full: true });
  assert.match(diagnostics.find(({ code }) => code === "ignore-unknown")?.help ?? "", "publish-hidden");
});

test("an error is never silenced", () => {
  const { failed, silenced } = compile("allow a -> b:0 # tsnet: ignore bad-port I want it", { full: true });
  assert.ok(failed);
  assert.equal(silenced, []);
});

test.run();
