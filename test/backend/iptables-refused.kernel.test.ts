/** What becomes of a commit by iptables where a tool fails, and of the other family's. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { prefixOf } from "../../src/backend/iptables/names.js";
import { changesOf, readState, wantedAgain } from "../../src/backend/iptables/standing.js";
import { loadingTime, readingTime, refusal } from "../../src/backend/iptables/tools.js";
import { run, TookTooLong } from "../../src/system/run.js";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { write } from "../support/history.js";

const test = suite("iptables: refused");
const it = await when(test, "namespaces", "iptables-nft");

const text = (port: number): string => `policy shop
network n { subnet 10.86.1.0/24; subnet fd86:1::/64 }
container a { network n ip 10.86.1.2 ip fd86:1::2 }
allow world -> a:${port}
`;

/** Counts its calls in $n, and does what the lines say with $real. */
async function tool(host: Host, name: string, lines: string): Promise<void> {
  const { stdout } = await host.run("sh", ["-c", `command -v ${name}`]);
  const head = `#!/bin/sh\nreal=${stdout.trim()}\nn=$(cat $0.n 2>/dev/null)x\necho $n > $0.n\n`;
  await host.run("chmod", ["755", await write(host, `tools/${name}`, head + lines)]);
}

const rules = async (host: Host, name: string): Promise<string[]> =>
  (await host.run(name)).stdout.split("\n").filter((line) => line.startsWith("-A"));

it("one family goes back though the other can't, and the first reason is told", () =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/lab/tools"]);
    // The first load is done; none that is to take it back is.
    await tool(
      host,
      "iptables-restore",
      'test $n = x && exec $real "$@"\ncat > /dev/null; echo no way back >&2; exit 1\n',
    );
    // The first load is done and fails all the same.
    await tool(host, "ip6tables-restore", '$real "$@" || exit 9\ntest $n != x || { echo no way there >&2; exit 1; }\n');
    const module = import.meta.resolve("../support/refusing.ts");
    const said = await host.call<string>(module, "commitRefused", text(80), text(81), "/run/lab/tools");
    assert.match(said, /no way there.*; and taking back what was loaded failed: IPv4: .*no way back/);
    assert.match((await rules(host, "iptables-save")).join("\n"), /--dport 81\b/);
    const v6 = (await rules(host, "ip6tables-save")).join("\n");
    assert.match(v6, /--dport 80\b/);
    assert.not.match(v6, /--dport 81\b/);
  }));

it("the way back is worked out anew where somebody else changes the chain meanwhile", () =>
  lab(async (host) => {
    await host.run("mkdir", ["/run/lab/tools"]);
    const other = text(80).replace("shop", "other").replaceAll("10.86", "10.85").replaceAll("fd86", "fd85");
    await host.call(import.meta.resolve("../support/readback-iptables.ts"), "verifiedAfter", other, []);
    const others = (await rules(host, "iptables-save")).filter((line) => line.startsWith("-A FORWARD -j"));
    assert.is(others.length, 2);
    // One of our jumps goes, so it is to come back before what stood beside it; which goes then.
    const gone = others.map((line) => `iptables ${line.replace("-A", "-D")}`).join("; ");
    await tool(
      host,
      "iptables-restore",
      `test $n = xx && { ${gone}; }\n$real "$@" || exit 9\ntest $n != x || iptables -D FORWARD 1\n`,
    );
    await tool(host, "ip6tables-restore", '$real "$@" || exit 9\ntest $n != x || { echo no way there >&2; exit 1; }\n');
    const module = import.meta.resolve("../support/refusing.ts");
    const said = await host.call<string>(module, "commitRefused", text(80), text(81), "/run/lab/tools");
    assert.match(said, /no way there/);
    assert.not.match(said, /taking back/);
    const left = (await rules(host, "iptables-save")).join("\n");
    assert.match(left, /--dport 80\b/);
    assert.not.match(left, /--dport 81\b/);
  }));

test("no line is about a place in somebody else's chain, which may be another's by the time of the commit", () => {
  const state = readState(
    `*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -s 203.0.113.9/32 -j ACCEPT
-A FORWARD -j TSNET-others-forward
-A FORWARD -j ${prefixOf("shop")}forward
-A FORWARD -j TSNET-others-accept
-A FORWARD -j ${prefixOf("shop")}accept
`,
    "shop",
  );
  const [change, ...more] = changesOf(state, wantedAgain(state, "shop"), "shop");
  assert.equal([change?.name, change?.moves, more], ["filter", true, []]);
  assert.ok(
    change?.pieces.every((line) => /^-[DI] FORWARD -j TSNET-[\w-]+$/.test(line)),
    change?.pieces.join("\n"),
  );
});

test("a load's time grows with its lines and a reading's with the rules that there are, and its end by the clock has its own words", async () => {
  const lines = "-A TSNET-x -j ACCEPT\n".repeat(1_000_000);
  assert.ok(loadingTime(lines.length) > 3_600_000);
  assert.ok(loadingTime(0) >= 30_000);
  assert.ok(readingTime("nft", 1_000_000) > 3_600_000);
  for (const variant of ["nft", "legacy"] as const) assert.ok(readingTime(variant, 100) <= 60_000);
  const hung = refusal(new TookTooLong("ip6tables-save", "", "", 30_000), "") as Error;
  assert.match(hung.message, /^reading the rules took longer than 30 seconds and was ended \(ip6tables-save\)$/);
  const error: unknown = await run("sleep", ["30"], { timeout: 50 }).catch((failure: unknown) => failure);
  assert.ok(error instanceof TookTooLong);
  assert.match((refusal(error, "a\nb") as Error).message, /^loading 2 lines of rules took longer than 0 seconds/);
});

test.run();
