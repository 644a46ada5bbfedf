/** `--backend auto`: what carries a policy on a host that has everything, and on hosts that lack something. */
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab, WORLD, WORLD4 } from "../kernel/lab.js";
import { bundle, forgetCommand, tsnet } from "../support/command.js";
import { write } from "../support/history.js";
import { at, remove } from "../support/live.js";

const test = suite("backend auto");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux", "iptables-nft", "iptables-legacy");
test.after(forgetCommand);

// Beside the command, as in dist/.
const prober = await bundle("src/probe/prober.ts", "prober.js");
await writeFile(join(dirname(prober), "package.json"), '{ "type": "commonjs" }');

const HIDDEN = import.meta.resolve("../support/hidden.ts");
const VARIANT = import.meta.resolve("../support/variant.ts");
const TOOLS = { env: { TSNET_TRANSPORT: "nft" } };

const POLICY = `policy shop
network n { subnet 10.91.0.0/24; icc off }
container a { network n ip 10.91.0.2 }
container b { network n ip 10.91.0.3 }
allow a -> b:80
`;
/** What iptables can't say. */
const LONG = `${POLICY}deny b -> a log "a prefix of more than 28 bytes, for sure"\n`;

interface Chosen {
  readonly backend: string;
  readonly live: boolean;
  readonly passed: readonly { readonly backend: string; readonly what: string; readonly mend: string }[];
}

interface Answer {
  readonly exitCode: number;
  readonly stderr: string;
  readonly changed: boolean;
  readonly chosen: Chosen;
}

async function ask(host: Host, words: readonly string[], options = {}): Promise<Answer> {
  const { stdout, stderr, exitCode } = await tsnet(host, [...words, "--json"], options);
  const { changed, chosen } = JSON.parse(stdout === "" ? "{}" : stdout) as Answer;
  return { exitCode, stderr, changed, chosen };
}

async function apply(host: Host, text: string, backend = "auto", options = {}): Promise<Answer> {
  const path = await write(host, "shop.tsnet", text);
  return ask(host, ["compile", path, "--apply", "--backend", backend], options);
}

async function holds(host: Host): Promise<void> {
  for (const port of [80, 81]) await host.listen(at("b", "shop"), "tcp", port);
  await host.listen(WORLD, "tcp", 80);
  const from = at("a", "shop");
  assert.equal(
    [
      await host.tcp(from, "10.91.0.3", 80),
      await host.tcp(from, "10.91.0.3", 81, { timeout: 300 }),
      await host.tcp(from, WORLD4, 80),
    ],
    ["open", "timeout", "open"],
  );
}

/** What stands of ours in either variant of iptables. */
async function chains(host: Host, tool: string): Promise<string[]> {
  const { stdout, exitCode } = await host.run(tool, [], { accept: "any" });
  return exitCode === 0 ? stdout.split("\n").filter((line) => /TSNET/.test(line)) : [];
}

it("nftables where it works, without a word; and what is live stays with what carries it", () =>
  lab(async (host) => {
    const first = await apply(host, POLICY);
    assert.equal([first.exitCode, first.stderr, first.chosen], [0, "", { backend: "nft", live: false, passed: [] }]);
    assert.match((await host.run("nft", ["list", "tables"])).stdout, /inet tsnet-shop/);
    assert.equal((await apply(host, POLICY)).chosen, { backend: "nft", live: true, passed: [] });

    await apply(host, POLICY, "iptables");
    const again = await apply(host, POLICY);
    assert.equal([again.exitCode, again.changed], [0, false]);
    assert.equal(again.chosen, { backend: "iptables", live: true, passed: [] });
    assert.match(again.stderr, /^tsnet: backend iptables, by which the policy is live$/m);
    assert.not.match((await host.run("nft", ["list", "tables"])).stdout, /tsnet-shop/);
    const planned = await ask(host, ["plan", "/run/lab/shop.tsnet", "--backend", "auto"]);
    assert.equal([planned.exitCode, planned.chosen.backend], [0, "iptables"]);

    // What iptables can't say, nftables can.
    const moved = await apply(host, LONG);
    assert.equal([moved.exitCode, moved.changed, moved.chosen.backend], [0, true, "nft"]);
    assert.equal([moved.chosen.live, moved.chosen.passed[0]?.backend], [false, "iptables"]);
    assert.match(moved.stderr, /^tsnet: backend nft, since .*log prefixes .*shop\.tsnet:6:1/m);
    assert.equal(await chains(host, "iptables-save"), []);
    await holds(host);
  }));

for (const variant of ["nft", "legacy"] as const)
  it(`without nft: iptables, whose usual variant is ${variant}; it decides, guards, and goes without a trace`, () =>
    lab(async (host) => {
      await host.call(VARIANT, "usual", variant);
      await host.call(HIDDEN, "hide", ["nft"]);
      const plain = await tsnet(host, ["compile", await write(host, "shop.tsnet", POLICY), "--apply"], TOOLS);
      assert.is(plain.exitCode, 3);
      assert.match(plain.stderr, /nft is not installed[^]*--backend auto/);
      const planned = await ask(host, ["plan", "/run/lab/shop.tsnet", "--backend", "auto"], TOOLS);
      assert.equal([planned.exitCode, planned.chosen.backend], [4, "iptables"], planned.stderr);

      const done = await apply(host, POLICY, "auto", TOOLS);
      assert.is(done.exitCode, 0, done.stderr);
      assert.equal([done.chosen.backend, done.chosen.live], ["iptables", false]);
      assert.equal(
        done.chosen.passed.map(({ backend, what, mend }) => [backend, what, mend]),
        [["nft", "nft is not installed", "apt-get install nftables"]],
      );
      assert.match(
        done.stderr,
        /^tsnet: backend iptables, since .*nft is not installed \(apt-get install nftables\)$/m,
      );
      await holds(host);
      const there = await chains(host, `iptables-${variant}-save`);
      assert.ok(there.includes("-A FORWARD -j TSNET-GUARD"), there.filter((l) => /FORWARD|GUARD/.test(l)).join("\n"));
      // Later applies need no word about it.
      const later = await tsnet(host, ["compile", "/run/lab/shop.tsnet", "--apply"], TOOLS);
      assert.equal([later.exitCode, later.stdout], [0, "shop: nothing to change\n"], later.stderr);
      const removed = await tsnet(host, ["remove"], TOOLS);
      assert.is(removed.exitCode, 0, removed.stderr);
      for (const tool of ["iptables", "ip6tables"]) assert.equal(await chains(host, `${tool}-${variant}-save`), []);
      assert.is(await host.sysctl("ipv4/conf/up0/forwarding"), "0");
    }));

it("try without nft: iptables in the throwaway host, measured; the policy alone where nothing can carry it", () =>
  lab(async (host) => {
    await host.call(HIDDEN, "hide", ["nft"]);
    const path = await write(host, "shop.tsnet", POLICY);
    const words = ["try", path, "--backend", "auto", "--json"];
    const done = await tsnet(host, words, { ...TOOLS, timeout: 120_000 });
    assert.is(done.exitCode, 0, done.stderr);
    const { cells, chosen } = JSON.parse(done.stdout) as Answer & { cells: { agrees: boolean }[] };
    assert.equal([chosen.backend, chosen.passed[0]?.what], ["iptables", "nft is not installed"]);
    assert.ok(cells.length > 5 && cells.every(({ agrees }) => agrees));
    assert.match(done.stderr, /^tsnet: backend iptables, since /m);

    const tools = ["iptables", "ip6tables"].flatMap((name) => [`${name}-nft-restore`, `${name}-legacy-restore`]);
    await host.call(HIDDEN, "hide", ["nft", "iptables-restore", ...tools]);
    const none = await tsnet(host, words, TOOLS);
    assert.is(none.exitCode, 3);
    assert.match(none.stderr, /nothing was measured: nft: nft is not installed\n +also: iptables: /);
    assert.match(none.stdout, /"measured": null/);
  }));

it("nft is there and doesn't work: iptables, and its guard", () =>
  lab(async (host) => {
    const { stdout } = await host.run("sh", ["-c", "readlink -f $(command -v nft)"]);
    await host.run("mount", ["--bind", "/bin/false", stdout.trim()]);
    const done = await apply(host, POLICY, "auto", TOOLS);
    assert.equal([done.exitCode, done.chosen?.backend], [0, "iptables"], done.stderr);
    assert.match(done.chosen.passed[0]?.what ?? "", /^nf_tables can't be used/);
    await holds(host);
    const removed = await tsnet(host, ["remove"], TOOLS);
    assert.is(removed.exitCode, 0, removed.stderr);
    assert.equal(await chains(host, "iptables-save"), []);
  }));

it("the usual variant of iptables doesn't work: the other", () =>
  lab(async (host) => {
    await host.call(HIDDEN, "hide", ["nft", "iptables-restore", "iptables-nft-restore"]);
    const done = await apply(host, POLICY, "auto", TOOLS);
    assert.equal([done.exitCode, done.chosen?.backend], [0, "iptables"], done.stderr);
    assert.ok((await chains(host, "iptables-legacy-save")).length > 0);
    await holds(host);
    await remove(host, "shop");
    assert.equal(await chains(host, "iptables-legacy-save"), []);
  }));

it("what carries a policy can no longer: another takes it over, where the old rules can be taken away", () =>
  lab(async (host) => {
    await apply(host, POLICY, "nft");
    await host.call(HIDDEN, "hide", ["nft"]);
    const refused = await apply(host, POLICY, "auto", TOOLS);
    assert.is(refused.exitCode, 3);
    assert.match(refused.stderr, /nft is not installed[^]*can't be taken away without/);
    const done = await apply(host, POLICY, "auto");
    assert.equal([done.exitCode, done.chosen?.backend, done.chosen?.passed[0]?.backend], [0, "iptables", "nft"]);
    await holds(host);
  }));

it("none: each is named, with what it lacks and how to get it", () =>
  lab(async (host) => {
    const tools = ["iptables", "ip6tables"].flatMap((name) =>
      ["", "-nft", "-legacy"].map((variant) => `${name}${variant}-restore`),
    );
    await host.call(HIDDEN, "hide", ["nft", ...tools]);
    for (const command of [["compile", "--apply"], ["plan"]]) {
      const [name = "", ...more] = command;
      const path = await write(host, "shop.tsnet", POLICY);
      const { stderr, exitCode } = await tsnet(host, [name, path, ...more, "--backend", "auto"], TOOLS);
      assert.is(exitCode, 3);
      assert.match(stderr, /no backend can carry the policy here:/);
      assert.match(stderr, /^ {7}nft: nft is not installed \(apt-get install nftables\)$/m);
      assert.match(stderr, /^ {7}iptables: .*iptables-nft-restore is not installed.*\(apt-get install iptables\)$/m);
      assert.match(stderr, /^ {7}ebpf: .+ \(.+\)$/m);
      assert.not.match(stderr, /fault of tsnet's own/);
    }
    assert.is((await host.run("ls", ["/run/tsnet"], { accept: "any" })).stdout, "");
  }));

it("what is printed asks no host", () =>
  lab(async (host) => {
    const path = await write(host, "shop.tsnet", POLICY);
    const { stderr, exitCode } = await tsnet(host, ["compile", path, "--backend", "auto"]);
    assert.is(exitCode, 2);
    assert.match(stderr, /--backend auto asks this host.*--apply\n +print one of: nft, iptables, ebpf/);
  }));

test.run();
