/**
 * While containers leave, come and change their addresses, nobody else sends in their name: neither what the old policy
 * has against that nor what the new one has is gone before the other holds.
 */
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab, WORLD } from "../kernel/lab.js";
import { udp } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import { countArriving, counts, macOf } from "./place.js";

const test = suite("security: who leaves");

const FLOOD = fileURLToPath(new URL("./flood.pl", import.meta.url));
const ROUNDS = 60_000;

/** `stays` is there throughout; the other has the first address, the second, or isn't there. */
const policy = (ends: readonly number[]): string =>
  `network front { subnet 10.90.1.0/24; subnet fd90:1::/64 }
   container stays { network front ip 10.90.1.11 ip fd90:1::11 }
   ${ends.map((end) => `container other { network front ip 10.90.1.${end} ip fd90:1::${end} }`).join("")}`;

for (const backend of ["nft", "iptables"] as const) {
  const tools = backend === "nft" ? [] : (["iptables-nft"] as const);
  const it = await when(test, "namespaces", "ip", "nf_tables", "perl", ...tools);
  it(`by ${backend}, nobody speaks for a container that leaves, comes or moves`, async () => {
    await lab(async (host) => {
      for (const path of ["all", "up0"]) await host.sysctl(`ipv4/conf/${path}/rp_filter`, "0");
      await apply(host, policy([12]), backend);
      await countArriving(host, at("stays"), "eth0", ["udp dport 9"]);
      const mac = { to: await macOf(host, undefined, "up0"), from: await macOf(host, WORLD, "uplink") };
      const lies = [12, 13].flatMap((end) => [
        udp({ ...mac, source: `10.90.1.${end}`, destination: "10.90.1.11" }, 4000, 9),
        udp({ ...mac, source: `fd90:1::${end}`, destination: "fd90:1::11" }, 4000, 9),
      ]);
      let done = false;
      const flood = host
        .spawn(WORLD, "perl", [FLOOD, "uplink", String(ROUNDS), ...lies], "sent")
        .then(() => (done = true));
      let applied = 0;
      for (; !done; applied++) await apply(host, policy([[], [12], [13], [12]][applied % 4] as number[]), backend);
      await flood;
      assert.ok(applied > 3, `${applied} policies are no change under way`);
      const [passed = 0] = await counts(host, at("stays"), "netdev");
      // A hook after the other takes its new rules: see ARCHITECTURE.md, Known limits.
      assert.ok(passed <= (backend === "nft" ? (ROUNDS * lies.length) / 10_000 : 0), `${passed} passed`);
      // The same from the container itself arrives.
      await apply(host, policy([12]), backend);
      const one = 'IO::Socket::INET->new(Proto => "udp", PeerAddr => "10.90.1.11:9")->send("x")';
      await host.runIn(at("other"), "perl", ["-MIO::Socket::INET", "-e", one]);
      assert.equal(await counts(host, at("stays"), "netdev"), [passed + 1]);
    });
  });
}

test.run();
