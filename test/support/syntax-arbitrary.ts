/** Random statements as syntax trees, with everything that the language has, for properties over the formatter. */
import fc from "fast-check";
import type { ContainerProperty, Item, List, Name, NetworkProperty, Peers, Statement } from "../../src/ast/nodes.js";
import { Tree } from "../../src/ast/tree.js";
import { SourceFile } from "../../src/text/source.js";

const file = new SourceFile("generated.tsnet", "");
const span = { file, start: 0, end: 0 };

const WORDS = ["a", "c1", "web", "fd00", "dead-beef", "log", "from", "except", "limit", "as", "on", "all", "ip", "env"];
const TEXTS = ["0afe", "a b", 'q"u\\o', "é", "", "x.", "-", "#", "{", "\t", "a\u0000b", "->"];

const name: fc.Arbitrary<Name> = fc
  .oneof({ weight: 4, arbitrary: fc.constantFrom(...WORDS, "allow", "network") }, fc.constantFrom(...TEXTS))
  .map((text) => ({ text, quoted: false, span }));
const word: fc.Arbitrary<Name> = fc
  .constantFrom("tcp", "udp", "sctp", "x")
  .map((text) => ({ text, quoted: false, span }));

const octet = fc.integer({ min: 0, max: 255 });
const v4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
const v6 = fc.constantFrom("::", "::1", "fd00::5", "fd00::5:22", "1:2:3:4:5:6:7:8", "2001:DB8::ffff", "::ffff:1.2.3.4");
const address = fc.oneof(v4, v6);
const literal = address.map((text) => ({ text, span }));

const nameItem: fc.Arbitrary<Item> = name.map((each) => ({ kind: "name", name: each, span }));
const portItem: fc.Arbitrary<Item> = fc
  .tuple(fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 0, max: 99 }), fc.option(word, { nil: undefined }))
  .map(([from, more, protocol]) => ({ kind: "port", from, to: Math.min(65535, from + more), protocol, span }));
const cidr = fc.oneof(fc.tuple(v4, fc.integer({ min: 0, max: 32 })), fc.tuple(v6, fc.integer({ min: 0, max: 128 })));
const addressItem: fc.Arbitrary<Item> = fc.oneof(
  fc.tuple(address, fc.boolean()).map(([text, brackets]): Item => {
    return { kind: "address", text, bracketed: brackets && text.includes(":"), span };
  }),
  cidr.map(([text, length]): Item => ({ kind: "cidr", address: text, length, span })),
  fc.constantFrom(
    { kind: "range", from: "10.0.0.1", to: "10.0.0.9", span } as const,
    { kind: "range", from: "fd00::1", to: "fd00::9", span } as const,
  ),
);
const peerItem = fc.oneof({ weight: 3, arbitrary: nameItem }, addressItem);
const portsItem = fc.oneof({ weight: 3, arbitrary: portItem }, nameItem);

function listOf(item: fc.Arbitrary<Item>): fc.Arbitrary<List> {
  return fc.oneof(
    item.map((each) => ({ items: [each], braced: false, span })),
    fc.array(item, { minLength: 1, maxLength: 4 }).map((items) => ({ items, braced: true, span })),
  );
}

const optional = <V>(arbitrary: fc.Arbitrary<V>): fc.Arbitrary<V | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const peers: fc.Arbitrary<Peers> = fc.record({
  include: listOf(peerItem),
  except: optional(listOf(peerItem)),
  span: fc.constant(span),
});
const ports = optional(listOf(portsItem));
const log = optional(
  fc.record({
    prefix: optional(name),
    limit: optional(
      fc.record({
        count: fc.integer({ min: 1, max: 1000 }),
        per: fc.constantFrom("second" as const, "minute" as const, "hour" as const, "day" as const),
        span: fc.constant(span),
      }),
    ),
    span: fc.constant(span),
  }),
);

/** Peers with IPv6 before a ':' are read with brackets or braces only. */
function apart(to: Peers, hasPorts: boolean): Peers {
  if (!hasPorts) return to;
  const last = to.except ?? to.include;
  const isIpv6 = last.items.some((item) => item.kind === "range" || (item.kind === "address" && !item.bracketed));
  if (!isIpv6) return to;
  return to.except === undefined
    ? { ...to, include: { ...last, braced: true } }
    : { ...to, except: { ...last, braced: true } };
}

const publish = fc
  .record({
    host: optional(fc.record({ address: optional(literal), port: portsItem, span: fc.constant(span) })),
    target: optional(listOf(nameItem)),
    port: optional(portsItem),
    from: optional(peers),
  })
  .map(({ host, target, port, from }): Statement & { kind: "publish" } => {
    // `publish all` has no port, and `-> NAME` alone would be a target.
    const inside = host === undefined || (target === undefined && port?.kind === "name") ? undefined : port;
    return { kind: "publish", host, target, port: inside, from, span };
  });

const networkProperty: fc.Arbitrary<NetworkProperty> = fc.oneof(
  fc.record({
    kind: fc.constant("driver" as const),
    driver: fc.constantFrom("bridge", "macvlan").map((text) => ({ text, quoted: false, span })),
    parent: optional(name),
    span: fc.constant(span),
  }),
  cidr.map(([text, length]) => ({ kind: "subnet" as const, address: text, length, span })),
  literal.map((each) => ({ kind: "gateway" as const, address: each, span })),
  fc.boolean().map((on) => ({ kind: "icc" as const, on, span })),
  fc.boolean().map((on) => ({ kind: "masquerade" as const, on, span })),
  fc.constant({ kind: "internal" as const, span }),
  fc.integer({ min: 1, max: 9000 }).map((value) => ({ kind: "mtu" as const, value: { value, span }, span })),
  name.map((each) => ({ kind: "bridge" as const, name: each, span })),
);

const VALUES = ["", "x", "http://x:80/?a=b", "a b", 'q"', '"', "a,b", "é", "{}", "#", "\\", "a->b"];
const mac = fc.constantFrom("02:42:ac:11:00:05", "AA:bb:00:11:22:33").map((text) => ({ text, span }));

const containerProperty: fc.Arbitrary<ContainerProperty> = fc.oneof(
  fc
    .tuple(name, fc.array(literal, { maxLength: 2 }), fc.array(mac, { maxLength: 1 }))
    .map(([network, ips, macs]) => ({ kind: "endpoint" as const, network, ips, macs, span })),
  listOf(portsItem).map((each) => ({ kind: "expose" as const, ports: each, span })),
  fc.tuple(name, fc.constantFrom(...VALUES)).map(([key, text]) => {
    return { kind: "env" as const, key, value: { text, quoted: false, span }, span };
  }),
  name.map((other) => ({ kind: "mode" as const, mode: { text: "container", quoted: false, span }, other, span })),
  fc.constant({ kind: "mode" as const, mode: { text: "none", quoted: false, span }, other: undefined, span }),
  name.map((path) => ({ kind: "netns" as const, path, span })),
  fc.integer({ min: 1, max: 99999 }).map((value) => ({ kind: "pid" as const, value: { value, span }, span })),
  publish,
  fc.tuple(name, optional(name)).map(([target, alias]) => {
    return { kind: "link" as const, from: undefined, target, alias, span };
  }),
);

const statement: fc.Arbitrary<Statement> = fc.oneof(
  name.map((each) => ({ kind: "policy" as const, name: each, span })),
  name.map((path) => ({ kind: "include" as const, path, span })),
  fc.tuple(name, listOf(fc.oneof(peerItem, portItem))).map(([each, value]) => {
    return { kind: "let" as const, name: each, value, span };
  }),
  fc.tuple(name, fc.array(networkProperty, { maxLength: 4 })).map(([each, properties]) => {
    return { kind: "network" as const, name: each, properties, span };
  }),
  fc.tuple(name, fc.array(containerProperty, { maxLength: 5 })).map(([each, properties]) => {
    return { kind: "container" as const, name: each, properties, span };
  }),
  fc.boolean().map((on) => ({ kind: "icc" as const, on, span })),
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom("allow" as const, "deny" as const, "reject" as const), peers, peers, ports, log)
      .map(([verb, from, to, each, logged]) => {
        return { kind: "rule" as const, verb, from, to: apart(to, each !== undefined), ports: each, log: logged, span };
      }),
  },
  fc.tuple(fc.constantFrom("allow" as const, "deny" as const), peers, peers, ports).map(([verb, from, to, each]) => {
    return { kind: "assert" as const, verb, from, to: apart(to, each !== undefined), ports: each, span };
  }),
  publish,
  fc.tuple(name, name, optional(name)).map(([from, target, alias]) => {
    return { kind: "link" as const, from, target, alias, span };
  }),
  fc.tuple(name, listOf(nameItem)).map(([path, containers]) => ({ kind: "share" as const, path, containers, span })),
);

export const statements: fc.Arbitrary<Statement[]> = fc.array(statement, { maxLength: 6 });

/** A tree of generated statements; its spans say nothing. */
export function treeOf(list: readonly Statement[]): Tree {
  const tree = new Tree(file);
  for (const each of list) tree.add(each);
  return tree;
}
