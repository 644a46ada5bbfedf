/**
 * There is no moment at which a packet passes that neither the old nor the new policy allows: a flood meets policies
 * that are applied one after the other, and all of them say the same of it.
 */
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { lab, WORLD, WORLD4 } from "../kernel/lab.js";
import { udp } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import { C1, C2, countArriving, counts, front, GATEWAY } from "./place.js";

const test = suite("security: atomic");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");

const FLOOD = fileURLToPath(new URL("./flood.pl", import.meta.url));
const ROUNDS = 300_000;

/** What may change beside: single elements, several sets at once, intervals, chains, translation, who is there. */
const EDITS: readonly ((i: number) => readonly [properties: string, rules: string])[] = [
  (i) => ["icc off", `deny c3 -> c2:${1000 + (i % 50)}`],
  () => ["icc off", "deny c1 -> c2:99, allow world -> c3:22"],
  () => ["", "deny c3 -> 203.0.113.0/24, reject c3 -> c2:1-9"],
  () => ["icc off", "publish 80 -> c3, publish 8000-8010 -> c3, deny {c1, c3} -> c2:{77-79, 81/udp}"],
  () => ["", 'publish 4001 -> c3:5001/udp from 192.0.2.0/24, deny c2 -> 203.0.113.7 log "c2"'],
  () => ["icc off", "deny c1 -> 198.51.101.0/25, allow {c1, c3} -> {c2, 10.90.1.64/27}"],
  () => ["icc off", "container c4 { network front }, deny c4 -> any, allow c4 -> c1:80"],
];

for (const [name, rules] of [
  ["by exact sets", "deny c1 -> world, allow c1 -> c2"],
  ["by intervals", "deny c1 -> 198.51.100.0/24, allow c1 -> 10.90.1.8-10.90.1.30"],
] as const)
  it(`what is decided ${name} stays decided while policies change`, () =>
    lab(async (host) => {
      await apply(host, front("icc off", rules));
      await countArriving(host, WORLD, "uplink", ["udp dport 9"]);
      await countArriving(host, at("c2"), "eth0", ["udp dport 10"]);
      const frame = (destination: string, port: number) =>
        udp({ to: GATEWAY.mac, from: C1.mac, source: C1.ip, destination }, 4000, port);
      let done = false;
      const flood = host
        .spawn(at("c1"), "perl", [FLOOD, "eth0", String(ROUNDS), frame(WORLD4, 9), frame(C2.ip, 10)], "sent")
        .then(() => (done = true));
      let applied = 0;
      for (; !done; applied++) {
        const edit = EDITS[applied % EDITS.length] as (typeof EDITS)[number];
        const [properties, more] = edit(applied);
        await apply(host, front(properties, `${rules}, ${more}`));
      }
      await flood;
      assert.ok(applied > 3, `${applied} policies are no change under way`);
      assert.equal({ passed: await counts(host, WORLD, "netdev") }, { passed: [0] }, "denied packets passed");
      assert.equal(
        { arrived: await counts(host, at("c2"), "netdev") },
        { arrived: [ROUNDS] },
        "allowed packets were lost",
      );
    }));

test.run();
