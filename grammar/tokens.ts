/**
 * The terminals of the policy language.
 *
 * A keyword is a word in its place: the scanner reads `log` as a plain word, and words.ts turns it into the keyword
 * `log` where only the keyword can stand. So a container may be called `log`, and the scanner stays small.
 */
import { matchAddress } from "./address-pattern.js";
import { createToken, type TokenType } from "./token.js";

/** A word that cannot be one: what a failed number or address leaves behind. `->` always ends a word. */
const WORD_END = "(?![\\w.]|-(?!>))";
const QUOTED = '"(?:[^"\\\\\\n]|\\\\[^\\n])*"';
/** A bare name. */
export const BARE = "[A-Za-z_](?:[\\w.-]*\\w)?";

// What the scanner finds ---------------------------------------------------------------------------------------------

export const Space = createToken("Space", { pattern: " " });
export const Tab = createToken("Tab", { pattern: "\t" });
export const ByteOrderMark = createToken("ByteOrderMark", {
  pattern: {
    exec: (text: string, offset: number): [string] | null =>
      offset === 0 && text.startsWith("\ufeff") ? ["\ufeff"] : null,
  },
});
export const Comment = createToken("Comment", { pattern: /#[^\n]*/ });
export const Newline = createToken("Newline", { pattern: /\r?\n(?:[ \t]*\r?\n)*/, label: "newline" });
export const Comma = createToken("Comma", { pattern: ",", label: "','" });
export const Semicolon = createToken("Semicolon", { pattern: ";", label: "';'" });

/** A bare or a quoted name: every place that takes the one takes the other. */
export const AnyName = createToken("AnyName", { label: "NAME" });
export const Name = createToken("Name", { pattern: new RegExp(BARE), category: AnyName, label: "NAME" });
export const Quoted = createToken("Quoted", { pattern: new RegExp(QUOTED), category: AnyName, label: "QUOTED" });
/** `env KEY=VALUE` in one piece, because a value may hold characters that mean something elsewhere. */
export const EnvEntry = createToken("EnvEntry", {
  pattern: new RegExp(`env[ \\t]+(?:${BARE}|${QUOTED})=(?:${QUOTED}|[^ \\t\\r\\n,;#{}"][^ \\t\\r\\n,;#{}]*)?`),
  label: "env KEY=VALUE",
});
/** A port or a range of ports. */
export const PortNumber = createToken("PortNumber", { label: "PORT" });
export const NumberWord = createToken("Number", {
  pattern: new RegExp(`\\d+${WORD_END}`),
  category: PortNumber,
  label: "NUMBER",
});
export const NumberRange = createToken("NumberRange", {
  pattern: new RegExp(`\\d+-\\d+${WORD_END}`),
  category: PortNumber,
  label: "NUMBER-NUMBER",
});
export const Mac = createToken("Mac", { pattern: /[\dA-Fa-f]{2}(?::[\dA-Fa-f]{2}){5}(?![\w:.])/, label: "MAC" });
/** An address, a CIDR or a range of addresses of either family. */
export const Address = createToken("Address", { pattern: { exec: matchAddress }, label: "ADDRESS" });

export const Arrow = createToken("Arrow", { pattern: "->", label: "'->'" });
export const Colon = createToken("Colon", { pattern: ":", label: "':'" });
export const Slash = createToken("Slash", { pattern: "/", label: "'/'" });
export const Equals = createToken("Equals", { pattern: "=", label: "'='" });
/** Every `{` and `}` until words.ts has told a block's from a list's. */
export const ListOpen = createToken("ListOpen", { pattern: "{", label: "'{'" });
export const ListClose = createToken("ListClose", { pattern: "}", label: "'}'" });
export const BracketOpen = createToken("BracketOpen", { pattern: "[", label: "'['" });
export const BracketClose = createToken("BracketClose", { pattern: "]", label: "']'" });

// What is always an error; a token of its own makes the message precise ----------------------------------------------

/** A quoted name that goes on in the next line and ends there: behind a letter, or before the end of the statement. */
export const SplitQuoted = createToken("SplitQuoted", {
  pattern: /"(?:[^"\\\n]|\\[^\n])*\\?\n(?:(?:[^"\n]*[^"\s{}[\],;:=>])?"(?!\w)|[^"\n]*"(?![ \t\r]*[^ \t\r\n,;#{}]))/,
});
export const OpenQuoted = createToken("OpenQuoted", { pattern: /"(?:[^"\\\n]|\\[^\n])*\\?/ });
export const ForeignWord = createToken("ForeignWord", {
  pattern: /(?:[A-Za-z0-9_][\w.-]*)?[\u0080-\uffff][\w.\-\u0080-\uffff]*/,
});
export const DigitWord = createToken("DigitWord", { pattern: /\d(?:[\w.]|-(?!>))*/ });
export const Unknown = createToken("Unknown", {
  // eslint-disable-next-line no-control-regex -- control characters are what this is for
  pattern: /[\x00-\x08\x0b-\x1f!$%&'()*+.<>?@\\^`|~\x7f-]/,
});

// What words.ts makes of them ----------------------------------------------------------------------------------------

const contextual = (name: string, label: string): TokenType => createToken(name, { label });

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
export const MacWord = createToken("MacWord", { label: "'mac'" });

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
