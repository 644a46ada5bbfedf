/** A TextMate grammar for editors, from the language's words. */
import * as T from "./tokens.js";

const NOT_IN_NAME = "(?![\\w.-]*\\w)";

/** The grammar as an object that JSON can hold. */
export function toTmLanguage(): object {
  const properties = [...new Set([...T.NETWORK_WORDS, ...T.CONTAINER_WORDS])].filter(
    (word) => !T.STATEMENT_WORDS.includes(word),
  );
  const address = "(?:[\\dA-Fa-f]*:[\\dA-Fa-f:.]*:[\\dA-Fa-f:.]*|\\d+\\.\\d+\\.\\d+\\.\\d+)(?:/\\d+)?";
  return {
    $schema: "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
    name: "tsnet",
    scopeName: "source.tsnet",
    fileTypes: ["tsnet"],
    patterns: [
      { name: "comment.line.number-sign.tsnet", match: "#.*$" },
      {
        name: "string.quoted.double.tsnet",
        begin: '"',
        end: '"|$',
        patterns: [
          { name: "constant.character.escape.tsnet", match: '\\\\[\\\\"]' },
          { name: "invalid.illegal.escape.tsnet", match: "\\\\." },
        ],
      },
      {
        match: '(?:^|(?<=[;,{]))\\s*(env)[ \\t]+([\\w.-]+|"[^"]*")(=)([^ \\t,;#{}"]*)',
        captures: {
          1: { name: "keyword.other.property.tsnet" },
          2: { name: "variable.other.tsnet" },
          3: { name: "keyword.operator.assignment.tsnet" },
          4: { name: "string.unquoted.tsnet" },
        },
      },
      start("keyword.control.tsnet", T.STATEMENT_WORDS),
      start("keyword.other.property.tsnet", properties),
      {
        name: "keyword.operator.word.tsnet",
        match: `(?<=[\\w"}\\]])\\s+(?:except|from|log|limit|as|ip|mac)${NOT_IN_NAME}`,
      },
      { name: "constant.language.tsnet", match: `(?<=\\s)(?:on|off|all)${NOT_IN_NAME}` },
      { name: "support.constant.tsnet", match: `\\b(?:host|world|any|tcp|udp|sctp|icmp)${NOT_IN_NAME}` },
      { name: "constant.numeric.address.tsnet", match: `(?<![\\w.-])${address}${NOT_IN_NAME}` },
      { name: "keyword.operator.arrow.tsnet", match: "->" },
      { name: "variable.other.tsnet", match: T.BARE },
      { name: "constant.numeric.tsnet", match: "\\d+(?:-\\d+)?(?:/[a-z]+)?" },
      { name: "punctuation.separator.tsnet", match: "[,;:]" },
      { name: "punctuation.section.tsnet", match: "[{}\\[\\]]" },
    ],
  };
}

function start(name: string, words: readonly string[]): object {
  return { match: `(?:^|(?<=[;,{]))\\s*(${words.join("|")})${NOT_IN_NAME}`, captures: { 1: { name } } };
}
