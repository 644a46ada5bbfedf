import { lab, WORLD, WORLD4, WORLD6, HOST4, HOST6 } from "../kernel/lab.js";
import { apply, at, remove } from "../support/live.js";
import { C1, C2, C3, front, GATEWAY } from "./place.js";
const t0 = performance.now();
await lab(async (host) => {
  console.log("lab", performance.now() - t0);
  await apply(host, front("", "reject c1 -> c2:81, reject c1 -> host:82, reject c1 -> world:83, reject host -> c1:84, reject c1 -> {c2, host, world}:{85/udp}, reject host -> c1:{85/udp, icmp}, reject c1 -> c3:icmp, reject c1 -> world:icmp, reject world -> c2:86, publish 87 -> c2:86"));
  console.log("apply", performance.now() - t0);
  for (const p of [undefined, WORLD, at("c1"), at("c2")]) { for (const q of [81,82,83,84,80,86]) await host.listen(p, "tcp", q).catch(e => console.log(String(e))); await host.listen(p, "udp", 85); }
  for (const [name, from, to, proto, port] of [
    ["c-c", at("c1"), C2.ip, "tcp", 81], ["c-c6", at("c1"), C2.ip6, "tcp", 81],
    ["c-h", at("c1"), GATEWAY.ip, "tcp", 82], ["c-h6", at("c1"), GATEWAY.ip6, "tcp", 82],
    ["c-h'", at("c1"), HOST4, "tcp", 82], ["c-h6'", at("c1"), HOST6, "tcp", 82],
    ["c-w", at("c1"), WORLD4, "tcp", 83], ["c-w6", at("c1"), WORLD6, "tcp", 83],
    ["h-c", undefined, C1.ip, "tcp", 84], ["h-c6", undefined, C1.ip6, "tcp", 84],
    ["w-c", WORLD, C2.ip, "tcp", 86], ["w-c6", WORLD, C2.ip6, "tcp", 86],
    ["w-pub", WORLD, HOST4, "tcp", 87], ["w-pub6", WORLD, HOST6, "tcp", 87],
    ["c-c", at("c1"), C2.ip, "udp", 85], ["c-c6", at("c1"), C2.ip6, "udp", 85],
    ["c-h", at("c1"), GATEWAY.ip, "udp", 85], ["c-h6", at("c1"), GATEWAY.ip6, "udp", 85],
    ["c-w", at("c1"), WORLD4, "udp", 85], ["c-w6", at("c1"), WORLD6, "udp", 85],
    ["h-c", undefined, C1.ip, "udp", 85], ["h-c6", undefined, C1.ip6, "udp", 85],
  ] as const) console.log(name, proto, await host[proto](from, to, port));
  console.log("icmp c-c", await host.ping(at("c1"), C3.ip), await host.ping(at("c1"), C3.ip6));
  console.log("icmp c-w", await host.ping(at("c1"), WORLD4), await host.ping(at("c1"), WORLD6));
  console.log("icmp h-c", await host.ping(undefined, C1.ip), await host.ping(undefined, C1.ip6));
  console.log("control", await host.tcp(at("c1"), C2.ip, 80), await host.tcp(undefined, C1.ip, 80));
  console.log("done", performance.now() - t0);
  console.log((await remove(host)).changes.length, performance.now() - t0);
});
