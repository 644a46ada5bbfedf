/** No form of a packet leads around a rule: options, extension headers, fragments, multicast, other protocols. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { when } from "../kernel/features.js";
import { type Host, lab, WORLD, WORLD6 } from "../kernel/lab.js";
import { ethernet, packet, udp, udpBody } from "../support/frames.js";
import { apply, at } from "../support/live.js";
import { C1, C2, C3, countAfter, countArriving, counts, front, GATEWAY, macOf, type Names, until } from "./place.js";

const test = suite("security: evasion");
const it = await when(test, "namespaces", "ip", "nf_tables", "perl");

const LIE = 7001;
const TRUTH = 7002;

/** A UDP datagram from c1 to c2 in one or several frames, written in some unusual way. */
type Form = (port: number, payload: Buffer) => string[];

const v4 = { source: C1.ip, destination: C2.ip };
const v6 = { source: C1.ip6, destination: C2.ip6 };
const frame4 = (body: Buffer): string => ethernet(GATEWAY.mac, C1.mac, 0x0800, body);
const frame6 = (body: Buffer): string => ethernet(GATEWAY.mac, C1.mac, 0x86dd, body);

/** The checksummed datagram without its IP header. */
const bare = (ends: { source: string; destination: string }, port: number, payload: Buffer): Buffer => {
  const whole = packet(ends, 17, udpBody(4000, port, payload), 6);
  return whole.subarray(ends.source.includes(":") ? 40 : 20);
};

/** IPv6 with extension headers, each of which begins with the number of what follows it. */
function extended(headers: readonly [number: number, body: string][], port: number, payload: Buffer): string {
  const numbers = [...headers.map(([number]) => number), 17];
  const bytes = headers.map(([, body], i) =>
    Buffer.concat([Buffer.from([numbers[i + 1] as number]), Buffer.from(body, "hex")]),
  );
  return frame6(packet(v6, numbers[0] as number, Buffer.concat([...bytes, bare(v6, port, payload)])));
}

/** Two fragments, cut after `first` bytes. */
function fragments4(first: number, port: number, payload: Buffer): string[] {
  const whole = bare(v4, port, payload);
  return [whole.subarray(0, first), whole.subarray(first)].map((part, i) => {
    const body = packet(v4, 17, part);
    body.writeUInt16BE((i === 0 ? 0x2000 : 0) | (i === 0 ? 0 : first / 8), 6);
    body.writeUInt16BE(port, 4);
    body.writeUInt16BE(0, 10);
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += body.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    body.writeUInt16BE(~sum & 0xffff, 10);
    return frame4(body);
  });
}

function fragments6(
  first: number,
  port: number,
  payload: Buffer,
  before: string = "",
  ends = v6,
  mac: { readonly to: string; readonly from: string } = { to: GATEWAY.mac, from: C1.mac },
): string[] {
  const whole = Buffer.concat([Buffer.from(before, "hex"), bare(ends, port, payload)]);
  const inner = before === "" ? 17 : 60;
  return [whole.subarray(0, first), whole.subarray(first)].map((part, i) => {
    const header = Buffer.from([inner, 0, 0, 0, 0, 0, port >> 8, port & 255]);
    header.writeUInt16BE(i === 0 ? 1 : first, 2);
    return ethernet(mac.to, mac.from, 0x86dd, packet(ends, 44, Buffer.concat([header, part])));
  });
}

/** The rest of an options header: its length, and six bytes of padding. */
const PAD = "00010400000000";
const FORMS: Readonly<Record<string, Form>> = {
  "IPv4 options (no operation)": (port, payload) => [
    udp({ ...v4, to: GATEWAY.mac, from: C1.mac, options: Buffer.from("01010101", "hex"), payload }, 4000, port),
  ],
  "IPv4 options (router alert)": (port, payload) => [
    udp({ ...v4, to: GATEWAY.mac, from: C1.mac, options: Buffer.from("94040000", "hex"), payload }, 4000, port),
  ],
  "IPv4 fragments": (port, payload) => fragments4(16, port, payload),
  "IPv4 fragments, the ports alone in the first": (port, payload) => fragments4(8, port, payload),
  "IPv4 fragments, the last first": (port, payload) => fragments4(8, port, payload).reverse(),
  "a hop-by-hop header": (port, payload) => [extended([[0, PAD]], port, payload)],
  "a destination header": (port, payload) => [extended([[60, PAD]], port, payload)],
  "several headers": (port, payload) => [
    extended(
      [
        [0, PAD],
        [60, PAD],
        [60, PAD],
      ],
      port,
      payload,
    ),
  ],
  "an atomic fragment": (port, payload) => [
    extended([[44, `0000000000${port.toString(16).padStart(4, "0")}`]], port, payload),
  ],
  "IPv6 fragments": (port, payload) => fragments6(16, port, payload),
  "IPv6 fragments of several headers": (port, payload) => fragments6(24, port, payload, `11${PAD}`),
  "IPv6 fragments, the last first": (port, payload) => fragments6(16, port, payload, `11${PAD}`).reverse(),
};

async function say(host: Host, frames: readonly string[]): Promise<void> {
  for (const frame of frames) await host.frame(at("c1"), "eth0", frame);
}

it("options, extension headers and fragments hide no port", () =>
  lab(async (host) => {
    await apply(host, front("", `deny c1 -> c2:${LIE}/udp, deny c3 -> c2`));
    // Whatever they are made of, they bear a word of their own.
    const words = { lie: Buffer.from("lielielielielielielielie"), truth: Buffer.from("truthtruthtruthtruthtrut") };
    await countArriving(host, at("c2"), "eth0", [`ip saddr ${C1.ip}`, `ip6 saddr ${C1.ip6}`, `ip saddr ${C3.ip}`]);
    let sent = [0, 0, 0];
    for (const [name, form] of Object.entries(FORMS)) {
      await say(host, form(LIE, words.lie));
      await say(host, form(TRUTH, words.truth));
      const before = sent;
      // A datagram is put together on the way and perhaps taken apart again, so it may arrive as one frame or two.
      await until(`${name} arrives`, async () =>
        (await counts(host, at("c2"), "netdev")).some((count, i) => count > (before[i] ?? 0)),
      );
      sent = await counts(host, at("c2"), "netdev");
      const arrived = sent.map((count, i) => count - (before[i] ?? 0)).reduce((a, b) => a + b);
      const frames = form(TRUTH, words.truth).length;
      assert.ok(arrived <= frames, `${name}: ${arrived} frames`);
    }
    // The kernel takes no datagram whose ports aren't in the first fragment.
    await say(host, fragments6(8, LIE, words.lie, `11${PAD}`));
    // c3 may send nothing, in whatever form.
    await countArriving(host, at("c1"), "eth0", [`ip saddr ${C3.ip}`]);
    const body = (protocol: number): Buffer =>
      packet({ source: C3.ip, destination: C2.ip }, protocol, Buffer.alloc(24, 7));
    for (const protocol of [0, 2, 4, 41, 47, 50, 51, 89, 132, 136, 253, 255])
      await host.frame(at("c3"), "eth0", ethernet(GATEWAY.mac, C3.mac, 0x0800, body(protocol)));
    await host.frame(
      at("c3"),
      "eth0",
      udp({ to: GATEWAY.mac, from: C3.mac, source: C3.ip, destination: C1.ip }, 4000, TRUTH),
    );
    await until("what is allowed passes", async () => (await counts(host, at("c1"), "netdev"))[0] === 1);
    assert.equal(await counts(host, at("c2"), "netdev"), sent);
  }));

it("a datagram of the world's in fragments is the world's, however the kernel passes it on", () =>
  lab(async (host) => {
    await apply(host, front("", `allow world -> c2:${TRUTH}/udp`));
    await countArriving(host, at("c2"), "eth0", [`ip6 saddr ${WORLD6}`]);
    const ends = { source: WORLD6, destination: C2.ip6 };
    const mac = { to: await macOf(host, undefined, "up0"), from: await macOf(host, WORLD, "uplink") };
    const word = Buffer.from("truthtruthtruthtruthtrut");
    const say = async (port: number, first: number, before: string): Promise<void> => {
      for (const frame of fragments6(first, port, word, before, ends, mac)) await host.frame(WORLD, "uplink", frame);
    };
    for (const [first, before] of [
      [16, ""],
      [24, `11${PAD}`],
    ] as const) {
      for (const source of [LIE, LIE + 100]) await say(source, first, before);
      await say(TRUTH, first, before);
    }
    // Of what is allowed both come, the second whole.
    await until("the truths arrive", async () => ((await counts(host, at("c2"), "netdev"))[0] ?? 0) >= 3);
    assert.equal(await counts(host, at("c2"), "netdev"), [3]);
  }));

const EVERYBODY: readonly [string, string, (who: Names) => string][] = [
  ["255.255.255.255", "ff:ff:ff:ff:ff:ff", ({ ip }) => ip],
  ["10.90.1.255", "ff:ff:ff:ff:ff:ff", ({ ip }) => ip],
  ["224.0.0.1", "01:00:5e:00:00:01", ({ ip }) => ip],
  ["ff02::1", "33:33:00:00:00:01", ({ ip6 }) => ip6],
];

it("what is addressed to everybody reaches the host as it may, and no other container", () =>
  lab(async (host) => {
    await apply(host, front("", "deny c1 -> host, deny c3 -> host:7003/udp"));
    await countAfter(host, "input", [`udp dport ${LIE}`, `udp dport ${TRUTH}`]);
    await countArriving(host, at("c2"), "eth0", [`udp dport { ${LIE}, ${TRUTH} }`]);
    for (const [destination, to, of] of EVERYBODY) {
      await host.frame(at("c1"), "eth0", udp({ to, from: C1.mac, source: of(C1), destination }, 4000, LIE));
      await host.frame(at("c3"), "eth0", udp({ to, from: C3.mac, source: of(C3), destination }, 4000, TRUTH));
    }
    await until("c3's come in", async () => ((await counts(host, undefined, "inet"))[1] ?? 0) >= 3);
    assert.is((await counts(host, undefined, "inet"))[0], 0);
    assert.equal(await counts(host, at("c2"), "netdev"), [0]);
  }));

test.run();
