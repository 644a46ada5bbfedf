/** Random policies as text, for properties: every statement of the language that decides packets. */
import fc from "fast-check";

const CONTAINERS = ["a", "b", "c", "d"];

const v4 = fc.constantFrom("10.0.0.7", "10.83.0.9", "172.18.0.5", "198.51.100.7", "203.0.113.9", "192.0.2.77");
const v6 = fc.constantFrom("fd17::5", "2001:db8::7", "2001:db8:9::1");
const cidr = fc.constantFrom(
  "10.0.0.0/8",
  "172.18.0.0/30",
  "172.18.0.0/16",
  "198.51.100.0/24",
  "0.0.0.0/0",
  "fd17::/64",
  "2001:db8::/32",
  "::/0",
);
const range = fc.constantFrom("198.51.100.3-198.51.100.200", "172.18.0.3-172.18.0.6", "fd17::3-fd17::6");

const peerItem = (names: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...names) },
    { weight: 2, arbitrary: fc.constantFrom("any", "world", "host") },
    { weight: 2, arbitrary: fc.oneof(v4, cidr, range, v6) },
  );

const list = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 3, arbitrary: item },
    { weight: 1, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => `{${items.join(", ")}}`) },
  );

const side = (names: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 5, arbitrary: list(peerItem(names)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(list(peerItem(names)), list(peerItem(names)))
        .map(([from, except]) => `${from} except ${except}`),
    },
  );

const portItem = fc.constantFrom(
  "22",
  "80",
  "53/udp",
  "8000-8010",
  "8005-9000/udp",
  "icmp",
  "tcp",
  "9/sctp",
  "1-65535",
  "udp",
);
const ports = fc.oneof(
  fc.constant(""),
  portItem.map((p) => `:${p}`),
  fc.tuple(portItem, portItem).map(([p, q]) => `:{${p}, ${q}}`),
);

/** A destination of one IPv6 literal needs brackets before a port. */
function destination(peers: string, port: string): string {
  if (port === "") return peers;
  return /^[0-9a-f:]*::[0-9a-f:]*$/.test(peers) ? `[${peers}]${port}` : `${peers}${port}`;
}

const rule = (names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom("allow", "allow", "deny", "reject"),
      side(names),
      side(names),
      ports,
      fc.constantFrom("", "", "", " log", ' log "x" limit 5/second'),
    )
    .map(([verb, from, to, port, log]) => `${verb} ${from} -> ${destination(to, port)}${log}`);

const publish = (names: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom("", "", "127.0.0.1:", "[::1]:", "192.0.2.1:"),
      fc.constantFrom("80", "8080", "53/udp", "8000-8003", "443"),
      fc.uniqueArray(fc.constantFrom(...CONTAINERS), { minLength: 1, maxLength: 2 }),
      fc.constantFrom("", ":22", ":80", ":9000"),
      fc.oneof(
        fc.constant(""),
        side(names).map((from) => ` from ${from}`),
      ),
    )
    .map(([address, host, targets, port, from]) => {
      const inner = host.includes("-") ? (port === ":9000" ? ":9000-9003" : "") : port;
      const target = targets.length === 1 ? (targets[0] as string) : `{${targets.join(", ")}}`;
      return `publish ${address}${host} -> ${target}${inner}${from}`;
    });

const network = (name: string, subnets: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.boolean(), fc.constantFrom("", "", "", "internal;"), fc.constantFrom("", "masquerade off;"))
    .map(
      ([icc, internal, masquerade]) =>
        `network ${name} { ${subnets} icc ${icc ? "on" : "off"}; ${internal} ${masquerade} }`,
    );

const networks = [
  network("one", "subnet 172.18.0.0/16; subnet fd17::/64;"),
  network("two", "subnet 172.19.0.0/16;"),
  network("three", "subnet fd19::/64;"),
] as const;

const container = (name: string, i: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.uniqueArray(fc.constantFrom("one", "two", "three", "default"), { minLength: 1, maxLength: 2 }),
      fc.constantFrom("", "expose 22;", "expose 80; expose 53/udp;"),
    )
    .map(([on, expose]) => {
      const lines = on.map((n) =>
        n === "one" && i % 2 === 0 ? `network one ip 172.18.0.${i + 3} ip fd17::${i + 3};` : `network ${n};`,
      );
      return `container ${name} { ${lines.join(" ")} ${expose} }`;
    });

/** A policy's statements, in an order that means nothing. Many are wrong in some way: compile and skip those. */
export const statements: fc.Arbitrary<string[]> = fc
  .record({
    networks: fc.tuple(...networks),
    containers: fc.tuple(...CONTAINERS.map(container)),
    rules: fc.array(rule([...CONTAINERS, "one", "two", "group"]), { maxLength: 8 }),
    publishes: fc.array(publish([...CONTAINERS, "one", "group"]), { maxLength: 3 }),
    links: fc.array(fc.constantFrom("link a -> b", "link c -> b as db", "link d -> a"), { maxLength: 1 }),
    icc: fc.constantFrom("icc on", "icc off"),
  })
  .map((p) => [...p.networks, ...p.containers, "let group = {a, c}", p.icc, ...p.rules, ...p.publishes, ...p.links]);
