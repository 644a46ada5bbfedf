/** `rollback` on a real kernel: what it goes back to is in force, whole. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { applied, comes, done, entries, fails, live, owned, reachable, shop, write } from "../support/history.js";

const test = suite("rollback");
test.after(forgetCommand);

test("it goes back N, counts from what is live, and going back twice returns", async () => {
  await lab(async (host) => {
    const [a, b, c] = [
      await applied(host, shop(22)),
      await applied(host, shop(80)),
      await applied(host, shop(443)),
    ] as const;
    assert.equal(await entries(host), [`0 ${c}`, `1 ${b}`, `2 ${a}`]);
    assert.equal(await reachable(host, 22, 80, 443), [443]);

    await done(host, "rollback", "2");
    assert.equal(await reachable(host, 22, 80, 443), [22]);
    assert.equal(await entries(host), [`0 ${a}`, `1 ${c}`, `2 ${b}`, `3 ${a}`]);

    await done(host, "rollback");
    assert.equal(await reachable(host, 22, 80, 443), [443]);
    const said = JSON.parse(await done(host, "rollback", "--json")) as Record<string, unknown>;
    assert.equal(await reachable(host, 22, 80, 443), [22], "back again");
    assert.is(said["policy"], "shop");
    assert.is(said["hash"], a);
    assert.is(said["changed"], true);
  });
});

test("it brings containers and devices back, and cuts what the earlier policy doesn't allow", async () => {
  await lab(async (host) => {
    await applied(host, shop(22));
    const before = await owned(host);
    await applied(host, shop(80, "container more { network n }"));
    assert.is.not(await owned(host), before);
    await reachable(host, 80);
    const connection = await host.connect("/run/tsnet/netns/shop/user", "172.18.0.10", 80);
    assert.is(await host.talk("/run/tsnet/netns/shop/user", connection), "open");
    await done(host, "rollback");
    assert.is(await host.talk("/run/tsnet/netns/shop/user", connection), "timeout");
    assert.is(await owned(host), before);
  });
});

test("a removed policy can be brought back", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const b = await applied(host, shop(80));
    await done(host, "remove");
    assert.is(await owned(host), "");
    assert.equal(await entries(host), [`1 ${b}`, `2 ${a}`]);
    await done(host, "rollback");
    assert.equal(await reachable(host, 22, 80), [80]);
    assert.equal(await entries(host), [`0 ${b}`, `1 ${a}`]);
  });
});

test("what isn't there is refused, with the mend, and changes nothing", async () => {
  await lab(async (host) => {
    assert.match(await fails(host, 3, "rollback"), /nothing to go back to/);
    await applied(host, shop(22));
    assert.match(await fails(host, 3, "rollback"), /the first that was applied[^]*tsnet remove --policy shop/);
    await applied(host, shop(80));
    assert.match(await fails(host, 3, "rollback", "2"), /no entry 2[^]*tsnet rollback --list/);
    assert.match(await fails(host, 3, "rollback", "--policy", "nobody"), /no policy 'nobody'/);
    for (const word of ["0", "-1", "x", "1.5", "1e3", "99999999999"]) await fails(host, 2, "rollback", word);
    await fails(host, 2, "rollback", "1", "--list");
    assert.equal(await reachable(host, 22, 80), [80]);
  });
});

test("several live policies must be told apart", async () => {
  await lab(async (host) => {
    await applied(host, shop(22));
    await applied(host, shop(80));
    await applied(host, "policy other\nnetwork o { subnet 172.19.0.0/16 }\ncontainer x { network o }\n");
    assert.match(await fails(host, 2, "rollback"), /other, shop[^]*--policy/);
    await done(host, "rollback", "--policy", "shop");
    assert.equal(await reachable(host, 22, 80), [22]);
    await done(host, "remove", "--policy", "shop");
    assert.match(await fails(host, 3, "rollback", "--policy", "other"), /first that was applied/);
    await done(host, "rollback", "--policy", "shop");
    assert.equal(await reachable(host, 22, 80), [22]);
  });
});

test("ls says when, by whom, from which files, with which hash", async () => {
  await lab(async (host) => {
    const path = await write(host, "a.tsnet", shop(22));
    const { exitCode } = await tsnet(host, ["compile", path, "--apply"], { env: { SUDO_USER: "ann" } });
    assert.is(exitCode, 0);
    const [policy] = await live(host);
    assert.is(policy?.by, "ann");
    assert.equal(policy?.files, [path]);
    assert.match(policy?.hash ?? "", /^[0-9a-f]{12}$/);
    assert.is(policy?.trial, null);
    assert.match(await done(host, "ls"), new RegExp(`${path}, applied 20.* by ann, hash ${policy?.hash}`));
    // Said again, nothing changes, and nothing is added.
    const again = JSON.parse(await done(host, "compile", path, "--apply", "--json")) as { changed: boolean };
    assert.is(again.changed, false);
    assert.is((await entries(host)).length, 1);
    assert.is((await live(host))[0]?.by, "ann");
  });
});

test("16 entries stay, only root can read them, and no name leaves its folder", async () => {
  await lab(async (host) => {
    const name = '"../../../../run/lab/evil"';
    const text = (i: number): string => `policy ${name}\ncontainer c { mode none }\ncontainer c${i} { mode none }\n`;
    for (let i = 0; i < 18; i++) await applyEvil(host, text(i));
    const { stdout } = await host.run("find", ["/var/lib/tsnet", "-mindepth", "1", "-printf", "%m %y %P\n"]);
    const lines = stdout.trim().split("\n");
    assert.is(lines.filter((line) => line.includes("history/")).length, 16);
    for (const line of lines) assert.match(line, /^(700 d|600 f) /);
    assert.is(await host.read("/run/lab/evil.json"), undefined);
    assert.match((await host.run("find", ["/run/lab", "-name", "*evil*"])).stdout, /^$/);
    await done(host, "rollback", "15");
    await fails(host, 3, "rollback", "16");
  });
});

async function applyEvil(host: Parameters<typeof write>[0], text: string): Promise<void> {
  await done(host, "compile", await write(host, "evil.policy", text), "--apply");
  await host.run("rm", ["/run/lab/evil.policy"]);
}

test("an apply that was killed before it was recorded is caught up with", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const b = await applied(host, shop(80));
    const { stdout } = await host.run("find", ["/var/lib/tsnet/history", "-name", `*${b}*`]);
    await host.run("rm", [stdout.trim()]);
    assert.equal(await entries(host), [`0 ${b}`, `1 ${a}`], "what is live counts without an entry");
    const c = await applied(host, shop(443));
    assert.equal(await entries(host), [`0 ${c}`, `1 ${b}`, `2 ${a}`]);
  });
});

test("a program's updates don't fill the history, and what it left can be gone back from and to", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const steps = [80, 443, 8080].map((port) => ({
      add: `allow user -> server:${port}`,
      remove: `allow user -> server:${port === 80 ? 22 : port === 443 ? 80 : 443}`,
    }));
    await host.call(import.meta.resolve("../support/live.js"), "updateText", shop(22), steps);
    assert.equal(await reachable(host, 22, 443, 8080), [8080]);
    const [policy] = await live(host);
    assert.ok(policy?.by, "who it was is known");
    const c = policy.hash;
    assert.equal(await entries(host), [`0 ${c}`, `1 ${a}`]);
    await done(host, "rollback");
    assert.equal(await reachable(host, 22, 443, 8080), [22]);
    await done(host, "rollback");
    assert.equal(await reachable(host, 22, 443, 8080), [8080]);
    assert.equal(await entries(host), [`0 ${c}`, `1 ${a}`, `2 ${c}`, `3 ${a}`]);
  });
});

test("what a program applies is in the history, one after the other and with pauses", async () => {
  await lab(async (host) => {
    const LIVE = import.meta.resolve("../support/live.js");
    // Rules, and a container: what is sent as single elements, and what isn't.
    const texts = [shop(22), shop(80), shop(443), shop(443, "container more { network n }"), shop(8080)];
    await host.call(LIVE, "applyTexts", texts, 0);
    const list = async (): Promise<string[]> => (await entries(host)).map((line) => line.split(" ")[1] as string);
    const all = await list();
    assert.is(new Set(all).size, 5, all.join());
    await done(host, "rollback");
    assert.equal(await reachable(host, 22, 80, 443, 8080), [443]);
    await host.call(LIVE, "applyTexts", [shop(22), shop(80), shop(22)], 200);
    assert.is((await list()).length, 9);
    await done(host, "rollback");
    assert.equal(await reachable(host, 22, 80, 443, 8080), [80]);
  });
});

test("a history that can't be written is said, and the policy is in force", async () => {
  await lab(async (host) => {
    await host
      .run("mount", ["-o", "remount,ro", "/var/lib"])
      .catch(() => host.run("mount", ["-o", "remount,ro", "/var/lib/tsnet"]));
    const path = await write(host, "a.tsnet", shop(22));
    const { stderr, exitCode } = await tsnet(host, ["compile", path, "--apply"]);
    assert.is(exitCode, 0);
    assert.match(stderr, /the history can't be written/);
    await comes("22 is open", async () => (await reachable(host, 22, 80)).join() === "22");
    await done(host, "remove");
  });
});

test.run();
