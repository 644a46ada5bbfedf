/** The problems that the parser finds. The whole catalogue is in codes.ts. */
import { type Entry, entry } from "./entry.js";

export const syntaxCodes = () =>
  ({
    "unexpected-token": entry(
      "error",
      "Something that doesn't fit",
      "The statement began well, and then came something that can't stand there. The message says what was expected.",
    ),
    "unexpected-character": entry(
      "error",
      "A character without meaning",
      "A policy has letters, digits and a few signs. Any other character stands in quotes, as part of a name.",
    ),
    "unterminated-string": entry(
      "error",
      "A quoted name is never closed",
      "A quoted name begins and ends with a double quote on the same line.",
    ),
    "newline-in-string": entry(
      "error",
      "A quoted name over two lines",
      "A quoted name stands on one line; there is no escape for a newline.",
    ),
    "bad-escape": entry("error", "An unknown escape", 'Inside quotes only \\" and \\\\ are escapes.'),
    "non-ascii-word": entry(
      "error",
      "A bare word with letters that need quotes",
      "Bare names have ASCII letters, digits, '_', '.' and '-'. Every other name is written in double quotes.",
    ),
    "digit-word": entry(
      "error",
      "A bare word that starts with a digit",
      "A bare word that starts with a digit is a number or an address. A name such as 0afe24ab86b8 is quoted.",
    ),
    "bad-port": entry("error", "A number that is no port", "Ports go from 1 to 65535."),
    "bad-address": entry(
      "error",
      "An address that is none",
      "IPv4 addresses are four decimal numbers, IPv6 ones have '::' or seven colons, MAC addresses six pairs.",
    ),
    "bad-range": entry(
      "error",
      "A range that is none",
      "A range has two ends of the same kind, and the first is not above the last.",
    ),
    "bad-prefix": entry(
      "error",
      "A prefix that is none",
      "IPv4 has 32 bits, IPv6 has 128; a subnet is written as its first address.",
    ),
    "bad-number": entry("error", "A number out of range", "The number is zero or larger than the system takes."),
    "bad-limit": entry("error", "A limit that is none", "A limit is written N/second, N/minute, N/hour or N/day."),
    "bad-brackets": entry(
      "error",
      "Brackets around something else than one IPv6 address",
      "Brackets set the colons of an IPv6 address apart from the ':' before its ports.",
    ),
    "bad-env": entry(
      "error",
      "An env that is not KEY=VALUE",
      "No space stands around the '='; a value with spaces is quoted.",
    ),
    "ipv6-needs-brackets": entry(
      "error",
      "Ports after an IPv6 address without brackets",
      "Write [2001:db8::1]:443. Without the brackets nobody can tell where the address ends.",
    ),
    "ipv6-port-ambiguous": entry(
      "warning",
      "An IPv6 address that looks like an address and a port",
      "fd00::5:22 is an address. For port 22 of fd00::5 write [fd00::5]:22.",
    ),
    "unknown-statement": entry(
      "error",
      "No statement begins with this word",
      "Each statement begins with its keyword.",
    ),
    "unknown-property": entry(
      "error",
      "No property of this block begins with this word",
      "Each property begins with its keyword.",
    ),
    "misplaced-statement": entry(
      "error",
      "A statement or property in the wrong place",
      "Properties stand inside the block of a network or container, statements outside.",
    ),
    "unclosed-brace": entry("error", "A '{' without its '}'", "Each '{' is closed by a '}'."),
    "stray-brace": entry("error", "A '}' without its '{'", "Each '}' closes a '{'."),
    "brace-on-next-line": entry(
      "error",
      "A block's '{' on a line of its own",
      "A newline ends a statement, so the '{' of a block stands on the statement's line.",
    ),
    "missing-block": entry(
      "error",
      "A network or container without its block",
      "A declaration has a block in braces, which may be empty.",
    ),
    "empty-braces": entry("error", "Braces without an item", "A list has at least one item."),
    "nested-braces": entry("error", "Braces inside braces", "Lists don't nest; a let names an inner one."),
    "semicolon-in-braces": entry(
      "error",
      "A ';' inside value braces",
      "The items of a list are separated by commas or newlines.",
    ),
    "missing-comma": entry(
      "error",
      "Items without a separator",
      "The items of a list are separated by commas or newlines.",
    ),
    "missing-braces": entry("error", "Several items without braces", "Several items stand in braces: {a, b}."),
    "comma-outside-braces": entry(
      "error",
      "A ',' that ends the statement too early",
      "Outside braces a ',' separates statements; several items stand in braces.",
    ),
    "except-in-braces": entry(
      "error",
      "An 'except' inside braces",
      "One 'except' stands behind the list that it takes away from.",
    ),
    "except-chained": entry("error", "More than one 'except'", "Each side of a rule has at most one 'except'."),
    "ports-before-except": entry("error", "Ports before 'except'", "The ports come last."),
    "ports-in-braces": entry(
      "error",
      "Ports inside the braces of peers",
      "The ports of a rule hold for all its peers, and follow the braces.",
    ),
    "several-ports": entry("error", "Two ':' in one rule", "Several ports stand in braces behind one ':'."),
    "split-statement": entry(
      "error",
      "A statement that goes on in the next line",
      "A newline ends a statement, except inside the braces of a list.",
    ),
    "missing-host-port": entry(
      "error",
      "A publish with an address and no port",
      "A publish names the host port behind the address.",
    ),
    "source-port": entry("error", "A port on the source", "Rules match destination ports only."),
    "loose-port": entry("error", "A port without its ':'", "A port follows its destination behind a ':'."),
    "protocol-order": entry("error", "A protocol in the wrong place", "The protocol follows the number: 22/tcp."),
    "unexpected-space": entry("error", "A space around ':' or '/'", "A port belongs to what stands right before it."),
    "wrong-arrow": entry("error", "Another arrow", "Source and destination are joined by ->."),
    "not-a-peer": entry(
      "error",
      "A port where a peer is expected",
      "Peers are containers, networks, lets, addresses, host, world and any.",
    ),
    "not-a-port": entry(
      "error",
      "An address where a port is expected",
      "Ports are numbers, ranges, protocols and lets of these.",
    ),
    "not-a-container": entry(
      "error",
      "Something else where a container is expected",
      "Only the names of containers can stand here.",
    ),
    "not-an-address": entry(
      "error",
      "More than one address where one is expected",
      "A CIDR or a range stands for many addresses.",
    ),
    "not-a-prefix": entry("error", "A subnet without a prefix length", "A subnet is written ADDRESS/LENGTH."),
    "not-a-switch": entry("error", "Something else than on or off", "These properties are on or off."),
    "missing-quotes": entry("error", "A word that needs quotes", "Paths and log prefixes stand in double quotes."),
    "docker-publish": entry(
      "error",
      "A publish in Docker's notation",
      "Docker's -p HOST:CONTAINER is written publish HOST -> NAME:CONTAINER here.",
    ),
    "several-published-ports": entry(
      "error",
      "A publish with a list of ports",
      "A publish takes one port or one range.",
    ),
    "publish-all-port": entry("error", "A port behind 'publish all'", "'publish all' publishes every exposed port."),
    "link-in-block": entry(
      "error",
      "A link with two ends inside a block",
      "Inside the block of a container a link names its target only.",
    ),
    "link-without-source": entry(
      "error",
      "A link with one end at top level",
      "At top level a link names both containers.",
    ),
    "assert-log": entry(
      "error",
      "An assertion with a log",
      "Assertions are checked when the policy is compiled, so they log nothing.",
    ),
    "assert-reject": entry("error", "An assertion that says reject", "An assertion says allow or deny."),
    "limit-without-log": entry("error", "A limit without a log", "A limit slows a log."),
    "log-order": entry(
      "error",
      "A log's prefix in the wrong place",
      "The prefix stands right behind 'log', before the limit.",
    ),
    "unknown-mode": entry("error", "No mode has this name", "The modes are host, none and container:NAME."),
    "unknown-driver": entry("error", "No driver has this name", "The drivers are bridge and macvlan."),
  }) satisfies Record<string, Entry>;

export type SyntaxCode = keyof ReturnType<typeof syntaxCodes>;
