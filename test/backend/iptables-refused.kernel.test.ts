/** What becomes of a commit by iptables where a tool fails, and of the other family's. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadingTime, refusal } from "../../src/backend/iptables/tools.js";
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

test("a load's time grows with its lines, and its end by the clock has its own words", async () => {
  const lines = "-A TSNET-x -j ACCEPT\n".repeat(1_000_000);
  assert.ok(loadingTime(lines.length) > 3_600_000);
  assert.ok(loadingTime(0) >= 30_000);
  const error: unknown = await run("sleep", ["30"], { timeout: 50 }).catch((failure: unknown) => failure);
  assert.ok(error instanceof TookTooLong);
  assert.match((refusal(error, "a\nb") as Error).message, /^loading 2 lines of rules took longer than 0 seconds/);
});

test.run();
