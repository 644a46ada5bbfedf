/** What an apply changes, what it leaves alone, and that everything goes back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { hostsPath, netnsPath } from "../../src/topology/names.js";
import { planTopology } from "../../src/topology/plan.js";
import { when } from "../kernel/features.js";
import { type Host, lab, type Place, WORLD } from "../kernel/lab.js";
import { settled } from "../kernel/settled.js";
import { makePolicy, type PolicyText, SHOP } from "./policies.js";
import { type Applied, type ApplyOptions, STEPS } from "./steps.js";

const test = suite("topology: lifecycle");
const it = await when(test, "namespaces", "ip", "nf_tables");

const at = (container: string) => netnsPath("tsnet", container);
const ADOPTED = "/run/lab/adopted";

function apply(host: Host, text: PolicyText = SHOP, options: ApplyOptions = {}): Promise<Applied> {
  return host.call<Applied>(STEPS, "apply", makePolicy(text), options);
}

async function done(host: Host, text: PolicyText = SHOP, options: ApplyOptions = {}): Promise<readonly string[]> {
  const applied = await apply(host, text, options);
  assert.equal(applied.conflicts, []);
  assert.equal(applied.left, []);
  assert.equal(await host.call(STEPS, "look", makePolicy(text)), [], "the next apply would change something");
  return applied.changes;
}

/** All that `ip` says of a place, without counters and ages, and its sysctls. */
async function snapshot(host: Host, place?: Place): Promise<string> {
  await settled(host, place);
  const texts: string[] = [];
  for (const line of ["link", "address", "route show table all", "-6 route show table all", "rule", "neighbour"]) {
    const args = line === "neighbour" ? ["neighbour", "show", "nud", "permanent"] : line.split(" ");
    texts.push(...(await host.runIn(place, "ip", args)).stdout.split("\n").sort());
  }
  const roots = ["/proc/sys/net/ipv4", "/proc/sys/net/ipv6", "/proc/sys/net/bridge"];
  const { stdout } = await host.runIn(place, "grep", ["-rHs", "", ...roots], { accept: "any" });
  // Random per namespace, or a clock.
  const sysctls = stdout
    .split("\n")
    .filter((line) => !/fib_|stable_secret|_seed|route\/flush|tcp_fastopen_key/.test(line));
  return [...texts, ...sysctls.sort()].join("\n");
}

async function adopt(host: Host): Promise<void> {
  await host.run("touch", [ADOPTED]);
  await host.run("unshare", [`--net=${ADOPTED}`, "true"]);
  await host.runIn(ADOPTED, "ip", ["link", "add", "name", "own0", "type", "bridge"]);
  // No link-local address, whose duplicate detection would end in the midst of a comparison.
  await host.runIn(ADOPTED, "ip", ["link", "set", "dev", "own0", "addrgenmode", "none"]);
  await host.runIn(ADOPTED, "ip", ["address", "add", "172.30.0.9/24", "dev", "own0"]);
  await host.runIn(ADOPTED, "ip", ["link", "set", "dev", "own0", "up"]);
}

const WITH_ADOPTED: PolicyText = {
  ...SHOP,
  containers: [
    { name: "guest", sandbox: { kind: "netns", path: ADOPTED }, on: [["front", "10.84.1.50", "fd84:1::50"]] },
    { name: "idle", sandbox: { kind: "none" } },
    ...SHOP.containers,
  ],
};

it("a removal leaves links, addresses, routes, rules and sysctls as they were", () =>
  lab(async (host) => {
    await adopt(host);
    const before = [await snapshot(host), await snapshot(host, ADOPTED)];
    await done(host, { ...WITH_ADOPTED, publishes: [[undefined, 80, "c1", 80]] });
    assert.is.not(await snapshot(host), before[0]);
    assert.is.not(await snapshot(host, ADOPTED), before[1]);
    const removed = await host.call<{ problems: string[] }>(STEPS, "remove", "tsnet");
    assert.equal(removed.problems, []);
    assert.is(await snapshot(host), before[0]);
    assert.is(await snapshot(host, ADOPTED), before[1]);
    assert.is((await host.run("find", ["/run/tsnet", "-mindepth", "1"])).stdout, "");
  }));

it("one policy's removal leaves another's", () =>
  lab(async (host) => {
    await done(host);
    const other: PolicyText = {
      name: "tsnet2",
      networks: [{ name: "front", subnets: ["10.90.0.0/24"] }],
      containers: [{ name: "c1", on: [["front", "10.90.0.2"]] }],
    };
    const before = await snapshot(host);
    await apply(host, other);
    await host.call(STEPS, "remove", "tsnet2");
    assert.is(await snapshot(host), before);
    assert.is(await host.ping(at("c1"), "10.84.1.12"), "reply");
  }));

it("an adopted namespace keeps what it has", () =>
  lab(async (host) => {
    await adopt(host);
    await done(host, WITH_ADOPTED);
    await host.listen(ADOPTED, "tcp", 80);
    assert.is(await host.tcp(at("c1"), "10.84.1.50", 80), "open");
    assert.match((await host.runIn(ADOPTED, "ip", ["address"])).stdout, /172\.30\.0\.9\/24/);
    await done(host, SHOP);
    assert.not.match((await host.runIn(ADOPTED, "ip", ["address"])).stdout, /eth0/);
    assert.match((await host.runIn(ADOPTED, "ip", ["address"])).stdout, /172\.30\.0\.9\/24/);
  }));

it("the namespace of a process", () =>
  lab(async (host) => {
    await adopt(host);
    const pid = await host.spawn(ADOPTED, "sleep", ["1000"]);
    const text: PolicyText = {
      ...SHOP,
      containers: [{ name: "p", sandbox: { kind: "pid", pid }, on: [["front", "10.84.1.60"]] }, ...SHOP.containers],
    };
    await done(host, text);
    assert.is(await host.ping(at("c1"), "10.84.1.60"), "reply");
    await host.kill(pid);
  }));

it("an untouched container keeps its link and its connections through every change around it", () =>
  lab(async (host) => {
    await done(host);
    await host.listen(at("c2"), "tcp", 80);
    const connection = await host.connect(at("c1"), "10.84.1.12", 80);
    const index = async () => (await host.runIn(at("c1"), "cat", ["/proc/net/dev_mcast"])).stdout;
    const links = await index();
    const [c1, c2] = SHOP.containers;
    if (c1 === undefined || c2 === undefined) throw new Error("SHOP has two containers");
    const steps: PolicyText[] = [
      { ...SHOP, containers: [c1, c2] },
      { ...SHOP, containers: [{ name: "c9", on: [["front", "10.84.1.19"]] }, c2, c1] },
      { ...SHOP, containers: [c1, c2], publishes: [[undefined, 80, "c2", 80]], networks: SHOP.networks.slice(0, 1) },
      {
        ...SHOP,
        containers: [c1, c2],
        networks: [...SHOP.networks.slice(0, 1), { name: "new", subnets: ["10.99.0.0/24"] }],
      },
      SHOP,
    ];
    for (const step of steps) {
      assert.ok((await done(host, step)).length > 0);
      assert.is(await host.talk(at("c1"), connection), "open");
    }
    assert.is(await index(), links);
    assert.equal(await done(host), []);
  }));

it("a publish more or less changes one sysctl and one route", () =>
  lab(async (host) => {
    await done(host);
    const text: PolicyText = { ...SHOP, publishes: [[undefined, 80, "c1", 80]] };
    const device = planTopology(makePolicy(SHOP)).sandboxes[0]?.endpoints[0]?.device ?? "";
    const local = async () =>
      (await host.run("ip", ["-6", "route", "show", "table", "local", "::1", "dev", device])).stdout;
    assert.is((await done(host, text)).length, 1);
    assert.is(await host.sysctl(`ipv4/conf/${device}/route_localnet`), "1");
    assert.match(await local(), /::1/);
    assert.is((await done(host)).length, 1);
    assert.is(await host.sysctl(`ipv4/conf/${device}/route_localnet`), "0");
    assert.is(await local(), "");
  }));

it("another address makes the endpoint anew, in the same namespace", () =>
  lab(async (host) => {
    await done(host);
    const file = await host.run("stat", ["-L", "-c", "%i", at("c1")]);
    const [, ...rest] = SHOP.containers;
    await done(host, { ...SHOP, containers: [{ name: "c1", on: [["front", "10.84.1.77", "fd84:1::77"]] }, ...rest] });
    assert.is((await host.run("stat", ["-L", "-c", "%i", at("c1")])).stdout, file.stdout);
    assert.is(await host.ping(at("c2"), "10.84.1.77"), "reply");
    assert.is(await host.ping(at("c2"), "fd84:1::77"), "reply");
    assert.match((await host.read(hostsPath("tsnet", "c1"))) ?? "", /^10\.84\.1\.77\tc1$/m);
  }));

it("a network gains and loses IPv6, changes its subnet, its MTU, and its bridge's name", () =>
  lab(async (host) => {
    const containers = (v4: string, v6?: string) => [
      { name: "a", on: [["n", `${v4}.2`, ...(v6 === undefined ? [] : [`${v6}::2`])] as [string, ...string[]]] },
      { name: "b", on: [["n", `${v4}.3`, ...(v6 === undefined ? [] : [`${v6}::3`])] as [string, ...string[]]] },
    ];
    const steps: [PolicyText, string][] = [
      [{ networks: [{ name: "n", subnets: ["10.84.1.0/24"] }], containers: containers("10.84.1") }, "10.84.1.3"],
      [
        {
          networks: [{ name: "n", subnets: ["10.84.1.0/24", "fd01::/64"] }],
          containers: containers("10.84.1", "fd01"),
        },
        "fd01::3",
      ],
      [{ networks: [{ name: "n", subnets: ["10.84.1.0/24"] }], containers: containers("10.84.1") }, "10.84.1.3"],
      [
        { networks: [{ name: "n", subnets: ["10.84.7.0/24"], mtu: 1400 }], containers: containers("10.84.7") },
        "10.84.7.3",
      ],
      [
        { networks: [{ name: "n", subnets: ["10.84.7.0/24"], bridge: "br-n" }], containers: containers("10.84.7") },
        "10.84.7.3",
      ],
      [{ networks: [{ name: "n", subnets: ["10.84.7.0/24"] }], containers: containers("10.84.7") }, "10.84.7.3"],
    ];
    for (const [text, to] of steps) {
      await done(host, text);
      assert.is(await host.ping(at("a"), to), "reply");
      const mtu = text.networks[0]?.mtu ?? 1500;
      assert.match((await host.runIn(at("a"), "ip", ["link", "show", "eth0"])).stdout, new RegExp(`mtu ${mtu} `));
      assert.is((await host.run("ip", ["-o", "link", "show", "type", "bridge"])).stdout.split("\n").length, 2);
    }
  }));

it("what somebody broke is mended where it stands, with a sentence", () =>
  lab(async (host) => {
    await done(host);
    const { bridges, sandboxes } = planTopology(makePolicy(SHOP));
    const bridge = bridges[0]?.device ?? "";
    const device = sandboxes[0]?.endpoints[0]?.device ?? "";
    const breaks: [Place, string, string[], RegExp][] = [
      [undefined, "ip", ["link", "set", "dev", device, "down"], /is down/],
      [undefined, "ip", ["route", "delete", "10.84.1.11"], /route 10\.84\.1\.11 .* missing/],
      [undefined, "ip", ["neighbour", "delete", "10.84.1.11", "dev", device], /neighbour 10\.84\.1\.11 .* missing/],
      [undefined, "ip", ["link", "set", "dev", device, "address", "02:00:00:00:00:01"], /MAC/],
      [undefined, "ip", ["address", "add", "10.84.1.200/32", "dev", device], /besides/],
      [undefined, "ip", ["address", "delete", "10.84.1.1/24", "dev", bridge], /lacks/],
      [undefined, "ip", ["link", "set", "dev", bridge, "mtu", "1300"], /MTU/],
      [undefined, "ip", ["link", "set", "dev", bridge, "mtu", "1000"], /MTU/],
      [undefined, "ip", ["link", "set", "dev", device, "mtu", "1000"], /replace .*MTU/],
      [undefined, "ip", ["link", "set", "dev", bridge, "down"], /is down/],
      [at("c1"), "ip", ["link", "set", "dev", "eth0", "down"], /is down/],
      [at("c1"), "ip", ["address", "flush", "dev", "eth0"], /lost/],
      [at("c1"), "ip", ["route", "delete", "default"], /route default .* missing/],
      [at("c1"), "ip", ["route", "replace", "default", "dev", "eth0"], /route default .* missing/],
      [at("c1"), "ip", ["neighbour", "flush", "nud", "permanent"], /neighbour .* missing/],
      [at("c1"), "ip", ["link", "set", "dev", "eth0", "address", "02:00:00:00:00:02"], /replace .*MAC/],
      [at("c1"), "ip", ["link", "set", "dev", "lo", "down"], /loopback device is down/],
      [at("c1"), "ip", ["link", "delete", "dev", "eth0"], /add eth0/],
      [undefined, "umount", [at("c2")], /add namespace/],
      [undefined, "rm", [hostsPath("tsnet", "c1")], /write/],
    ];
    for (const [place, command, args, sentence] of breaks) {
      await host.runIn(place, command, args);
      const changes = await done(host);
      assert.match(changes.join("\n"), sentence);
      const what = `${command} ${args.join(" ")}`;
      assert.is(await host.ping(at("c1"), "10.84.1.12"), "reply", what);
      assert.is(await host.ping(at("c2"), "fd84:1::11"), "reply", what);
    }
  }));

it("a changed sysctl is seen and mended, on both ends", () =>
  lab(async (host) => {
    await done(host);
    const device = planTopology(makePolicy(SHOP)).sandboxes[0]?.endpoints[0]?.device ?? "";
    await host.sysctl(`ipv4/conf/${device}/rp_filter`, "1");
    await host.sysctl("ipv6/conf/eth0/accept_ra", "1", at("c1"));
    const { changes } = await apply(host, SHOP, { settings: true });
    assert.match(changes.join(), /rp_filter is 1, not 2.*accept_ra is 1, not 0/);
    assert.equal(await host.call(STEPS, "look", makePolicy(SHOP)), []);
  }));

it("what a container adds to its own namespace stays", () =>
  lab(async (host) => {
    await done(host);
    await host.runIn(at("c1"), "ip", ["address", "add", "192.168.55.1/24", "dev", "eth0"]);
    await host.runIn(at("c1"), "ip", ["route", "add", "172.31.0.0/16", "via", "10.84.1.1"]);
    assert.equal(await done(host), []);
  }));

// Failure ------------------------------------------------------------------------------------------------------------

for (const until of ["undo-prepare", "undo-raise"] as const) {
  it(`${until} takes back a first apply`, () =>
    lab(async (host) => {
      await adopt(host);
      const before = [await snapshot(host), await snapshot(host, ADOPTED)];
      assert.equal((await apply(host, WITH_ADOPTED, { until })).left, []);
      assert.is(await snapshot(host), before[0]);
      assert.is(await snapshot(host, ADOPTED), before[1]);
      assert.is((await host.run("find", ["/run/tsnet", "-type", "f"])).stdout, "");
    }));

  it(`${until} takes back a change, the removed devices included`, () =>
    lab(async (host) => {
      await done(host, { ...SHOP, publishes: [["::1", 80, "c1", 80]] });
      const [c1] = SHOP.containers;
      if (c1 === undefined) throw new Error("SHOP has a container");
      const text: PolicyText = {
        networks: [
          { name: "front", subnets: ["10.84.1.0/24"], mtu: 1400 },
          { name: "x", subnets: ["10.77.0.0/24"] },
        ],
        containers: [
          { name: "c1", on: [["front", "10.84.1.66"]] },
          { name: "y", on: [["x", "10.77.0.2"]] },
        ],
      };
      assert.equal((await apply(host, text, { until })).left, []);
      assert.equal(await host.call(STEPS, "look", makePolicy({ ...SHOP, publishes: [["::1", 80, "c1", 80]] })), []);
      for (const to of ["10.84.1.12", "fd84:1::12", "10.84.1.13"])
        assert.is(await host.ping(at("c1"), to), "reply", to);
    }));
}

it("a failure in the middle undoes what was done and says what failed", () =>
  lab(async (host) => {
    await adopt(host);
    const before = [await snapshot(host), await snapshot(host, ADOPTED)];
    // A multicast MAC: the kernel refuses it in the midst of the others' work.
    const policy = makePolicy(WITH_ADOPTED);
    const [guest, ...rest] = policy.containers;
    const endpoints = guest?.endpoints.map((endpoint) => ({ ...endpoint, mac: "01:00:00:00:00:01" })) ?? [];
    const broken = { ...policy, containers: [...rest, { ...guest, endpoints }] };
    const error = await host.call(STEPS, "apply", broken).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    assert.is(error?.name, "IpFailed");
    assert.match(error?.message ?? "", /01:00:00:00:00:01/);
    assert.not.match(error?.message ?? "", /undoing/);
    assert.is(await snapshot(host), before[0]);
    assert.is(await snapshot(host, ADOPTED), before[1]);
  }));

it("a killed apply is mended by the next, at whatever point", () =>
  lab(async (host) => {
    await apply(host, SHOP, { until: "prepare" });
    await done(host);
    await host.call(STEPS, "remove", "tsnet");
    // Killed between making and marking a device, and between making and binding a namespace.
    const { bridges, sandboxes } = planTopology(makePolicy(SHOP));
    await host.run("ip", ["link", "add", "name", bridges[0]?.device ?? "", "type", "bridge"]);
    await host.run("ip", [
      "link",
      "add",
      "name",
      sandboxes[0]?.endpoints[0]?.device ?? "",
      "type",
      "veth",
      "peer",
      "name",
      "left",
    ]);
    await host.run("mkdir", ["-p", "/run/tsnet/netns/tsnet"]);
    await host.run("touch", [at("c1")]);
    await done(host, SHOP, { cutOff: true });
    assert.is(await host.ping(at("c1"), "10.84.1.12"), "reply");
    assert.not.match((await host.run("ip", ["link"])).stdout, /left/);
  }));

// Conflicts ----------------------------------------------------------------------------------------------------------

/** Expects a refusal that names the object, and that nothing was changed. */
async function refused(host: Host, text: PolicyText, object: string | RegExp): Promise<void> {
  const before = await snapshot(host);
  const { conflicts } = await apply(host, text);
  assert.ok(conflicts.length > 0, "no conflict");
  if (typeof object === "string") assert.is(conflicts[0]?.object, object);
  else assert.match(conflicts[0]?.object ?? "", object);
  for (const { message, mend } of conflicts) assert.ok(message.length > 20 && mend.length > 5);
  assert.is(await snapshot(host), before);
}

it("subnets that overlap somebody else's are refused by name", () =>
  lab(async (host) => {
    await host.run("ip", ["route", "add", "10.84.0.0/16", "via", "198.51.100.2"]);
    await refused(host, SHOP, "route 10.84.0.0/16 on up0");
    await host.run("ip", ["route", "delete", "10.84.0.0/16"]);
    await host.run("ip", ["route", "add", "unreachable", "10.84.1.128/25"]);
    await refused(host, SHOP, "route 10.84.1.128/25 (unreachable)");
    await host.run("ip", ["route", "delete", "10.84.1.128/25"]);
    await host.run("ip", ["route", "add", "fd84::/16", "dev", "up0", "table", "77"]);
    await refused(host, SHOP, "route fd84::/16 on up0");
    await host.run("ip", ["-6", "route", "flush", "table", "77"]);
    await host.run("ip", ["address", "add", "10.84.1.200/32", "dev", "up0"]);
    await refused(host, SHOP, "address 10.84.1.200/32 of up0");
    await host.run("ip", ["address", "delete", "10.84.1.200/32", "dev", "up0"]);
    // A default route is no overlap, nor are the halves of it that VPNs write.
    await host.run("ip", ["route", "add", "0.0.0.0/1", "via", "198.51.100.2"]);
    await done(host);
  }));

it("another policy's subnet is refused, with the policy's name", () =>
  lab(async (host) => {
    await done(host);
    const { conflicts } = await apply(host, { ...SHOP, name: "second" });
    assert.match(conflicts[0]?.message ?? "", /belongs to the policy tsnet$/);
    assert.equal(await host.call(STEPS, "look", makePolicy(SHOP)), []);
  }));

it("devices of others are refused by name and left alone", () =>
  lab(async (host) => {
    const named: PolicyText = {
      ...SHOP,
      networks: [
        { name: "front", subnets: ["10.84.1.0/24", "fd84:1::/64"], bridge: "br-front" },
        ...SHOP.networks.slice(1),
      ],
    };
    await host.run("ip", ["link", "add", "name", "br-front", "type", "bridge"]);
    await refused(host, named, "device br-front");
    await host.run("ip", ["link", "delete", "dev", "br-front"]);
    const device = planTopology(makePolicy(SHOP)).sandboxes[0]?.endpoints[0]?.device ?? "";
    await host.run("ip", ["link", "add", "name", device, "type", "veth", "peer", "name", "other"]);
    await host.run("ip", ["link", "set", "dev", device, "up"]);
    await refused(host, SHOP, `device ${device}`);
  }));

it("namespaces: somebody else's path, a missing one, the host's own, one twice", () =>
  lab(async (host) => {
    await host.run("mkdir", ["-p", at("c1")]);
    await refused(host, SHOP, `namespace ${at("c1")}`);
    await host.run("rmdir", [at("c1")]);
    await refused(host, WITH_ADOPTED, `namespace ${ADOPTED}`);
    await host.run("touch", [ADOPTED]);
    await refused(host, WITH_ADOPTED, `namespace ${ADOPTED}`);
    await host.run("rm", [ADOPTED]);
    const own = (kind: "self" | "twice"): PolicyText => ({
      networks: SHOP.networks,
      containers: [
        {
          name: "a",
          sandbox: { kind: "netns", path: kind === "self" ? "/proc/self/ns/net" : ADOPTED },
          on: [["front", "10.84.1.2"]],
        },
        ...(kind === "self"
          ? []
          : [
              {
                name: "b",
                sandbox: { kind: "netns" as const, path: `/run/lab/../lab/adopted` },
                on: [["front", "10.84.1.3"]] as const,
              },
            ]),
      ],
    });
    await refused(host, own("self"), "namespace /proc/self/ns/net");
    await adopt(host);
    await refused(host, own("twice"), `namespace ${ADOPTED}`);
    await refused(
      host,
      {
        ...SHOP,
        containers: [{ name: "p", sandbox: { kind: "pid", pid: 999_999_999 }, on: [["front", "10.84.1.2"]] }],
      },
      /^namespace \/proc/,
    );
  }));

it("what an adopted namespace has already is refused by name", () =>
  lab(async (host) => {
    await adopt(host);
    await host.runIn(ADOPTED, "ip", ["route", "add", "default", "via", "172.30.0.1"]);
    await refused(host, WITH_ADOPTED, `route default on own0 in ${ADOPTED}`);
    await host.runIn(ADOPTED, "ip", ["route", "delete", "default"]);
    await host.runIn(ADOPTED, "ip", ["link", "set", "dev", "own0", "down"]);
    await host.runIn(ADOPTED, "ip", ["link", "set", "dev", "own0", "name", "eth0"]);
    await refused(host, WITH_ADOPTED, `device eth0 in ${ADOPTED}`);
  }));

it("names that would be syntax elsewhere are only names", () =>
  lab(async (host) => {
    const evil = "a'\"; touch /run/pwned; \n$(touch /run/pwned) \\ # ../../x";
    await host.run("touch", [`/run/lab/a b'"#\\`]);
    await host.run("unshare", [`--net=/run/lab/a b'"#\\`, "true"]);
    const text: PolicyText = {
      name: evil,
      networks: [{ name: evil, subnets: ["10.84.1.0/24"] }],
      containers: [
        { name: `${evil}2`, on: [[evil, "10.84.1.2"]] },
        { name: "..", on: [[evil, "10.84.1.3"]] },
        { name: "x".repeat(400), on: [[evil, "10.84.1.4"]] },
        { name: "adopted", sandbox: { kind: "netns", path: `/run/lab/a b'"#\\` }, on: [[evil, "10.84.1.5"]] },
      ],
    };
    const before = await snapshot(host);
    await done(host, text);
    assert.is(await host.ping(netnsPath(evil, ".."), "10.84.1.4"), "reply");
    assert.is(await host.ping(netnsPath(evil, `${evil}2`), "10.84.1.5"), "reply");
    assert.is(await host.read("/run/pwned"), undefined);
    await host.call(STEPS, "remove", evil);
    assert.is(await snapshot(host), before);
  }));

it("without a world or IPv6 in the kernel's way: a policy of loopback only", () =>
  lab(async (host) => {
    await host.runIn(WORLD, "true");
    await done(host, { networks: [], containers: [{ name: "idle", sandbox: { kind: "none" } }] });
    assert.is(await host.ping(at("idle"), "127.0.0.1"), "reply");
    assert.is(await host.ping(at("idle"), "198.51.100.1"), "unreachable");
    assert.is((await host.read("/run/tsnet/forwarding.json")) === undefined, false);
  }));

test.run();
