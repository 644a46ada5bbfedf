/** What one policy has cut, no later one brings back, by any backend; and a policy that is taken back has cut nothing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendName } from "../../src/backend/backend.js";
import { when } from "../kernel/features.js";
import { HOST4, type Host, lab, WORLD } from "../kernel/lab.js";
import { C1, C2, C3, front } from "../security/place.js";
import { applyFailing } from "../support/failing.js";
import { Handle, isQuick } from "../support/handle.js";
import { apply, at } from "../support/live.js";
import { alive, type Flow, Traffic } from "../support/traffic.js";

const test = suite("backends: what was cut");
const it = await when(test, "namespaces", "ip", "nf_tables", "iptables-nft", "ebpf", "conntrack");

const BASE = "publish 4001 -> c2:5001, allow c1 -> c2, allow c1 -> c3";
const base = (rules: string): string => front("icc off", `${BASE}, ${rules}`);

interface Flows {
  readonly tcp: readonly Flow[];
  readonly udp: Flow;
  readonly other: Flow;
}

async function openAll(host: Host): Promise<Flows> {
  const traffic = new Traffic(host);
  return {
    tcp: [
      await traffic.open("tcp", at("c1"), at("c2"), C2.ip6, 2001),
      await traffic.open("tcp", WORLD, at("c2"), HOST4, 4001, 5001),
    ],
    udp: await traffic.open("udp", at("c1"), at("c2"), C2.ip, 2001),
    other: await traffic.open("tcp", at("c1"), at("c3"), C3.ip, 2003),
  };
}

const received = async ({ client, server, ends }: Flow): Promise<string> =>
  `client ${(await client.look(ends.client)).received}, server ${(await server.look(ends.server)).received}`;

/** Both ends of each say something, the server first, and nobody hears it; `other` comes after, and is heard. */
async function silent(flows: readonly Flow[], other: Flow, who: readonly ("server" | "client")[]): Promise<void> {
  const before = await Promise.all(flows.map(received));
  for (const end of who)
    for (const flow of flows) await (end === "server" ? flow.server : flow.client).send(flow.ends[end]);
  await alive([other]);
  assert.equal(await Promise.all(flows.map(received)), before, flows.map(({ name }) => name).join());
}

/** A datagram begins a new flow, where the policy lets it. */
async function beginsAgain({ tcp, udp, other }: Flows): Promise<void> {
  await silent([...tcp, udp], other, ["server"]);
  await silent(tcp, other, ["client", "server"]);
  await alive([udp, other]);
}

const DENIED = "deny c1 -> c2, deny world -> c2";

for (const backend of ["nft", "iptables", "ebpf"] as const satisfies readonly BackendName[])
  for (const met of [true, false])
    it(`${backend}: it stays so when allowed again, whether it was ${met ? "" : "not "}met in between`, () =>
      lab(async (host) => {
        await apply(host, front("icc off", BASE), backend);
        const flows = await openAll(host);
        await apply(host, base(`${DENIED}`), backend);
        if (met) await silent([...flows.tcp, flows.udp], flows.other, ["server", "client", "server"]);
        // One more that denies it, and changes something else.
        await apply(host, base(`${DENIED}, deny c3 -> c1:9`), backend);
        await apply(host, front("icc off", BASE), backend);
        await beginsAgain(flows);
      }));

it("ebpf: single edits end what they deny, and nothing else", () =>
  lab(async (host) => {
    const handle = new Handle(host, "ebpf");
    await handle.apply(front("icc off", "allow c1 -> c2:{2001, 2002, 2001/udp}, allow c2 -> c1:2001"));
    const traffic = new Traffic(host);
    const doomed = await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2001);
    const udp = await traffic.open("udp", at("c1"), at("c2"), C2.ip6, 2001);
    const others = [
      await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2002),
      await traffic.open("tcp", at("c2"), at("c1"), C1.ip, 2001),
    ];
    const other = others[0] as Flow;
    for (const [text, flow] of [
      ["deny c1 -> c2:2001", doomed],
      ["deny c1 -> c2:2001/udp", udp],
    ] as const) {
      const results = await handle.update({ add: text }, { remove: text });
      assert.ok(results.every(isQuick), JSON.stringify(results));
      await silent([flow], other, ["server"]);
    }
    await silent([doomed], other, ["client", "server"]);
    await alive([udp, ...others]);
    // As many again, with nothing to end between these two.
    assert.ok((await handle.update({ add: "deny c3 -> c2:1" }, { add: "deny c1 -> c2:9" })).every(isQuick));
    await alive([udp, ...others]);
    await handle.close();
  }));

it("ebpf: a policy that is taken back has ended nothing, though packets met it", () =>
  lab(async (host) => {
    await apply(host, front("icc off", BASE), "ebpf");
    const { tcp, udp, other } = await openAll(host);
    // What is denied is tried all the while, both ways.
    for (const { client, server, ends } of [...tcp, udp]) {
      await client.startSending(ends.client, 1);
      await server.startSending(ends.server, 1);
    }
    assert.match(await applyFailing(host, base(`${DENIED}`)), /^it was made to fail/);
    for (const { client, server, ends } of [...tcp, udp]) {
      await client.stopSending(ends.client);
      await server.stopSending(ends.server);
    }
    await alive([...tcp, udp, other]);
  }));

test.run();
