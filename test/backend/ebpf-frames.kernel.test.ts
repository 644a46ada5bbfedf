/** Crafted frames through the programs themselves: nothing but what the evaluator allows may pass. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { HOST4, HOST6, lab, WORLD4, WORLD6 } from "../kernel/lab.js";
import type { Crafted } from "../support/crafted.js";
import { apply } from "../support/live.js";

const test = suite("ebpf frames");
const it = await when(test, "namespaces", "ebpf");
const FRAMES = Number(process.env["TSNET_FRAMES"] ?? 3000);

const POLICY = `
network lan { subnet 10.90.1.0/24; subnet fd90:1::/64; icc off }
network back { subnet 10.90.2.0/24; subnet fd90:2::/64; internal }
container a { network lan }
container b { network lan; network back }
container c { network back }
allow a -> b:{22, 8000-8010, 53/udp, icmp}
allow world -> a:{80, 9/sctp}
deny b -> ${WORLD4}/32:{22, 80}
reject a -> world:443
reject b -> a:{22, 8005}
deny a -> host:{53/udp, 9000}
reject host -> b:80
deny world -> a:80 log
allow {${WORLD4}, ${WORLD6}} -> b:9000
`;

it(`${FRAMES} crafted frames get the evaluator's verdict`, () =>
  lab(async (host) => {
    await apply(host, POLICY, "ebpf");
    const outside = { world: [WORLD4, WORLD6], host: [HOST4, HOST6] };
    const module = import.meta.resolve("../support/crafted.ts");
    const result = await host.call<Crafted>(module, "craft", POLICY, outside, FRAMES, 83);
    assert.equal(result.wrong.slice(0, 10), []);
    assert.ok(result.allowed > FRAMES / 10 && result.rejected > FRAMES / 300, JSON.stringify(result));
  }));

test.run();
