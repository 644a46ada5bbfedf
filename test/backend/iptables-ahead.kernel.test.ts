/** Large policies by iptables: the tool reads beside us, and does nothing before it is told to. */
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
const killed = await bundle("test/support/ahead-killed.ts", "ahead-killed.cjs");

const HEAD = `policy large
network n { subnet 10.87.4.0/24; subnet fd87:4::/64 }
container a { network n ip 10.87.4.2 ip fd87:4::2; publish 8080 -> 80 }
container b { network n ip 10.87.4.3 ip fd87:4::3 }
`;

/** A thousand statements of each family; `from` tells them from others. */
function large(from: number): string {
  const lines = Array.from({ length: 1000 }, (_, i) => {
    const [high, low] = [(i + from) >> 8, (i + from) & 255];
    return `allow 203.0.${high}.${low} -> a:${1000 + i}\nallow 2001:db8:${high}::${low} -> b:${1000 + i}\n`;
  });
  return HEAD + lines.join("");
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

it("without a commit nothing is left, of rules or processes, and a killed one leaves nothing either", () =>
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
    // Raw comes first, and is the same here.
    assert.equal(await saved(host), before);
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
