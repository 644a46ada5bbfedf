/** What carries a live policy changes under its open connections: those that it allows go on, from every side. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BackendName } from "../../src/backend/backend.js";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, type Host, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { C1, C2, expect, front } from "../security/place.js";
import { apply, at } from "../support/live.js";
import { alive, type Flow, Traffic } from "../support/traffic.js";

const test = suite("switching backends");
const it = await when(test, "namespaces", "ip", "nf_tables", "iptables-nft", "ebpf", "conntrack");

const D1 = { ip: "10.90.3.11", ip6: "fd90:3::11" };

const policy = (rules = ""): string =>
  front(
    "icc off",
    `
network back { subnet 10.90.3.0/24; subnet fd90:3::/64 }
container d1 { network back ip ${D1.ip} ip ${D1.ip6} }
publish 4001-4020 -> c2:5001-5020
publish 4001-4020 -> c2:5001-5020/udp
allow c1 -> {c2, d1}
${rules}`,
  );

/** From every side, in both families, translated and not. */
async function openAll(host: Host): Promise<Flow[]> {
  const traffic = new Traffic(host);
  const flows: Flow[] = [];
  let number = 0;
  for (const [c1, c2, d1, world, own] of [
    [C1.ip, C2.ip, D1.ip, WORLD4, HOST4],
    [C1.ip6, C2.ip6, D1.ip6, WORLD6, HOST6],
  ] as const)
    for (const protocol of ["tcp", "udp"] as const)
      for (const [from, to, address] of [
        [at("c1"), at("c2"), c2],
        [at("c1"), at("d1"), d1],
        [at("c1"), WORLD, world],
        [at("c1"), undefined, own],
        [undefined, at("c1"), c1],
      ] as const)
        flows.push(await traffic.open(protocol, from, to, address, 2000 + ++number));
  let published = 0;
  for (const own of [HOST4, HOST6])
    for (const protocol of ["tcp", "udp"] as const)
      for (const [from, address] of [
        [WORLD, own],
        [at("d1"), own],
        [at("c2"), own],
        [undefined, own === HOST4 ? "127.0.0.1" : own],
      ] as const) {
        published++;
        flows.push(await traffic.open(protocol, from, at("c2"), address, 4000 + published, 5000 + published));
      }
  return flows;
}

/** The server says something that nobody asked for just now. */
async function serverFirst(flows: readonly Flow[]): Promise<void> {
  const heard = async (): Promise<number[]> =>
    Promise.all(flows.map(async ({ client, ends }) => (await client.look(ends.client)).received));
  const before = await heard();
  for (const { server, ends } of flows) await server.send(ends.server);
  await alive(flows);
  const after = await heard();
  // Each of `alive` is one more.
  const missing = flows.filter((_, i) => (after[i] as number) < (before[i] as number) + 2);
  assert.equal(
    missing.map(({ name }) => name),
    [],
  );
}

for (const way of [
  ["nft", "ebpf", "nft"],
  ["iptables", "ebpf", "iptables"],
] as const satisfies readonly (readonly BackendName[])[])
  it(`${way.join(" to ")}: open connections go on, and so do answers under way`, () =>
    lab(async (host) => {
      const [first, ...others] = way;
      await apply(host, policy(), first);
      const flows = await openAll(host);
      for (const backend of others) {
        await apply(host, policy(), backend);
        await serverFirst(flows);
      }
    }));

it("what the policy denies by now is cut with the switch, and what is cut stays so", () =>
  lab(async (host) => {
    await apply(host, policy(), "nft");
    const traffic = new Traffic(host);
    const doomed = await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2001);
    const other = await traffic.open("tcp", at("c1"), at("c2"), C2.ip6, 2002);
    const before = await Promise.all([doomed.client.look(doomed.ends.client), doomed.server.look(doomed.ends.server)]);
    await apply(host, policy("deny c1 -> c2:2001"), "ebpf");
    for (let i = 0; i < 2; i++) {
      await doomed.server.send(doomed.ends.server);
      await doomed.client.send(doomed.ends.client);
      await alive([other]);
      await apply(host, policy(), "ebpf");
    }
    const after = await Promise.all([doomed.client.look(doomed.ends.client), doomed.server.look(doomed.ends.server)]);
    assert.equal(
      after.map(({ received }) => received),
      before.map(({ received }) => received),
    );
  }));

it("programs that only watch let pass what they deny, note what they allow, and watch no longer once they are alone", () =>
  lab(async (host) => {
    await apply(host, policy(), "nft");
    await apply(host, policy(), "ebpf");
    const { stdout } = await host.run("find", ["/run/tsnet/bpf", "-name", "watching"]);
    const watch = (only: 0 | 1) =>
      host.run("bpftool", [
        ...["map", "update", "pinned", stdout.trim(), "key", "0", "0", "0", "0"],
        ...["value", String(only), "0", "0", "0"],
      ]);
    const traffic = new Traffic(host);
    const denied = [["tcp", at("c2"), C1.ip, 7000] as const, ["tcp", at("c2"), C1.ip6, 7000] as const];
    await host.listen(at("c1"), "tcp", 7000);
    await expect(host, "timeout", denied);
    await watch(1);
    await expect(host, "open", denied);
    const allowed = await traffic.open("tcp", at("c1"), at("c2"), C2.ip, 2001);
    await watch(0);
    await expect(host, "timeout", denied);
    await alive([allowed]);
    // The next apply has the last word, whatever has been left.
    await watch(1);
    await apply(host, policy("deny c1 -> c2:9"), "ebpf");
    await expect(host, "timeout", denied);
    await alive([allowed]);
  }));

test.run();
