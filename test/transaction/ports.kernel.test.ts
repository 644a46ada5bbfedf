/** A host port that something else holds isn't published, and whoever holds it is named. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Address, formatAddress, parseAddress } from "../../src/net/address.js";
import type { BoundSocket } from "../../src/system/listening.js";
import { type Host, lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";

const test = suite("ports");

const LISTENING = import.meta.resolve("../../src/system/listening.ts");
const TRANSPORTS = ["netlink", "nft"] as const;

const publishing = (...lines: string[]): string =>
  `container a { network default ip 10.83.0.11 }\n${lines.join("\n")}\n`;

/** Holds sockets until it is killed: [protocol, port, address, only IPv6]. */
const HOLDER = `
const [net, dgram] = [require("net"), require("dgram")];
let left = 0;
const done = () => --left === 0 && console.log("ready");
for (const [kind, port, host, ipv6Only] of JSON.parse(process.argv[1])) {
  left++;
  if (kind === "tcp") net.createServer().listen({ port, host, ipv6Only }, done);
  else dgram.createSocket({ type: host.includes(":") ? "udp6" : "udp4", ipv6Only }).bind(port, host, done);
}`;

type Held = readonly [protocol: "tcp" | "udp", port: number, address: string, only?: boolean];

async function hold(host: Host, ...sockets: Held[]): Promise<number> {
  return host.spawn(undefined, process.execPath, ["-e", HOLDER, JSON.stringify(sockets)], "ready");
}

test("sock_diag tells the same as /proc, and of each IPv6 socket whether it leaves IPv4 alone", () =>
  lab(async (host) => {
    const sockets: Held[] = [
      ["tcp", 1001, "0.0.0.0"],
      ["tcp", 1002, "127.0.0.1"],
      ["tcp", 1003, "::", false],
      ["tcp", 1004, "::", true],
      ["tcp", 1005, "2001:db8:100::1", true],
      ["udp", 1006, "198.51.100.1"],
      ["udp", 1007, "::", false],
      ["udp", 1008, "::1", true],
    ];
    await hold(host, ...sockets);
    // A connection is no socket that waits.
    await host.listen(undefined, "tcp", 1009);
    assert.is(await host.tcp(undefined, "127.0.0.1", 1009), "open");
    const among = async (name: string): Promise<BoundSocket[]> =>
      (await host.call<BoundSocket[]>(LISTENING, name)).filter(({ port }) => port > 1000 && port < 1009);
    const one = ({ protocol, address, port, inode }: BoundSocket): string =>
      `${protocol} ${port} ${formatAddress(parseAddress(address) as Address)} ${inode}`;
    const [diag, proc] = [await among("listening"), await among("listeningByProc")];
    assert.equal(diag.map(one).sort(), proc.map(one).sort());
    assert.equal(
      diag.map(({ protocol, port, address, only }) => [protocol === 6 ? "tcp" : "udp", port, address, only]).sort(),
      sockets.map(([protocol, port, address, only]) => [protocol, port, address, only]).sort(),
    );
  }));

for (const transport of TRANSPORTS)
  test(`${transport}: a held port is refused with its holder, and one on another address, protocol or family isn't`, () =>
    lab(async (host) => {
      const apply = (text: string): Promise<{ stderr: string; exitCode: number }> =>
        tsnet(host, ["compile", "-", "--apply", "--transport", transport], { input: text });
      const refused = async (line: string, who: RegExp): Promise<void> => {
        const { stderr, exitCode } = await apply(publishing(line));
        assert.is.not(exitCode, 0, `${line} was applied`);
        assert.match(stderr, who, line);
      };
      const pid = await hold(
        host,
        ["tcp", 1001, "0.0.0.0"],
        ["tcp", 1002, "127.0.0.1"],
        ["tcp", 1003, "::", false],
        ["tcp", 1004, "::", true],
        ["udp", 1005, "198.51.100.1"],
      );
      const held = (what: string): RegExp => new RegExp(`host port ${what}`);
      await refused("publish 1001 -> a:80", held(`1001/tcp is held by process ${pid} \\(node\\) on 0.0.0.0`));
      await refused("publish 900-1100 -> a:900-1100", held("100[1-3]/tcp is held by process"));
      await refused("publish 127.0.0.1:1002 -> a:80", held("1002/tcp is held by process .* on 127.0.0.1"));
      await refused("publish 1003 -> a:80", held("1003/tcp is held by process .* on ::"));
      await refused("publish 198.51.100.1:1005/udp -> a:80", held("1005/udp is held by process"));
      const { stderr, exitCode } = await apply(
        publishing(
          "publish 1001/udp -> a:80",
          "publish 198.51.100.1:1002 -> a:80",
          "publish 1004 -> a:80",
          "publish 1005 -> a:80",
          "publish 127.0.0.1:1005/udp -> a:80",
        ),
      );
      assert.is(exitCode, 0, stderr);
      // What is published already stays, whoever has taken a socket on it since; more than that is asked about.
      await hold(host, ["tcp", 1005, "0.0.0.0"]);
      assert.is((await apply(publishing("publish 1005 -> a:81"))).exitCode, 0);
      await refused("publish 1005-1006 -> a:1005-1006", held("1005/tcp is held by process"));
    }));

test("a port that another policy publishes is refused with its name", () =>
  lab(async (host) => {
    const apply = (text: string): Promise<{ stderr: string; exitCode: number }> =>
      tsnet(host, ["compile", "-", "--apply"], { input: text });
    const other = (line: string): string =>
      `policy other\nnetwork o { subnet 10.84.0.0/24 }\ncontainer b { network o ip 10.84.0.11 }\n${line}\n`;
    assert.is(
      (await apply(publishing("publish 1000-1010 -> a:1000-1010", "publish 127.0.0.1:1020 -> a:80"))).exitCode,
      0,
    );
    for (const line of ["publish 1005 -> b:80", "publish 1010-1012 -> b:1010-1012", "publish 1020 -> b:80"])
      assert.match(
        (await apply(other(line))).stderr,
        /host port 10[0-2]\d\/tcp is published by the policy 'tsnet'/,
        line,
      );
    const { stderr, exitCode } = await apply(other("publish 1005/udp -> b:80\npublish 198.51.100.1:1020 -> b:80"));
    assert.is(exitCode, 0, stderr);
  }));

test("of an address that no device has it is said that nobody comes there, and it works once one has it", () =>
  lab(async (host) => {
    const text = publishing(
      "publish 198.51.100.1:1002 -> a:80",
      "publish 10.83.0.1:1003 -> a:80",
      "publish 127.0.0.1:1004 -> a:80",
      "publish 203.0.113.9:1005 -> a:80",
      "publish 203.0.113.9:1006 -> a:80",
    );
    const apply = (...options: string[]): Promise<{ stderr: string; stdout: string; exitCode: number }> =>
      tsnet(host, ["compile", "-", "--apply", ...options], { input: text });
    const said = "tsnet: nobody reaches what is published on 203.0.113.9 (-:5:1) while no device of this host has that";
    for (const options of [["--dry-run"], [], []]) {
      const { stderr, exitCode } = await apply(...options);
      assert.is(exitCode, 0, stderr);
      assert.equal(stderr.match(/nobody reaches/g)?.length, 1, stderr);
      assert.ok(stderr.includes(said), stderr);
    }
    await host.run("ip", ["address", "add", "203.0.113.9/32", "dev", "lo"]);
    assert.is((await apply()).stderr.includes("nobody reaches"), false);
    await host.listen("/run/tsnet/netns/tsnet/a", "tcp", 80);
    assert.is(await host.tcp(undefined, "203.0.113.9", 1005), "open");
  }));

test("the command is forgotten", forgetCommand);
test.run();
