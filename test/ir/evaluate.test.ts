import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "../../grammar/parser.js";
import { compile } from "../../src/ir/compile.js";
import { readQuery } from "../../src/ir/ask.js";
import { explain } from "../../src/ir/query.js";
import { Diagnostics } from "../../src/text/diagnostic.js";

const test = suite("evaluate");

/** Verdicts of queries, written by hand from the language's definition. */
function verdicts(text: string, table: Record<string, string>): void {
  const { policy, diagnostics, failed } = compile(text);
  assert.not(failed, diagnostics.map((d) => d.message).join("; "));
  for (const [query, expected] of Object.entries(table)) {
    const problems = new Diagnostics();
    const parsed = readQuery(policy, query, parse, problems);
    assert.ok(parsed, `${query}: ${problems.list.map((d) => d.message).join("; ")}`);
    if (parsed !== undefined) assert.is(explain(policy, parsed).verdict, expected, query);
  }
}

test("the one line of the README", () => {
  verdicts("allow c2 -> c1:22, icc off, publish 49153->8080", {
    "c2 -> c1:22": "allow",
    "c2 -> c1:23": "deny",
    "c2 -> c1:8080": "deny",
    "c1 -> c2:22": "deny",
    "c2 -> host:49153": "allow",
    "c1 -> host:49153": "allow",
    "host -> host:49153": "allow",
    "world -> host:49153": "allow",
    "world -> c1:8080": "deny",
    "world -> c1:22": "deny",
    "host -> c1:22": "allow",
    "c1 -> world:443": "allow",
    "c1 -> host:22": "allow",
  });
});

test("deny beats reject beats allow beats the defaults, in any order", () => {
  const lines = ["allow any -> c1:{22, 80, 443}", "reject any -> c1:{80, 443}", "deny any -> c1:443", "icc off"];
  for (const text of [lines.join("\n"), [...lines].reverse().join("\n")])
    verdicts(`container c1 { }\ncontainer c2 { }\n${text}`, {
      "c2 -> c1:22": "allow",
      "c2 -> c1:80": "reject",
      "c2 -> c1:443": "deny",
      "c2 -> c1:81": "deny",
      "world -> c1:22": "allow",
      "world -> c1:80": "reject",
    });
});

test("a deny on the container holds through the publish; 'from' holds for that way alone", () => {
  verdicts(
    `container c1 { }; container c2 { }; container c3 { }
     publish 80 -> c1:8080 from {203.0.113.0/24, c2}
     publish 81 -> c1:9090
     deny c3 -> c1:9090
     allow world -> c1:8080`,
    {
      "203.0.113.9 -> host:80": "allow",
      "198.51.100.9 -> host:80": "deny",
      "c2 -> host:80": "allow",
      "c3 -> host:80": "deny",
      "host -> host:80": "mixed",
      "198.51.100.9 -> c1:8080": "allow",
      "c3 -> host:81": "deny",
      "c2 -> host:81": "allow",
      "world -> c1:9090": "deny",
    },
  );
});

test("internal networks", () => {
  verdicts(
    `network inside { subnet 10.1.0.0/24; internal }
     network open { subnet 10.2.0.0/24 }
     container a { network inside }
     container b { network inside }
     container both { network inside; network open }
     container c { network open }
     publish 80 -> c
     allow c -> a:22
     allow any -> both:22`,
    {
      "a -> b:80": "allow",
      "a -> world:80": "deny",
      "a -> host:22": "deny",
      "a -> host:80": "deny",
      "host -> a:22": "allow",
      "world -> a:22": "deny",
      "both -> world:80": "allow",
      "both -> host:80": "allow",
      "c -> a:22": "allow",
      "c -> a:23": "deny",
      "world -> both:22": "mixed",
    },
  );
});

test("the network of the destination's address decides between containers", () => {
  verdicts(
    `network one { subnet 10.1.0.0/24; icc off }
     network two { subnet 10.2.0.0/24 }
     container a { network one ip 10.1.0.5; network two ip 10.2.0.5 }
     container b { network one ip 10.1.0.6; network two ip 10.2.0.6 }
     container c { network two ip 10.2.0.7 }`,
    {
      "a -> 10.1.0.6:80": "deny",
      "a -> 10.2.0.6:80": "allow",
      "c -> 10.2.0.6:80": "allow",
      "c -> 10.1.0.6:80": "deny",
    },
  );
});

test("an address means whoever has it; except takes away", () => {
  verdicts(
    `network n { subnet 10.1.0.0/24; icc off }
     container a { network n ip 10.1.0.5 }
     container b { network n ip 10.1.0.6 }
     container c { network n ip 10.1.0.7 }
     allow 10.1.0.0/29 -> c:80
     deny c -> world except {203.0.113.0/24}:443
     deny any except a -> b`,
    {
      "a -> c:80": "allow",
      "b -> c:80": "allow",
      "10.9.0.1 -> c:80": "deny",
      "c -> 203.0.113.5:443": "allow",
      "c -> 198.51.100.5:443": "deny",
      "c -> 198.51.100.5:80": "allow",
      "host -> b:1": "deny",
      "a -> b:1": "deny",
    },
  );
});

test("protocols: a port is TCP's, icmp covers both families, none means every protocol", () => {
  verdicts(
    `network n { subnet 10.1.0.0/24; subnet fd01::/64; icc off }
     container a { network n }
     container b { network n }
     allow a -> b:{22, 53/udp, icmp, 9/sctp, 8000-8010}
     allow b -> a`,
    {
      "a -> b:22": "allow",
      "a -> b:22/udp": "deny",
      "a -> b:53/udp": "allow",
      "a -> b:icmp": "allow",
      "a -> b:9/sctp": "allow",
      "a -> b:8005": "allow",
      "a -> b:8011": "deny",
      "a -> b": "mixed",
      "b -> a": "allow",
    },
  );
});

test("links allow the target's exposed ports and nothing else", () => {
  verdicts(
    `icc off
     container app { }
     container db { expose 5432; expose 53/udp }
     link app -> db as database`,
    { "app -> db:5432": "allow", "app -> db:53/udp": "allow", "app -> db:5433": "deny", "db -> app:5432": "deny" },
  );
});

test("modes: host stands for host, container:OTHER for OTHER", () => {
  verdicts(
    `icc off
     container a { }
     container b { }
     container h { mode host }
     container side { mode container:a }
     allow b -> side:80
     deny b -> h:22`,
    { "b -> a:80": "allow", "b -> a:81": "deny", "b -> host:22": "deny", "b -> host:23": "allow" },
  );
});

test.run();
