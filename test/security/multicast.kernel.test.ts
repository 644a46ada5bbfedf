/** What goes to many at once is heard by this host, and its rules are those of `host`; what `explain` says is so. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendName } from "../../src/backend/backend.js";
import { evaluate } from "../../src/ir/evaluate.js";
import { compile } from "../../src/ir/compile.js";
import { parseAddress } from "../../src/net/address.js";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { forgetCommand, tsnet } from "../support/command.js";
import { apply, at } from "../support/live.js";
import { C1, front } from "./place.js";

const test = suite("security: multicast and broadcast");
const it = await when(test, "namespaces", "ip", "nf_tables", "iptables-nft", "ebpf", "conntrack");
test.after(forgetCommand);

const PORT = 5353;
/** All hosts, everybody here, and everybody on the network. */
const MANY = ["255.255.255.255", "10.90.1.255", "224.0.0.1"];

/** Sends until somebody answers, for a second. */
const SENDER = `
const [to, port] = process.argv.slice(1);
const socket = require("node:dgram").createSocket("udp4");
const end = (word) => { console.log(word); process.exit(0); };
socket.on("message", () => end("heard"));
socket.on("error", (error) => error.code === "EPERM" || end(error.code));
socket.bind(0, () => {
  socket.setBroadcast(true);
  setInterval(() => socket.send("x", Number(port), to, () => {}), 50);
  setTimeout(() => end("silent"), 1000);
});
`;

/** Answers whatever reaches this host, its groups' packets too: Node's sockets take those of groups that they joined. */
const LISTENER = `
use Socket; $| = 1;
socket(my $s, PF_INET, SOCK_DGRAM, 17) or die; bind($s, sockaddr_in(${PORT}, INADDR_ANY)) or die;
print "ready\\n";
while (my $from = recv($s, my $data, 100, 0)) { send($s, $data, 0, $from) }
`;

async function heard(host: Host, to: string): Promise<string> {
  const { stdout } = await host.runIn(at("c1"), process.execPath, ["-e", SENDER, to, String(PORT)]);
  return stdout.trim();
}

const CASES = [
  ["", "allow"],
  ["deny c1 -> world", "allow"],
  ["deny c1 -> host", "deny"],
  ["deny c1 -> host\nallow c1 -> world", "deny"],
  [`deny c1 -> any:${PORT}/udp`, "deny"],
  // No publish takes them.
  [`publish ${PORT} -> c2:7000/udp`, "allow"],
] as const;

for (const backend of ["nft", "iptables", "ebpf"] as const satisfies readonly BackendName[])
  it(`${backend}: it is this host that hears them`, () =>
    lab(async (host) => {
      for (const [rule, verdict] of CASES) {
        // The programs drop what goes to a network's broadcast address on a published port: see the known limits.
        if (backend === "ebpf" && rule.startsWith("publish")) continue;
        const text = front("", rule);
        await apply(host, text, backend);
        // A port that something holds can't be published.
        const listener = await host.spawn(undefined, "perl", ["-e", LISTENER], "ready");
        const expected = MANY.map((to) => `${to} ${verdict === "allow" ? "heard" : "silent"}`);
        const found = await Promise.all(MANY.map(async (to) => `${to} ${await heard(host, to)}`));
        assert.equal(found, expected, rule);
        await host.kill(listener);
      }
    }));

it("explain says so, and check proves it of the world without them", () =>
  lab(async (host) => {
    for (const [rule, verdict] of CASES) {
      const text = front("", rule);
      for (const to of MANY) {
        const { stdout } = await tsnet(host, ["explain", "-", `c1 -> ${to}:${PORT}/udp`, "--json"], { input: text });
        const answer = JSON.parse(stdout) as { verdict: string };
        assert.is(answer.verdict, verdict, `${rule}: ${to}`);
        const [source, destination] = [parseAddress(C1.ip), parseAddress(to)];
        assert.ok(source !== undefined && destination !== undefined);
        const ends = {
          source: { zone: "container", address: source },
          destination: { zone: "host", address: destination },
        };
        assert.is(evaluate(compile(text).policy, { ...ends, protocol: 17, port: PORT } as never).verdict, verdict);
      }
    }
    const proven = await tsnet(host, ["check", "-"], { input: front("", "deny c1 -> world\nassert deny c1 -> world") });
    assert.is(proven.exitCode, 0, proven.stderr);
  }));

test.run();
