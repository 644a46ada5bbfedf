/**
 * Traffic through changing policies: nothing lost of what is allowed, nothing passed of what is denied.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab, type Place, WORLD, WORLD6 } from "../kernel/lab.js";
import { apply, at, remove } from "../support/live.js";
import { Traffic } from "../support/traffic.js";
import { C1, C2, C3, countAfter, countArriving, counts, front, GATEWAY, until } from "./place.js";

const test = suite("security: churn");
const it = await when(test, "namespaces", "ip", "nf_tables", "conntrack", "perl");

/** Policies in turn; the whole sweep is a thousand. */
const EDITS = Number(process.env["TSNET_CHURN"] ?? 14);

it("what is allowed flows on without a loss, and what is denied never does, while policies change", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    const publishes =
      "publish 4001 -> c1:5001/udp, publish 4002 -> c1:5002, allow c1 -> c2:{2001/udp, 2002/udp, 2003-2010}, " +
      "allow {c1, c3} -> c2:2011-2012/udp, allow host -> c3:2013/udp";
    await apply(host, front("", publishes));
    const flows = [
      await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2003),
      await traffic.open("tcp", at("c1"), at("c2"), C2.ip6, 2004),
      await traffic.open("udp", at("c3"), at("c2"), C2.ip, 2011),
      await traffic.open("udp", at("c3"), at("c2"), C2.ip6, 2012),
      await traffic.open("udp", undefined, at("c3"), C3.ip, 2013),
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
    const denied = "deny {c1, c3} -> {c2, world, host}:9/udp, deny host -> c1:9/udp, deny c2 -> any:9/udp";
    await apply(host, front("", `${publishes}, ${denied}`));
    const silent: readonly (readonly [Place, string])[] = [
      [at("c1"), C2.ip],
      [at("c1"), C2.ip6],
      [at("c1"), WORLD6],
      [at("c1"), GATEWAY.ip],
      [undefined, C1.ip],
      [WORLD, C2.ip],
      [at("c3"), C2.ip],
      [at("c3"), C2.ip6],
      [at("c2"), C1.ip],
      [at("c2"), C1.ip6],
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
    // Single elements, several sets, intervals, chains and translations, defaults, who is there.
    const edits: readonly (readonly [properties: string, rules: string])[] = [
      ["", "deny c3 -> c2:77"],
      ["", "deny c1 -> c2:99, allow world -> c3:22"],
      ["", "deny c1 -> world:25, publish 80 -> c3"],
      ["icc off", "deny c3 -> c2:78, deny c3 -> 203.0.113.0/24"],
      ["icc off", "reject c3 -> c1:1-9, publish 8000-8010 -> c3 from 192.0.2.0/24"],
      ["", "container c4 { network front }, deny c4 -> any, allow c4 -> c1:80"],
      ["icc off", 'deny {c1, c3} -> {c2, c3}:{77-79, 81/udp}, allow c3 -> c1:23 log "c3"'],
    ];
    for (let i = 0; i < EDITS; i++) {
      const [properties, edit] = edits[i % edits.length] as (typeof edits)[number];
      await apply(host, front(properties, `${publishes}, ${denied}, ${edit}`));
    }
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
