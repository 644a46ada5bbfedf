/** `tsnet explain` */
import { parse } from "../../grammar/parser.js";
import { plan } from "../backend/nftables/plan.js";
import { pathOf } from "../audit/path.js";
import { readQuery } from "../ir/ask.js";
import { DEFAULTS, type Decision } from "../ir/evaluate.js";
import { endText, serviceText } from "../ir/packet-text.js";
import type { Origin, Policy } from "../ir/policy.js";
import { type Answer, asksForLoopback, cases, explain as explainQuery } from "../ir/query.js";
import { formatAddress } from "../net/address.js";
import { Diagnostics } from "../text/diagnostic.js";
import { location } from "../text/source.js";
import { EXIT, Failure } from "./exit.js";
import { compileOrFail } from "./input.js";
import { note, print, printJson, shown } from "./output.js";

export function explain(words: readonly string[], options: { json?: boolean }): void {
  const query = words[words.length - 1] as string;
  const files = words.slice(0, -1);
  if (files.length === 0 || !query.includes("->"))
    throw new Failure(
      EXIT.usage,
      "explain needs policy files and then a query",
      "tsnet explain shop.tsnet 'c2 -> c1:22'",
    );
  const { policy } = compileOrFail(files, true);
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
  if (asksForLoopback(parsed))
    throw new Failure(
      EXIT.usage,
      `no packet of '${shown(query)}' arrives: the host's loopback is for the host alone`,
      `ask for the host's own packets, 'host ${shown(query.slice(query.indexOf("->")))}', or for another of its addresses`,
    );
  const explanation = explainQuery(policy, parsed);
  const folded = cases(explanation);
  if (folded.length === 0)
    throw new Failure(
      EXIT.usage,
      `no packet of '${shown(query)}' has a container of this policy at either end`,
      "name a container on one side",
    );
  const all = folded.map((answer) => caseJson(policy, answer));
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
        : { ...first, cases: all.length > 1 ? all.map((one) => ({ ...one, cases: [] })) : [] },
    );
    return;
  }
  print(`${shown(query)}: ${explanation.verdict}`);
  folded.forEach((answer, i) => printCase(policy, answer, all[i] as CaseJson, folded.length > 1));
  if (folded.length > 20) note(`${folded.length} cases; ask for one source, destination and port to see fewer`);
}

interface CaseJson {
  readonly verdict: Decision["verdict"];
  readonly by: readonly unknown[];
  readonly default: string | null;
  readonly source: unknown;
  readonly destination: unknown;
  readonly path: readonly { hook: string; chain: string; object: string; effect: string }[];
}

function originJson(origin: Origin): unknown {
  const { line, column } = origin.span.file.position(origin.span.start);
  return { file: origin.span.file.name, line, column, text: origin.text };
}

function caseJson(policy: Policy, { packet, decision }: Answer): CaseJson {
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
    path: pathOf(policy, plan(policy), packet),
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
  for (const step of path)
    print(`  ${step.hook.padEnd(12)}${step.chain.padEnd(15)} ${step.effect.padEnd(11)} ${shown(step.object)}`);
}
