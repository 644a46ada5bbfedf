/** Sandboxes that somebody has taken away: the commands that enter them say so, and what brings them back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { commandLine, forgetCommand } from "../support/command.js";
import { applied, done, fails, shop, write } from "../support/history.js";
import { at } from "../support/live.js";

const test = suite("sandboxes that are gone");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

it("exec and test --live name the sandbox that is unmounted, or whose file is gone", async () => {
  await lab(async (host) => {
    await applied(host, shop(22, "container guest { mode container:user }"));
    const tests = await write(host, "tests.tsnet", "assert allow user -> server:22");
    const path = at("user", "shop");
    await host.run("umount", [path]);
    for (const words of [
      ["exec", "user", "--", "true"],
      ["exec", "guest", "--", "true"],
      ["test", tests, "--live"],
    ])
      assert.match(
        await fails(host, 3, ...words),
        /^tsnet: the sandbox of '\w+' is gone .*\n +apply the policy again$/m,
      );
    await host.run("rm", [path]);
    assert.match(await fails(host, 3, "exec", "user", "--", "true"), `is gone (${path})`);
    assert.match(await fails(host, 3, "test", tests, "--live"), `is gone (${path})`);
    await done(host, "exec", "server", "--", "true");
    await done(host, "compile", "/run/lab/policy.tsnet", "--apply");
    await done(host, "exec", "user", "--", "true");
  });
});

it("exec shows no hosts file but the sandbox's own", async () => {
  await lab(async (host) => {
    await applied(host, shop(22, "container guest { mode container:user }\ncontainer machine { mode host }"));
    const path = "/run/tsnet/policies/shop/user/hosts";
    assert.match(await done(host, "exec", "guest", "--", "cat", "/etc/hosts"), "172.18.0.11\tuser");
    await host.run("rm", [path]);
    for (const name of ["user", "guest"])
      assert.match(
        await fails(host, 3, "exec", name, "--", "cat", "/etc/hosts"),
        `the hosts file of '${name}' is gone (${path})\n       apply the policy again`,
      );
    await done(host, "exec", "machine", "--", "true");
  });
});

it("exec hands signals on, and nobody debugs it", async () => {
  await lab(async (host) => {
    await applied(host, shop(22));
    for (const signal of ["INT", "QUIT", "TERM", "HUP", "USR1", "USR2"]) {
      const inside = `trap 'echo told; exit 7' ${signal}; > /run/lab/${signal}; for i in $(seq 300); do sleep 0.1; done`;
      // In a session of its own no terminal's keys reach the child.
      const script = `use POSIX; my ($signal, @words) = @ARGV; my $id = fork;
        if (!$id) { POSIX::setsid(); exec(@words) }
        for (1 .. 3000) { last if -e "/run/lab/$signal"; select(undef, undef, undef, 0.01) }
        kill($signal, $id); waitpid($id, 0); exit($? >> 8)`;
      const words = commandLine(["exec", "user", "--", "sh", "-c", inside]);
      const { exitCode, stdout, stderr } = await host.run("perl", ["-e", script, signal, ...words], { accept: "any" });
      assert.equal([exitCode, stdout, stderr], [7, "told\n", ""], signal);
    }
  });
});

test.run();
