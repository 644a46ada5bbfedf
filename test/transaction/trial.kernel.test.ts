/** `--confirm`: the machine goes back by itself, whoever is gone by then. */
import { existsSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Host, lab } from "../kernel/lab.js";
import { commandLine, forgetCommand, tsnet } from "../support/command.js";
import {
  applied,
  comes,
  CROWD,
  done,
  entries,
  fails,
  live,
  owned,
  reachable,
  shop,
  write,
} from "../support/history.js";

const test = suite("trial");
test.after(forgetCommand);

const ROUNDS = Number(process.env["ROUNDS"] ?? 3);
const RECORD = "/run/tsnet/trial-shop.json";
const WAITER = "/run/tsnet/trial-shop.waiter";

interface Record {
  readonly applied: boolean;
}

async function record(host: Host): Promise<Record | undefined> {
  const text = await host.read(RECORD);
  return text === undefined ? undefined : (JSON.parse(text) as Record);
}

/** Brings the trial's end about, as time would: tests must not race with a deadline. */
async function expire(host: Host): Promise<void> {
  const trial = await record(host);
  assert.ok(trial, "a trial is on");
  await host.run("dd", [`of=${RECORD}.new`, "status=none"], { input: JSON.stringify({ ...trial, deadline: 0 }) });
  await host.run("mv", [`${RECORD}.new`, RECORD]);
}

/** The process that waits for the trial's end. */
async function waiter(host: Host): Promise<number> {
  const [, pid] = ((await host.read(WAITER)) ?? "").split(" ");
  assert.ok(Number(pid) > 1, "somebody waits");
  return Number(pid);
}

async function isLive(host: Host, hash: string): Promise<boolean> {
  const policy = (await live(host)).find(({ name }) => name === "shop");
  return policy?.hash === hash && policy.trial === null;
}

/** Kills a process of a lab, by its id, and waits until it is gone; one that is gone already is no news. */
async function kill(pid: number, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  try {
    process.kill(pid, signal);
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, "ESRCH");
  }
  await comes(`${pid} is gone`, async () => !existsSync(`/proc/${pid}/exe`));
}

test("unconfirmed it goes back by itself: the rules, the devices, and the connections", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const before = await owned(host);
    const b = await applied(host, shop(80, "container more { network n }"), "--confirm", "600");
    const [policy] = await live(host);
    assert.is(policy?.hash, b);
    assert.is(policy?.trial?.goesBackTo, a);
    assert.ok((policy?.trial?.secondsLeft ?? 999) <= 600);
    assert.match(await done(host, "ls"), /on trial until 20.*tsnet confirm/);
    assert.equal(await reachable(host, 22, 80), [80]);
    const connection = await host.connect("/run/tsnet/netns/shop/user", "172.18.0.10", 80);
    await expire(host);
    await comes("it goes back", () => isLive(host, a));
    assert.is(await owned(host), before);
    assert.is(await host.talk("/run/tsnet/netns/shop/user", connection), "timeout");
    assert.equal(await reachable(host, 22, 80), [22]);
    assert.equal(await entries(host), [`0 ${a}`], "what wasn't confirmed is no entry");
    assert.match(
      (await host.read("/var/lib/tsnet/log")) ?? "",
      new RegExp(`${b} by \\S+ wasn't confirmed in time; back to ${a}`),
    );
    assert.is(await host.read(RECORD), undefined);
    assert.match(await fails(host, 3, "confirm"), /nothing is on trial/);
  });
});

test("the first apply of a policy goes back to nothing", async () => {
  await lab(async (host) => {
    const path = await write(host, "a.tsnet", shop(22));
    await done(host, "compile", path, "--apply", "--confirm", "1");
    await comes("it is gone", async () => (await live(host)).length === 0 && (await record(host)) === undefined);
    assert.is(await owned(host), "");
    assert.equal(await entries(host), []);
  });
});

test("confirmed it stays, and is what rollback and restore know", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const path = await write(host, "b.tsnet", shop(80));
    const said = JSON.parse(await done(host, "compile", path, "--apply", "--confirm", "60", "--json")) as {
      changed: boolean;
      trial: { seconds: number; hash: string };
    };
    assert.is(said.changed, true);
    assert.is(said.trial.seconds, 60);
    const pid = await waiter(host);
    const confirmed = JSON.parse(await done(host, "confirm", "--json")) as Record & { policy: string; hash: string };
    assert.is(confirmed.policy, "shop");
    assert.is(confirmed.hash, said.trial.hash);
    await comes("nobody waits any more", async () => !existsSync(`/proc/${pid}/exe`));
    assert.equal(await reachable(host, 22, 80), [80]);
    assert.equal(await entries(host), [`0 ${said.trial.hash}`, `1 ${a}`]);
    assert.is(await host.read("/var/lib/tsnet/log"), undefined);
  });
});

test("it goes back after its terminal and its whole session are killed", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const path = await write(host, "b.tsnet", shop(80));
    const quoted = commandLine(["compile", path, "--apply", "--confirm", "600"]).map((word) => `'${word}'`);
    for (let round = 0; round < ROUNDS; round++) {
      // A login shell of its own terminal, as by ssh.
      const shell = `${quoted.join(" ")}; exec sleep 300`;
      const terminal = await host.spawn(undefined, "script", ["-qefc", shell, "/dev/null"], "on trial until");
      const waiting = await waiter(host);
      const { stdout } = await host.run("ps", ["-o", "pid=,sid=", "--ppid", String(terminal)]);
      const [leader = 0, session = 0] = stdout.trim().split(/\s+/).map(Number);
      assert.is(leader, session, "the shell leads a session");
      const members = (await host.run("ps", ["-o", "pid=", "-s", String(session)])).stdout
        .trim()
        .split(/\s+/)
        .map(Number);
      assert.not.ok(members.includes(waiting), "who waits is in another session");
      for (const pid of members) await kill(pid, "SIGHUP");
      await host.kill(terminal);
      assert.ok((await live(host))[0]?.trial, "the trial is still on");
      await expire(host);
      await comes(`round ${round}: it goes back`, () => isLive(host, a));
      assert.equal(await reachable(host, 22, 80), [22], `round ${round}`);
    }
  });
});

test("who waits doesn't mind the signals that end a session", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    await applied(host, shop(80), "--confirm", "600");
    const pid = await waiter(host);
    for (const signal of ["SIGHUP", "SIGTERM"] as const) process.kill(pid, signal);
    await expire(host);
    await comes("it goes back", () => isLive(host, a));
  });
});

test("a tsnet that is killed in the middle of the apply is taken back", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const before = await owned(host);
    const path = await write(host, "b.tsnet", shop(80, CROWD));
    const [command, ...args] = commandLine(["compile", path, "--apply", "--confirm", "600"]);
    let halfway = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const pid = await host.spawn(undefined, command, args);
      await comes("somebody waits", async () => (await host.read(WAITER)) !== undefined);
      // Later and later: before, among and after the devices, the rules, the record.
      await new Promise((resolve) => setTimeout(resolve, 40 * round));
      await host.kill(pid);
      const left = await record(host);
      if (left?.applied === false) {
        halfway++;
        assert.match(await fails(host, 3, "confirm"), /didn't come to its end[^]*tsnet rollback/);
      }
      await expire(host);
      await comes(`round ${round}: it goes back`, async () => (await record(host)) === undefined);
      assert.ok(await isLive(host, a), `round ${round}`);
      assert.is(await owned(host), before, `round ${round}: nothing is left`);
      assert.equal(await reachable(host, 22, 80), [22], `round ${round}`);
    }
    assert.ok(halfway > 0, "some were killed before the end");
  });
});

test("when who waits is killed too, the next command goes back first", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    const c = await write(host, "c.tsnet", "policy other\ncontainer c { mode none }\n");
    const commands = [
      ["confirm"],
      ["compile", c, "--apply"],
      ["restore"],
      ["remove", "--policy", "other"],
      ["audit", "--fix"],
    ];
    for (const command of commands) {
      await applied(host, shop(80), "--confirm", "600");
      await kill(await waiter(host));
      await expire(host);
      assert.equal(await reachable(host, 22, 80), [80], "nobody went back");
      assert.match(await done(host, "ls"), /on trial, over since/);
      const { exitCode, stderr } = await host.run(...split(commandLine(command)), { accept: "any" });
      assert.match(stderr, new RegExp(`the trial of shop was over: back to ${a}`), command.join(" "));
      assert.is(exitCode, command[0] === "confirm" ? 3 : 0, command.join(" "));
      assert.ok(await isLive(host, a));
      assert.equal(await reachable(host, 22, 80), [22]);
    }
  });
});

function split([command, ...args]: [string, ...string[]]): [string, string[]] {
  return [command, args];
}

test("while a trial is on nothing else is applied; rollback ends it at once", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    await applied(host, shop(80), "--confirm", "600");
    const c = await write(host, "c.tsnet", shop(443));
    const other = await write(host, "d.tsnet", "policy other\ncontainer c { mode none }\n");
    for (const path of [c, other]) {
      const said = await fails(host, 3, "compile", path, "--apply");
      assert.match(said, /'shop' is on trial until[^]*tsnet confirm[^]*tsnet rollback/);
    }
    await fails(host, 3, "compile", c, "--apply", "--confirm", "5");
    await fails(host, 3, "restore");
    await done(host, "compile", c, "--apply", "--dry-run");
    assert.equal(await reachable(host, 22, 80, 443), [80]);
    await done(host, "rollback");
    assert.ok(await isLive(host, a));
    assert.equal(await reachable(host, 22, 80, 443), [22]);
    assert.equal(await entries(host), [`0 ${a}`]);
    await fails(host, 3, "confirm");
  });
});

test("going back checks under the lock that the trial is over, and still on", async () => {
  await lab(async (host) => {
    const revert = import.meta.resolve("../../src/transaction/revert.js");
    const refused = (trial: unknown, early: boolean): Promise<string> =>
      host.call(revert, "revertTrial", trial, { early }).then(
        () => "it went back",
        (error: Error) => error.message,
      );
    await applied(host, shop(22));
    await applied(host, shop(80), "--confirm", "600");
    const trial: unknown = await record(host);
    assert.match(await refused(trial, false), /isn't over yet/);
    await done(host, "confirm");
    assert.match(await refused(trial, true), /has ended already/);
    await applied(host, shop(443));
    assert.match(await refused(trial, true), /has ended already/);
    assert.equal(await reachable(host, 22, 80, 443), [443]);
  });
});

test("a trial of what is live already can be confirmed, so that a script can be run twice", async () => {
  await lab(async (host) => {
    const a = await applied(host, shop(22));
    await applied(host, shop(22), "--confirm", "600");
    await done(host, "confirm");
    assert.equal(await entries(host), [`0 ${a}`]);
  });
});

test("a remove ends the trial of its policy, and nothing comes back afterwards", async () => {
  await lab(async (host) => {
    await applied(host, shop(22));
    await applied(host, shop(80), "--confirm", "600");
    const pid = await waiter(host);
    await done(host, "remove");
    await comes("nobody waits any more", async () => !existsSync(`/proc/${pid}/exe`));
    assert.is(await owned(host), "");
    await applied(host, shop(443));
    assert.equal(await reachable(host, 22, 80, 443), [443]);
  });
});

test("an apply that is refused leaves no trial", async () => {
  await lab(async (host) => {
    await host.run("ip", ["link", "add", "name", "br-x", "type", "veth"]);
    const path = await write(host, "b.tsnet", 'policy shop\nnetwork n { bridge "br-x" }\ncontainer c { network n }\n');
    assert.match(await fails(host, 3, "compile", path, "--apply", "--confirm", "60"), /br-x/);
    assert.is(await record(host), undefined);
    assert.is(await host.read(WAITER), undefined);
    await applied(host, shop(22));
  });
});

test("what goes back goes on trying while something is in its way", async () => {
  await lab(async (host) => {
    const published =
      "policy shop\nnetwork n { subnet 172.18.0.0/16 }\ncontainer c { network n; publish 8080 -> 80 }\n";
    const a = await applied(host, published);
    await applied(host, published.replace("8080", "8081"), "--confirm", "600");
    // Somebody takes the port that the policy had.
    await host.listen(undefined, "tcp", 8080);
    await expire(host);
    await comes("the failure is logged", async () =>
      /going back failed: .*8080/.test((await host.read("/var/lib/tsnet/log")) ?? ""),
    );
    assert.match(await done(host, "ls"), /on trial, over since/);
    const { stdout, exitCode } = await tsnet(host, ["audit", "--json"]);
    const { findings } = JSON.parse(stdout) as { findings: { code: string; severity: string; message: string }[] };
    const found = findings.find(({ code }) => code === "on-trial");
    assert.equal([exitCode, found?.severity], [4, "error"], "nobody confirmed what is live");
    assert.match(
      found?.message ?? "",
      /'shop' is on trial and over since .* never confirmed; `tsnet rollback` takes it back$/,
    );
    await host.close(undefined, "tcp", 8080);
    await comes("it goes back", () => isLive(host, a));
  });
});

test("--confirm takes whole seconds of a day, and goes with --apply", async () => {
  await lab(async (host) => {
    const path = await write(host, "a.tsnet", shop(22));
    for (const word of ["0", "-1", "1.5", "x", "86401", ""])
      await fails(host, 2, "compile", path, "--apply", `--confirm=${word}`);
    await fails(host, 2, "compile", path, "--confirm", "60");
    await fails(host, 2, "compile", path, "--apply", "--dry-run", "--confirm", "60");
    assert.is(await owned(host), "");
  });
});

test.run();
