/**
 * The terminals of the policy language.
 *
 * A keyword is a word in its place: the scanner reads `log` as a plain word, and words.ts turns it into the keyword
 * `log` where only the keyword can stand. So a container may be called `log`, and the scanner stays small.
 */
import { createToken, Lexer, type TokenType } from "chevrotain";
import { matchAddress } from "./address-pattern.js";

/** A word that cannot be one: what a failed number or address leaves behind. `->` always ends a word. */
const WORD_END = "(?![\\w.]|-(?!>))";
const QUOTED = '"(?:[^"\\\\\\n]|\\\\[^\\n])*"';
/** A bare name. */
export const BARE = "[A-Za-z_](?:[\\w.-]*\\w)?";

const HEX = [..."0123456789abcdefABCDEF"];

// What the scanner finds ---------------------------------------------------------------------------------------------

export const Space = createToken({ name: "Space", pattern: " ", group: Lexer.SKIPPED });
export const Tab = createToken({ name: "Tab", pattern: "\t", group: Lexer.SKIPPED });
export const ByteOrderMark = createToken({
  name: "ByteOrderMark",
  pattern: {
    exec: (text: string, offset: number): [string] | null =>
      offset === 0 && text.startsWith("\ufeff") ? ["\ufeff"] : null,
  },
  start_chars_hint: ["\ufeff"],
  line_breaks: false,
  group: Lexer.SKIPPED,
});
export const Comment = createToken({ name: "Comment", pattern: /#[^\n]*/, group: "comments" });
export const Newline = createToken({ name: "Newline", pattern: /\r?\n(?:[ \t]*\r?\n)*/, label: "newline" });
export const Comma = createToken({ name: "Comma", pattern: ",", label: "','" });
export const Semicolon = createToken({ name: "Semicolon", pattern: ";", label: "';'" });

/** A bare or a quoted name: every place that takes the one takes the other. */
export const AnyName = createToken({ name: "AnyName", pattern: Lexer.NA, label: "NAME" });
export const Name = createToken({
  name: "Name",
  pattern: new RegExp(BARE),
  categories: AnyName,
  label: "NAME",
});
export const Quoted = createToken({
  name: "Quoted",
  pattern: new RegExp(QUOTED),
  categories: AnyName,
  label: "QUOTED",
});
/** `env KEY=VALUE` in one piece, because a value may hold characters that mean something elsewhere. */
export const EnvEntry = createToken({
  name: "EnvEntry",
  pattern: new RegExp(`env[ \\t]+(?:${BARE}|${QUOTED})=(?:${QUOTED}|[^ \\t\\r\\n,;#{}"][^ \\t\\r\\n,;#{}]*)?`),
  label: "env KEY=VALUE",
});
/** A port or a range of ports. */
export const PortNumber = createToken({ name: "PortNumber", pattern: Lexer.NA, label: "PORT" });
export const NumberWord = createToken({
  name: "Number",
  pattern: new RegExp(`\\d+${WORD_END}`),
  categories: PortNumber,
  label: "NUMBER",
});
export const NumberRange = createToken({
  name: "NumberRange",
  pattern: new RegExp(`\\d+-\\d+${WORD_END}`),
  categories: PortNumber,
  label: "NUMBER-NUMBER",
});
export const Mac = createToken({
  name: "Mac",
  pattern: /[\dA-Fa-f]{2}(?::[\dA-Fa-f]{2}){5}(?![\w:.])/,
  label: "MAC",
});
/** An address, a CIDR or a range of addresses of either family. */
export const Address = createToken({
  name: "Address",
  pattern: { exec: matchAddress },
  start_chars_hint: [...HEX, ":"],
  line_breaks: false,
  label: "ADDRESS",
});

export const Arrow = createToken({ name: "Arrow", pattern: "->", label: "'->'" });
export const Colon = createToken({ name: "Colon", pattern: ":", label: "':'" });
export const Slash = createToken({ name: "Slash", pattern: "/", label: "'/'" });
export const Equals = createToken({ name: "Equals", pattern: "=", label: "'='" });
/** Every `{` and `}` until words.ts has told a block's from a list's. */
export const ListOpen = createToken({ name: "ListOpen", pattern: "{", label: "'{'" });
export const ListClose = createToken({ name: "ListClose", pattern: "}", label: "'}'" });
export const BracketOpen = createToken({ name: "BracketOpen", pattern: "[", label: "'['" });
export const BracketClose = createToken({ name: "BracketClose", pattern: "]", label: "']'" });

// What is always an error; a token of its own makes the message precise ----------------------------------------------

/** A quoted name that goes on in the next line and ends there. */
export const SplitQuoted = createToken({
  name: "SplitQuoted",
  pattern: /"(?:[^"\\\n]|\\[^\n])*\\?\n[^"\n]*"(?![ \t\r]*[^ \t\r\n,;#{}])/,
  line_breaks: true,
});
export const OpenQuoted = createToken({ name: "OpenQuoted", pattern: /"(?:[^"\\\n]|\\[^\n])*\\?/ });
export const ForeignWord = createToken({
  name: "ForeignWord",
  pattern: /(?:[A-Za-z0-9_][\w.-]*)?[\u0080-\uffff][\w.\-\u0080-\uffff]*/,
});
export const DigitWord = createToken({ name: "DigitWord", pattern: /\d(?:[\w.]|-(?!>))*/ });
export const Unknown = createToken({
  name: "Unknown",
  // eslint-disable-next-line no-control-regex -- control characters are what this is for
  pattern: /[\x00-\x08\x0b-\x1f!$%&'()*+.<>?@\\^`|~\x7f-]/,
});

// What words.ts makes of them ----------------------------------------------------------------------------------------

const contextual = (name: string, label: string): TokenType => createToken({ name, pattern: Lexer.NA, label });

/** The end of a statement or of a property. */
export const Separator = contextual("Separator", "newline, ';' or ','");
/** Between the items of `{a, b}`. */
export const ItemSeparator = contextual("ItemSeparator", "',' or newline");
export const BlockOpen = contextual("BlockOpen", "'{'");
export const BlockClose = contextual("BlockClose", "'}'");

const keywords = new Map<string, TokenType>();

function keyword(word: string): TokenType {
  const token = contextual(word[0]!.toUpperCase() + word.slice(1), `'${word}'`);
  keywords.set(word, token);
  return token;
}

export const Policy = keyword("policy");
export const Include = keyword("include");
export const Let = keyword("let");
export const Network = keyword("network");
export const Container = keyword("container");
export const Icc = keyword("icc");
export const Allow = keyword("allow");
export const Deny = keyword("deny");
export const Reject = keyword("reject");
export const Publish = keyword("publish");
export const Link = keyword("link");
export const Share = keyword("share");
export const Assert = keyword("assert");
/** Words that begin a statement. */
export const STATEMENT_WORDS: readonly string[] = [...keywords.keys()];

export const Driver = keyword("driver");
export const Subnet = keyword("subnet");
export const Gateway = keyword("gateway");
export const Internal = keyword("internal");
export const Masquerade = keyword("masquerade");
export const Mtu = keyword("mtu");
export const Bridge = keyword("bridge");
export const NETWORK_WORDS: readonly string[] = [...keywords.keys()].slice(STATEMENT_WORDS.length).concat("icc");

const before = keywords.size;
export const Expose = keyword("expose");
export const Env = keyword("env");
export const Mode = keyword("mode");
export const Netns = keyword("netns");
export const Pid = keyword("pid");
export const CONTAINER_WORDS: readonly string[] = [...keywords.keys()]
  .slice(before)
  .concat("network", "publish", "link");

/** Keywords at the start of a statement or property. */
export const STARTS: ReadonlyMap<string, TokenType> = new Map(keywords);

export const On = keyword("on");
export const Off = keyword("off");
export const All = keyword("all");
export const Except = keyword("except");
export const From = keyword("from");
export const Log = keyword("log");
export const Limit = keyword("limit");
export const As = keyword("as");
export const Ip = keyword("ip");
export const MacWord = createToken({ name: "MacWord", pattern: Lexer.NA, label: "'mac'" });

/** The scanner's tokens; the first whose pattern matches wins. */
export const SCANNED: readonly TokenType[] = [
  ...[Space, Tab, ByteOrderMark, Comment, Newline, Comma, Semicolon],
  ...[ForeignWord, EnvEntry, Mac, Address, Name, NumberWord, NumberRange, DigitWord],
  ...[Quoted, SplitQuoted, OpenQuoted],
  ...[Arrow, Colon, Slash, Equals, ListOpen, ListClose, BracketOpen, BracketClose, Unknown],
];

/** Everything that the parser can meet. */
export const VOCABULARY: readonly TokenType[] = [
  ...SCANNED,
  ...[AnyName, PortNumber, Separator, ItemSeparator, BlockOpen, BlockClose, MacWord],
  ...keywords.values(),
];
