/** Trials whose end finds the machine changed: as much goes back as can, and nobody else is kept waiting for the rest. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import type { Restored } from "../../src/transaction/restore.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { applied, comes, fails, live, write } from "../support/history.js";
import { apply, at } from "../support/live.js";

const test = suite("trial: overdue");
test.after(forgetCommand);

const ADOPTED = "/run/lab/adopted";
const policy = (more: string, adopt = ""): string => `policy shop
network n { subnet 172.18.0.0/16 }
container a { network n ip 172.18.0.2 }
container b { network n ip 172.18.0.3 }
container c { network n ip 172.18.0.4 ${adopt} }
${more}`;
const STRICT = policy("deny a -> b\n", `; netns "${ADOPTED}"`);
const LOOSE = policy("");

async function adoptable(host: Host): Promise<() => Promise<unknown>> {
  await host.run("touch", [ADOPTED]);
  await host.run("unshare", [`--net=${ADOPTED}`, "true"]);
  return () => host.run("sh", ["-c", `umount ${ADOPTED}; rm ${ADOPTED}`]);
}

const reaches = (host: Host): Promise<string> => host.ping(at("a", "shop"), "172.18.0.3");

const hashOf = async (host: Host): Promise<string | undefined> =>
  (await live(host)).find(({ name }) => name === "shop")?.hash;

/** What the trial was put on for is over, and nobody goes back by himself. */
async function outlive(host: Host): Promise<void> {
  const [, pid] = ((await host.read("/run/tsnet/trial-shop.waiter")) ?? "").split(" ");
  process.kill(Number(pid), "SIGKILL");
  await host.run("sed", ["-i", 's/"deadline":[0-9.]*/"deadline":0/', "/run/tsnet/trial-shop.json"]);
}

test("what goes back goes back without a container whose adopted namespace is gone", () =>
  lab(async (host) => {
    const vanish = await adoptable(host);
    const strict = await applied(host, STRICT);
    await applied(host, LOOSE, "--confirm", "1");
    await vanish();
    await comes("it goes back", async () => (await hashOf(host)) === strict && (await live(host))[0]?.trial === null);
    assert.is(await reaches(host), "timeout");
    assert.match((await host.read("/var/lib/tsnet/log")) ?? "", `container c is left out: ${ADOPTED}`);
    const { exitCode, stdout } = await tsnet(host, ["audit"]);
    assert.is(exitCode, 4);
    assert.match(stdout, ADOPTED);
    // An apply by somebody who can start what is gone says so, and changes nothing.
    assert.match(await fails(host, 3, "compile", await write(host, "s.tsnet", STRICT), "--apply"), "doesn't exist");
  }));

const RESTORE = import.meta.resolve("../../src/transaction/restore.ts");
const backends = [
  ["nft", test, "nft flush ruleset"],
  ["ebpf", await when(test, "namespaces", "ip", "nf_tables", "ebpf"), "rm -r /run/tsnet/bpf/*/"],
] as const;

for (const [backend, it, flush] of backends)
  it(`${backend}: what is restored is restored without it, too`, () =>
    lab(async (host) => {
      const vanish = await adoptable(host);
      await apply(host, STRICT, backend);
      assert.is(await reaches(host), "timeout");
      await vanish();
      await host.run("sh", ["-c", flush]);
      // What eBPF's programs leave to the table of translations it drops without them.
      if (backend === "nft") assert.is(await reaches(host), "reply");
      const [restored] = await host.call<Restored[]>(RESTORE, "restore");
      assert.is(restored?.failure, undefined);
      assert.match(restored?.problems.join() ?? "", "container c is left out");
      assert.is(await reaches(host), "timeout");
    }));

test("a trial that can't be taken back keeps neither others nor its own policy from being applied", () =>
  lab(async (host) => {
    const strict = STRICT.replace(/; netns.*"/, "");
    await applied(host, strict);
    const loose = await applied(host, LOOSE, "--confirm", "600");
    await outlive(host);
    // In the way of going back, and of applying anything with this subnet.
    await host.run("ip", ["address", "add", "172.18.9.9/24", "dev", "up0"]);
    const other = await write(host, "other.tsnet", "policy other\ncontainer z { mode none }\n");
    const { exitCode, stderr } = await tsnet(host, ["compile", other, "--apply"]);
    assert.is(exitCode, 0, stderr);
    assert.match(stderr, /the trial of 'shop' is over, and going back failed: .*172\.18\.9\./);
    // One trial at a time is enough.
    assert.match(await fails(host, 3, "compile", other, "--apply", "--confirm", "60"), "wasn't taken back");
    assert.is(await hashOf(host), loose);
    assert.not.equal((await live(host)).find(({ name }) => name === "shop")?.trial, null);
    const elsewhere = await write(host, "elsewhere.tsnet", strict.replaceAll("172.18.", "172.19."));
    const settled = await tsnet(host, ["compile", elsewhere, "--apply"]);
    assert.is(settled.exitCode, 0, settled.stderr);
    assert.is((await live(host)).find(({ name }) => name === "shop")?.trial, null);
    assert.is(await host.ping(at("a", "shop"), "172.19.0.3"), "timeout");
  }));

test.run();
