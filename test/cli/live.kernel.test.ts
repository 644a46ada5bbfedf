/** `test --live` and `trace`, on a host where a policy is live, with real packets. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, type Host, lab } from "../kernel/lab.js";
import { bundle, commandLine, forgetCommand, tsnet } from "../support/command.js";
import { applied, comes, done, fails, write } from "../support/history.js";
import { at } from "../support/live.js";

const test = suite("what is live");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "util-linux");
test.after(forgetCommand);

// Beside the command, as in dist/.
const prober = await bundle("src/probe/prober.ts", "prober.js");
await writeFile(join(dirname(prober), "package.json"), '{ "type": "commonjs" }');

const POLICY = `policy shop
network n { subnet 172.18.0.0/24; icc off }
container server { network n ip 172.18.0.10 }
container user { network n ip 172.18.0.11 }
allow user -> server:{22, 53/udp}
publish 127.0.0.1:8080 -> server:80
publish 8081 -> server:81
deny user -> host:25
deny user -> world:26`;

const TESTS = `let names = 53/udp
assert allow user -> server:{22, names}
assert deny user -> server:23
assert deny server -> user
assert allow user -> server:81
assert deny user -> server:80
assert allow host -> server:80
assert allow world -> server:81
assert allow user -> host:8081
assert deny user -> ${HOST4}:25
assert allow user -> ${HOST4}:26`;

interface Result {
  readonly help: string | null;
  readonly text: string;
  readonly outcome: string;
  readonly message: string | null;
  readonly measured: number;
}

async function outcomes(host: Host, path: string, status: number): Promise<Result[]> {
  const { stdout, stderr, exitCode } = await tsnet(host, ["test", path, "--live", "--json"]);
  assert.is(exitCode, status, stderr);
  return (JSON.parse(stdout) as { tests: Result[] }).tests;
}

it("tests with real packets: what holds, what a foreign rule breaks, and what can't be sent", async () => {
  await lab(async (host) => {
    await applied(host, POLICY);
    const path = await write(host, "tests.tsnet", TESTS);
    // Somebody's own server: it is asked, and nothing is said to it.
    await host.listen(at("server", "shop"), "tcp", 22);
    const before = await outcomes(host, path, 0);
    assert.equal(
      before.map(({ outcome }) => outcome),
      ["pass", "pass", "pass", "pass", "pass", "pass", "skip", "skip", "pass", "pass"],
    );
    assert.ok([...before.slice(0, 6), ...before.slice(8)].every(({ measured }) => measured > 0));
    assert.match(before[6]?.message ?? "", "the world");
    assert.match(before[7]?.message ?? "", "'publish 8081 -> server:81' leads what asks for that port of this host");

    await host.nft(`table inet foreign {
      chain f { type filter hook forward priority 10; ip daddr 172.18.0.10 udp dport 53 drop; }
    }
    insert rule inet tsnet-shop cc4 tcp dport 23 accept`);
    const after = await outcomes(host, path, 1);
    assert.equal(
      after
        .filter(({ outcome }) => outcome === "fail")
        .map(({ text, message }) => [text, /was measured as (\w+)/.exec(message ?? "")?.[1]]),
      [
        ["assert allow user -> server:{22, names}", "deny"],
        ["assert deny user -> server:23", "allow"],
      ],
    );
    assert.match(after[1]?.help ?? "", "tsnet trace '172.18.0.11 -> 172.18.0.10:23/tcp'");
    assert.match(await fails(host, 2, "test", path, "--live", "--policy", "other"), "live are: shop");
  });
});

interface Traced {
  readonly port: number;
  readonly flags: string | null;
  readonly verdict: string;
  readonly decision: {
    readonly verdict: string;
    readonly by: readonly { readonly text: string; readonly line: number }[];
  };
  readonly steps: readonly { table: string; chain: string; effect: string; by: readonly { text: string }[] }[];
}

async function tables(host: Host): Promise<string[]> {
  const { stdout } = await host.run("nft", ["list", "tables", "inet"]);
  return [...stdout.matchAll(/tsnet_trace_\d+/g)].map(([name]) => name);
}

/** What a trace says of the packets that `send` sends, once it is ready. */
async function traced(host: Host, words: readonly string[], send: () => Promise<unknown>): Promise<Traced[]> {
  const answer = tsnet(host, ["trace", ...words, "--json"]);
  await comes("the trace is ready", async () => {
    const [table] = await tables(host);
    if (table === undefined) return false;
    return (await host.run("nft", ["list", "chain", "inet", table, "ready"], { accept: "any" })).exitCode === 0;
  });
  await send();
  const { stdout, stderr, exitCode } = await answer;
  assert.is(exitCode, 0, stderr);
  assert.equal(await tables(host), []);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Traced);
}

it("traces one flow: passed, dropped, published, dropped by a stranger; a killed trace leaves nothing", async () => {
  await lab(async (host) => {
    await applied(host, POLICY);
    const user = at("user", "shop");
    const decidedBy = (one: Traced | undefined) => one?.decision.by.map(({ text, line }) => `${line}: ${text}`).join();
    const last = (one: Traced | undefined) => one?.steps.at(-1);

    const direct = await traced(host, ["user -> server:{22, 24}", "--count", "2"], async () => {
      await host.tcp(user, "172.18.0.10", 22, { timeout: 200 });
      // Not asked for.
      await host.tcp(user, "172.18.0.10", 23, { timeout: 200 });
      await host.tcp(user, "172.18.0.10", 24, { timeout: 200 });
    });
    assert.equal(
      direct.map(({ port, verdict, decision }) => [port, verdict, decision.verdict]),
      [
        [22, "accept", "allow"],
        [24, "drop", "deny"],
      ],
    );
    assert.equal(direct.map(decidedBy), ["5: allow user -> server:{22, 53/udp}", "2: network n icc off"]);
    assert.equal(
      [last(direct[0])?.effect, last(direct[0])?.by[0]?.text],
      ["accept", "allow user -> server:{22, 53/udp}"],
    );
    assert.equal([last(direct[1])?.chain, last(direct[1])?.effect], ["icc4-n", "drop"]);

    // An address that only this host knows to be its own; and packets come in the order in which they began.
    const here = await traced(host, [`user -> ${HOST4}:9`, "--count", "1", "--for", "20"], () =>
      host.tcp(user, HOST4, 9, { timeout: 200 }),
    );
    assert.equal(
      here.map(({ port, flags, verdict }) => [port, flags, verdict]),
      [[9, "syn", "accept"]],
    );

    // Whoever closes at once sends its last packets from the memory of its first, with its id.
    await host.listen(at("server", "shop"), "tcp", 83);
    const short = await traced(host, ["host -> server:83", "--count", "3"], () =>
      host.tcp(undefined, "172.18.0.10", 83, { timeout: 200 }),
    );
    assert.is(short[0]?.flags, "syn");
    for (const { steps, flags } of short) {
      const begins = steps.filter(({ chain, effect }) => chain === "output" && effect.startsWith("goto"));
      assert.is(begins.length, 1, `${flags}: ${JSON.stringify(steps)}`);
    }

    const [published] = await traced(host, ["host -> host:8080", "--count", "1"], () =>
      host.tcp(undefined, "127.0.0.1", 8080, { timeout: 200 }),
    );
    assert.is(decidedBy(published), "6: publish 127.0.0.1:8080 -> server:80");
    assert.ok(
      published?.steps.some(
        ({ effect, by }) => effect === "translate" && by[0]?.text.startsWith("publish 127.0.0.1:8080"),
      ),
    );

    await host.nft("table inet foreign { chain f { type filter hook forward priority 10; udp dport 53 drop; }; }");
    const [foreign] = await traced(host, ["user -> server:53/udp", "--count", "1"], () =>
      host.udp(user, "172.18.0.10", 53, { timeout: 200 }),
    );
    assert.equal([foreign?.verdict, foreign?.decision.verdict], ["drop", "allow"]);
    assert.equal([last(foreign)?.table, last(foreign)?.chain], ["inet foreign", "f"]);

    const [command, ...args] = commandLine(["trace", "user -> server"]);
    const pid = await host.spawn(undefined, command, args);
    await comes("its table", async () => (await tables(host)).length === 1);
    process.kill(pid, "SIGKILL");
    await comes("no table", async () => (await tables(host)).length === 0);

    // Who reads has seen enough: what comes next ends it.
    const piped = await host.spawn(undefined, "sh", ["-c", `"$@" | true`, "sh", command, ...args, "--json"]);
    await comes("its table", async () => (await tables(host)).length === 1);
    await comes("its end", async () => {
      await host.tcp(user, "172.18.0.10", 22, { timeout: 200 });
      return (await tables(host)).length === 0;
    });
    await comes("its pipeline's end", async () => !existsSync(`/proc/${piped}`));

    assert.is(await done(host, "trace", "user -> server", "--for", "1"), "");
    assert.match(await fails(host, 2, "trace", "usr -> server"), "did you mean 'user'");
  });
});

interface Doctor {
  readonly can: Readonly<Record<"check" | "try" | "apply", boolean>>;
  readonly backends: Readonly<Record<string, boolean | null>>;
  readonly features: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly needs: string;
    readonly mend: string;
  }[];
}

it("doctor says what works, and what is missing", async () => {
  await lab(async (host) => {
    const whole = JSON.parse(await done(host, "doctor", "--json")) as Doctor;
    assert.equal(whole.can, { check: true, try: true, apply: true });
    assert.equal(
      whole.features.filter(({ ok, needs }) => !ok && ["apply", "try", "nft"].includes(needs)),
      [],
    );
    assert.ok(whole.features.some(({ name, ok }) => name === "rules" && ok));
    assert.ok(whole.features.every(({ ok, mend }) => ok === (mend === "")));

    // Who may not change the network hears that the host could; a host without nft can't.
    const [command, ...args] = commandLine(["doctor", "--json"]);
    const bounded = await host.run(
      "setpriv",
      ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", command, ...args],
      { accept: "any" },
    );
    const nobody = JSON.parse(bounded.stdout) as Doctor;
    assert.equal([bounded.exitCode, nobody.can.apply], [0, false]);
    assert.ok(nobody.features.some(({ name, ok, mend }) => name === "net_admin" && !ok && mend !== ""));

    // A namespace of one's own brings its own /run.
    await host.run("mount", ["-o", "remount,ro", "/run"]);
    const unrecorded = await tsnet(host, ["doctor", "--json"]);
    await host.run("mount", ["-o", "remount,rw", "/run"]);
    const readOnly = JSON.parse(unrecorded.stdout) as Doctor;
    assert.equal([unrecorded.exitCode, readOnly.can], [0, { check: true, try: true, apply: false }]);
    assert.ok(readOnly.features.some(({ name, ok, mend }) => name === "record" && !ok && mend !== ""));

    // The command that is tested here has no dataplane beside it: it says how to get one, and what else there is.
    const part = (doctor: Doctor, name: string) => doctor.features.find((feature) => feature.name === name);
    assert.is(whole.backends["nft"], true);
    assert.is(whole.backends["ebpf"], false);
    assert.equal(
      [part(whole, "dataplane")?.needs, part(whole, "dataplane")?.mend],
      ["ebpf", "apt-get install clang libbpf-dev bpftool && npm run build"],
    );
    for (const name of ["bpftool", "system calls", "btf", "bpf", "translation"])
      assert.is(part(whole, name)?.needs, "ebpf", name);
    const variants = [part(whole, "iptables-nft"), part(whole, "iptables-legacy")];
    assert.equal(
      variants.map((variant) => variant?.needs),
      ["more", "more"],
    );
    const iptables = variants.some((variant) => variant?.ok === true);
    assert.equal(
      [whole.backends["iptables"], part(whole, "iptables")?.ok, part(whole, "iptables")?.needs],
      [iptables, iptables, "iptables"],
    );
    assert.is(part(whole, "ipset")?.needs, "more");

    const { stdout: nft } = await host.run("sh", ["-c", "readlink -f $(PATH=$PATH:/usr/sbin:/sbin command -v nft)"]);
    await host.run("mount", ["--bind", "/bin/false", nft.trim()]);
    const broken = await tsnet(host, ["doctor", "--json"]);
    const without = JSON.parse(broken.stdout) as Doctor;
    assert.equal([broken.exitCode, without.can], [iptables ? 0 : 3, { check: true, try: iptables, apply: iptables }]);
    assert.equal(without.backends, { nft: false, iptables, ebpf: false });
    assert.ok(without.features.some(({ needs, ok, mend }) => needs === "nft" && !ok && mend !== ""));

    await host.call(import.meta.resolve("../support/hidden.ts"), "hide", [
      ...["iptables", "ip6tables"].flatMap((name) => ["", "-nft", "-legacy"].map((one) => `${name}${one}-restore`)),
      "nft",
    ]);
    const bare = await tsnet(host, ["doctor", "--json"]);
    const none = JSON.parse(bare.stdout) as Doctor;
    assert.equal([bare.exitCode, none.can], [3, { check: true, try: false, apply: false }]);
    assert.equal(none.backends, { nft: false, iptables: false, ebpf: false });
    assert.is(part(none, "nft")?.mend, "apt-get install nftables");
    assert.is(part(none, "iptables")?.mend, "apt-get install iptables");

    // What it tries things in may be lacking itself: all else is told.
    await host.call(import.meta.resolve("../support/hidden.ts"), "hide", ["unshare"]);
    const untried = await tsnet(host, ["doctor", "--json"]);
    const least = JSON.parse(untried.stdout) as Doctor;
    assert.equal([untried.exitCode, least.can], [3, { check: true, try: false, apply: false }]);
    assert.is(part(least, "util-linux")?.mend, "apt-get install util-linux");
    assert.is(part(least, "nft")?.mend, "apt-get install nftables");
  });
});

test.run();
