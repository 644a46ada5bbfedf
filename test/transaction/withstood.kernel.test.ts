/** What runs in a sandbox has a say in its own network; it mustn't keep a policy from being in force everywhere else. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { at } from "../support/live.js";

const test = suite("what sandboxes have in the way");
test.after(forgetCommand);

const policy = (address: string, more = ""): string => `
network n { subnet 10.90.1.0/24 }
container a { network n ip 10.90.1.11 }
container b { network n ip ${address} }
container c { network n ip 10.90.1.13 }
${more}`;
const LOOSE = policy("10.90.1.12");
const STRICT = policy("10.90.1.12", "deny c -> a\n");
const MOVED = policy("10.90.1.22", "deny c -> a\n");

/** What a process in b does, and whether an apply can give b its network back all the same. */
const DEEDS: readonly (readonly [string, string, boolean])[] = [
  ["a device of its own", "ip link delete eth0; ip link add name eth0 type bridge; ip link set eth0 up", true],
  ["another name", "ip link set eth0 down; ip link set eth0 name eth7; ip link add name eth0 type bridge", true],
  ["routing rules", "ip rule add prio 5 blackhole", false],
  ["no table", "ip rule delete prio 32766", false],
];

for (const transport of ["netlink", "nft"] as const)
  for (const [what, deed, mends] of DEEDS)
    test(`${transport}: ${what}`, () =>
      lab(async (host) => {
        const apply = async (input: string): Promise<string> => {
          const args = ["compile", "-", "--apply", "--transport", transport];
          const { stdout, stderr, exitCode } = await tsnet(host, args, { input });
          assert.is(exitCode, 0, stderr);
          return stdout + stderr;
        };
        await apply(LOOSE);
        assert.is(await host.ping(at("c"), "10.90.1.11"), "reply");
        await host.runIn(at("b"), "sh", ["-c", deed]);
        await apply(STRICT);
        assert.is(await host.ping(at("c"), "10.90.1.11"), "timeout", "the policy is in force");
        const said = await apply(MOVED);
        assert.is(await host.ping(at("c"), "10.90.1.11"), "timeout");
        const { exitCode, stdout } = await tsnet(host, ["audit"]);
        if (mends) {
          assert.is(await host.ping(at("c"), "10.90.1.22"), "reply");
          assert.is(exitCode, 0, stdout);
        } else {
          assert.match(said, /netns\/tsnet\/b: .*; all else is in force\. What runs in there/);
          assert.match(stdout, "container b");
          assert.is(exitCode, 4, stdout);
          // Once it has put that back, the next apply gives it what it lacks.
          await host.runIn(at("b"), "sh", ["-c", "ip rule delete prio 5; ip rule add prio 32766 lookup main; true"]);
          await apply(MOVED);
          assert.is(await host.ping(at("c"), "10.90.1.22"), "reply");
        }
        assert.is((await tsnet(host, ["remove"])).exitCode, 0);
      }));

test("a namespace that the policy is to adopt is refused with the line that fails there, and nothing is changed", () =>
  lab(async (host) => {
    const path = "/run/lab/theirs";
    await host.run("touch", [path]);
    await host.run("unshare", [`--net=${path}`, "ip", "rule", "add", "prio", "5", "blackhole"]);
    const apply = (input: string): ReturnType<typeof tsnet> => tsnet(host, ["compile", "-", "--apply"], { input });
    assert.is((await apply(LOOSE)).exitCode, 0);
    const adopting = `${STRICT}container d { network n ip 10.90.1.14; netns "${path}" }\n`;
    const { exitCode, stderr } = await apply(adopting);
    assert.is(exitCode, 3);
    assert.match(stderr, `failed in ${path}`);
    assert.is(await host.ping(at("c"), "10.90.1.11"), "reply", "what was in force still is");
    await host.run("nsenter", [`--net=${path}`, "ip", "rule", "delete", "prio", "5"]);
    assert.is((await apply(adopting)).exitCode, 0);
    assert.is(await host.ping(at("c"), "10.90.1.11"), "timeout");
    assert.is(await host.ping(at("c"), "10.90.1.14"), "reply");
  }));

test.run();
