/** Edits of a live policy: each converges in one apply, and what it doesn't concern goes on. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { apply, at, remove } from "../support/live.js";

const test = suite("edits");

const policy = (network: string, name = "n", more = ""): string => `
network ${name} { subnet 172.18.0.0/16; subnet fd18::/64; ${network} }
container k { network ${name} ip 172.18.0.10 ip fd18::10 }
container u { network ${name} ip 172.18.0.11 ip fd18::11 }
${more}`;

const EDITS: readonly (readonly [string, string, string])[] = [
  ["a gateway is given", policy(""), policy("gateway 172.18.0.254; gateway fd18::fe")],
  ["a gateway is taken away", policy("gateway 172.18.0.254; gateway fd18::fe"), policy("")],
  ["the bridge is named", policy(""), policy('bridge "br-n2"')],
  ["the bridge is renamed", policy('bridge "br-1"'), policy('bridge "br-2"')],
  ["the network is renamed", policy(""), policy("", "nn")],
  ["gateway and bridge change at once", policy("gateway fd18::fe"), policy('bridge "br-n2"')],
  ["the MTU changes", policy(""), policy("mtu 1400")],
];

for (const [what, before, after] of EDITS)
  test(`${what}: one apply, both families work, and the next changes nothing`, async () => {
    await lab(async (host) => {
      await apply(host, before);
      await host.listen(at("k"), "tcp", 80);
      assert.is(await host.tcp(at("u"), "172.18.0.10", 80), "open");
      assert.ok((await apply(host, after)).changed);
      for (const address of ["172.18.0.10", "fd18::10"]) {
        assert.is(await host.tcp(at("u"), address, 80), "open", `u to ${address}`);
        assert.is(await host.tcp(undefined, address, 80), "open", `host to ${address}`);
      }
      assert.is((await apply(host, after)).changed, false);
      await remove(host);
      assert.not.match((await host.run("ip", ["link"])).stdout, /tsv-|tsb-|br-/);
    });
  });

test("a text that changes no kernel object is recorded all the same", async () => {
  await lab(async (host) => {
    await apply(host, policy("", "n", "container m { mode container:k }"));
    await apply(host, policy("", "n", "container m { mode host }"));
    const record = await host.read("/run/tsnet/applied/tsnet.record");
    assert.match(record ?? "", "mode host");
  });
});

test.run();
