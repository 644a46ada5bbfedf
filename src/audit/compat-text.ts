/**
 * Matches of iptables in nft's listing: its JSON has their names alone, its text most often what they ask for, in nft's
 * own words. So they are read where iptables-nft-save is missing, or won't print a table that nft has written to as well.
 * Pure.
 */
import type { Listed } from "../backend/nftables/listing.js";

interface Spelling {
  /** One such match in the text of its rule. */
  readonly pattern: RegExp;
  /** What is about the same: where there is more of it than the match, whose it is can't be told. */
  readonly about: RegExp;
  /** nft's JSON of what is compared, by the pattern's groups `field` and `protocol`. */
  readonly left: (field: string, protocol: string) => Listed;
}

const VALUE = String.raw`(?<not>!=? ?)?(?<value>\{[^}]*\}|\S+)`;
const payload = (field: string, protocol: string): Listed => ({ payload: { protocol, field } });

const CONNECTION: Spelling = {
  pattern: new RegExp(String.raw`\bct (?<field>state|status) ${VALUE}`, "g"),
  about: /\bct \w/g,
  left: (key) => ({ ct: { key } }),
};
const PORT: Spelling = {
  pattern: new RegExp(String.raw`\b(?<protocol>tcp|udp|sctp) (?<field>[ds]port) ${VALUE}`, "g"),
  about: /\b(tcp|udp|sctp) (dport|sport|flags|option|chunk)|\bth [ds]port/g,
  left: payload,
};
const ICMP: Spelling = {
  pattern: new RegExp(String.raw`\b(?<protocol>icmp|icmpv6) (?<field>type) ${VALUE}`, "g"),
  about: /\bicmp(v6)? (type|code)/g,
  left: payload,
};

/** By the name of the match. */
const SPELLINGS: Readonly<Record<string, Spelling>> = {
  ...{ conntrack: CONNECTION, state: CONNECTION },
  ...{ multiport: PORT, tcp: PORT, udp: PORT, sctp: PORT },
  ...{ icmp: ICMP, icmp6: ICMP },
  addrtype: {
    pattern: new RegExp(String.raw`\bfib (?<field>[ds]addr) type ${VALUE}`, "g"),
    about: /\bfib /g,
    left: (field) => ({ fib: { result: "type", flags: field } }),
  },
  iprange: {
    pattern: /\b(?<protocol>ip6?) (?<field>[ds]addr) (?<not>!= )?(?<value>[0-9a-f.:]+-[0-9a-f.:]+)/g,
    about: /\bip6? [ds]addr \S*-/g,
    left: payload,
  },
};

/** The expressions of a rule, with what its text says in place of the names. */
export function spelledOut(expressions: readonly Listed[], text: string): Listed[] {
  const plain = text.replace(/"[^"]*"/g, '""');
  return expressions.map((expression) => {
    const { type, name } = (expression["xt"] ?? {}) as { type?: unknown; name?: unknown };
    if (type === "target" && name === "REJECT") return { reject: null };
    const spelling = type === "match" && Object.hasOwn(SPELLINGS, String(name)) ? SPELLINGS[String(name)] : undefined;
    return (spelling && matchOf(spelling, plain)) ?? expression;
  });
}

function matchOf({ pattern, about, left }: Spelling, text: string): Listed | undefined {
  const [found, another] = [...text.matchAll(pattern)];
  if (found === undefined || another !== undefined || text.match(about)?.length !== 1) return undefined;
  const { field = "", protocol = "", not, value = "" } = found.groups ?? {};
  const words = value.replace(/^\{|\}$/g, "").split(",");
  const right = words.map((word) => partOf(word.trim()));
  return { match: { op: not === undefined ? "==" : "!=", left: left(field, protocol), right: { set: right } } };
}

function partOf(word: string): unknown {
  const number = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);
  const [, from, to] = /^([0-9a-f.:]+)-([0-9a-f.:]+)$/.exec(word) ?? [];
  return from === undefined || to === undefined ? number(word) : { range: [number(from), number(to)] };
}
