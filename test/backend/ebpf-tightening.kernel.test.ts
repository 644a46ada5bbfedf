/** What the eBPF dataplane does with open connections when a policy changes, and the switch from nftables and back. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, lab, WORLD } from "../kernel/lab.js";
import { apply, at, remove } from "../support/live.js";
import { alive, Traffic } from "../support/traffic.js";
import { C1, C2, front } from "../security/place.js";

const test = suite("ebpf tightening");
const it = await when(test, "namespaces", "nf_tables", "ebpf");

it("a tightened flow stops both ways, another goes on, and the backend can be switched under it", () =>
  lab(async (host) => {
    const traffic = new Traffic(host);
    const publish = "publish 4001 -> c2:5001/udp";
    await apply(host, front("", publish), "ebpf");
    const doomed = await traffic.open("udp", at("c1"), at("c2"), C2.ip, 2001);
    const sibling = await traffic.open("tcp", at("c1"), at("c2"), C2.ip6, 2002);
    const through = await traffic.open("udp", WORLD, at("c2"), HOST4, 4001, 5001);
    const { received } = await doomed.client.look(doomed.ends.client);
    await apply(host, front("", `${publish}, deny c1 -> c2:2001/udp`), "ebpf");
    for (let i = 0; i < 3; i++) {
      await doomed.server.send(doomed.ends.server);
      await doomed.client.send(doomed.ends.client);
    }
    await alive([sibling, through]);
    assert.is((await doomed.client.look(doomed.ends.client)).received, received);
    await apply(host, front("", publish), "nft");
    await alive([sibling, through]);
    await apply(host, front("", publish), "ebpf");
    await alive([through]);
    await remove(host);
    const { stdout } = await host.run("nft", ["list", "tables"]);
    assert.not.match(stdout, /tsnet/);
    assert.not.match((await host.run("cat", ["/proc/self/mounts"])).stdout, /run.tsnet.bpf/);
    assert.is((await host.run("ls", ["/run/tsnet"], { accept: "any" })).stdout, "");
  }));

it("what was refused from the start is no connection: the other direction is decided by itself", () =>
  lab(async (host) => {
    const refuse = "reject c1 -> c2:2001/udp";
    await apply(host, front("", refuse), "ebpf");
    const asked = { timeout: 5000, fromPort: 4000 };
    for (const fromPort of [4000, 4001])
      assert.is(await host.udp(at("c1"), C2.ip, 2001, { ...asked, fromPort }), "refused");
    for (const port of [4000, 4001]) await host.listen(at("c1"), "udp", port);
    assert.is(await host.udp(at("c2"), C1.ip, 4000, { ...asked, fromPort: 2001 }), "open");
    // Nor does it become one under a policy that allows it.
    await apply(host, front("", "deny c2 -> c1"), "ebpf");
    assert.is(await host.udp(at("c2"), C1.ip, 4001, { timeout: 500, fromPort: 2001 }), "timeout");
    assert.is(await host.udp(at("c3"), C1.ip, 4001, asked), "open");
  }));

test.run();
