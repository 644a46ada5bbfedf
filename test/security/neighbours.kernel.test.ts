/** Policies side by side: what one denies its containers no other opens, whichever came first and whatever carries them. */
import { suite } from "uvu";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab } from "../kernel/lab.js";
import { apply, at } from "../support/live.js";
import { cross, expect } from "./place.js";

const test = suite("security: policies side by side");

const MINE = `policy p
network n { subnet 10.97.1.0/24; subnet fd97:1::/64 }
network inner { subnet 10.97.2.0/24; subnet fd97:2::/64; internal }
container free { network n }
container held { network n }
container sent { network n }
container kept { network inner }
deny held -> world
reject sent -> {10.98.1.11, fd98:1::11}:22
`;

const THEIRS = `policy q
network n { subnet 10.98.1.0/24; subnet fd98:1::/64 }
container c1 { network n ip 10.98.1.11 ip fd98:1::11; publish 7011 -> 22 }
`;

for (const backend of ["nft", "iptables"] as const) {
  const it = await when(
    test,
    "namespaces",
    "ip",
    "nf_tables",
    ...(backend === "nft" ? [] : (["iptables-nft"] as const)),
  );
  for (const order of [
    [MINE, THEIRS],
    [THEIRS, MINE],
    [MINE.replace("deny held", "allow held"), THEIRS, MINE],
  ])
    it(`${backend}: ${order.map((text) => text.slice(7, 8)).join(", then ")}`, () =>
      lab(async (host) => {
        for (const text of order) await apply(host, text, backend);
        await host.listen(at("c1", "q"), "tcp", 22);
        const [free, held, sent, kept] = ["free", "held", "sent", "kept"].map((name) => at(name, "p")) as [
          string,
          string,
          string,
          string,
        ];
        const published = [HOST4, HOST6, "10.98.1.1", "fd98:1::1"];
        await expect(host, "open", cross("tcp", [free, at("c1", "q")], published, 7011));
        await expect(host, "timeout", cross("tcp", [held, kept], published, 7011));
        await expect(host, "refused", cross("tcp", [sent], published, 7011));
      }));
}

test.run();
