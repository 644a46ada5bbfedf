/** `tsnet audit` as people and programs meet it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Host, lab } from "../kernel/lab.js";
import { commandLine, forgetCommand, tsnet } from "../support/command.js";
import { POLICY } from "../support/drifting.js";

const test = suite("audit: command");

interface Json {
  readonly drift: readonly Record<string, unknown>[];
  readonly foreign: readonly Record<string, unknown>[];
  readonly findings: readonly Record<string, unknown>[];
  readonly mended?: readonly string[];
}

async function audit(host: Host, args: readonly string[], status: number, input?: string): Promise<string> {
  const { stdout, stderr, exitCode } = await tsnet(host, ["audit", ...args], input === undefined ? {} : { input });
  assert.is(exitCode, status, `${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

const json = (text: string): Json => JSON.parse(text) as Json;

test("an uplink that comes later isn't forwarded to, which is told and mended", () =>
  lab(async (host) => {
    assert.is((await tsnet(host, ["compile", "-", "--apply"], { input: POLICY })).exitCode, 0);
    assert.equal(json(await audit(host, ["--json"], 0)).drift, []);
    await host.run("ip", ["link", "add", "name", "late0", "type", "bridge"]);
    await host.run("ip", ["link", "set", "dev", "late0", "up"]);
    const { drift } = json(await audit(host, ["--json"], 4));
    // On a kernel without the second, IPv6 is turned on for all devices at once.
    const told = drift
      .map(({ object }) => object)
      .filter((object) => object !== "sysctl net/ipv6/conf/late0/force_forwarding");
    assert.equal(told, ["sysctl net/ipv4/conf/late0/forwarding"]);
    await audit(host, ["--fix"], 0);
    assert.is(await host.sysctl("ipv4/conf/late0/forwarding"), "1");
    assert.equal(json(await audit(host, ["--json"], 0)).drift, []);
  }));

test("another policy is nobody else's, whatever carries it", () =>
  lab(async (host) => {
    const policy = (name: string): string => `policy ${name}\nicc off\nallow c2 -> c1:22\n`;
    const apply = async (name: string, backend: string): Promise<void> => {
      const args = ["compile", "-", "--apply", "--backend", backend];
      assert.is((await tsnet(host, args, { input: policy(name) })).exitCode, 0);
    };
    await apply("one", "nft");
    await apply("two", "iptables");
    assert.equal(json(await audit(host, ["--json", "-"], 0, policy("one"))).foreign, []);
    // What somebody puts beside it is told.
    await host.run("iptables-nft", ["-I", "FORWARD", "-p", "tcp", "--dport", "22", "-j", "DROP"]);
    const { foreign } = json(await audit(host, ["--json", "-"], 4, policy("one")));
    assert.equal([...new Set(foreign.map(({ effect }) => effect))], ["drops"]);
  }));

test("what it prints, how it exits, what it mends", () =>
  lab(async (host) => {
    assert.match(await audit(host, [], 0), "nothing is live here");
    // A policy that was never applied.
    const absent = json(await audit(host, ["--json", "-"], 4, POLICY));
    assert.is(absent.drift.length, 1);
    assert.match(String(absent.drift[0]?.["message"]), "isn't live");

    assert.is((await tsnet(host, ["compile", "-", "--apply"], { input: POLICY })).exitCode, 0);
    const healthy = await audit(host, [], 0);
    assert.match(healthy, "lab: as the policy says");
    assert.ok(healthy.split("\n").length < 10, healthy);
    const plain = json(await audit(host, ["--json"], 0));
    assert.equal(Object.keys(plain), ["drift", "foreign", "findings"]);
    assert.equal([plain.drift, plain.foreign], [[], []]);

    // Another text than what was applied.
    const other = json(await audit(host, ["--json", "-"], 4, `${POLICY}deny app -> web:80\n`));
    assert.ok(other.findings.some(({ code }) => code === "other-text"));
    assert.match(
      String(other.drift.find(({ object }) => /deny-port4/.test(String(object)))?.["statement"]),
      "-:17: deny app -> web:80",
    );

    // What can't be meant, and how that is said.
    const twice = await tsnet(host, ["diff", "-", "-"], { input: POLICY });
    assert.equal([twice.exitCode, twice.stderr.trim()], [2, "tsnet: standard input can't be both policies"]);
    const long = await tsnet(host, ["trace", "ops -> web:22", "--for", "3000000"]);
    assert.is(long.exitCode, 2);
    assert.match(long.stderr, "A whole number from 1 to 1000000.");

    await host.nft("delete element inet tsnet-lab deny-port4 { 10.90.1.14 . 10.90.1.11 . tcp . 22 }");
    await host.nft("table inet mine { chain f { type filter hook forward priority 10; ip daddr 10.90.2.12 drop; }; }");
    const drifted = json(await audit(host, ["--json"], 4));
    assert.equal(Object.keys(drifted.drift[0] ?? {}), ["object", "statement", "message"]);
    assert.equal(Object.keys(drifted.foreign[0] ?? {}), ["object", "effect", "statement", "message"]);
    assert.equal(Object.keys(drifted.findings[0] ?? {}), ["code", "severity", "message", "file", "line"]);
    assert.is(drifted.drift.length, 1);
    assert.is(drifted.drift[0]?.["statement"], "-:9: deny ops -> web:22");
    assert.match(
      String(drifted.drift[0]?.["message"]),
      /ops \(10\.90\.1\.14\) -> web \(10\.90\.1\.11\):22\/tcp is now allowed/,
    );
    assert.ok(
      drifted.findings.some(
        ({ code, severity, line }) => code === "foreign-drops" && severity === "error" && line === 11,
      ),
    );
    assert.match(await audit(host, [], 4), /^drift +element .*\n +ops .*\n +-:9: deny ops -> web:22\n/);
    await host.run("nft", ["delete", "table", "inet", "mine"]);

    // What a killed apply leaves.
    const at = "2030-01-02T03:04:05.678Z";
    await host.run("dd", ["of=/run/tsnet/journal", "status=none"], {
      input: `${JSON.stringify({ policy: "lab", doing: "apply", at })}\nprepare\nrules\n`,
    });
    const cut = json(await audit(host, ["--json"], 4)).findings.find(({ code }) => code === "cut-off");
    assert.match(String(cut?.["message"]), `the apply of 'lab' at ${at} was cut off at step 'rules'`);
    assert.is(cut?.["severity"], "error");

    const mended = json(await audit(host, ["--fix", "--json"], 0));
    assert.is(mended.mended?.length, 2, JSON.stringify(mended.mended));
    assert.equal(mended.drift, []);
    assert.match(await audit(host, ["--fix"], 0), "nothing was mended");
  }));

test("what an apply can put right is told apart from what it refuses and what it leaves", () =>
  lab(async (host) => {
    await host.run("ip", ["netns", "add", "theirs"]);
    await host.run("ip", ["link", "add", "name", "port0", "type", "veth", "peer", "name", "port1"]);
    const policy = `policy p
network n { subnet 10.92.0.0/24 }
container a { network n ip 10.92.0.11; netns "/run/netns/theirs" }
container b { network n ip 10.92.0.12; publish 8080 -> 80 }`;
    assert.is((await tsnet(host, ["compile", "-", "--apply"], { input: policy })).exitCode, 0);
    const last = async (...args: string[]): Promise<string> =>
      (await audit(host, args, 4)).trim().split("\n").at(-1) as string;
    const device = (await host.run("ip", ["-br", "link", "show", "type", "bridge"])).stdout.split(" ")[0] as string;

    // Something else, and what apply has nothing to do with.
    await host.run("ip", ["link", "set", "dev", "port0", "master", device]);
    assert.is(await last(), "p: 1 drift");
    assert.match(await audit(host, [], 4), "by hand: ip link set dev port0 nomaster");
    await host.run("ip", ["link", "set", "dev", device, "mtu", "1400"]);
    assert.is(await last(), "p: 2 drifts; `tsnet audit --fix` puts right 1 of them");
    assert.is(await last("--fix"), "p: 1 drift");
    await host.run("ip", ["link", "delete", "port0"]);

    // What an apply doesn't compare.
    const { stdout } = await host.run("nft", ["-a", "list", "table", "inet", "tsnet-p"]);
    const [, chain = "", before, after, handle = ""] =
      /chain (\S+) \{ # handle \d+\s+(ct status \S* ?confirmed meta l4proto) \{ tcp, udp, sctp \} (update .*) # handle (\d+)/.exec(
        stdout,
      ) ?? [];
    await host.nft(`replace rule inet tsnet-p ${chain} handle ${handle} ${before} { tcp, udp } ${after}`);
    assert.is(await last(), "p: 2 drifts; `tsnet audit --fix` puts right what has drifted");
    assert.is(
      await last("--fix"),
      "p: 2 drifts; an apply doesn't put that right: removing the policy and applying it again does",
    );
    assert.is((await tsnet(host, ["remove", "--policy", "p"])).exitCode, 0);
    assert.is((await tsnet(host, ["compile", "-", "--apply"], { input: policy })).exitCode, 0);
    await audit(host, [], 0);

    // Where an apply refuses, its advice is told, and no other.
    await host.run("ip", ["route", "add", "10.92.0.128/25", "via", "198.51.100.2"]);
    const refused = await audit(host, [], 4);
    assert.match(refused, "by hand: give the network another subnet: network n { subnet … }");
    assert.match(refused, /\np: 1 drift; an apply refuses before that is put right by hand\n$/);
    await host.run("ip", ["route", "delete", "10.92.0.128/25"]);
    await host.run("ip", ["netns", "delete", "theirs"]);
    assert.match(await audit(host, [], 4), /by hand: start what makes it first[^]*; an apply refuses before/);
  }));

test("a policy that can't be mended keeps no other waiting", () =>
  lab(async (host) => {
    for (const name of ["a", "b"]) {
      const input = `policy ${name}\nnetwork n { subnet 10.92.${name === "a" ? 0 : 1}.0/24 }\ncontainer c { network n }\n`;
      assert.is((await tsnet(host, ["compile", "-", "--apply"], { input })).exitCode, 0);
      await host.run("nft", ["flush", "chain", "inet", `tsnet-${name}`, "forward"]);
    }
    await host.run("ip", ["route", "add", "10.92.0.128/25", "dev", "up0"]);
    const { exitCode, stdout, stderr } = await tsnet(host, ["audit", "--fix"]);
    assert.is(exitCode, 4, stderr);
    assert.match(stderr, /tsnet: a can't be mended: .*10\.92\.0\.128\/25.*\n +give the network another subnet/);
    assert.match(stdout, /\nb: as the policy says\n$/);
    await host.run("ip", ["route", "delete", "10.92.0.128/25"]);
    assert.is((await tsnet(host, ["audit", "--fix"])).exitCode, 0);
  }));

test("without the privilege it says how to get it", () =>
  lab(async (host) => {
    const [program, ...args] = commandLine(["audit"]);
    const bare = ["--bounding-set", "-net_admin", "--inh-caps", "-net_admin", program, ...args];
    const { exitCode, stderr } = await host.run("setpriv", bare, { accept: "any" });
    assert.is(exitCode, 3, stderr);
    assert.match(stderr, "sudo");
  }));

test("a process whose namespace may not be read is told as that", () =>
  lab(async (host) => {
    const pid = await host.spawn(undefined, "unshare", ["--net", "sleep", "600"]);
    const policy = `policy p\nnetwork n { subnet 10.92.0.0/24 }\ncontainer a { network n; pid ${pid} }`;
    const [program, ...args] = commandLine(["compile", "-", "--apply"]);
    const bare = ["--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace", program, ...args];
    const { exitCode, stderr } = await host.run("setpriv", bare, { accept: "any", input: policy });
    assert.is(exitCode, 3, stderr);
    assert.match(stderr, `/proc/${pid}/ns/net, which container a adopts, may not be read`);
    assert.match(stderr, "CAP_SYS_PTRACE");
    await host.kill(pid);
  }));

test("the command is forgotten", forgetCommand);
test.run();
