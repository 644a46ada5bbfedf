/** What an open handle knows of sandboxes: it enters none that nobody has touched, and sees whatever was done in one. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab } from "../kernel/lab.js";
import { Handle } from "../support/handle.js";
import { apply, at } from "../support/live.js";

const test = suite("sandboxes that a handle knows");

const BASE = `network n { subnet 10.91.1.0/24; subnet fd91:1::/64 }
container a { network n ip 10.91.1.11 }
container b { network n ip 10.91.1.12 }
container c { network n ip 10.91.1.13 }
`;
/** To apply something else in between, so that nothing is left of what the last apply has read. */
const MORE = `${BASE}allow 192.0.2.7 -> a:{1000-2000, 3000}\n`;

const B = at("b");

/** What somebody does to b from the host, or in b. */
const DEEDS: readonly (readonly [string, string])[] = [
  ["an address", "IN address delete 10.91.1.12/24 dev eth0"],
  ["an address of IPv6", "IN -6 address flush dev eth0 scope global"],
  ["all addresses", "IN address flush dev eth0"],
  ["the default route", "IN route delete default"],
  ["the default route of IPv6", "IN -6 route delete default"],
  ["another gateway", "IN route replace default dev eth0"],
  ["a device that is down", "IN link set eth0 down"],
  ["another MTU", "IN link set eth0 mtu 1400"],
  ["another MAC", "IN link set eth0 address 02:00:00:00:00:77"],
  ["another name", "IN link set eth0 down; IN link set eth0 name eth7"],
  ["no device", "IN link delete eth0"],
  ["lo that is down", "IN link set lo down"],
  ["no neighbour", "IN neighbour flush nud permanent"],
  ["another neighbour", "IN neighbour replace 10.91.1.1 lladdr 02:00:00:00:00:66 dev eth0 nud permanent"],
  ["IPv6 that is off", "nsenter --net=PATH sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1"],
  ["no namespace", "umount PATH; rm PATH"],
  ["another namespace", "umount PATH; unshare --net=PATH true"],
  ["another namespace, with a device", "umount PATH; unshare --net=PATH true; IN link add eth0 type bridge"],
  ["another namespace in its place, twice", "for i in 1 2; do umount PATH; unshare --net=PATH true; done"],
];

test("none is entered that nobody has touched, and one that somebody has, alone", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    assert.equal((await handle.entered(BASE)).length > 0, true, "first they are read");
    for (const text of [BASE, MORE, BASE, `${BASE}publish 8080 -> a:80\n`, MORE])
      assert.equal(await handle.entered(text), [], text);
    await host.runIn(B, "ip", ["route", "add", "192.0.2.0/24", "dev", "eth0"]);
    assert.equal(new Set(await handle.entered(BASE)), new Set([B]));
    assert.equal(await handle.entered(MORE), []);
    await handle.close();
  }));

test("whatever was done in one is put right by the next apply", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.applyAll(BASE, MORE);
    for (const [i, [what, deed]] of DEEDS.entries()) {
      const text = i % 2 === 0 ? BASE : MORE;
      await handle.apply(text);
      await host.run("sh", ["-c", deed.replaceAll("IN ", "nsenter --net=PATH ip ").replaceAll("PATH", B as string)]);
      const { changed, problems } = await handle.apply(text);
      assert.is(changed, true, `${what}: it was seen`);
      assert.equal(problems, [], what);
      // Whoever knows nothing finds nothing to do.
      assert.equal((await apply(host, text)).changes, [], what);
      assert.is(await host.ping(at("a"), "10.91.1.12"), "reply", what);
    }
    await handle.close();
  }));

test("more than there is room to tell: all are read anew", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    await handle.applyAll(BASE, MORE);
    const routes = Array.from(
      { length: 40_000 },
      (_, i) => `route add 172.${16 + (i >> 14)}.${(i >> 6) & 255}.${(i & 63) * 4}/30 dev lo\n`,
    );
    await host.runIn(at("c"), "ip", ["-batch", "-"], { input: routes.join("") });
    await host.runIn(B, "ip", ["link", "set", "eth0", "down"]);
    assert.is((await handle.apply(MORE)).changed, true);
    assert.is(await host.ping(at("a"), "10.91.1.12"), "reply");
    await handle.close();
  }));

test.run();
