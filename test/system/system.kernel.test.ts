/** Processes, namespaces and sysctls as the system part wraps them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CommandFailed, MissingTool, run } from "../../src/system/run.js";
import { when } from "../kernel/features.js";
import { type Host, lab } from "../kernel/lab.js";

const test = suite("system");
const it = await when(test, "namespaces", "ip");
const both = await when(test, "namespaces", "ip", "netlink");

const NETNS = import.meta.resolve("../../src/system/netns.ts");
const SYSCTL = import.meta.resolve("../../src/system/sysctl.ts");
const TRANSPORT = import.meta.resolve("../../src/system/transport.ts");
const IP = import.meta.resolve("../../src/system/ip.ts");

async function failure(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("it succeeded");
}

test("a missing tool is named with its package", async () => {
  const error = await failure(run("no-such-tool-anywhere", []));
  assert.instance(error, MissingTool);
  assert.match(error.message, /^no-such-tool-anywhere is not installed$/);
  assert.match(new MissingTool("nft").message, /Debian package nftables/);
  assert.is(new MissingTool("ip").package, "iproute2");
});

test("a failure has the command, its status and what it said", async () => {
  const error = await failure(run("cp", ["--no-such-option"]));
  assert.instance(error, CommandFailed);
  assert.is(error["exitCode"], 1);
  assert.match(error.message, /^cp --no-such-option failed \(exit status 1\): cp: unrecognized option/);
  assert.is((await run("cp", ["--no-such-option"], { accept: "any" })).exitCode, 1);
  assert.is((await run("grep", ["x"], { input: "y", accept: [1] })).exitCode, 1);
  assert.is((await run("cat", [], { input: "a b\n" })).stdout, "a b\n");
});

test("what takes too long is ended", async () => {
  const error = await failure(run("sleep", ["20"], { timeout: 50 }));
  assert.instance(error, CommandFailed);
  assert.match(error.message, /^sleep 20 took too long/);
});

test("arguments are never a shell's", async () => {
  assert.is((await run("printf", ["%s", "$(id) `id` ; | > /x \n'\""])).stdout, "$(id) `id` ; | > /x \n'\"");
});

test("many at once all end", async () => {
  const results = await Promise.all(Array.from({ length: 100 }, (_, i) => run("printf", [String(i)])));
  assert.equal(
    results.map(({ stdout }) => stdout),
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
});

it("a namespace is made, known, entered and removed", () =>
  lab(async (host: Host) => {
    const path = "/run/x/y z/netns";
    const state = () => host.call<{ kind: string }>(NETNS, "netnsState", path);
    assert.is((await state()).kind, "absent");
    await host.call(NETNS, "createNetns", path);
    assert.is((await state()).kind, "namespace");
    assert.is((await failure(host.call(NETNS, "createNetns", path)))["code"], "EEXIST");
    const { stdout } = await host.call<{ stdout: string }>(NETNS, "runIn", path, "ip", ["-o", "link"]);
    assert.is(stdout.trim().split("\n").length, 1);
    assert.is((await failure(host.call(NETNS, "runIn", path, "no-such-tool", []))).name, "MissingTool");
    await host.call(NETNS, "removeNetns", path, "/run/nothing");
    assert.is((await state()).kind, "absent");
    // What a killed creation leaves is used; a file with something in it is not ours.
    await host.run("touch", [path]);
    assert.is((await state()).kind, "unbound");
    await host.call(NETNS, "createNetns", path);
    await host.run("mount", ["--bind", path, path]);
    await host.call(NETNS, "removeNetns", path);
    assert.is((await state()).kind, "absent");
    await host.run("cp", ["/proc/version", path]);
    assert.is((await state()).kind, "other");
    await host.call(NETNS, "removeNetns", path);
    assert.is((await state()).kind, "other");
  }));

it("sysctls are read and written here and in another namespace", () =>
  lab(async (host) => {
    const name = "ipv4/conf/lo/rp_filter";
    const path = "/run/x/netns";
    await host.call(NETNS, "createNetns", path);
    const before = await host.sysctl(name);
    assert.is(await host.call(SYSCTL, "readSysctl", name), before);
    assert.is(await host.call(SYSCTL, "readSysctl", "ipv4/conf/none/rp_filter"), undefined);
    assert.is(await host.call(SYSCTL, "writeSysctl", "ipv4/conf/none/rp_filter", "1"), undefined);
    const values = [
      { path: name, value: "1" },
      { path: "ipv6/conf/lo/accept_ra", value: "0" },
    ];
    await host.call(SYSCTL, "writeSysctlsIn", [path], values);
    const names = [...values.map((each) => each.path), "ipv4/conf/none/rp_filter"];
    const read = await host.call<Map<string, string>>(SYSCTL, "readSysctlsIn", path, names);
    assert.equal(
      [...read],
      [
        [name, "1"],
        ["ipv6/conf/lo/accept_ra", "0"],
      ],
    );
    assert.is(await host.sysctl(name), before);
    const error = await failure(
      host.call(SYSCTL, "writeSysctlsIn", [path], [{ path: "ipv4/conf/none/x", value: "1" }]),
    );
    assert.is(error.name, "CommandFailed");
  }));

it("a batch says which line failed, and takes no word with syntax in it", () =>
  lab(async (host) => {
    const batch = [
      ["link", "set", "dev", "lo", "mtu", "60000"],
      ["link", "set", "dev", "none", "up"],
    ];
    const error = await failure(host.call(IP, "ipBatch", undefined, batch));
    assert.is(error.name, "IpFailed");
    assert.is(error["index"], 1);
    assert.is(error.message, 'ip link set dev none up failed: Cannot find device "none"');
    for (const word of ["a b", "a\nb", '"', "'", "\\", "#", "", "ä"])
      assert.match(
        (await failure(host.call(IP, "ipBatch", undefined, [["link", word]]))).message,
        /no word for an ip batch/,
      );
  }));

/** Each fails at its last line. Not there: refused neighbours, at which ip ends the whole batch and names no line. */
const FAILING: string[][][] = [
  [["link", "set", "dev", "none", "up"]],
  [["link", "delete", "dev", "none"]],
  [["link", "delete", "group", "77"]],
  [["link", "add", "name", "up0", "type", "bridge"]],
  [["link", "add", "name", "b", "address", "01:00:00:00:00:01", "type", "bridge"]],
  [["link", "add", "name", "b", "type", "nonsense"]],
  [
    ["link", "set", "dev", "lo", "mtu", "70000"],
    ["link", "set", "dev", "up0", "mtu", "4"],
  ],
  [["address", "add", "198.51.100.1/24", "dev", "up0"]],
  [["address", "delete", "198.51.100.77/24", "dev", "up0"]],
  [["address", "add", "10.0.0.1/8", "dev", "none"]],
  [["route", "add", "10.0.0.0/8", "via", "10.9.9.9", "dev", "up0"]],
  [
    ["route", "add", "10.1.0.0/16", "dev", "up0"],
    ["route", "add", "10.1.0.0/16", "dev", "up0"],
  ],
  [["route", "delete", "10.77.0.0/16", "dev", "up0"]],
  [["route", "add", "10.77.0.1/16", "dev", "up0"]],
];

both("both carriers of a batch fail at the same line, with the same words", () =>
  lab(async (host) => {
    for (const batch of FAILING) {
      const said: unknown[] = [];
      for (const transport of ["nft", "netlink"]) {
        await host.call(TRANSPORT, "chooseTransport", transport);
        await host.run("ip", ["route", "flush", "root", "10.1.0.0/16"], { accept: "any" });
        const error = await failure(host.call(IP, "ipBatch", undefined, batch));
        assert.is(error["index"], batch.length - 1, `${transport}: ${error.message}`);
        const forced = await host.call(IP, "ipBatchForced", undefined, [...batch, ["link", "set", "dev", "lo", "up"]]);
        said.push([error.name, error.message, error["reason"], forced]);
      }
      assert.equal(said[1], said[0]);
    }
  }),
);

for (const transport of ["nft", "netlink"])
  both(`by ${transport}: a batch stops where it fails, unless it is forced`, () =>
    lab(async (host) => {
      await host.call(TRANSPORT, "chooseTransport", transport);
      const set = (mtu: number) => ["link", "set", "dev", "lo", "mtu", String(mtu)];
      const batch = [set(60_001), ["link", "set", "dev", "none", "up"], set(60_002)];
      const mtu = async () => /mtu (\d+)/.exec((await host.run("ip", ["link", "show", "dev", "lo"])).stdout)?.[1];
      assert.is((await failure(host.call(IP, "ipBatch", undefined, batch)))["index"], 1);
      assert.is(await mtu(), "60001");
      await host.call(IP, "ipBatchForced", undefined, batch);
      assert.is(await mtu(), "60002");
    }),
  );

for (const transport of ["nft", "netlink"])
  both(`by ${transport}: a namespace outlives the making, and its sysctls are its own`, () =>
    lab(async (host) => {
      await host.call(TRANSPORT, "chooseTransport", transport);
      const paths = ["/run/x/one", "/run/x/two"];
      for (const path of paths) await host.call(NETNS, "createNetns", path);
      await host.call(IP, "ipBatch", paths[0], [["link", "add", "name", "b", "mtu", "1400", "type", "bridge"]]);
      await host.call(SYSCTL, "writeSysctlsIn", paths, [{ path: "ipv4/conf/lo/rp_filter", value: "2" }]);
      assert.is(await host.sysctl("ipv4/conf/b/rp_filter"), undefined);
      assert.is(await host.sysctl("ipv4/conf/lo/rp_filter", undefined, paths[1]), "2");
      assert.match((await host.runIn(paths[0], "ip", ["link", "show", "dev", "b"])).stdout, /mtu 1400/);
      const gone = await failure(host.call(IP, "ipBatch", "/run/x/three", [["link", "set", "dev", "lo", "up"]]));
      assert.match(gone.message, /\/run\/x\/three/);
      await host.call(NETNS, "removeNetns", ...paths);
      assert.is((await host.run("grep", ["-c", "/run/x/", "/proc/mounts"], { accept: [1] })).stdout.trim(), "0");
    }),
  );

test.run();
