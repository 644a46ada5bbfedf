import { suite } from "uvu";
import * as assert from "uvu/assert";
import { read, statementsOf } from "../support/syntax.js";

const test = suite("parser");

const bare = (text: string) => ({ text, quoted: false });
const quoted = (text: string) => ({ text, quoted: true });
const name = (text: string) => ({ kind: "name", name: bare(text) });
const port = (from: number, to = from) => ({ kind: "port", from, to });
const portOf = (from: number, protocol: string, to = from) => ({ ...port(from, to), protocol: bare(protocol) });
const one = (item: unknown) => ({ items: [item], braced: false });
const several = (...items: unknown[]) => ({ items, braced: true });
const peers = (item: unknown) => ({ include: one(item) });
const rule = (verb: string, from: unknown, to: unknown, rest: object = {}) => ({
  kind: "rule",
  verb,
  from,
  to,
  ...rest,
});

test("reads the one-line policy of the contract", () => {
  assert.equal(statementsOf("allow c2 -> c1:22, icc off, publish 49153->8080"), [
    rule("allow", peers(name("c2")), peers(name("c1")), { ports: one(port(22)) }),
    { kind: "icc", on: false },
    { kind: "publish", host: { port: port(49153) }, port: port(8080) },
  ]);
});

test("reads rules", () => {
  const a = peers(name("a"));
  const cases: [string, unknown][] = [
    ["deny a -> b", rule("deny", a, peers(name("b")))],
    ["reject a->b", rule("reject", a, peers(name("b")))],
    ["allow a -> b:icmp", rule("allow", a, peers(name("b")), { ports: one(name("icmp")) })],
    ["allow a -> b:53/udp", rule("allow", a, peers(name("b")), { ports: one(portOf(53, "udp")) })],
    [
      "allow a -> b:{3306, 8000-8010/tcp\nssh,}",
      rule("allow", a, peers(name("b")), { ports: several(port(3306), portOf(8000, "tcp", 8010), name("ssh")) }),
    ],
    [
      "allow a -> {b,\n  c\n}:22",
      rule("allow", a, { include: several(name("b"), name("c")) }, { ports: one(port(22)) }),
    ],
    [
      "deny any except a -> world except {10.0.0.0/8, 2001:db8::/32}:443",
      rule(
        "deny",
        { include: one(name("any")), except: one(name("a")) },
        {
          include: one(name("world")),
          except: several(
            { kind: "cidr", address: "10.0.0.0", length: 8 },
            { kind: "cidr", address: "2001:db8::", length: 32 },
          ),
        },
        { ports: one(port(443)) },
      ),
    ],
    [
      "allow 10.0.0.1->b",
      rule("allow", peers({ kind: "address", text: "10.0.0.1", bracketed: false }), peers(name("b"))),
    ],
    [
      "allow a -> [fd00::5]:22",
      rule("allow", a, peers({ kind: "address", text: "fd00::5", bracketed: true }), { ports: one(port(22)) }),
    ],
    ["allow a -> fd00::5:ffff", rule("allow", a, peers({ kind: "address", text: "fd00::5:ffff", bracketed: false }))],
    ["allow a -> c1:22", rule("allow", a, peers(name("c1")), { ports: one(port(22)) })],
    [
      "allow 10.0.0.1-10.0.0.9 -> fd00::1-fd00::9",
      rule(
        "allow",
        peers({ kind: "range", from: "10.0.0.1", to: "10.0.0.9" }),
        peers({ kind: "range", from: "fd00::1", to: "fd00::9" }),
      ),
    ],
    [
      "allow 1:2:3:4:5:6:7:8 -> b",
      rule("allow", peers({ kind: "address", text: "1:2:3:4:5:6:7:8", bracketed: false }), peers(name("b"))),
    ],
    [
      'deny a -> b log "x y" limit 5/minute',
      rule("deny", a, peers(name("b")), { log: { prefix: quoted("x y"), limit: { count: 5, per: "minute" } } }),
    ],
    ["deny a -> b log", rule("deny", a, peers(name("b")), { log: {} })],
    ["deny a -> b log limit 1/day", rule("deny", a, peers(name("b")), { log: { limit: { count: 1, per: "day" } } })],
  ];
  for (const [text, expected] of cases) assert.equal(statementsOf(text), [expected], text);
});

test("reserves words only where they can stand", () => {
  const log = { prefix: quoted("x") };
  assert.equal(statementsOf('allow log -> from:22 log "x"'), [
    rule("allow", peers(name("log")), peers(name("from")), { ports: one(port(22)), log }),
  ]);
  assert.equal(statementsOf("allow except except except -> limit"), [
    rule("allow", { include: one(name("except")), except: one(name("except")) }, peers(name("limit"))),
  ]);
  assert.equal(statementsOf("publish from -> from from from"), [
    {
      kind: "publish",
      host: { port: name("from") },
      target: one(name("from")),
      from: peers(name("from")),
    },
  ]);
  assert.equal(statementsOf("policy policy, link as -> as as as"), [
    { kind: "policy", name: bare("policy") },
    { kind: "link", from: bare("as"), target: bare("as"), alias: bare("as") },
  ]);
  assert.equal(statementsOf("container env { network ip ip 10.0.0.1 }"), [
    {
      kind: "container",
      name: bare("env"),
      properties: [{ kind: "endpoint", network: bare("ip"), ips: [{ text: "10.0.0.1" }], macs: [] }],
    },
  ]);
  assert.equal(statementsOf('share "/x" log, let env = on'), [
    { kind: "share", path: quoted("/x"), containers: one(name("log")) },
    { kind: "let", name: bare("env"), value: one(name("on")) },
  ]);
});

test("reads publish in all its forms", () => {
  const c1 = { target: one(name("c1")) };
  const cases: [string, object][] = [
    ["publish 49153 -> c1:8080", { host: { port: port(49153) }, ...c1, port: port(8080) }],
    [
      "publish 127.0.0.1:49153 -> c1:8080/tcp",
      { host: { address: { text: "127.0.0.1" }, port: port(49153) }, ...c1, port: portOf(8080, "tcp") },
    ],
    [
      "publish [::1]:53 -> dns:53/udp",
      { host: { address: { text: "::1" }, port: port(53) }, target: one(name("dns")), port: portOf(53, "udp") },
    ],
    ["publish 8000-8010 -> c1:9000-9010", { host: { port: port(8000, 8010) }, ...c1, port: port(9000, 9010) }],
    [
      "publish 80 -> {web1, web2}:8080",
      { host: { port: port(80) }, target: several(name("web1"), name("web2")), port: port(8080) },
    ],
    [
      "publish 443 -> c1 from admins except {a, b}",
      {
        host: { port: port(443) },
        ...c1,
        from: { include: one(name("admins")), except: several(name("a"), name("b")) },
      },
    ],
    ["publish all -> c1", c1],
    ["publish all", {}],
    ["publish all from x", { from: peers(name("x")) }],
    ["publish 49153->8080", { host: { port: port(49153) }, port: port(8080) }],
    ["publish 49153", { host: { port: port(49153) } }],
    ["publish 53/udp -> dns", { host: { port: portOf(53, "udp") }, target: one(name("dns")) }],
    ["publish web -> c1:80", { host: { port: name("web") }, ...c1, port: port(80) }],
    ["publish 80 -> c1:http", { host: { port: port(80) }, ...c1, port: name("http") }],
    ['publish "all" -> c1', { host: { port: { kind: "name", name: quoted("all") } }, ...c1 }],
  ];
  for (const [text, expected] of cases) assert.equal(statementsOf(text), [{ kind: "publish", ...expected }], text);
});

test("reads the blocks of networks and containers", () => {
  const network =
    "network front { driver bridge; subnet 172.17.0.0/16; subnet fd17::/64, gateway 172.17.0.1\n" +
    'icc off; internal; masquerade off; mtu 1500; bridge "br-front"; driver macvlan log }';
  assert.equal(statementsOf(network), [
    {
      kind: "network",
      name: bare("front"),
      properties: [
        { kind: "driver", driver: bare("bridge") },
        { kind: "subnet", address: "172.17.0.0", length: 16 },
        { kind: "subnet", address: "fd17::", length: 64 },
        { kind: "gateway", address: { text: "172.17.0.1" } },
        { kind: "icc", on: false },
        { kind: "internal" },
        { kind: "masquerade", on: false },
        { kind: "mtu", value: { value: 1500 } },
        { kind: "bridge", name: quoted("br-front") },
        { kind: "driver", driver: bare("macvlan"), parent: bare("log") },
      ],
    },
  ]);
  const container =
    "container c1 {\n network front ip 172.17.0.5 ip fd17::5 mac 02:42:ac:11:00:05\n expose {80, 53/udp}\n" +
    " publish 80->8080; publish all; link db as database; link db\n" +
    ' mode host; mode none; mode container:other; netns "/run/netns/x"; pid 4242\n}';
  assert.equal(statementsOf(container), [
    {
      kind: "container",
      name: bare("c1"),
      properties: [
        {
          kind: "endpoint",
          network: bare("front"),
          ips: [{ text: "172.17.0.5" }, { text: "fd17::5" }],
          macs: [{ text: "02:42:ac:11:00:05" }],
        },
        { kind: "expose", ports: several(port(80), portOf(53, "udp")) },
        { kind: "publish", host: { port: port(80) }, port: port(8080) },
        { kind: "publish" },
        { kind: "link", target: bare("db"), alias: bare("database") },
        { kind: "link", target: bare("db") },
        { kind: "mode", mode: bare("host") },
        { kind: "mode", mode: bare("none") },
        { kind: "mode", mode: bare("container"), other: bare("other") },
        { kind: "netns", path: quoted("/run/netns/x") },
        { kind: "pid", value: { value: 4242 } },
      ],
    },
  ]);
  assert.equal(statementsOf("network a {}, network b { }"), [
    { kind: "network", name: bare("a"), properties: [] },
    { kind: "network", name: bare("b"), properties: [] },
  ]);
});

test("reads env values up to the first space, separator, comment or brace", () => {
  const env = (text: string) => {
    const [container] = statementsOf(`container c { ${text} }`) as { properties: { value: unknown }[] }[];
    return container?.properties.map(({ value }) => value);
  };
  assert.equal(env("env URL=http://x:80/?a=b"), [bare("http://x:80/?a=b")]);
  assert.equal(env("env A="), [bare("")]);
  assert.equal(env("env A=;env B=x,env C=y\nenv D=z#c\n"), [bare(""), bare("x"), bare("y"), bare("z")]);
  assert.equal(env('env A="a b \\" \\\\"'), [quoted('a b " \\')]);
  assert.equal(env("env A=é->"), [bare("é->")]);
  assert.equal(env('env A=a"b"'), [bare('a"b"')]);
});

test("reads the other statements", () => {
  assert.equal(statementsOf('policy "a b"; include "x.tsnet"\nlet p = {22/tcp, icmp}\nlet q=[fd00::1]'), [
    { kind: "policy", name: quoted("a b") },
    { kind: "include", path: quoted("x.tsnet") },
    { kind: "let", name: bare("p"), value: several(portOf(22, "tcp"), name("icmp")) },
    { kind: "let", name: bare("q"), value: one({ kind: "address", text: "fd00::1", bracketed: true }) },
  ]);
  assert.equal(
    statementsOf('link app -> db; share "/run/s" {c1, "c 2"}\nassert deny x -> c1:22, assert allow x -> c1'),
    [
      { kind: "link", from: bare("app"), target: bare("db") },
      {
        kind: "share",
        path: quoted("/run/s"),
        containers: several(name("c1"), { kind: "name", name: quoted("c 2") }),
      },
      { kind: "assert", verb: "deny", from: peers(name("x")), to: peers(name("c1")), ports: one(port(22)) },
      { kind: "assert", verb: "allow", from: peers(name("x")), to: peers(name("c1")) },
    ],
  );
});

test("takes CRLF, a byte order mark, empty statements, and comments anywhere at a line's end", () => {
  assert.equal(statementsOf("\ufeff# x\r\nicc on\r\n\r\n;;,icc off;\r\nallow {a # y\r\n, b} -> c"), [
    { kind: "icc", on: true },
    { kind: "icc", on: false },
    rule("allow", { include: several(name("a"), name("b")) }, peers(name("c"))),
  ]);
  assert.equal(statementsOf(""), []);
  assert.equal(statementsOf("\ufeff"), []);
  const { tree } = read('icc on # "one"\r\n# two');
  assert.equal(
    tree.comments.map(({ text }) => text),
    ['# "one"', "# two"],
  );
});

test("gives every node the span of its text", () => {
  const text = '  allow {a, "b c"} except d -> [fd00::1]:{22, 53/udp} log "p" limit 5/second # c\n';
  const [statement] = read(text).tree.statements;
  if (statement?.kind !== "rule") throw new Error("no rule");
  const at = ({ span }: { span: { start: number; end: number } }) => text.slice(span.start, span.end);
  assert.is(at(statement), text.slice(2, text.indexOf(" #")));
  assert.is(at(statement.from), '{a, "b c"} except d');
  assert.is(at(statement.from.include), '{a, "b c"}');
  assert.equal(statement.from.include.items.map(at), ["a", '"b c"']);
  assert.is(at(statement.to), "[fd00::1]");
  assert.is(at(statement.ports as never), "{22, 53/udp}");
  assert.equal(statement.ports?.items.map(at), ["22", "53/udp"]);
  assert.is(at(statement.log as never), 'log "p" limit 5/second');
  assert.is(at(statement.log?.limit as never), "limit 5/second");
  const entry = read("container c { env KEY=a:b }").tree.statements[0];
  if (entry?.kind !== "container" || entry.properties[0]?.kind !== "env") throw new Error("no env");
  assert.equal([entry.properties[0].key.span.start, entry.properties[0].value.span.start], [18, 22]);
});

test.run();
