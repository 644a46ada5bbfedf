/** The connection table says the same over ctnetlink and through the tool. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Connection } from "../../src/system/conntrack.js";
import { when } from "../kernel/features.js";
import { type Host, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { CONNECTIONS } from "./connections.js";

const test = suite("system: connections");
const it = await when(test, "namespaces", "conntrack", "nf_tables", "netlink", "perl");

const TRACK = `table inet track {
  chain in { type filter hook prerouting priority 0; ct state new counter; }
  chain out { type filter hook output priority 0; ct state new counter; }
}`;

const list = (host: Host, transport: string) => host.call<Connection[]>(CONNECTIONS, "listAll", transport);

async function same(host: Host): Promise<Connection[]> {
  const [one, other] = [await list(host, "nft"), await list(host, "netlink")];
  assert.equal(other, one);
  return other;
}

/** TCP, UDP, ICMP, ICMPv6 and GRE, in both families. */
async function talk(host: Host): Promise<void> {
  for (const protocol of ["tcp", "udp"] as const) await host.listen(WORLD, protocol, 80);
  for (const address of [WORLD4, WORLD6]) {
    await host.connect(undefined, address, 80);
    assert.is(await host.udp(undefined, address, 80), "open");
    assert.is(await host.ping(undefined, address), "reply");
  }
  await host.drop(undefined, await host.connect(undefined, WORLD4, 80));
  await host.run("perl", [
    "-MSocket",
    "-e",
    `socket(S, PF_INET, SOCK_RAW, 47) or die; send(S, pack("nnN", 0x2000, 0x800, 7), 0, pack_sockaddr_in(0, inet_aton("${WORLD4}"))) or die $!`,
  ]);
}

it("both list the same, and what one deletes is gone for both", () =>
  lab(async (host) => {
    await host.nft(TRACK);
    await talk(host);
    const protocols = new Set((await same(host)).map(({ protocol }) => protocol));
    assert.equal([...protocols].sort(), [1, 17, 47, 58, 6]);
    const all = await same(host);
    assert.is(all.filter(({ closing }) => closing).length, 1);
    // GRE to nobody, and what the host says of itself to all.
    assert.ok(all.some(({ answered, protocol }) => !answered && protocol === 47));
    assert.ok(all.some(({ answered, protocol }) => answered && protocol === 6));
    for (const [transport, protocol, count] of [
      ["netlink", 17, 2],
      ["netlink", 1, 1],
      ["netlink", 47, 1],
      ["nft", 58, undefined],
      ["netlink", 6, 3],
    ] as const) {
      const deleted = await host.call<number>(CONNECTIONS, "deleteAll", transport, protocol);
      if (count !== undefined) assert.is(deleted, count, `protocol ${protocol}`);
      assert.equal(
        (await same(host)).filter((connection) => connection.protocol === protocol),
        [],
      );
    }
  }));

test.run();
