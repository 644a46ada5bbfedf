/** Forwarding is turned on as narrowly as possible, makes no router for strangers, and goes back as it was. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { netnsPath } from "../../src/topology/names.js";
import { when } from "../kernel/features.js";
import { type Host, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { makePolicy, SHOP } from "./policies.js";
import { type Applied, STEPS } from "./steps.js";

const test = suite("topology: forwarding");
const it = await when(test, "namespaces", "ip", "nf_tables");

const HIDDEN = import.meta.resolve("../support/hidden.ts");

const C1 = netnsPath("tsnet", "c1");
const STRANGER = "/run/lab/stranger";

async function apply(host: Host, name = "tsnet", wide = false): Promise<Applied> {
  const text =
    name === "tsnet"
      ? SHOP
      : {
          networks: [{ name: "n", subnets: ["10.85.1.0/24"] }],
          containers: [{ name: "d1", on: [["n", "10.85.1.2"]] as const }],
        };
  const applied = await host.call<Applied>(STEPS, "apply", makePolicy({ ...text, name }), { wide });
  assert.equal(applied.conflicts, []);
  return applied;
}

/** Another namespace behind the host, with which we have nothing to do: 203.0.113.2, 2001:db8:200::2. */
async function stranger(host: Host): Promise<void> {
  await host.run("touch", [STRANGER]);
  await host.run("unshare", [`--net=${STRANGER}`, "true"]);
  await host.run("ip", ["link", "add", "name", "up1", "type", "veth", "peer", "name", "eth0", "netns", STRANGER]);
  await host.sysctl("ipv6/conf/up1/accept_dad", "0");
  await host.sysctl("ipv6/conf/eth0/accept_dad", "0", STRANGER);
  const batch = (lines: string[]) => ({ input: lines.map((line) => `${line}\n`).join("") });
  await host.run(
    "ip",
    ["-batch", "-"],
    batch([
      "address add 203.0.113.1/24 dev up1",
      "address add 2001:db8:200::1/64 dev up1 nodad",
      "link set dev up1 up",
    ]),
  );
  await host.runIn(
    STRANGER,
    "ip",
    ["-batch", "-"],
    batch([
      "address add 203.0.113.2/24 dev eth0",
      "address add 2001:db8:200::2/64 dev eth0 nodad",
      "link set dev eth0 up",
      "route add default via 203.0.113.1",
      "route add ::/0 via 2001:db8:200::1 dev eth0",
    ]),
  );
}

/** Every forwarding sysctl, and what makes the host listen to routers. */
async function settings(host: Host): Promise<string> {
  const names = ["forwarding", "force_forwarding", "accept_ra", "accept_redirects", "rp_filter", "send_redirects"];
  const args = [
    "/proc/sys/net/ipv4/conf",
    "/proc/sys/net/ipv6/conf",
    "(",
    ...names.flatMap((n) => ["-o", "-name", n]).slice(1),
    ")",
  ];
  const { stdout } = await host.run("find", [...args, "-type", "f"]);
  const files = [...stdout.split("\n").filter((line) => line !== ""), "/proc/sys/net/ipv4/ip_forward"].sort();
  return (await host.run("grep", ["-H", "", ...files])).stdout;
}

async function worksBothWays(host: Host): Promise<void> {
  for (const to of [WORLD4, WORLD6]) assert.is(await host.tcp(C1, to, 80), "open", `c1 -> ${to}`);
  for (const to of ["10.84.1.11", "fd84:1::11"]) assert.is(await host.tcp(WORLD, to, 80), "open", `world -> ${to}`);
}

async function isNoRouter(host: Host): Promise<void> {
  for (const [from, to] of [
    [STRANGER, WORLD4],
    [STRANGER, WORLD6],
    [WORLD, "203.0.113.2"],
    [WORLD, "2001:db8:200::2"],
  ] as const)
    assert.is.not(await host.tcp(from, to, 80, { timeout: 300 }), "open", `${from} -> ${to}`);
}

for (const wide of [false, true]) {
  it(`off before: on for us alone, and back (${wide ? "all of IPv6 at once" : "device by device"})`, () =>
    lab(async (host) => {
      await stranger(host);
      const before = await settings(host);
      const tables = (await host.run("nft", ["list", "ruleset"])).stdout;
      await apply(host, "tsnet", wide);
      assert.is(await host.sysctl("ipv4/ip_forward"), "0");
      assert.is(await host.sysctl("ipv6/conf/all/forwarding"), wide ? "1" : "0");
      for (const place of [WORLD, STRANGER, C1]) await host.listen(place, "tcp", 80);
      await worksBothWays(host);
      await isNoRouter(host);
      assert.match((await host.run("nft", ["list", "table", "inet", "tsnet_guard"])).stdout, /counter packets [1-9]/);
      // A policy more changes nothing, and keeps it when the first one goes.
      const during = await settings(host);
      await apply(host, "second", wide);
      await host.call(STEPS, "remove", "second");
      assert.is(await settings(host), during);
      await worksBothWays(host);
      await host.call(STEPS, "remove", "tsnet");
      assert.is(await settings(host), before);
      assert.is((await host.run("nft", ["list", "ruleset"])).stdout, tables);
      assert.is(await host.read("/run/tsnet/forwarding.json"), undefined);
    }));
}

for (const variant of ["nft", "legacy"] as const)
  it(`off before, and no nft: iptables guards (${variant}), and the table once there is nft`, () =>
    lab(async (host) => {
      await host.call(import.meta.resolve("../support/variant.ts"), "usual", variant);
      await stranger(host);
      const before = await settings(host);
      const [nft = ""] = await host.call<string[]>(HIDDEN, "hide", ["nft"]);
      await apply(host);
      for (const place of [WORLD, STRANGER, C1]) await host.listen(place, "tcp", 80);
      await worksBothWays(host);
      await isNoRouter(host);
      assert.match((await host.run("iptables-save", ["-c", "-t", "mangle"])).stdout, /^\[[1-9].*TSNET-GUARD -i up/m);
      // A device that is guarded too, and what somebody takes out.
      await host.run("iptables", ["-t", "mangle", "-F", "TSNET-GUARD"]);
      assert.is(await host.tcp(STRANGER, WORLD4, 80), "open");
      await apply(host);
      await isNoRouter(host);
      await worksBothWays(host);
      await host.call(HIDDEN, "show", nft);
      await apply(host);
      await isNoRouter(host);
      await host.call(STEPS, "remove", "tsnet");
      for (const tool of ["iptables-save", "ip6tables-save"]) assert.not.match((await host.run(tool)).stdout, /TSNET/);
      assert.not.match((await host.run(nft, ["list", "tables"])).stdout, /tsnet/);
      assert.is(await settings(host), before);
    }));

it("off again with the last policy even when the record is lost", () =>
  lab(async (host) => {
    const before = await settings(host);
    await apply(host);
    await host.run("rm", ["/run/tsnet/forwarding.json"]);
    await host.call(import.meta.resolve("../../src/topology/remove.ts"), "removeTopology", "tsnet");
    await host.call(STEPS, "remove", "tsnet");
    assert.is(await settings(host), before);
    assert.is((await host.run("nft", ["list", "ruleset"])).stdout, "");
  }));

it("on before: nothing is touched, strangers go on", () =>
  lab(async (host) => {
    await stranger(host);
    await host.sysctl("ipv4/ip_forward", "1");
    await host.sysctl("ipv6/conf/all/forwarding", "1");
    const before = await settings(host);
    await apply(host);
    const ours = (text: string) =>
      text
        .split("\n")
        .filter((line) => !/\/ts[bv]-/.test(line))
        .join("\n");
    assert.is(ours(await settings(host)), before);
    assert.is((await host.run("nft", ["list", "ruleset"])).stdout, "");
    for (const place of [WORLD, STRANGER, C1]) await host.listen(place, "tcp", 80);
    await worksBothWays(host);
    assert.is(await host.tcp(STRANGER, WORLD4, 80), "open");
    assert.is(await host.tcp(WORLD, "2001:db8:200::2", 80), "open");
    await host.call(STEPS, "remove", "tsnet");
    assert.is(await settings(host), before);
  }));

it("turned on by somebody else later: the next apply takes the guard away and leaves it on", () =>
  lab(async (host) => {
    await stranger(host);
    await apply(host);
    await host.sysctl("ipv4/ip_forward", "1");
    await apply(host);
    for (const place of [WORLD, STRANGER]) await host.listen(place, "tcp", 80);
    assert.is(await host.tcp(STRANGER, WORLD4, 80), "open");
    assert.is.not(await host.tcp(STRANGER, WORLD6, 80, { timeout: 300 }), "open");
    await host.call(STEPS, "remove", "tsnet");
    assert.is(await host.sysctl("ipv4/ip_forward"), "1");
    assert.is(await host.sysctl("ipv4/conf/up0/forwarding"), "1");
    assert.is(await host.tcp(STRANGER, WORLD4, 80), "open");
  }));

it("a device that appears later is served by the next apply", () =>
  lab(async (host) => {
    await apply(host);
    await stranger(host);
    await host.listen(STRANGER, "tcp", 80);
    assert.is(await host.tcp(C1, "203.0.113.2", 80, { timeout: 300 }), "timeout");
    await apply(host);
    assert.is(await host.tcp(C1, "203.0.113.2", 80), "open");
    await isNoRouter(host);
  }));

/** An Ethernet frame with a router advertisement (RFC 4861, 4.2) to all nodes, with a lifetime of 1800 seconds. */
function advertisement(mac: string, source: Uint8Array): string {
  const icmp = Buffer.from([134, 0, 0, 0, 64, 0, 7, 8, ...new Array<number>(8).fill(0)]);
  const allNodes = Buffer.from("ff020000000000000000000000000001", "hex");
  const pseudo = Buffer.concat([source, allNodes, Buffer.from([0, 0, 0, icmp.length, 0, 0, 0, 58]), icmp]);
  let sum = 0;
  for (let i = 0; i < pseudo.length; i += 2) sum += pseudo.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  icmp.writeUInt16BE(~sum & 0xffff, 2);
  const header = Buffer.from([0x60, 0, 0, 0, 0, icmp.length, 58, 255]);
  const ethernet = Buffer.from(`333300000001${mac.replaceAll(":", "")}86dd`, "hex");
  return Buffer.concat([ethernet, header, source, allNodes, icmp]).toString("hex");
}

for (const wide of [false, true]) {
  it(`the default route from an advertisement survives (${wide ? "all of IPv6 at once" : "device by device"})`, () =>
    lab(async (host) => {
      const { stdout } = await host.runIn(WORLD, "ip", ["-j", "link", "show", "dev", "uplink"]);
      const mac = (JSON.parse(stdout) as { address: string }[])[0]?.address ?? "";
      const bytes = Buffer.from(mac.replaceAll(":", ""), "hex");
      const source = Buffer.concat([
        Buffer.from("fe80000000000000", "hex"),
        bytes.subarray(0, 3),
        Buffer.from("fffe", "hex"),
        bytes.subarray(3),
      ]);
      source[8] = (source[8] as number) ^ 2;
      const learnt = async () => (await host.run("ip", ["-6", "route", "show", "default", "proto", "ra"])).stdout;
      await host.frame(WORLD, "uplink", advertisement(mac, source));
      assert.match(await learnt(), /^default via fe80::/);
      await apply(host, "tsnet", wide);
      assert.match(await learnt(), /^default via fe80::/, "lost by the apply");
      await host.run("ip", ["-6", "route", "delete", "default", "proto", "ra"]);
      await host.frame(WORLD, "uplink", advertisement(mac, source));
      assert.match(await learnt(), /^default via fe80::/, "no longer learnt");
      await host.call(STEPS, "remove", "tsnet");
      assert.match(await learnt(), /^default via fe80::/, "lost by the removal");
    }));
}

test.run();
