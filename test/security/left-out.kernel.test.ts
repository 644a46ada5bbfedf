/** What a publish's `from` leaves out is dropped silently on that way, whatever a `reject` or an `allow` says of the container. */
import { suite } from "uvu";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab, WORLD } from "../kernel/lab.js";
import { apply, at } from "../support/live.js";
import { C1, cross, expect, front } from "./place.js";

const test = suite("security: left out of a publish");

const RULES = `
publish 8080 -> c1:80 from {c2, 198.51.100.1, 2001:db8:100::1}
publish 5353 -> c1:53/udp from c2
publish 9090 -> c1:90 from c2
reject {c3, world} -> c1
allow any -> c1:80
reject c2 -> c1:90
deny c2 -> c1:91
publish 9191 -> c1:91 from c2
`;

for (const backend of ["nft", "iptables", "ebpf"] as const) {
  const needs = { nft: "nf_tables", iptables: "iptables-nft", ebpf: "ebpf" } as const;
  const it = await when(test, "namespaces", "ip", needs[backend]);
  it(backend, () =>
    lab(async (host) => {
      await apply(host, front("", RULES), backend);
      for (const port of [80, 90, 91]) await host.listen(at("c1"), "tcp", port);
      await host.listen(at("c1"), "udp", 53);
      const [mine, here] = [
        [C1.ip, C1.ip6],
        [HOST4, HOST6],
      ];
      await expect(host, "open", [
        ...cross("tcp", [at("c2"), undefined], here, 8080),
        ...cross("udp", [at("c2")], here, 5353),
        ...cross("tcp", [at("c2")], mine, 80),
      ]);
      await expect(host, "timeout", [
        ...cross("tcp", [at("c3"), WORLD], here, 8080),
        ...cross("udp", [at("c3"), WORLD, undefined], here, 5353),
        ...cross("tcp", [at("c3"), WORLD, undefined], here, 9090),
        ...cross("tcp", [at("c2"), at("c3")], here, 9191),
      ]);
      // Whom the publish admits is answered, and so is whoever asks the container itself.
      await expect(host, "refused", [
        ...cross("tcp", [at("c2")], here, 9090),
        ...cross("tcp", [at("c3"), WORLD], mine, 80),
        ...cross("udp", [at("c3"), WORLD], mine, 53),
      ]);
    }),
  );
}

test.run();
