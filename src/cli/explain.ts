/** `tsnet explain` */
import { parse } from "../../grammar/parser.js";
import { plan } from "../backend/nftables/plan.js";
import { originJson } from "../audit/diff/report.js";
import { objectsNamed } from "../audit/objects.js";
import { type Handles, pathOf, type PathStep } from "../audit/path.js";
import { bystanders } from "../audit/reasons.js";
import type { Ruleset } from "../backend/nftables/ruleset.js";
import type { Query } from "../ir/classes.js";
import type { Compiled } from "../ir/compile.js";
import { readQuery } from "../ir/ask.js";
import { DEFAULTS, type Decision } from "../ir/evaluate.js";
import { endText, serviceText } from "../ir/packet-text.js";
import type { Policy } from "../ir/policy.js";
import { type Answer, asksForLoopback, cases, explain as explainQuery } from "../ir/query.js";
import { formatAddress } from "../net/address.js";
import { Diagnostics } from "../text/diagnostic.js";
import { plural } from "../text/display.js";
import { location } from "../text/source.js";
import { EXIT, Failure } from "./exit.js";
import { compileOrFail } from "./input.js";
import { whyNoPacket } from "./no-packet.js";
import { note, print, printJson, shown } from "./output.js";

export interface ExplainOptions {
  readonly json?: boolean;
  /** With json: also why other statements didn't decide. */
  readonly why?: boolean;
  readonly object?: string;
}

export async function explain(words: readonly string[], options: ExplainOptions): Promise<void> {
  if (options.object !== undefined) return explainObject(words, options.object, options.json ?? false);
  const query = words[words.length - 1] as string;
  const files = words.slice(0, -1);
  if (files.length === 0 || !query.includes("->"))
    throw new Failure(
      EXIT.usage,
      "explain needs policy files and then a query",
      "tsnet explain shop.tsnet 'c2 -> c1:22'",
    );
  const compiled = compileOrFail(files, true);
  const { policy } = compiled;
  const parsed = read(policy, query);
  const explanation = explainQuery(policy, parsed);
  const folded = cases(explanation);
  if (folded.length === 0) {
    const { message, help } = whyNoPacket(policy, parsed, `'${query}'`);
    throw new Failure(EXIT.usage, shown(message), shown(help));
  }
  const ruleset = plan(policy);
  const handles = await handlesOf(compiled, ruleset);
  const all = folded.map((answer) => caseJson(policy, ruleset, handles, answer, options.why === true));
  const [first] = all;
  if (options.json) {
    printJson(
      explanation.verdict === "mixed"
        ? {
            ...first,
            verdict: "mixed",
            by: [],
            default: null,
            path: [],
            cases: all.map((one) => ({ ...one, cases: [] })),
          }
        : { ...first, ...decidersOf(folded), cases: all.length > 1 ? all.map((one) => ({ ...one, cases: [] })) : [] },
    );
    return;
  }
  print(`${shown(query)}: ${explanation.verdict}`);
  await noteCarrier(policy.name);
  folded.forEach((answer, i) => printCase(policy, answer, all[i] as CaseJson, folded.length > 1));
  if (folded.length > 20) note(`${folded.length} cases; ask for one source, destination and port to see fewer`);
}

/** By what any of the cases of one verdict is decided: statements in order of place, and a default. */
function decidersOf(folded: readonly Answer[]): Pick<CaseJson, "by" | "default"> {
  const origins = [...new Set(folded.flatMap(({ decision }) => decision.by))];
  const files = [...new Set(origins.map(({ span }) => span.file))];
  const by = files.flatMap((file) =>
    origins.filter(({ span }) => span.file === file).sort((a, b) => a.span.start - b.span.start),
  );
  const unless = folded.find(({ decision }) => decision.default !== null);
  return { by: by.map(originJson), default: unless?.decision.default ?? null };
}

/** The verdict is every backend's, but the objects are nftables'. */
async function noteCarrier(policy: string): Promise<void> {
  try {
    const { backendOf, readApplied } = await import("../transaction/state.js");
    const applied = readApplied(policy);
    if (applied === undefined || backendOf(applied) === "nft") return;
    note(`tsnet: ${shown(policy)} is live by ${backendOf(applied)}; the path is the one that nftables would lead`);
  } catch {
    // The record is root's.
  }
}

/** The query in the policy's names; exit 2 where it is none. */
function read(policy: Policy, query: string): Query {
  const diagnostics = new Diagnostics();
  const parsed = readQuery(policy, query, parse, diagnostics);
  if (parsed === undefined) {
    const [first] = diagnostics.list;
    throw new Failure(
      EXIT.usage,
      `the query '${shown(query)}' can't be read: ${first?.message ?? "it is no query"}`,
      first?.help,
    );
  }
  // Without a frame: the text that was read has a word in front that nobody wrote.
  for (const { severity, code, message, help } of diagnostics.sorted()) {
    note(`${severity}[${code}]: ${shown(message)}`);
    if (help !== undefined) note(`help: ${shown(help)}`);
  }
  if (asksForLoopback(parsed))
    throw new Failure(
      EXIT.usage,
      `no packet of '${shown(query)}' arrives: the host's loopback is for the host alone`,
      `ask for the host's own packets, 'host ${shown(query.slice(query.indexOf("->")))}', or for another of its addresses`,
    );
  return parsed;
}

/** The handles of the rules where exactly this policy is live and may be read; elsewhere none, which is no failure. */
async function handlesOf(compiled: Compiled, ruleset: Ruleset): Promise<Handles | undefined> {
  try {
    const { isRecorded, readApplied } = await import("../transaction/state.js");
    const { usesNetlink } = await import("../system/transport.js");
    if (!isRecorded(compiled, readApplied(compiled.policy.name)) || !usesNetlink()) return undefined;
    const { readHandles } = await import("../backend/nftables/handles.js");
    const found = readHandles(ruleset);
    return (_table, _chain, rule) => found.get(rule);
  } catch {
    return undefined;
  }
}

function explainObject(files: readonly string[], text: string, json: boolean): void {
  if (files.length === 0)
    throw new Failure(
      EXIT.usage,
      "explain --object needs the policy's files",
      "tsnet explain shop.tsnet --object OBJECT",
    );
  const { policy } = compileOrFail(files, true);
  const found = objectsNamed(plan(policy), text);
  if (found.length === 0)
    throw new Failure(
      EXIT.usage,
      `the policy has no kernel object like '${shown(text)}'`,
      "copy it from tsnet compile --format text or nft list ruleset: an element, a rule, or the name of a set or chain",
    );
  if (json)
    return printJson({
      objects: found.map(({ object, kind, statements, purpose }) => ({
        object,
        kind,
        statements: statements.map(originJson),
        purpose: purpose ?? null,
      })),
    });
  for (const { object, statements, purpose } of found.slice(0, OBJECTS)) {
    print(shown(object));
    if (purpose !== undefined) print(`  for       ${shown(purpose)}`);
    for (const origin of statements.slice(0, STATEMENTS))
      print(`  from      ${shown(`${location(origin.span)}  ${origin.text}`)}`);
    if (statements.length > STATEMENTS) print(`  and ${plural(statements.length - STATEMENTS, "more statement")}`);
  }
  if (found.length > OBJECTS) print(`and ${plural(found.length - OBJECTS, "more object")}`);
}

/** More than these are counted. */
const OBJECTS = 20;
const STATEMENTS = 12;
const OTHERS = 12;

interface CaseJson {
  readonly verdict: Decision["verdict"];
  readonly by: readonly unknown[];
  readonly default: string | null;
  readonly source: unknown;
  readonly destination: unknown;
  readonly path: readonly PathStep[];
  readonly others?: readonly unknown[];
}

function caseJson(
  policy: Policy,
  ruleset: Ruleset,
  handles: Handles | undefined,
  { packet, decision }: Answer,
  why: boolean,
): CaseJson {
  const end = ({ zone, address }: Answer["packet"]["source"]): Record<string, unknown> => {
    const container = zone === "container" ? endText(policy, { zone, address }).split(" ")[0] : undefined;
    return { zone, address: formatAddress(address), ...(container === undefined ? {} : { container }) };
  };
  const { via } = packet;
  const hostPort =
    via === undefined || packet.port === undefined ? undefined : via.hostPorts[0] + packet.port - via.port;
  return {
    verdict: decision.verdict,
    by: decision.by.map(originJson),
    default: decision.default,
    source: end(packet.source),
    destination: {
      ...end(packet.destination),
      service: serviceText(packet.protocol, packet.port),
      ...(via === undefined
        ? {}
        : {
            via: {
              hostPort,
              hostAddress: via.hostAddress ? formatAddress(via.hostAddress) : null,
              publish: originJson(via.origin),
            },
          }),
    },
    path: pathOf(policy, ruleset, packet, handles),
    ...(why
      ? {
          others: bystanders(policy, packet, decision).map(({ origin, reason }) => ({ ...originJson(origin), reason })),
        }
      : {}),
  };
}

function printCase(policy: Policy, { packet, decision }: Answer, { path }: CaseJson, several: boolean): void {
  const service = serviceText(packet.protocol, packet.port);
  print(
    `\n${several ? `${decision.verdict}: ` : ""}${shown(`${endText(policy, packet.source)} -> ${endText(policy, packet.destination)}:${service}`)}`,
  );
  if (packet.via !== undefined)
    print(`  through   ${shown(`${location(packet.via.origin.span)}  ${packet.via.origin.text}`)}`);
  if (decision.default !== null)
    print(`  default   ${DEFAULTS[decision.default as keyof typeof DEFAULTS]}: ${decision.verdict}`);
  for (const origin of decision.by) print(`  decided   ${shown(`${location(origin.span)}  ${origin.text}`)}`);
  for (const { hook, chain, effect, object, handle } of path)
    print(
      `  ${hook.padEnd(12)}${chain.padEnd(15)} ${effect.padEnd(12)} ${shown(object)}${handle === undefined ? "" : `   handle ${handle}`}`,
    );
  const others = bystanders(policy, packet, decision);
  for (const { origin, reason } of others.slice(0, OTHERS))
    print(`  not       ${shown(`${location(origin.span)}  ${origin.text}: ${reason}`)}`);
  if (others.length > OTHERS)
    print(
      `  and ${plural(others.length - OTHERS, "more statement")} that ${others.length - OTHERS === 1 ? "doesn't" : "don't"} decide it`,
    );
}
