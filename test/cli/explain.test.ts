/** `explain`: why a query covers no packet, and what programs read of several cases. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine, forgetCommand } from "../support/command.js";

const test = suite("explain");
const folder = mkdtempSync(path.join(tmpdir(), "tsnet-explain-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
test.after(forgetCommand);

const file = path.join(folder, "shop.tsnet");
writeFileSync(
  file,
  `network n { subnet 172.18.0.0/24; icc off }
network six { subnet fd00:5::/64 }
container c1 { network n }
container c2 { network n }
container c3 { network n }
container c6 { network six }
container guest { mode container:c1 }
allow c2 -> c1:80
allow c2 -> c1:22
deny c2 -> world:25
`,
);

function explain(query: string, ...more: string[]): { status: number | null; stdout: string; stderr: string } {
  const [node, ...words] = commandLine(["explain", file, query, ...more]);
  return spawnSync(node, words, { encoding: "utf8" });
}

for (const [query, why] of [
  ["c2 -> [fd00::1]:22", "can be sent: c2 has no IPv6 address"],
  ["192.0.2.1 -> c6", "can be sent: c6 has no IPv4 address"],
  ["{c1, c2} -> [fd00::1]", "can be sent: none of c1, c2 has an IPv6 address"],
  ["c1 -> c1:22", "meets a rule: what a container sends to itself stays on its own loopback device"],
  ["guest -> c1:22", "meets a rule: what a container sends to itself stays on its own loopback device"],
  ["c1 -> {c1, c6}:22", "passes between these ends"],
  ["world -> host:22", "has a container of this policy at either end"],
] as const)
  test(`'${query}' has no packet`, () => {
    const { status, stderr } = explain(query);
    assert.is(status, 2);
    assert.is(stderr.split("\n")[0], `tsnet: no packet of '${query}' ${why}`);
  });

test("what check would warn of in the query's text", () => {
  const query = "c6 -> fd00:5::11:22";
  const warning = `warning[ipv6-port-ambiguous]: fd00:5::11:22 is an address here, not fd00:5::11 and port 22
help: if a port is meant, write [fd00:5::11]:22
`;
  const plain = explain(query);
  assert.equal([plain.status, plain.stderr], [0, warning]);
  const json = explain(query, "--json");
  assert.is(json.stderr, warning);
  assert.is((JSON.parse(json.stdout) as { verdict: string }).verdict, "allow");
  assert.is(explain("c6 -> [fd00:5::11]:22").stderr, "");
});

interface Explained {
  readonly verdict: string;
  readonly by: readonly { readonly text: string }[];
  readonly default: string | null;
  readonly cases: readonly Explained[];
}

function explained(query: string): [string, string[], string | null, number] {
  const { stdout } = explain(query, "--json");
  const { verdict, by, default: unless, cases } = JSON.parse(stdout) as Explained;
  return [verdict, by.map(({ text }) => text), unless, cases.length];
}

test("cases of one verdict: by what any of them is decided, in order of place", () => {
  const both = ["allow c2 -> c1:80", "allow c2 -> c1:22"];
  assert.equal(explained("c2 -> c1:{22, 80}"), ["allow", both, null, 2]);
  assert.equal(explained("c2 -> c1:80"), ["allow", both.slice(0, 1), null, 0]);
  const closed = ["network n icc off", "deny c2 -> world:25"];
  assert.equal(explained("c2 -> {c3, 192.0.2.1}:25"), ["deny", closed, "icc", 2]);
  assert.equal(explained("c2 -> c1:{22, 23}"), ["mixed", [], null, 2]);
});

test.run();
