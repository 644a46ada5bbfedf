/** Large policies by iptables: the tool works beside us, and no packet meets anything of it before the commit. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { bundle, forgetCommand } from "../support/command.js";
import { write } from "../support/history.js";
import { savedBy } from "../support/saved.js";

const test = suite("iptables: ahead of the commit");
const it = await when(test, "namespaces", "iptables-nft");
const MODULE = import.meta.resolve("../support/ahead.ts");
const WORDS = "last words to iptables-restore";
const killed = await bundle("test/support/ahead-killed.ts", "ahead-killed.cjs");
const swept = await bundle("test/support/swept.ts", "swept.cjs");

const HEAD = `policy large
network n { subnet 10.87.4.0/24; subnet fd87:4::/64 }
container a { network n ip 10.87.4.2 ip fd87:4::2; publish 8080 -> 80 }
container b { network n ip 10.87.4.3 ip fd87:4::3 }
`;

/** So many statements of each family that some are committed while others are planned; `from` tells them from others. */
function large(from: number): string {
  const lines = Array.from({ length: 2000 }, (_, i) => {
    const [high, low] = [(i + from) >> 8, (i + from) & 255];
    return `allow 203.0.${high}.${low} -> a:${1000 + i}\nallow 2001:db8:${high}::${low} -> b:${1000 + i}\n`;
  });
  return HEAD + lines.join("");
}

/** The rules of a family, but for chains that nothing leads to; and how many such chains there are. */
function met(lines: readonly string[]): { rules: string[]; idle: number } {
  const led = new Set(lines.flatMap((line) => / -[jg] (TSNET-\S+)$/.exec(line)?.[1] ?? []));
  const isIdle = (line: string): boolean => {
    const name = /^(?::|-A )(TSNET-\S+-\w{1,4}-\w{10}) /.exec(line)?.[1];
    return name !== undefined && !led.has(name);
  };
  const rules = lines.filter((line) => !isIdle(line));
  const idle = lines.filter((line) => line.startsWith(":") && isIdle(line)).length;
  if (idle === 0) return { rules, idle };
  const rest = met(rules);
  return { rules: rest.rules, idle: idle + rest.idle };
}

async function saved(host: Host): Promise<string[]> {
  const [v4, v6] = [await savedBy(host, "iptables-save"), await savedBy(host, "ip6tables-save")];
  // Chains stand in the order in which they were made, which means nothing.
  return [...v4.sort(), ...v6.sort()];
}

const committed = (host: Host, text: string, hurry: boolean, ...words: string[]): Promise<[number, number]> =>
  host.call(MODULE, "committed", text, hurry, words);

it("what is committed is the same, from nothing and from another policy, whoever changes something meanwhile", () =>
  lab(async (host) => {
    const commits = async (hurry: boolean): Promise<string[][]> => {
      const seen: string[][] = [];
      const reading = hurry ? [2, 0] : [0, 0];
      assert.equal(await committed(host, large(0), hurry), reading);
      seen.push(await saved(host));
      assert.equal(await committed(host, large(300), hurry, "iptables", "-N", "THEIRS"), reading);
      seen.push(await saved(host));
      assert.equal(await committed(host, HEAD, hurry), [0, 0]);
      await host.run("iptables", ["-X", "THEIRS"]);
      return seen;
    };
    const [ahead, plain] = [await commits(true), await commits(false)];
    assert.ok((ahead[0]?.length ?? 0) > 2000);
    assert.equal(ahead, plain);
    assert.not.equal(ahead[0], ahead[1]);
  }));

it("without a commit nothing is left, of rules or processes; a killed one leaves nothing that a packet meets", () =>
  lab(async (host) => {
    assert.equal(await host.call(MODULE, "abandoned", large(0)), [2, 0]);
    assert.not.match((await saved(host)).join("\n"), /TSNET/);
    await committed(host, HEAD, false);
    const before = await saved(host);
    await host.run(process.execPath, [killed], { input: large(0), accept: "any" }).then(
      ({ exitCode }) => assert.unreachable(`it ended with ${exitCode}`),
      (error: Error) => assert.match(error.message, / was killed$/),
    );
    // Its reader has the end of the input before its end.
    for (
      let i = 0;
      i < 100 && (await host.run("pgrep", ["-c", "tables-restore"], { accept: [1] })).exitCode === 0;
      i++
    );
    const [then, now] = [met(before), met(await saved(host))];
    assert.equal(now.rules, then.rules);
    assert.ok(now.idle > then.idle, "nothing was ahead");
    // The next one mends it, as it does whatever else has our name and isn't the policy's.
    await committed(host, HEAD, false);
    assert.equal(await saved(host), before);
  }));

it("where one family has too little to send ahead, its tool doesn't wait for ever", () =>
  lab(async (host) => {
    const four = large(0)
      .split("\n")
      .filter((line) => !line.startsWith("allow 2001"))
      .join("\n");
    assert.is(await host.call(MODULE, "waitingAfter", four), 0);
    assert.ok((await saved(host)).length > 2000);
  }));

it("what stood before is told from what is ahead, whichever is read first", () =>
  lab(async (host) => {
    await committed(host, HEAD, false);
    const before = await saved(host);
    const { stdout } = await host.run("sh", ["-c", "command -v iptables-save"]);
    // Reads when some is committed already.
    const lines = `#!/bin/sh
for i in $(seq 200); do test $(${stdout.trim()} | grep -c ^:TSNET) -gt 100 && echo late >> $0.seen && break; done
exec ${stdout.trim()} "$@"
`;
    await host.run("mkdir", ["/run/lab/tools"]);
    const tool = await write(host, "tools/iptables-save", lines);
    await host.run("chmod", ["755", tool]);
    assert.is(await host.call(MODULE, "refused", large(0), "/run/lab/tools", WORDS), `no ${WORDS}`);
    assert.match((await host.run("cat", [`${tool}.seen`])).stdout, /late/);
    assert.equal(await saved(host), before);
  }));

it("a command that is told to end while it plans takes away what is ahead", () =>
  lab(async (host) => {
    const path = await write(host, "large.tsnet", large(0));
    const env = { SWEEP: "signal-at:command iptables-restore --noflush --wait" };
    const args = [swept, "compile", path, "--apply", "--backend", "iptables"];
    const { exitCode, stderr } = await host.run(process.execPath, args, { env, accept: "any" });
    assert.is(exitCode, 143, stderr);
    assert.match(stderr, /interrupted by SIGTERM/);
    assert.not.match((await saved(host)).join("\n"), /TSNET/);
    assert.equal(JSON.parse((await host.run(process.execPath, [swept, "ls", "--json"])).stdout), {
      policies: [],
      trial: null,
      cutOff: null,
    });
  }));

it("a command that is killed while it plans says so to the next, which takes away what is ahead", () =>
  lab(async (host) => {
    const path = await write(host, "large.tsnet", large(0));
    const env = { SWEEP: "kill-at:last words to iptables-restore --noflush --wait" };
    const args = [swept, "compile", path, "--apply", "--backend", "iptables"];
    await host.run(process.execPath, args, { env, accept: "any" }).catch(() => undefined);
    assert.match((await saved(host)).join("\n"), /TSNET/);
    const listed = JSON.parse((await host.run(process.execPath, [swept, "ls", "--json"])).stdout) as {
      cutOff: { policy: string; doing: string } | null;
    };
    assert.equal([listed.cutOff?.policy, listed.cutOff?.doing], ["large", "apply"]);
    const { stderr } = await host.run(process.execPath, [swept, "remove"], { accept: "any" });
    assert.not.match((await saved(host)).join("\n"), /TSNET/, stderr);
  }));

it("whichever step fails, all stays as it was, and no tool waits", () =>
  lab(async (host) => {
    await committed(host, HEAD, false);
    const before = await saved(host);
    const said: string[] = [];
    for (let step = 1; ; step++) {
      const reason = await host.call<string | undefined>(MODULE, "failing", large(0), step);
      if (reason === undefined) break;
      said.push(reason);
      assert.equal(await saved(host), before, reason);
    }
    assert.ok(said.length > 6, said.join("\n"));
    assert.is(said.filter((one) => one.startsWith("no last words to iptables-restore")).length, 1);
    assert.ok((await saved(host)).length > 2000);
  }));

it("a line that is refused is told, and all stays as it was", () =>
  lab(async (host) => {
    await committed(host, HEAD, false);
    const before = await saved(host);
    const { stdout } = await host.run("sh", ["-c", "command -v iptables-restore"]);
    // What is ahead is told by its size: the text that takes it back is small.
    const lines = `#!/bin/sh\ncat > $0.text.$$\ntest $(wc -l < $0.text.$$) -lt 500 && exec ${stdout.trim()} "$@" < $0.text.$$\necho 'iptables-restore: line 77 failed' >&2; exit 1\n`;
    await host.run("mkdir", ["/run/lab/tools"]);
    await host.run("chmod", ["755", await write(host, "tools/iptables-restore", lines)]);
    const said = await host.call<string>(MODULE, "refused", large(0), "/run/lab/tools");
    assert.match(said, /^the kernel refused the rules: iptables-restore: line 77 failed \(at -A TSNET-\S+ -s 203\./);
    assert.equal(await saved(host), before);
  }));

test("the command is forgotten", forgetCommand);
test.run();
