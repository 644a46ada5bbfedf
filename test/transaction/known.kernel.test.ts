/** What an open handle knows of sandboxes: it enters none that nobody has touched, and sees whatever was done in one. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lab, WORLD } from "../kernel/lab.js";
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

/** What is prepared in b and looks as it should, and what is done to it then. */
const NEXTHOPS: readonly (readonly [string, string, string])[] = [
  ["is gone", "IN nexthop add id 7 via GATEWAY dev eth0; IN route replace default nhid 7", "IN nexthop del id 7"],
  ["is flushed", "IN nexthop add id 7 via GATEWAY dev eth0; IN route replace default nhid 7", "IN nexthop flush"],
  [
    "of a group is gone",
    "IN nexthop add id 5 via GATEWAY dev eth0; IN nexthop add id 6 group 5; IN route replace default nhid 6",
    "IN nexthop del id 5",
  ],
  [
    "is another, and its routes aren't told",
    "IN nexthop add id 7 via GATEWAY dev eth0; IN route replace default nhid 7",
    "sysctl -qw net.ipv4.nexthop_compat_mode=0; IN nexthop replace id 7 via 10.91.1.11 dev eth0 onlink; sysctl -qw net.ipv4.nexthop_compat_mode=1",
  ],
];

for (const [what, prepare, deed] of NEXTHOPS)
  test(`a route's nexthop object ${what}`, () =>
    lab(async (host) => {
      const handle = new Handle(host);
      const inside = (words: string): Promise<unknown> =>
        host.runIn(B, "sh", ["-c", words.replaceAll("IN ", "ip ").replaceAll("GATEWAY", "10.91.1.1")]);
      await handle.applyAll(BASE, MORE);
      await inside(prepare);
      await handle.applyAll(BASE, MORE);
      await inside(deed);
      assert.is((await handle.apply(MORE)).changed, true, "it was seen");
      assert.equal((await apply(host, MORE)).changes, []);
      await handle.close();
    }));

test("a host end that comes back under another number, of which a device without carrier hears nothing", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const adopting = (more: string): string =>
      BASE.replace("subnet 10", `${more}subnet 10`).replace("10.91.1.12", '10.91.1.12; netns "/run/ad"');
    const sh = async (words: string): Promise<string> => (await host.run("sh", ["-c", words])).stdout.trim();
    const inside = (words: string): Promise<string> => sh(`nsenter --net=/run/ad ${words}`);
    await sh("touch /run/ad /run/hostns; unshare --net=/run/ad true; mount --bind /proc/self/ns/net /run/hostns");
    await handle.applyAll(adopting(""), adopting(""));
    const index = /eth0@if(\d+)/.exec(await inside("ip -o link show eth0"))?.[1] as string;
    const device = new RegExp(`^${index}: ([^@:]+)`, "m").exec(await sh("ip -o link"))?.[1] as string;
    await sh(`ip link set ${device} down`);
    for (let i = 0; i < 200 && !(await inside("ip -o link show eth0")).includes("state LOWERLAYERDOWN"); i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    // What is refused has read everything, and changed nothing.
    await sh("ip link add br-other type bridge");
    await handle.apply(adopting("bridge br-other; ")).then(
      () => assert.unreachable("a bridge that is somebody else's"),
      (error: Error) => assert.match(error.message, "br-other"),
    );
    await sh("ip link delete br-other");
    await host.runIn(WORLD, "ip", ["link", "add", "taken", "index", index, "type", "bridge"]);
    await sh(`ip link set ${device} netns ${WORLD}`);
    await host.runIn(WORLD, "ip", ["link", "set", device, "netns", "/run/hostns"]);
    assert.not.match(await sh("ip -o link"), new RegExp(`^${index}: ${device}`, "m"));
    assert.is((await handle.apply(adopting(""))).changed, true);
    assert.equal((await apply(host, adopting(""))).changes, []);
    assert.is(await host.ping(at("a"), "10.91.1.12"), "reply");
    await handle.close();
  }));

test("a handle that goes from one policy to another and back leaves no socket behind", () =>
  lab(async (host) => {
    const handle = new Handle(host);
    const other = "policy other\ncontainer z { }\n";
    await handle.applyAll(BASE, other, BASE, other);
    const files = await handle.openFiles();
    await handle.applyAll(BASE, other, BASE, other, BASE, other);
    assert.is(await handle.openFiles(), files);
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
