/** What the other end of an allowed connection sends passes as an answer only where it is one, by every backend. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendName } from "../../src/backend/backend.js";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";
import { C1, C2, countArriving, counts, front, GATEWAY, type Names } from "../security/place.js";
import { CHUNK, icmp, sctp, tcp } from "../support/frames.js";
import { apply, at } from "../support/live.js";

const test = suite("backends: what is no answer");
const it = await when(test, "namespaces", "ip", "nf_tables", "iptables-nft", "ebpf", "conntrack", "perl");

const BACKENDS = ["nft", "iptables", "ebpf"] as const satisfies readonly BackendName[];

const ends = (from: Names, to: Names, family: 4 | 6) => ({
  to: GATEWAY.mac,
  from: from.mac,
  source: family === 4 ? from.ip : from.ip6,
  destination: family === 4 ? to.ip : to.ip6,
});

/** Identifier and number of an ICMP request or its answer. */
const named = (id: number): Buffer => Buffer.from([id >> 8, id & 255, 0, 1]);

const say = (host: Host, place: string, frame: string): Promise<unknown> => host.frame(at(place), "eth0", frame);

for (const backend of BACKENDS) {
  it(`${backend}: a request with the id of an allowed one isn't its answer`, () =>
    lab(async (host) => {
      await apply(host, front("icc off", "allow c1 -> c2:icmp"), backend);
      await countArriving(host, at("c1"), "eth0", [
        "icmp type { echo-request, timestamp-request }",
        "icmp type echo-reply",
        "icmpv6 type { echo-request, 130, 139 }",
        "icmpv6 type echo-reply",
      ]);
      for (const [family, ask, reply, others] of [
        [4, 8, 0, [8, 13]],
        [6, 128, 129, [128, 130, 139]],
      ] as const) {
        const [there, back] = [ends(C1, C2, family), ends(C2, C1, family)];
        // c2's own kernel answers.
        await say(host, "c1", icmp(there, ask, 0, named(9)));
        for (const type of others) await say(host, "c2", icmp(back, type, 0, named(9)));
        await say(host, "c2", icmp(back, reply, 0, named(9)));
      }
      assert.equal(await counts(host, at("c1"), "netdev"), [0, 2, 0, 2]);
    }));

  it(`${backend}: the other end of a connection can't begin one the other way under its ports`, () =>
    lab(async (host) => {
      await apply(host, front("icc off", "allow c1 -> c2:7000"), backend);
      await host.listen(at("c2"), "tcp", 7000);
      await countArriving(host, at("c1"), "eth0", ["tcp flags & (syn | ack) == syn"]);
      for (const family of [4, 6] as const) {
        const held = await host.connect(at("c1"), family === 4 ? C2.ip : C2.ip6, 7000, { fromPort: 6000 });
        await say(host, "c2", tcp(ends(C2, C1, family), 7000, 6000, 2));
        // It is none of the connection's, which goes on.
        assert.is(await host.talk(at("c1"), held, 7000), "open");
        await host.drop(at("c1"), held);
      }
      assert.equal(await counts(host, at("c1"), "netdev"), [0]);
    }));

  it(`${backend}: an association of SCTP begins with its first chunk, and what was cut doesn't go on`, () =>
    lab(async (host) => {
      const open = front("icc off", "allow c1 -> c2:9/sctp");
      await apply(host, open, backend);
      await countArriving(host, at("c2"), "eth0", ["sctp sport 9000", "sctp sport 9001"]);
      await countArriving(host, at("c1"), "eth0", ["sctp sport 9 sctp dport 9000"]);
      const families = [4, 6] as const;
      const data = async (port: number): Promise<void> => {
        for (const family of families) {
          await say(host, "c1", sctp(ends(C1, C2, family), port, 9, 7, CHUNK.DATA));
          await say(host, "c2", sctp(ends(C2, C1, family), 9, port, 7, CHUNK.DATA));
        }
      };
      // Nobody has begun this one.
      await data(9001);
      for (const family of families) {
        const [there, back] = [ends(C1, C2, family), ends(C2, C1, family)];
        await say(host, "c1", sctp(there, 9000, 9, 0, CHUNK.INIT));
        await say(host, "c2", sctp(back, 9, 9000, 7, CHUNK.INIT_ACK));
        await say(host, "c1", sctp(there, 9000, 9, 7, CHUNK.COOKIE_ECHO));
        await say(host, "c2", sctp(back, 9, 9000, 7, CHUNK.COOKIE_ACK));
      }
      await data(9000);
      assert.equal(await counts(host, at("c2"), "netdev"), [6, 0]);
      assert.equal(await counts(host, at("c1"), "netdev"), [6]);
      await apply(host, front("icc off", "allow c1 -> c2:9/sctp, deny c1 -> c2"), backend);
      await data(9000);
      await apply(host, open, backend);
      await data(9000);
      assert.equal(await counts(host, at("c2"), "netdev"), [6, 0]);
      assert.equal(await counts(host, at("c1"), "netdev"), [6]);
    }));
}

test.run();
