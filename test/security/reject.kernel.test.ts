/** What is rejected is answered at once, on every way, and what is logged reaches the log. */
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, HOST4, HOST6, lab, WORLD, WORLD4, WORLD6 } from "../kernel/lab.js";
import { CARRIER, OTHERWISE } from "../support/carrier.js";
import { commandLine } from "../support/command.js";
import { write } from "../support/history.js";
import { apply, at } from "../support/live.js";
import { C1, C2, C3, cross, expect, front, GATEWAY, type Way } from "./place.js";

const test = suite("security: reject and log");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");
const bridged = await when(test, "namespaces", "ip", "nf_tables", "perl", "br_netfilter");

/** The same on TCP 81, UDP 54 and ICMP of each way that is rejected; 80 and 53 stay open, as the control. */
const PORTS = "{81, 54/udp, icmp}";

for (const on of [false, true])
  (on ? bridged : it)(`an answer comes on every way, br_netfilter ${on ? "on" : "off"}`, () =>
    lab(async (host) => {
      await host.bridgeNetfilter(on);
      await apply(
        host,
        front(
          "",
          `reject c1 -> c2:${PORTS}
           reject c1 -> host:${PORTS}
           reject c1 -> world:${PORTS}
           reject {host, world} -> c1:${PORTS}
           allow world -> c1:{80, 53/udp}
           reject c1 -> c3:81
           publish 8080 -> c1:80, publish 8081 -> c1:81, publish 5354 -> c1:54/udp, publish 8083 -> c3:81`,
        ),
      );
      for (const place of [undefined, WORLD, at("c1"), at("c2"), at("c3")]) {
        for (const port of [80, 81]) await host.listen(place, "tcp", port);
        for (const port of [53, 54]) await host.listen(place, "udp", port);
      }
      const ways = [
        [at("c1"), [C2.ip, C2.ip6]],
        [at("c1"), [GATEWAY.ip, GATEWAY.ip6]],
        [at("c1"), [WORLD4, WORLD6]],
        [undefined, [C1.ip, C1.ip6]],
        [WORLD, [C1.ip, C1.ip6]],
      ] as const;
      await expect(host, "refused", [
        ...ways.flatMap(([from, to]): Way[] => [...cross("tcp", [from], to, 81), ...cross("udp", [from], to, 54)]),
        ...cross("tcp", [at("c1")], [HOST4, HOST6], 81),
        // Through a published port, whose answer comes from there.
        ...cross("tcp", [WORLD, undefined], [HOST4, HOST6], 8081),
        ...cross("udp", [WORLD, undefined], [HOST4, HOST6], 5354),
        ...cross("tcp", [undefined], ["127.0.0.1", "::1"], 8081),
        ...cross("tcp", [at("c1")], [HOST4, HOST6, GATEWAY.ip, GATEWAY.ip6], 8083),
      ]);
      await expect(
        host,
        "unreachable",
        ways.flatMap(([from, to]) => cross("ping", [from], to)),
      );
      await expect(host, "open", [
        ...ways.flatMap(([from, to]): Way[] => [...cross("tcp", [from], to, 80), ...cross("udp", [from], to, 53)]),
        ...cross("tcp", [WORLD, undefined, at("c1")], [HOST4, HOST6], 8080),
        ...cross("tcp", [at("c2"), WORLD], [HOST4, HOST6], 8083),
      ]);
    }),
  );

it("a deny beside it stays silent, and a reject of everything leaves replies alone", () =>
  lab(async (host) => {
    await apply(host, front("icc off", "deny c1 -> c2:82, reject c1 -> c2, reject c2 -> any, allow c3 -> c2:80"));
    for (const place of [at("c1"), at("c2"), WORLD, undefined])
      for (const port of [80, 82]) await host.listen(place, "tcp", port);
    await expect(host, "refused", [
      ...cross("tcp", [at("c1")], [C2.ip, C2.ip6], 80),
      ...cross("tcp", [at("c2")], [C1.ip, C1.ip6, C3.ip, C3.ip6, WORLD4, WORLD6, GATEWAY.ip, GATEWAY.ip6], 80),
    ]);
    await expect(host, "timeout", [
      ...cross("tcp", [at("c1")], [C2.ip, C2.ip6], 82),
      ...cross("tcp", [at("c3")], [C1.ip, C1.ip6], 80),
    ]);
    await expect(host, "open", cross("tcp", [at("c3"), undefined], [C2.ip, C2.ip6], 80));
  }));

it("a connection that was open is answered too once it is rejected, on every way", () =>
  lab(async (host) => {
    await apply(host, front("", "publish 8080 -> c1:80"));
    for (const place of [at("c1"), at("c2"), WORLD, undefined]) await host.listen(place, "tcp", 80);
    const ways = [
      ...[C2.ip, C2.ip6, WORLD4, WORLD6, GATEWAY.ip, GATEWAY.ip6].map((to) => ({ from: at("c1"), to, port: 80 })),
      ...[HOST4, HOST6].map((to) => ({ from: WORLD, to, port: 8080 })),
      ...[C1.ip, C1.ip6].map((to) => ({ from: undefined, to, port: 80 })),
    ];
    const open = await Promise.all(
      ways.map(async ({ from, to, port }) => ({
        from,
        connection: await host.connect(from, to, port, { timeout: 5000 }),
      })),
    );
    const other = await host.connect(at("c3"), C2.ip, 80, { timeout: 5000 });
    for (const { from, connection } of open) assert.is(await host.talk(from, connection, 5000), "open");
    await apply(host, front("", "publish 8080 -> c1:80, reject c1 -> any, reject any -> c1:80"));
    for (const [i, { from, connection }] of open.entries())
      assert.is(await host.talk(from, connection, 5000), "closed", JSON.stringify(ways[i]));
    assert.is(await host.talk(at("c3"), other, 5000), "open");
  }));

// The log ------------------------------------------------------------------------------------------------------------

const LOGGED = front(
  "icc off",
  `allow c2 -> c1:{80, 53/udp} log "asked"
   deny c3 -> c1 log "de nied" limit 3/hour
   reject c2 -> world:81 log
   deny world -> c1:81 log "from outside"
   publish 8081 -> c1:81`,
);

async function traffic(host: Host): Promise<void> {
  await host.listen(at("c1"), "tcp", 80);
  await host.listen(at("c1"), "udp", 53);
  // Of an allowed connection one line, however much is said on it.
  for (const to of [C1.ip, C1.ip6]) {
    const connection = await host.connect(at("c2"), to, 80, { timeout: 5000 });
    for (let i = 0; i < 3; i++) assert.is(await host.talk(at("c2"), connection, 5000), "open");
  }
  for (let i = 0; i < 3; i++) assert.is(await host.udp(at("c2"), C1.ip, 53, { fromPort: 4000, timeout: 5000 }), "open");
  // Of a denied one a line a packet.
  await expect(host, "timeout", [
    ...new Array<Way>(8).fill(["udp", at("c3"), C1.ip, 53]),
    ["udp", at("c3"), C1.ip6, 53],
  ]);
  await expect(host, "refused", cross("tcp", [at("c2")], [WORLD4, WORLD6], 81));
  await expect(host, "timeout", [["udp", WORLD, C1.ip, 81], ...cross("ping", [WORLD], [C1.ip])]);
}

interface Written {
  readonly chain: string;
  readonly prefix: string;
  /** What the rule asks of a packet before it writes. */
  readonly asks: readonly object[];
}

/** The rules that write to the log. */
async function writers(host: Host): Promise<Written[]> {
  const { stdout } = await host.run("nft", ["-j", "list", "table", "inet", "tsnet-tsnet"]);
  type Listed = { nftables: { rule?: { chain: string; expr: { log?: { prefix: string }; limit?: object }[] } }[] };
  return (JSON.parse(stdout) as Listed).nftables.flatMap(({ rule }) => {
    const at = rule?.expr.findIndex(({ log }) => log !== undefined) ?? -1;
    if (rule === undefined || at < 0) return [];
    const { chain, expr } = rule;
    const prefix = expr[at]?.log?.prefix as string;
    return [{ chain, prefix, asks: expr.slice(0, at).filter(({ limit }) => limit === undefined) }];
  });
}

const reachTheRule = (): Promise<void> =>
  lab(async (host) => {
    await apply(host, LOGGED);
    const rules = await writers(host);
    const prefixes = new Set(rules.map(({ prefix }) => prefix));
    assert.equal([...prefixes].sort(), ["asked ", "de nied ", "from outside ", "tsnet: "]);
    // The kernel logs no namespace but the first unless it is told to, so the lines are counted where they would be written.
    const place = { family: "inet", table: "tsnet-tsnet" };
    const counters = rules.map(({ chain, prefix, asks }) => ({
      insert: { rule: { ...place, chain, comment: prefix.trim(), expr: [...asks, { counter: null }] } },
    }));
    await host.run("nft", ["-j", "-f", await write(host, "counters.json", JSON.stringify({ nftables: counters }))]);
    const counted = async (name: string): Promise<number> => {
      const { stdout } = await host.run("nft", ["list", "table", "inet", "tsnet-tsnet"]);
      const found = stdout.matchAll(new RegExp(`counter packets (\\d+) bytes \\d+ comment "${name}"`, "g"));
      return [...found].reduce((sum, [, packets]) => sum + Number(packets), 0);
    };
    await traffic(host);
    assert.equal([await counted("asked"), await counted("de nied"), await counted("tsnet:")], [3, 9, 2]);
    // TCP alone is denied there; whatever the world asks otherwise nobody logs.
    assert.is(await counted("from outside"), 0);
    await expect(
      host,
      "timeout",
      cross("tcp", [WORLD], [C1.ip, HOST4], 81).map(([p, f, to]) => [p, f, to, to === HOST4 ? 8081 : 81] as const),
    );
    assert.ok((await counted("from outside")) >= 2);
  });

/** How many lines were written, by prefix. */
async function written(host: Host): Promise<Map<string, number>> {
  const out = new Map<string, number>();
  const add = (prefix: string, count: number): void => void out.set(prefix, (out.get(prefix) ?? 0) + count);
  if (OTHERWISE.log === "ring") {
    const [command, ...args] = commandLine(["stats", "--log", "--json"]);
    const { stdout } = await host.run(command, args);
    const { events } = JSON.parse(stdout) as { events: { prefix: string; by: { text: string } }[] };
    for (const { prefix, by } of events) {
      assert.match(by.text, / log/);
      add(prefix.trim(), 1);
    }
    return out;
  }
  for (const tool of ["iptables-save", "ip6tables-save"])
    for (const line of (await host.run(tool, ["-c"])).stdout.split("\n")) {
      const [, packets, prefix] = /^\[(\d+):.*-j LOG --log-prefix "?([^"]*?)"?$/.exec(line) ?? [];
      if (prefix !== undefined) add(prefix.trim(), Number(packets));
    }
  return out;
}

const areWritten = (): Promise<void> =>
  lab(async (host) => {
    await apply(host, LOGGED);
    await traffic(host);
    const lines = await written(host);
    assert.equal([lines.get("asked"), lines.get("tsnet:")], [3, 2]);
    // Nine packets, of which the limit lets some be written.
    const limited = lines.get("de nied") ?? 0;
    assert.ok(limited >= 1 && limited < 9, `${limited} lines`);
    assert.is(lines.get("from outside") ?? 0, 0);
    await expect(host, "timeout", [
      ["tcp", WORLD, C1.ip, 81],
      ["tcp", WORLD, HOST4, 8081],
    ]);
    assert.ok(((await written(host)).get("from outside") ?? 0) >= 2);
  });

it("each statement's packets are written where its backend writes them", CARRIER === "nft" ? reachTheRule : areWritten);

const everywhere = ((): boolean => {
  try {
    return readFileSync("/proc/sys/net/netfilter/nf_log_all_netns", "utf8").trim() === "1";
  } catch {
    return false;
  }
})();
if (!everywhere)
  console.log("SKIP this kernel doesn't log from network namespaces (net.netfilter.nf_log_all_netns is not 1)");

(everywhere && OTHERWISE.log === "kernel" ? it : test.skip)("the lines are in the kernel's log", () =>
  lab(async (host) => {
    const before = (await host.run("dmesg")).stdout.length;
    await apply(host, LOGGED);
    await traffic(host);
    const log = (await host.run("dmesg")).stdout.slice(before);
    for (const prefix of ["asked IN=", "de nied IN=", "tsnet: IN="]) assert.ok(log.includes(prefix), prefix);
  }),
);

test.run();
