/** Runs on a lab's host: crafted frames through the loaded programs (BPF_PROG_TEST_RUN), beside what must come of them. */
import { foldersOf } from "../../src/backend/ebpf/readback.js";
import { compile } from "../../src/ir/compile.js";
import { type End, endpointAt, evaluate, type Verdict } from "../../src/ir/evaluate.js";
import type { Endpoint } from "../../src/ir/policy.js";
import { type Address, formatAddress, parseAddress } from "../../src/net/address.js";
import { fixed } from "../../src/system/bpf/call.js";
import { close, deviceIndex, getPinned, testRun } from "../../src/system/bpf/calls.js";

/** What is wrong with a frame; undefined: nothing, and the evaluator decides. */
const FAULTS = [
  ...[undefined, undefined, undefined, undefined],
  ...["cut", "later fragment", "vlan", "not IP", "mac", "source", "foreign error", "middle", "garbage", "detour"],
] as const;

export interface Crafted {
  readonly frames: number;
  readonly allowed: number;
  readonly rejected: number;
  readonly wrong: readonly string[];
}

/** Numbers from a seed: xorshift32. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const addressBytes = (address: Address): Buffer =>
  address.family === 4
    ? Buffer.from(formatAddress(address).split(".").map(Number))
    : Buffer.from(address.value.toString(16).padStart(32, "0"), "hex");

/** The transport header and a payload. */
function transport(protocol: number, ports: readonly [number, number], flags: number): Buffer {
  const body = Buffer.alloc(40);
  if (protocol === 1 || protocol === 58) {
    body[0] = protocol === 1 ? 8 : 128;
    body.writeUInt16BE(ports[0], 4);
  } else {
    body.writeUInt16BE(ports[0], 0);
    body.writeUInt16BE(ports[1], 2);
    // SCTP's first chunk: INIT, or what stands in the middle.
    body[12] = protocol === 132 ? (flags === 2 ? 1 : 0) : 5 << 4;
    body[13] = flags;
  }
  return body;
}

interface Shape {
  readonly options: number;
  readonly fragment: "none" | "first" | "later";
}

/** Returns the network header and what follows; `at`: where the transport header begins. */
function network(
  from: Address,
  to: Address,
  protocol: number,
  body: Buffer,
  shape: Shape,
  id: number,
): { bytes: Buffer; at: number } {
  if (from.family === 4) {
    const header = Buffer.alloc(20 + 4 * shape.options, 1);
    header.fill(0, 0, 20);
    header[0] = 0x40 | (5 + shape.options);
    header.writeUInt16BE(header.length + body.length, 2);
    header.writeUInt16BE(id, 4);
    header.writeUInt16BE(shape.fragment === "first" ? 0x2000 : shape.fragment === "later" ? 5 : 0, 6);
    header[8] = 64;
    header[9] = protocol;
    addressBytes(from).copy(header, 12);
    addressBytes(to).copy(header, 16);
    return { bytes: Buffer.concat([header, body]), at: header.length };
  }
  const chain: number[] = Array.from({ length: shape.options }, (_, i) => (i === 0 ? 0 : 60));
  if (shape.fragment !== "none") chain.push(44);
  const parts = chain.map((kind, i) => {
    const part = Buffer.from([chain[i + 1] ?? protocol, 0, 1, 4, 0, 0, 0, 0]);
    if (kind === 44) {
      part.writeUInt16BE(shape.fragment === "first" ? 1 : 40, 2);
      part.writeUInt32BE(id, 4);
    }
    return part;
  });
  const header = Buffer.alloc(40);
  header[0] = 0x60;
  const rest = Buffer.concat([...parts, body]);
  header.writeUInt16BE(rest.length, 4);
  header[6] = chain[0] ?? protocol;
  header[7] = 64;
  addressBytes(from).copy(header, 8);
  addressBytes(to).copy(header, 24);
  return { bytes: Buffer.concat([header, rest]), at: 40 + 8 * parts.length };
}

const RESULTS = new Map<number, Verdict>([
  [-1, "allow"],
  [2, "deny"],
  [7, "reject"],
]);

/** `text` is live by eBPF. `outside`: addresses of the world and of the host. */
export function craft(
  text: string,
  outside: { world: string[]; host: string[] },
  count: number,
  seed: number,
): Crafted {
  const { policy } = compile(text);
  const pick = random(seed);
  const any = <T>(list: readonly T[]): T => list[pick(list.length)] as T;
  const [folder] = foldersOf(policy.name);
  const ingress = getPinned(`${folder}/programs/from_container`) as number;
  const egress = getPinned(`${folder}/programs/to_container`) as number;
  const endpoints = policy.containers.flatMap((container) => container.endpoints);
  const ends: End[] = [
    ...endpoints.flatMap(({ addresses }) => addresses.map((address) => ({ zone: "container" as const, address }))),
    ...(["world", "host"] as const).flatMap((zone) =>
      outside[zone].map((word) => ({ zone, address: parseAddress(word) as Address })),
    ),
  ];
  const endpointOf = ({ address }: End): Endpoint =>
    endpoints.find((one) => one.addresses.some(({ value }) => value === address.value)) as Endpoint;
  const wrong: string[] = [];
  const tally = { allow: 0, reject: 0 };
  for (let i = 0; i < count; i++) {
    const source = any(ends);
    const destination = any(
      ends.filter(
        ({ address, zone }) =>
          address.family === source.address.family && (zone === "container" || source.zone === "container"),
      ),
    );
    const { family } = source.address;
    const holder = (end: End): string | undefined => endpointAt(policy, end.address)?.container.name;
    if (source.zone === "container" && holder(source) === holder(destination)) continue;
    // Between containers the receiver's device decides, after routing.
    const entering = destination.zone !== "container";
    let fault = any(FAULTS);
    if (fault === "mac" && !entering) fault = undefined;
    if (fault === "detour" && (entering || source.zone === "container")) fault = undefined;
    // Without ports a packet the other way would be its reply.
    const portless = entering ? 47 : source.zone === "container" ? 6 : 50;
    const protocol =
      fault === "middle"
        ? any([6, 6, 132])
        : fault === "foreign error"
          ? family === 4
            ? 1
            : 58
          : any([6, 6, 17, 132, family === 4 ? 1 : 58, portless]);
    const port = any([22, 80, 443, 8005, 53, 9000]);
    const own = 1024 + (i % 60000);
    const body = transport(protocol, [own, port], fault === "middle" ? any([16, 1, 4, 18, 24]) : 2);
    // Who sent what the error is about: who gets the error, or somebody else.
    const blamed = i % 2 === 0 ? destination.address : source.address;
    if (fault === "foreign error") body[0] = family === 4 ? 3 : 1;
    const about = { options: 0, fragment: "none" } as const;
    const whole =
      fault === "foreign error"
        ? Buffer.concat([
            body.subarray(0, 8),
            network(blamed, source.address, 17, transport(17, [own, 1], 0), about, i).bytes,
          ])
        : body;
    const from =
      fault === "source"
        ? ((family === 4
            ? parseAddress(entering ? "192.0.2.99" : formatAddress((endpoints[0] as Endpoint).addresses[0] as Address))
            : parseAddress("2001:db8:bad::1")) as Address)
        : source.address;
    if (
      fault === "source" &&
      !entering &&
      (family === 6 || source.zone === "container" || from.value === destination.address.value)
    )
      continue;
    const to =
      fault === "detour"
        ? (parseAddress(family === 4 ? "192.0.2.98" : "2001:db8:bad::2") as Address)
        : destination.address;
    const shape: Shape = {
      options: pick(4),
      fragment: fault === "later fragment" ? "later" : pick(5) === 0 ? "first" : "none",
    };
    const { bytes, at } = network(from, to, protocol, whole, shape, 1 + (i % 65535));
    const inside = endpointOf(entering ? source : destination);
    const mac = Buffer.from(
      (fault === "mac" ? "02:00:00:00:00:99" : inside.mac).split(":").map((byte) => parseInt(byte, 16)),
    );
    const type = Buffer.from(
      fault === "not IP"
        ? [0x88, 0xcc]
        : fault === "vlan"
          ? [0x81, 0, 0, 5, family === 4 ? 8 : 0x86, family === 4 ? 0 : 0xdd]
          : family === 4
            ? [8, 0]
            : [0x86, 0xdd],
    );
    let frame = Buffer.concat([Buffer.alloc(6, 2), mac, type, bytes]);
    // Before the end of what a decision needs.
    if (fault === "cut")
      frame = frame.subarray(
        0,
        14 + pick(at + (protocol === 6 ? 20 : protocol === 132 ? 13 : protocol === 47 || protocol === 50 ? 0 : 4)),
      );
    if (fault === "garbage")
      for (let at = 14; at < frame.length; at++) frame[at] = fault === "garbage" && at === 14 ? 0xf0 : pick(256);
    const context = fixed(192);
    const device = deviceIndex(inside.device) as number;
    context.writeUInt32LE(device, 40);
    if (!entering)
      context.writeUInt32LE(
        source.zone === "host"
          ? 0
          : (deviceIndex(source.zone === "world" ? "up0" : endpointOf(source).device) as number),
        36,
      );
    const ported = protocol === 6 || protocol === 17 || protocol === 132;
    const said = evaluate(policy, { source, destination, protocol, port: ported ? port : undefined }).verdict;
    // What is rejected is answered wherever in a connection it is, but a reset is not.
    const answered = fault === "middle" && said === "reject" && (protocol !== 6 || ((body[13] as number) & 4) === 0);
    // This host's own error, to who sent what it is about.
    const hosts = fault === "foreign error" && source.zone === "host" && blamed === destination.address;
    const expected = fault === undefined || answered ? said : hosts ? "allow" : "deny";
    let result: number;
    try {
      ({ result } = testRun(entering ? ingress : egress, frame, context));
    } catch {
      // The kernel itself takes no frame without an Ethernet header.
      continue;
    }
    const verdict = RESULTS.get(result) ?? `result ${result}`;
    if (verdict === "allow" || verdict === "reject") tally[verdict]++;
    if (verdict !== expected)
      wrong.push(
        `${formatAddress(from)} -> ${formatAddress(to)} ${protocol}:${port} ${JSON.stringify(shape)} ${fault ?? "good"}: ${verdict}, expected ${expected}`,
      );
  }
  close(ingress);
  close(egress);
  return { frames: count, allowed: tally.allow, rejected: tally.reject, wrong };
}
