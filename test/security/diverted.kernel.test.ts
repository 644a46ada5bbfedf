/** Ports that somebody else publishes, or leads elsewhere: rules speak of where packets go, by every backend. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, type Host, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { C2, expect, front, type Way } from "./place.js";
import type { BackendName } from "../../src/backend/backend.js";
import { apply, at } from "../support/live.js";
import { Handle } from "../support/handle.js";
import { alive, type Flow, Traffic } from "../support/traffic.js";

const test = suite("security: led elsewhere by others");
const it = await when(test, "namespaces", "ip", "nf_tables", "iptables-nft", "ebpf", "conntrack");

const D = { ip: "10.60.1.11", ip6: "fd60:1::11" };
const BESIDE = `policy beside
network m { subnet 10.60.1.0/24; subnet fd60:1::/64 }
container d { network m ip ${D.ip} ip ${D.ip6} }
publish 4100 -> d:7000
publish 4101 -> d:7001/udp
publish 4102 -> d:7002
`;
/** To the world, and what goes there to this host. */
const FOREIGN = `table inet foreign {
  chain in {
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local meta nfproto ipv4 tcp dport 8888 dnat ip to ${WORLD4}:7000
    fib daddr type local meta nfproto ipv6 tcp dport 8888 dnat ip6 to [${WORLD6}]:7000
    fib daddr type != local tcp dport 9999 redirect to :7005
  }
}
`;

async function stand(host: Host, backend: BackendName): Promise<void> {
  await host.nft(FOREIGN);
  await apply(host, BESIDE, backend);
  await apply(host, front(), backend);
  await host.listen(at("d", "beside"), "tcp", 7000);
  await host.listen(at("d", "beside"), "udp", 7001);
  await host.listen(WORLD, "tcp", 7000);
  await host.listen(undefined, "tcp", 7005);
}

const ways = (protocol: "tcp" | "udp", to: readonly [string, string], port: number): Way[] =>
  to.map((address) => [protocol, at("c1"), address, port] as const);

const PUBLISHED = [...ways("tcp", [HOST4, HOST6], 4100), ...ways("udp", [HOST4, HOST6], 4101)];
const AWAY = ways("tcp", [HOST4, HOST6], 8888);
const HERE = ways("tcp", [WORLD4, WORLD6], 9999);

for (const backend of ["nft", "iptables", "ebpf"] as const)
  it(`${backend}: what a container may not reach, it reaches by no port of this host`, () =>
    lab(async (host) => {
      await stand(host, backend);
      await expect(host, "open", [...PUBLISHED, ...AWAY, ...HERE]);
      await apply(host, front("", "deny c1 -> world"), backend);
      await expect(host, "timeout", [...PUBLISHED, ...AWAY]);
      await apply(host, front("", `deny c1 -> {10.60.1.0/24, fd60:1::/64}`), backend);
      await expect(host, "timeout", PUBLISHED);
      await expect(host, "open", AWAY);
      await apply(host, front("", "deny c1 -> world:{7000, 7001/udp}"), backend);
      await expect(host, "timeout", [...PUBLISHED, ...AWAY]);
      await apply(host, front("", "reject c1 -> world:{7000, 1-7000/udp}"), backend);
      await expect(host, "refused", [...PUBLISHED.slice(0, 2), ...AWAY]);
      await expect(host, "open", [...PUBLISHED.slice(2), ...HERE]);
      await apply(host, front("", "deny c1 -> host:7005"), backend);
      await expect(host, "timeout", HERE);
      await expect(host, "open", [...PUBLISHED, ...AWAY]);
      await apply(host, front("internal"), backend);
      await expect(host, "timeout", [...PUBLISHED, ...AWAY, ...HERE]);
      await apply(host, front(), backend);
      await expect(host, "open", [...PUBLISHED, ...AWAY, ...HERE]);
    }));

for (const backend of ["nft", "iptables", "ebpf"] as const)
  it(`${backend}: a connection that is led elsewhere stays cut when it is allowed again`, () =>
    lab(async (host) => {
      await host.nft(FOREIGN);
      await apply(host, BESIDE, backend);
      await apply(host, front(), backend);
      const traffic = new Traffic(host);
      const flows: Flow[] = [];
      flows.push(await traffic.open("tcp", at("c1"), at("d", "beside"), HOST4, 4100, 7000));
      flows.push(await traffic.open("tcp", at("c1"), at("d", "beside"), HOST6, 4102, 7002));
      const other = await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2001);
      const heard = async (): Promise<number[]> =>
        Promise.all(flows.map(async ({ server, ends }) => (await server.look(ends.server)).received));
      const before = await heard();
      await apply(host, front("", "deny c1 -> world:{7000, 7002}"), backend);
      for (const { client, ends } of flows) await client.send(ends.client);
      await alive([other]);
      await apply(host, front(), backend);
      for (const { client, ends } of flows) await client.send(ends.client);
      await alive([other]);
      assert.equal(await heard(), before);
    }));

it("ebpf: a single edit denies it too", () =>
  lab(async (host) => {
    await stand(host, "ebpf");
    const handle = new Handle(host, "ebpf");
    await handle.apply(front("", "allow c2 -> c1"));
    await expect(host, "open", AWAY);
    await handle.update({ add: `deny c1 -> ${WORLD4}` }, { add: `deny c1 -> c2` });
    await expect(host, "timeout", AWAY.slice(0, 1));
    await expect(host, "open", AWAY.slice(1));
    await handle.update({ remove: `deny c1 -> ${WORLD4}` });
    await expect(host, "open", AWAY);
    await handle.close();
  }));

test.run();
