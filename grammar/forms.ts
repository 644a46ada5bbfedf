/** The forms of statements, for messages, and what people write in their place. */
import type { TokenType } from "chevrotain";
import { suggest } from "../src/text/suggest.js";
import { spanOf } from "./items.js";
import { clip, type Place } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

/** How each statement or property is written, by its keyword. */
export const FORMS: ReadonlyMap<TokenType, string> = new Map([
  [T.Policy, "policy NAME"],
  [T.Include, 'include "PATH"'],
  [T.Let, "let NAME = VALUE"],
  [T.Container, "container NAME { … }"],
  [T.Icc, "icc on|off"],
  [T.Allow, 'allow PEERS -> PEERS[:PORTS] [log ["PREFIX"] [limit N/second]]'],
  [T.Deny, 'deny PEERS -> PEERS[:PORTS] [log ["PREFIX"] [limit N/second]]'],
  [T.Reject, 'reject PEERS -> PEERS[:PORTS] [log ["PREFIX"] [limit N/second]]'],
  [T.Publish, "publish [ADDRESS:]PORT -> CONTAINER[:PORT] [from PEERS]"],
  [T.Link, "link CONTAINER -> CONTAINER [as ALIAS]"],
  [T.Share, 'share "PATH" {CONTAINER, CONTAINER}'],
  [T.Assert, "assert allow|deny PEERS -> PEERS[:PORTS]"],
  [T.Driver, "driver bridge, or driver macvlan PARENT"],
  [T.Subnet, "subnet ADDRESS/LENGTH"],
  [T.Gateway, "gateway ADDRESS"],
  [T.Internal, "internal"],
  [T.Masquerade, "masquerade on|off"],
  [T.Mtu, "mtu NUMBER"],
  [T.Bridge, 'bridge "NAME"'],
  [T.Expose, "expose PORTS"],
  [T.Env, "env KEY=VALUE"],
  [T.EnvEntry, "env KEY=VALUE"],
  [T.Mode, "mode host, mode none, or mode container:NAME"],
  [T.Netns, 'netns "PATH"'],
  [T.Pid, "pid NUMBER"],
]);

export function formOf(place: Place): string | undefined {
  if (place.first.tokenType !== T.Network) return FORMS.get(place.first.tokenType);
  return place.within === "container" ? "network NAME [ip ADDRESS] [mac MAC]" : "network NAME { … }";
}

/** Words of other tools, and ours for them. */
const SYNONYMS = new Map([
  ["accept", "allow"],
  ["permit", "allow"],
  ["pass", "allow"],
  ["drop", "deny"],
  ["block", "deny"],
  ["port", "publish"],
  ["ports", "publish"],
  ["forward", "publish"],
  ["service", "container"],
  ["host", "container"],
  ["var", "let"],
  ["set", "let"],
  ["define", "let"],
  ["import", "include"],
  ["source", "include"],
  ["name", "policy"],
  ["volume", "share"],
  ["links", "link"],
  ["environment", "env"],
  ["networks", "network"],
  ["network_mode", "mode"],
  ["ip", "network NAME ip"],
  ["mac", "network NAME mac"],
  ["parent", "driver macvlan"],
  ["enable_icc", "icc"],
]);

/** A statement or property that begins with a word that none begins with, or with one of another place. */
export function misspelled(place: Place): SyntaxProblem | undefined {
  if (!["statement", "networkProperty", "containerProperty"].includes(place.rule)) return undefined;
  const first = place.first;
  const known =
    place.within === undefined ? T.STATEMENT_WORDS : place.within === "network" ? T.NETWORK_WORDS : T.CONTAINER_WORDS;
  const what = place.within === undefined ? "statement" : `property of a ${place.within}`;
  const span = spanOf(place.file, first);
  if (first.tokenType === T.Name) {
    const synonym = SYNONYMS.get(first.image.toLowerCase());
    const close =
      suggest(first.image, known) ?? (synonym !== undefined && isKnown(synonym, known) ? synonym : undefined);
    return new SyntaxProblem(
      place.within === undefined ? "unknown-statement" : "unknown-property",
      span,
      `no ${what} begins with '${clip(first.image)}'`,
      {
        why: `the ${place.within === undefined ? "statements" : "properties"} are ${known.join(", ")}`,
        help: close === undefined ? (elsewhere(first.image) ?? `write one of these words`) : `did you mean '${close}'?`,
      },
    );
  }
  const word = first.tokenType === T.EnvEntry ? "env" : first.image;
  if (!T.STARTS.has(word) || first.tokenType === T.Quoted) return undefined;
  const home = T.STATEMENT_WORDS.includes(word)
    ? "at top level, outside every block"
    : `in the block of a ${T.NETWORK_WORDS.includes(word) ? "network" : "container"}`;
  return new SyntaxProblem("misplaced-statement", span, `'${word}' is no ${what}`, {
    why: `'${word}' stands ${home}`,
    help: place.within === undefined ? `move it into the block` : "move it out of this block",
  });
}

function isKnown(synonym: string, known: readonly string[]): boolean {
  return known.includes(synonym.split(" ")[0] as string);
}

/** The block that a word belongs to, when it is a property that got lost. */
function elsewhere(word: string): string | undefined {
  const close = suggest(word, T.STARTS.keys());
  return close === undefined ? undefined : `'${close}' is a word of the language, but not of this place`;
}
