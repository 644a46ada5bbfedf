/** `tsnet test` */
import { writeFileSync } from "node:fs";
import { check, explainFailure } from "../ir/assertions.js";
import type { Compiled } from "../ir/compile.js";
import type { Packet } from "../ir/evaluate.js";
import { packetText } from "../ir/packet-text.js";
import type { Assertion, Policy } from "../ir/policy.js";
import { readSuites, type Suite } from "../ir/tests.js";
import { type AddressSet, formatAddress, NO_ADDRESSES, parseAddress } from "../net/address.js";
import { protocolName } from "../net/ports.js";
import { addressesHere, assertedHere, type Finding, judge, planLive } from "../probe/live-cells.js";
import { endsOf, measureLive } from "../probe/live.js";
import { addresses, globalAddresses } from "../system/interfaces.js";
import { Diagnostics } from "../text/diagnostic.js";
import { isRecorded } from "../transaction/state.js";
import { EXIT, Failure } from "./exit.js";
import { identify, readRegular, reasonOf } from "../text/files.js";
import { compilePaths, readFiles } from "./input.js";
import { type Live, oneLive } from "./live.js";
import { diagnosticsJson, note, print, printDiagnostics, printExactly, printJson, shown } from "./output.js";
import { standingSandbox } from "./sandbox.js";
import { junitReport, resultJson, tapReport, type TestResult, totals } from "./test-report.js";
import { ticker } from "./ticker.js";

export interface TestOptions {
  readonly policyFile?: readonly string[];
  readonly live?: boolean;
  readonly policy?: string;
  readonly format: "tap" | "junit";
  readonly junit?: string;
  readonly json?: boolean;
}

export async function test(paths: readonly string[], options: TestOptions): Promise<void> {
  const { policyFile = [], live = false, json = false } = options;
  if (policyFile.length === 0 && !live)
    throw new Failure(
      EXIT.usage,
      "test needs the policy that the tests are about",
      `tsnet test ${shown(paths.join(" "))} --policy-file shop.tsnet; or --live, for what is live`,
    );
  if (options.policy !== undefined && (policyFile.length > 0 || !live))
    throw new Failure(EXIT.usage, "--policy goes with --live, and not with --policy-file, which names it");
  if (paths.includes("-") && policyFile.includes("-"))
    throw new Failure(EXIT.usage, "standard input can't be both the tests and the policy");
  const files = readFiles(paths);
  const given = policyFile.length === 0 ? undefined : compilePaths(policyFile);
  if (given?.failed) return wrong(given.diagnostics, json, "the policy has errors; nothing was tested");
  const { policy } = live ? livePolicy(given, options.policy) : (given as Compiled);
  const diagnostics = new Diagnostics();
  const suites = readSuites(policy, files, { read: readRegular, identify }, diagnostics);
  if (diagnostics.hasErrors) return wrong(diagnostics.sorted(), json, "the tests have errors; nothing was tested");
  if (!json) printDiagnostics(diagnostics.sorted());
  const asked = live ? here(policy, suites) : { own: NO_ADDRESSES, suites };
  const findings = live ? await sendPackets(policy, asked) : undefined;
  const results = asked.suites.flatMap(({ file, assertions }) =>
    assertions.map((assertion) => resultOf(policy, file.name, assertion, findings?.get(assertion))),
  );
  report(policy, suites, results, diagnostics, options);
  process.exitCode = totals(results).failed > 0 ? EXIT.policy : EXIT.done;
}

function wrong(diagnostics: readonly Diagnostics["list"][number][], json: boolean, message: string): never {
  if (json) printJson({ diagnostics: diagnosticsJson(diagnostics) });
  else printDiagnostics(diagnostics);
  throw new Failure(EXIT.policy, message);
}

/** What is live of the policy that the files name, or of that name; without either the only one. */
function livePolicy(given: Compiled | undefined, name: string | undefined): Live {
  const live = oneLive(given?.policy.name ?? name);
  if (given !== undefined && !isRecorded(given, live.applied))
    note(`tsnet: what is live of '${shown(live.policy.name)}' was applied from other texts; what is live is tested`);
  return live;
}

/** What is asked where it is known which addresses are this host's. */
interface Asked {
  /** Those that can be asked. */
  readonly own: AddressSet;
  readonly suites: readonly Suite[];
}

function here(policy: Policy, suites: readonly Suite[]): Asked {
  const read = (texts: readonly string[]): AddressSet =>
    addressesHere(
      policy,
      texts.flatMap((text) => parseAddress(text) ?? []),
    );
  const all = read(addresses());
  return {
    own: read(globalAddresses()),
    suites: suites.map(({ file, assertions }) => ({
      file,
      assertions: assertions.map((assertion) => assertedHere(assertion, all)),
    })),
  };
}

async function sendPackets(policy: Policy, { own, suites }: Asked): Promise<Map<Assertion, Finding>> {
  const { cells, plans } = planLive(
    policy,
    suites.flatMap(({ assertions }) => assertions),
    own,
  );
  const ends = endsOf(cells);
  for (const container of policy.containers) if (ends.has(container.name)) standingSandbox(policy, container);
  const { progress, done } = ticker();
  try {
    const results = cells.length === 0 ? [] : await measureLive(policy, cells, progress);
    return new Map(plans.map((plan) => [plan.assertion, judge(plan, results)]));
  } finally {
    done();
  }
}

/** What the policy says comes first, for every packet; then what the packets said. */
function resultOf(policy: Policy, file: string, assertion: Assertion, finding: Finding | undefined): TestResult {
  const { origin } = assertion;
  const measured = finding && { ways: finding.ways, missing: finding.missing };
  const failure = check(policy, assertion);
  if (failure !== undefined) {
    const { message, why, help } = explainFailure(policy, assertion, failure);
    return { file, origin, outcome: "fail", message, why, help, counterexample: failure, measured };
  }
  if (finding?.contradiction !== undefined) {
    const { packet, decision, measured: found } = finding.contradiction;
    return {
      file,
      origin,
      outcome: "fail",
      message: `this doesn't hold for real packets: ${packetText(policy, packet)} was measured as ${found}`,
      why: `The policy says ${decision.verdict}.`,
      help: `something on this host differs from the policy, or stands beside it; this shows what: tsnet trace '${queryText(packet)}'`,
      counterexample: { packet, decision },
      measured,
    };
  }
  if (finding !== undefined && finding.ways === 0)
    return { file, origin, outcome: "skip", message: finding.missing.join("; "), measured };
  return { file, origin, outcome: "pass", measured };
}

/** As `trace` and `explain` are asked for a packet. */
function queryText({ source, destination, protocol, port, via }: Packet): string {
  const name = protocolName(protocol).replace("icmpv6", "icmp");
  const service = (number: number | undefined): string => (number === undefined ? name : `${number}/${name}`);
  const from = formatAddress(source.address);
  if (via !== undefined && port !== undefined) return `${from} -> host:${service(via.hostPorts[0] + port - via.port)}`;
  const to = formatAddress(destination.address);
  return `${from} -> ${destination.address.family === 6 ? `[${to}]` : to}:${service(port)}`;
}

function report(
  policy: Policy,
  suites: readonly Suite[],
  results: readonly TestResult[],
  diagnostics: Diagnostics,
  { live = false, json, format, junit }: TestOptions,
): void {
  const xml = junitReport(
    suites.map(({ file }) => file.name),
    results,
  );
  if (json)
    printJson({
      policy: policy.name,
      live,
      ...totals(results),
      tests: results.map((result) => resultJson(policy, result)),
      diagnostics: diagnosticsJson(diagnostics.sorted()),
    });
  else if (format === "junit") printExactly(xml);
  else print(tapReport(results));
  if (junit !== undefined) write(junit, `${xml}\n`);
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Failure(EXIT.system, `can't write ${shown(path)}: ${reasonOf(error)}`);
  }
}
