/** The file system that the dataplane is pinned on is root's alone. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { folderOf } from "../../src/backend/ebpf/readback.js";
import { objectDigest, requireObject } from "../../src/backend/ebpf/object.js";
import { type BpfFailed } from "../../src/system/bpf/call.js";
import { setSlots } from "../../src/system/bpf/calls.js";
import { PINNED } from "../../src/system/bpf/filesystem.js";
import { when } from "../kernel/features.js";
import { lab } from "../kernel/lab.js";
import { C1, front } from "../security/place.js";
import { apply, remove } from "../support/live.js";

const test = suite("ebpf pinned");
const it = await when(test, "namespaces", "nf_tables", "ebpf");

it("nobody else looks in, and nothing is run from there", () =>
  lab(async (host) => {
    await apply(host, front(), "ebpf");
    const mount = (await host.read("/proc/self/mounts"))?.split("\n").find((line) => line.includes(` ${PINNED} `));
    for (const option of ["nosuid", "nodev", "noexec", "mode=700"]) assert.match(mount ?? "", option);
    assert.match((await host.run("stat", ["-c", "%A", PINNED])).stdout, /^drwx------|^drwx-----T/);
  }));

it("what somebody has put there while it was open to everybody says nothing and hinders nothing", () =>
  lab(async (host) => {
    await host.run("mkdir", ["-p", PINNED]);
    await host.run("mount", ["-t", "bpf", "bpf", PINNED]);
    const real = folderOf("tsnet", objectDigest(requireObject()));
    const other = `${real.slice(0, -10)}0123456789`;
    const make = async (...folders: string[]): Promise<void> => {
      for (const folder of folders) {
        await host.run("mkdir", ["-p", `${folder}/links/deep/deeper`]);
        await host.run("chown", ["-R", "65534:65534", folder]);
      }
    };
    await make(real, other);
    await apply(host, front(), "ebpf");
    assert.is((await host.run("stat", ["-c", "%a %u", PINNED])).stdout.trim(), "700 0");
    await make(`${real}/programs/links`);
    await apply(host, front("", "deny c1 -> c2"), "ebpf");
    await remove(host);
    assert.not.match((await host.read("/proc/self/mounts")) ?? "", PINNED);
    assert.is(await host.read(`/sys/class/net/${C1.device}/ifindex`), undefined);
  }));

it("a removal takes the table of translations away too where the folder is gone", () =>
  lab(async (host) => {
    await apply(host, front("", "publish 4001 -> c2:53/udp"), "ebpf");
    await host.run("umount", [PINNED]);
    assert.match((await host.run("nft", ["list", "tables"])).stdout, "tsnet_nat_");
    await remove(host);
    assert.not.match((await host.run("nft", ["list", "tables"])).stdout, "tsnet_nat_");
  }));

it("a slot that can't be filled says why, as the system's fault", async () => {
  const EBADF = 9;
  const error = await setSlots(0, [{ outer: 99999, map: 99999 }]).then(
    () => undefined,
    (failed: BpfFailed) => failed,
  );
  assert.is(error?.errno, EBADF);
  assert.is(error?.name, "SystemError");
  assert.ok(error?.help);
});

test.run();
