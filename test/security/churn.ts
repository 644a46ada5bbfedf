/**
 * Traffic through changing policies: nothing lost of what is allowed, nothing passed of what is denied.
 *
 * Not in the suite, because it fails now and then (seen once in four runs): `npx tsx test/security/churn.ts`. Rules are
 * replaced whole, which packets under way can notice; see atomic.ts.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, type Place, WORLD, WORLD6 } from "../kernel/lab.js";
import { apply, at, remove } from "../support/live.js";
import { Streams } from "../support/streams.js";
import { C1, C2, countAfter, countArriving, counts, front, GATEWAY, until } from "./place.js";

const test = suite("security: churn");
const it = await when(test, "namespaces", "ip", "nf_tables", "conntrack", "perl");

/** One end asks, the other serves; each sends when told, whether the other has or not. */
interface Flow {
  readonly name: string;
  readonly client: Streams;
  readonly server: Streams;
  /** Names of the ends there. */
  readonly ends: { readonly client: string; readonly server: string };
}

/** A lab's long-lived traffic. */
class Traffic {
  private readonly host: Host;
  private readonly places = new Map<Place, Streams>();
  private count = 0;

  constructor(host: Host) {
    this.host = host;
  }

  async in(place: Place): Promise<Streams> {
    const known = this.places.get(place);
    if (known !== undefined) return known;
    const streams = await Streams.start(this.host, place);
    this.places.set(place, streams);
    return streams;
  }

  /** Opens a flow of its own to `port` of `address`, which `to` serves on `inner`. */
  async open(
    protocol: "tcp" | "udp",
    from: Place,
    to: Place,
    address: string,
    port: number,
    inner = port,
  ): Promise<Flow> {
    const [client, server] = [await this.in(from), await this.in(to)];
    const id = ++this.count;
    const ends = { client: `client ${id}`, server: `server ${id}` };
    const family = address.includes(":") ? 6 : 4;
    if (protocol === "tcp") {
      await server.accept(ends.server, inner);
      await client.connect(ends.client, address, port);
    } else {
      await server.datagrams(ends.server, family, { port: inner });
      await client.datagrams(ends.client, family, { address, toPort: port });
    }
    const short = (place: Place) => (place === undefined ? "host" : (place.split("/").pop() ?? ""));
    const flow = { name: `${protocol} ${short(from)} -> ${address} ${port}`, client, server, ends };
    await alive([flow]);
    return flow;
  }
}

/** Asserts that both ends of these hear each other, the server's first word unasked. */
async function alive(flows: readonly Flow[]): Promise<void> {
  for (const { name, client, server, ends } of flows) {
    // A datagram socket learns from the first whom to answer.
    const heard = (await server.look(ends.server)).received;
    await client.send(ends.client);
    await until(`${name}: the server hears the client`, async () => (await server.look(ends.server)).received > heard);
    const before = (await client.look(ends.client)).received;
    await server.send(ends.server);
    await until(`${name}: the client hears the server`, async () => (await client.look(ends.client)).received > before);
  }
}

/**
 * Asserts that nothing passes in these, whoever speaks first, while the others go on. What is cut is sent before what
 * passes, and packets keep their order.
 */
it("what is allowed flows on without a loss, and what is denied never does, while policies change", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    // Each by a statement of its own: what interval sets decide is the matter of atomic.ts.
    const publishes = "publish 4001 -> c1:5001/udp, publish 4002 -> c1:5002, allow c1 -> c2:{2001/udp, 2002/udp}";
    await apply(host, front("", publishes));
    const flows = [
      await traffic.open("udp", at("c1"), at("c2"), C2.ip, 2001),
      await traffic.open("udp", at("c1"), at("c2"), C2.ip6, 2002),
      await traffic.open("udp", WORLD, at("c1"), HOST4, 4001, 5001),
      await traffic.open("udp", at("c1"), WORLD, WORLD6, 6001),
      await traffic.open("tcp", WORLD, at("c1"), HOST6, 4002, 5002),
    ];
    const before = await Promise.all(
      flows.map(
        async ({ client, server, ends }) => [await client.look(ends.client), await server.look(ends.server)] as const,
      ),
    );
    for (const { client, server, ends } of flows) {
      await client.startSending(ends.client, 2);
      await server.startSending(ends.server, 2);
    }
    // Denied before, after and in between, on the way to each lane.
    const denied = "deny c1 -> {c2, world, host}:9/udp, deny host -> c1:9/udp";
    await apply(host, front("", `${publishes}, ${denied}`));
    const silent: readonly (readonly [Place, string])[] = [
      [at("c1"), C2.ip],
      [at("c1"), C2.ip6],
      [at("c1"), WORLD6],
      [at("c1"), GATEWAY.ip],
      [undefined, C1.ip],
      [WORLD, C2.ip],
    ];
    for (const place of [at("c1"), at("c2")]) await countArriving(host, place, "eth0", ["udp dport 9"]);
    // Once the policy is gone the host's own go astray, to an address that it no longer knows.
    await countArriving(host, WORLD, "uplink", [`ip6 daddr ${WORLD6} udp dport 9`]);
    await countAfter(host, "input", ["udp dport 9"]);
    for (const [i, [from, address]] of silent.entries()) {
      const streams = await traffic.in(from);
      await streams.datagrams(`silent ${i}`, address.includes(":") ? 6 : 4, { address, toPort: 9 });
      await streams.startSending(`silent ${i}`, 2);
    }
    const edits = [
      "deny c3 -> c2",
      "deny c1 -> c2:99, allow world -> c3:22",
      "deny c1 -> world:25, publish 80 -> c3",
      "icc off",
    ];
    for (const edit of edits) await apply(host, front("", `${publishes}, ${denied}, ${edit}`));
    for (const [i, { name, client, server, ends }] of flows.entries()) {
      const [wasClient, wasServer] = before[i] as (typeof before)[number];
      const sent = (await client.stopSending(ends.client)) - wasClient.sent;
      const answered = (await server.stopSending(ends.server)) - wasServer.sent;
      assert.ok(sent > 20 && answered > 20, `${name}: ${sent} and ${answered} aren't a stream`);
      await until(
        `${name}: all ${sent} arrive`,
        async () => (await server.look(ends.server)).received - wasServer.received === sent,
      );
      await until(
        `${name}: all ${answered} arrive`,
        async () => (await client.look(ends.client)).received - wasClient.received === answered,
      );
    }
    for (const place of [at("c1"), at("c2")]) assert.equal(await counts(host, place, "netdev"), [0]);
    // Nor while everything is taken away.
    await remove(host);
    for (const [i, [from]] of silent.entries())
      assert.ok((await (await traffic.in(from)).stopSending(`silent ${i}`)) > 20);
    assert.equal(await counts(host, WORLD, "netdev"), [0]);
    assert.equal(await counts(host, undefined, "inet"), [0]);
  }));

test.run();
