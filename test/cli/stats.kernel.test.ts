/** `stats`: what each statement has decided, by packets of known number. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, type Host, lab, type Place, WORLD } from "../kernel/lab.js";
import { commandLine, forgetCommand, tsnet } from "../support/command.js";
import { Handle, isQuick } from "../support/handle.js";
import { apply, at } from "../support/live.js";

const test = suite("stats");
const it = await when(test, "namespaces", "ip", "nft", "nf_tables", "perl");
test.after(forgetCommand);

const RULES = `
allow app -> web:80
allow {app, ops} -> web:80
allow everyone -> db:{81, 5000-5009/udp}
allow {app, ops} -> db:{icmp, 81}
allow app -> web:9999
deny everyone -> web:7/udp
deny 10.90.1.0/24 -> db:9/udp
deny ops -> world
reject everyone -> web:25
link ops -> db as data
publish 8080 -> web:80
publish 8081 -> web:80 from 198.51.100.0/25
publish 8082 -> web:82/udp from 192.0.2.0/24
publish 8083 -> {web, db}:83
`;

const POLICY = `policy lab
network n { subnet 10.90.1.0/24; subnet fd90:1::/64; icc off }
network m { subnet 10.90.2.0/24; internal }
network o { subnet 10.90.3.0/24 }
container web { network n ip 10.90.1.11 ip fd90:1::11 }
container app { network n ip 10.90.1.12 ip fd90:1::12 }
container ops { network n ip 10.90.1.13 ip fd90:1::13 }
container db { network n ip 10.90.1.14 ip fd90:1::14; expose 5432 }
container x { network m ip 10.90.2.11 }
container y { network m ip 10.90.2.12 }
container z { network o ip 10.90.3.11 }
let everyone = {app, ops}
${RULES}`;

interface Said {
  readonly accounting: boolean;
  readonly policies: readonly {
    readonly statements: readonly {
      readonly text: string;
      readonly line: number;
      readonly packets: number;
      readonly bytes: number | null;
    }[];
    readonly defaults: readonly {
      readonly default: string;
      readonly network: string | null;
      readonly packets: number;
    }[];
    readonly never: readonly string[];
  }[];
}

type Packets = Record<string, number>;

async function read(host: Host, ...args: readonly string[]): Promise<Said> {
  const { stdout, stderr, exitCode } = await tsnet(host, ["stats", "--json", ...args]);
  assert.is(exitCode, 0, stderr);
  return JSON.parse(stdout) as Said;
}

/** What has counted anything. */
function packetsOf({ policies: [counts] }: Said): Packets {
  const all = [
    ...(counts?.statements ?? []).map(({ text, packets }) => [text, packets] as const),
    ...(counts?.defaults ?? []).map((one) => [`${one.default} ${one.network ?? ""}`.trim(), one.packets] as const),
  ];
  return Object.fromEntries(all.filter(([, packets]) => packets > 0));
}

const lab4 = (name: string): Place => at(name, "lab");

/** Single datagrams, each from a port of its own. */
async function datagrams(host: Host, place: Place, address: string, port: number, count: number): Promise<void> {
  const one = `echo x >/dev/udp/${address}/${port}`;
  await host.runIn(place, "bash", ["-c", Array.from({ length: count }, () => one).join("; ")], { accept: "any" });
}

async function connections(host: Host, place: Place, address: string, port: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) assert.is(await host.tcp(place, address, port, { timeout: 5000 }), "open");
}

async function traffic(host: Host): Promise<void> {
  for (const port of [80, 83]) await host.listen(lab4("web"), "tcp", port);
  for (const port of [81, 83, 5432]) await host.listen(lab4("db"), "tcp", port);
  await host.listen(lab4("db"), "udp", 5001);
  // One connection is one packet, however many it has, and in both families.
  const held = await host.connect(lab4("app"), "10.90.1.11", 80, { timeout: 5000 });
  for (let i = 0; i < 5; i++) assert.is(await host.talk(lab4("app"), held, 5000), "open");
  await connections(host, lab4("app"), "fd90:1::11", 80, 2);
  await connections(host, lab4("ops"), "10.90.1.11", 80, 1);
  // Several groups that cover it: each counts.
  await connections(host, lab4("app"), "10.90.1.14", 81, 2);
  // Three datagrams of one flow that nobody answers, and one that is answered.
  await host.runIn(lab4("app"), "bash", ["-c", "exec 3>/dev/udp/10.90.1.14/5005; for i in 1 2 3; do echo >&3; done"], {
    accept: "any",
  });
  assert.is(await host.udp(lab4("app"), "fd90:1::14", 5001, { timeout: 5000 }), "open");
  for (const address of ["10.90.1.14", "fd90:1::14"]) assert.is(await host.ping(lab4("app"), address, 5000), "reply");
  // Denied: each packet.
  await datagrams(host, lab4("app"), "10.90.1.11", 7, 3);
  await datagrams(host, lab4("ops"), "fd90:1::11", 7, 2);
  await datagrams(host, lab4("app"), "10.90.1.14", 9, 4);
  await datagrams(host, lab4("ops"), "198.51.100.2", 53, 2);
  assert.is(await host.tcp(lab4("app"), "10.90.1.11", 25), "refused");
  await connections(host, lab4("ops"), "10.90.1.14", 5432, 1);
  // Through published ports: from a container, the host and the world.
  await connections(host, lab4("app"), HOST4, 8080, 1);
  await connections(host, undefined, "127.0.0.1", 8080, 1);
  await connections(host, WORLD, HOST6, 8080, 2);
  await connections(host, WORLD, HOST4, 8081, 1);
  await datagrams(host, WORLD, HOST4, 8082, 3);
  await connections(host, WORLD, HOST4, 8083, 2);
  // Defaults.
  await datagrams(host, lab4("web"), "10.90.1.12", 1000, 2);
  await datagrams(host, lab4("x"), "10.90.2.12", 1000, 3);
  await datagrams(host, lab4("z"), "10.90.1.11", 1000, 1);
  await datagrams(host, lab4("x"), "198.51.100.2", 1000, 2);
  await datagrams(host, lab4("z"), "198.51.100.2", 1000, 1);
  await datagrams(host, WORLD, "10.90.1.11", 1000, 3);
  assert.is(await host.ping(undefined, "10.90.1.11", 5000), "reply");
}

const EXPECTED: Packets = {
  "allow app -> web:80": 3,
  "allow {app, ops} -> web:80": 4,
  "allow everyone -> db:{81, 5000-5009/udp}": 4,
  "allow {app, ops} -> db:{icmp, 81}": 4,
  "deny everyone -> web:7/udp": 5,
  "deny 10.90.1.0/24 -> db:9/udp": 4,
  "deny ops -> world": 2,
  "reject everyone -> web:25": 1,
  "link ops -> db as data": 1,
  "publish 8080 -> web:80": 4,
  "publish 8081 -> web:80 from 198.51.100.0/25": 1,
  "publish 8082 -> web:82/udp from 192.0.2.0/24": 3,
  "publish 8083 -> {web, db}:83": 2,
  "network n icc off": 2,
  "icc m": 3,
  apart: 1,
  internal: 2,
  out: 1,
  fromWorld: 3,
  fromHost: 1,
};

it("counts what each statement decided, and keeps it over applies and edits of others", () =>
  lab(async (host) => {
    await host.runIn(WORLD, "ip", ["route", "add", "10.90.0.0/16", "via", HOST4]);
    await apply(host, POLICY);
    assert.equal(packetsOf(await read(host)), {});
    await traffic(host);
    const said = await read(host);
    assert.equal(packetsOf(said), EXPECTED);
    assert.equal(
      said.policies[0]?.never.map((text) => text.replace(/^\S+ +/, "")),
      ["allow app -> web:9999"],
    );
    assert.is(said.policies[0]?.statements[0]?.bytes, null);

    // A line at the top, another member of a group, a statement less.
    const edited = `# a new first line\n${POLICY}allow db -> web:1\n`
      .replace("let everyone = {app, ops}", "let everyone = {app, ops, x}")
      .replace("allow app -> web:9999\n", "");
    await apply(host, edited);
    const after = await read(host);
    assert.equal(packetsOf(after), EXPECTED);
    const line = edited.split("\n").indexOf("allow app -> web:80") + 1;
    assert.is(after.policies[0]?.statements.find(({ text }) => text === "allow app -> web:80")?.line, line);
    await connections(host, lab4("app"), "10.90.1.11", 80, 1);
    await datagrams(host, lab4("app"), "10.90.1.11", 7, 1);

    const handle = new Handle(host);
    await handle.apply(edited);
    await handle.update({ add: "allow db -> web:2" });
    await handle.update({ add: "allow everyone -> web:100-200" });
    await handle.close();
    assert.equal(packetsOf(await read(host)), {
      ...EXPECTED,
      "allow app -> web:80": 4,
      "allow {app, ops} -> web:80": 5,
      "deny everyone -> web:7/udp": 6,
    });
    // What was counted is no drift, and applying again changes nothing.
    const audit = await tsnet(host, ["audit"]);
    assert.is(audit.exitCode, 0, audit.stdout);
  }));

const SMALL = `policy lab
network n { subnet 10.90.1.0/24; icc off }
container web { network n ip 10.90.1.11 }
container app { network n ip 10.90.1.12 }
allow app -> web:80
deny app -> web:{7/udp, 8/udp}
allow app -> 192.0.2.1:1
`;

it("counts bytes with accounting on, tells of a container alone, and says what isn't live", () =>
  lab(async (host) => {
    const nothing = await tsnet(host, ["stats"]);
    assert.is(nothing.exitCode, 3);
    assert.match(nothing.stderr, "no policy is live here");
    await host.sysctl("netfilter/nf_conntrack_acct", "1");
    await apply(host, SMALL);
    await host.listen(lab4("web"), "tcp", 80);
    const held = await host.connect(lab4("app"), "10.90.1.11", 80, { timeout: 5000 });
    await host.talk(lab4("app"), held, 5000);
    await datagrams(host, lab4("app"), "10.90.1.11", 8, 1);
    const { accounting, policies } = await read(host, "lab/app");
    assert.ok(accounting);
    const [, allowed, denied, idle] = policies[0]?.statements ?? [];
    // A handshake of 60, 60 and 52 bytes is the least.
    assert.ok((allowed?.bytes ?? 0) > 172, String(allowed?.bytes));
    assert.equal([allowed?.packets, denied?.packets, denied?.bytes, idle?.packets], [1, 1, 0, 0]);
    // Whatever is called so in the directory that one is in.
    const there = 'mkdir -p /run/lab/here/web && cd /run/lab/here && exec "$@"';
    const { stdout: web } = await host.run("sh", ["-c", there, "sh", ...commandLine(["stats", "web", "--json"])]);
    assert.equal(
      (JSON.parse(web) as Said).policies[0]?.statements.map(({ text }) => text),
      ["network n icc off", "allow app -> web:80", "deny app -> web:{7/udp, 8/udp}"],
    );
    const { stdout } = await tsnet(host, ["stats"]);
    assert.match(
      stdout,
      /^policy lab\n +packets +bytes\n +0 +0 {2}lab\.tsnet:2:34 {2}network n icc off\n +1 +\d+ {2}lab\.tsnet:5:1 {2}allow app -> web:80$/m,
    );
    assert.match(stdout, "2 of 4 statements never decided a packet");
    const other = await tsnet(host, ["stats", "-"], { input: "policy other, allow a -> b" });
    assert.is(other.exitCode, 3);
    assert.match(other.stderr, "the policy 'other' isn't live here");
    const changed = await tsnet(host, ["stats", "-", "--json"], { input: `${SMALL}allow web -> app:1\n` });
    assert.match(changed.stderr, "isn't the text that was applied");
    assert.is((JSON.parse(changed.stdout) as Said).policies[0]?.statements.length, 5);
    const handle = new Handle(host);
    await handle.apply(SMALL);
    const [update] = await handle.update({ add: "allow app -> web:81" });
    assert.ok(update !== undefined && isQuick(update));
    await handle.close();
    assert.equal(packetsOf(await read(host)), { "allow app -> web:80": 1, "deny app -> web:{7/udp, 8/udp}": 1 });
    // Another tool reads the same.
    const byNft = await tsnet(host, ["stats", "--transport", "nft", "--json"]);
    assert.is(byNft.exitCode, 0, byNft.stderr);
    assert.equal(packetsOf(JSON.parse(byNft.stdout) as Said), packetsOf(await read(host)));
  }));

test.run();
