/** The forms of statements, for messages, and what people write in their place. */
import type { TokenType } from "./token.js";
import { suggest } from "../src/text/suggest.js";
import { spanOf } from "./items.js";
import { behind, clip, is, isEnd, type Place, shown } from "./place.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";

const RULE_FORM = 'PEERS -> PEERS[:PORTS] [log ["PREFIX"] [limit N/second]]';

/** How each statement or property is written, by its keyword, and an example. */
const FORMS: ReadonlyMap<TokenType, readonly [form: string, example: string]> = new Map([
  [T.Policy, ["policy NAME", "policy shop"]],
  [T.Include, ['include "PATH"', 'include "networks.tsnet"']],
  [T.Let, ["let NAME = VALUE", "let web = {app1, app2}"]],
  [T.Network, ["network NAME { … }", "network front { subnet 172.17.0.0/16 }"]],
  [T.Container, ["container NAME { … }", "container c1 { network front }"]],
  [T.Icc, ["icc on|off", "icc off"]],
  [T.Allow, [`allow ${RULE_FORM}`, "allow c2 -> c1:22"]],
  [T.Deny, [`deny ${RULE_FORM}`, "deny c2 -> c1:22"]],
  [T.Reject, [`reject ${RULE_FORM}`, "reject c2 -> c1:22"]],
  [T.Publish, ["publish [ADDRESS:]PORT -> CONTAINER[:PORT] [from PEERS]", "publish 49153 -> c1:8080"]],
  [T.Link, ["link CONTAINER -> CONTAINER [as ALIAS]", "link app -> db as database"]],
  [T.Share, ['share "PATH" {CONTAINER, CONTAINER}', 'share "/run/sockets" {c1, c2}']],
  [T.Assert, ["assert allow|deny PEERS -> PEERS[:PORTS]", "assert deny world -> c1:22"]],
  [T.Driver, ["driver bridge, or driver macvlan PARENT", "driver bridge"]],
  [T.Subnet, ["subnet ADDRESS/LENGTH", "subnet 172.17.0.0/16"]],
  [T.Gateway, ["gateway ADDRESS", "gateway 172.17.0.1"]],
  [T.Internal, ["internal", "internal"]],
  [T.Masquerade, ["masquerade on|off", "masquerade off"]],
  [T.Mtu, ["mtu NUMBER", "mtu 1500"]],
  [T.Bridge, ['bridge "NAME"', 'bridge "br-front"']],
  [T.Expose, ["expose PORTS", "expose {80, 53/udp}"]],
  [T.Env, ["env KEY=VALUE", "env MODE=production"]],
  [T.EnvEntry, ["env KEY=VALUE", "env MODE=production"]],
  [T.Mode, ["mode host, mode none, or mode container:NAME", "mode host"]],
  [T.Netns, ['netns "PATH"', 'netns "/run/netns/x"']],
  [T.Pid, ["pid NUMBER", "pid 4242"]],
]);

const ENDPOINT = ["network NAME [ip ADDRESS] [mac MAC]", "network front ip 172.17.0.5"] as const;
const PUBLISH_INSIDE = ["publish [ADDRESS:]PORT [-> PORT] [from PEERS]", "publish 49153 -> 8080"] as const;
const LINK_INSIDE = ["link CONTAINER [as ALIAS]", "link db as database"] as const;
const NO_FORM = ["KEYWORD …", "allow c2 -> c1:22"] as const;

const TOP = [T.Policy, T.Include, T.Let, T.Network, T.Container, T.Icc, T.Allow, T.Deny, T.Reject, T.Publish];
const IN_NETWORK = [T.Driver, T.Subnet, T.Gateway, T.Icc, T.Internal, T.Masquerade, T.Mtu, T.Bridge];
const IN_CONTAINER = [T.Expose, T.Env, T.Mode, T.Netns, T.Pid];

/** How everything that may begin here is written, with an example; the first word is its keyword. For editors. */
export function statementForms(
  within: "file" | "network" | "container",
): readonly (readonly [form: string, example: string])[] {
  const of = (types: readonly TokenType[]) => types.map((type) => FORMS.get(type) ?? NO_FORM);
  if (within === "network") return of(IN_NETWORK);
  if (within === "container") return [ENDPOINT, PUBLISH_INSIDE, LINK_INSIDE, ...of(IN_CONTAINER)];
  return of([...TOP, T.Link, T.Share, T.Assert]);
}

function lookUp(place: Place): readonly [form: string, example: string] {
  const type = place.first.tokenType;
  if (place.within === "container") {
    if (type === T.Network) return ENDPOINT;
    if (type === T.Publish) return PUBLISH_INSIDE;
    if (type === T.Link) return LINK_INSIDE;
  }
  return FORMS.get(type) ?? NO_FORM;
}

/** How the statement at hand is written. */
export function formOf(place: Place): string {
  return lookUp(place)[0];
}

/** An example that has the parts that the statement at hand has got to. */
export function exampleOf(place: Place): string {
  const type = place.first.tokenType;
  if (type === T.Driver && behind(place, T.Name, T.Quoted) !== undefined) return "driver macvlan eth0";
  if (type === T.Network && place.expected === T.Mac) return "network front mac 02:42:ac:11:00:05";
  if (type === T.Mode && behind(place, T.Colon) !== undefined) return "mode container:c1";
  const example = lookUp(place)[1];
  if (behind(place, T.From) !== undefined) return `${example} from 10.0.0.0/8`;
  if (behind(place, T.Limit) !== undefined) return `${example} log "ssh: " limit 5/second`;
  return behind(place, T.Log) === undefined ? example : `${example} log "ssh: "`;
}

/** Whether the parser stood at the start of a statement or property. */
export function isStart(rule: string): boolean {
  return rule === "start" || rule === "statement" || rule === "networkProperty" || rule === "containerProperty";
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
  if (!isStart(place.rule)) return undefined;
  const first = place.first;
  const known = keywords(place);
  const what = place.within === undefined ? "statement" : `property of a ${place.within}`;
  const span = spanOf(place.file, first);
  if (first.tokenType === T.Name) {
    const close = meant(first.image, known);
    return new SyntaxProblem(
      place.within === undefined ? "unknown-statement" : "unknown-property",
      span,
      `no ${what} begins with '${clip(first.image)}'`,
      {
        why: `the ${place.within === undefined ? "statements" : "properties"} are ${known.join(", ")}`,
        help: close === undefined ? (elsewhere(first.image) ?? beginWith(place, known)) : `did you mean '${close}'?`,
      },
    );
  }
  if (first.tokenType === T.Env && place.within === "container") return undefined;
  const word = first.tokenType === T.EnvEntry ? "env" : first.image;
  if (!T.STARTS.has(word) || first.tokenType === T.Quoted) return undefined;
  return new SyntaxProblem("misplaced-statement", span, `'${word}' is no ${what}`, {
    why: `'${word}' stands ${homeOf(word)}`,
    help: place.within === undefined ? `move it into the block` : "move it out of this block",
  });
}

/** The keyword that a word stands for, misspelt or another tool's. */
function meant(word: string, known: readonly string[]): string | undefined {
  const synonym = SYNONYMS.get(word.toLowerCase());
  return suggest(word, known) ?? (synonym !== undefined && isKnown(synonym, known) ? synonym : undefined);
}

/** Whether a word may have been meant to begin a statement or property, here or elsewhere. */
export function nearStart(place: Place, word: string): boolean {
  return T.STARTS.has(word) || meant(word, keywords(place)) !== undefined || elsewhere(word) !== undefined;
}

function keywords({ within }: Place): readonly string[] {
  if (within === undefined) return T.STATEMENT_WORDS;
  return within === "network" ? T.NETWORK_WORDS : T.CONTAINER_WORDS;
}

/** A statement that begins with something that is not even a word. */
export function wordless(place: Place): SyntaxProblem | undefined {
  if (!isStart(place.rule) || T.STARTS.has(place.first.image) || isEnd(place.first)) return undefined;
  const { within } = place;
  const known = keywords(place);
  const what = within === undefined ? "statement" : `property of a ${within}`;
  return new SyntaxProblem(
    "unexpected-token",
    spanOf(place.file, place.first),
    `no ${what} begins with ${shown(place.first)}`,
    {
      why: `each ${what} begins with its keyword`,
      help: beginWith(place, known),
    },
  );
}

function beginWith(place: Place, known: readonly string[]): string {
  let at = 1;
  while (!isEnd(place.token(at)) && !is(place.token(at), T.Arrow)) at++;
  if (place.within !== undefined || !is(place.token(at), T.Arrow)) return `begin it with one of ${known.join(", ")}`;
  const isPort = is(place.first, T.NumberWord, T.NumberRange);
  return isPort ? "if it is a port, begin with publish" : "if it is a rule, begin with allow, deny or reject";
}

function homeOf(word: string): string {
  if (T.STATEMENT_WORDS.includes(word)) return "at top level, outside every block";
  return `in the block of a ${T.NETWORK_WORDS.includes(word) ? "network" : "container"}`;
}

function isKnown(synonym: string, known: readonly string[]): boolean {
  return known.includes(synonym.split(" ")[0] as string);
}

/** The block that a word belongs to, when it is a property that got lost. */
function elsewhere(word: string): string | undefined {
  const close = suggest(word, T.STARTS.keys());
  return close === undefined ? undefined : `if '${close}' is meant, move it: it stands ${homeOf(close)}`;
}
