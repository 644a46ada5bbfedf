/** How the results of `tsnet test` are written: TAP (testanything.org), JUnit's XML, and JSON. Pure. */
import type { Decision, End, Packet } from "../ir/evaluate.js";
import { endpointAt } from "../ir/evaluate.js";
import type { Origin, Policy } from "../ir/policy.js";
import { formatAddress } from "../net/address.js";
import { protocolName } from "../net/ports.js";
import { location } from "../text/source.js";

export interface TestResult {
  /** Name of the file that was given. */
  readonly file: string;
  readonly origin: Origin;
  /** `skip`: the policy says so, but no packet of it could be sent. */
  readonly outcome: "pass" | "fail" | "skip";
  /** What is wrong, or why no packet was sent. */
  readonly message?: string | undefined;
  readonly why?: string | undefined;
  readonly help?: string | undefined;
  /** Of a failure: a packet that contradicts the assertion, and what decides it. */
  readonly counterexample?: { readonly packet: Packet; readonly decision: Decision } | undefined;
  /** With real packets: how many ways were measured, and why others weren't. */
  readonly measured?: { readonly ways: number; readonly missing: readonly string[] } | undefined;
}

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function totals(results: readonly TestResult[]): Totals {
  const count = (outcome: TestResult["outcome"]): number => results.filter((one) => one.outcome === outcome).length;
  return { passed: count("pass"), failed: count("fail"), skipped: count("skip") };
}

// TAP ----------------------------------------------------------------------------------------------------------------

/** TAP version 13: a line for each assertion, and a YAML block below those that fail. */
export function tapReport(results: readonly TestResult[]): string {
  const lines = ["TAP version 13", `1..${results.length}`];
  results.forEach((result, i) => {
    const { outcome, origin, message } = result;
    const name = tapText(`${location(origin.span)} ${origin.text}`);
    const skipped = outcome === "skip" ? ` # SKIP ${tapText(message ?? "")}` : "";
    lines.push(`${outcome === "fail" ? "not ok" : "ok"} ${i + 1} - ${name}${skipped}`);
    for (const reason of outcome === "skip" ? [] : (result.measured?.missing ?? []))
      lines.push(`# not measured: ${tapText(reason)}`);
    if (outcome === "fail") lines.push(...tapDetails(result));
  });
  const { passed, failed, skipped } = totals(results);
  lines.push(`# ${passed} passed, ${failed} failed, ${skipped} skipped`);
  return lines.join("\n");
}

/** `#` would begin a directive. */
function tapText(text: string): string {
  return text.replace(/[\\#]/g, "\\$&").replace(/[\r\n]/g, " ");
}

/** JSON is YAML too, so no text can break out of it. */
function tapDetails({ message, why, help, counterexample }: TestResult): string[] {
  const by = counterexample?.decision.by.map((origin) => `${location(origin.span)} ${origin.text}`) ?? [];
  const fields = { message, why, help, ...(by.length === 0 ? {} : { by }) };
  const lines = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`  ${key}: ${JSON.stringify(value)}`],
  );
  return ["  ---", ...lines, "  ..."];
}

// JUnit --------------------------------------------------------------------------------------------------------------

/** JUnit's XML as CI servers read it: a suite for each file, a case for each assertion. */
export function junitReport(files: readonly string[], results: readonly TestResult[]): string {
  const suites = files.flatMap((file) => {
    const own = results.filter((result) => result.file === file);
    return [`  <testsuite name=${quoted(file)} ${counts(own)}>`, ...own.flatMap(junitCase), "  </testsuite>"];
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tsnet" ${counts(results)}>`,
    ...suites,
    "</testsuites>",
  ].join("\n");
}

function counts(results: readonly TestResult[]): string {
  const { failed, skipped } = totals(results);
  return `tests="${results.length}" failures="${failed}" errors="0" skipped="${skipped}"`;
}

function junitCase(result: TestResult): string[] {
  const { origin, outcome, message = "", why = "", help = "", counterexample } = result;
  const { file } = origin.span;
  const { line } = file.position(origin.span.start);
  const head = `    <testcase name=${quoted(origin.text)} classname=${quoted(file.name)} file=${quoted(file.name)} line="${line}"`;
  if (outcome === "pass") return [`${head}/>`];
  if (outcome === "skip") return [`${head}>`, `      <skipped message=${quoted(message)}/>`, "    </testcase>"];
  const by = counterexample?.decision.by.map((one) => `${location(one.span)}  ${one.text}`) ?? [];
  const body = [why, ...by, help].filter((text) => text !== "").map(escaped);
  return [
    `${head}>`,
    `      <failure type="assertion-failed" message=${quoted(message)}>${body.join("\n")}</failure>`,
    "    </testcase>",
  ];
}

/** What XML 1.0 has no way to write becomes U+FFFD. */
function escaped(text: string): string {
  const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replace(/[&<>"]/g, (character) => ENTITIES[character] as string);
}

/** As an attribute, where a line end would become a space. */
function quoted(text: string): string {
  return `"${escaped(text).replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)}"`;
}

// JSON ---------------------------------------------------------------------------------------------------------------

/** One assertion as `test --json` prints it. */
export function resultJson(policy: Policy, result: TestResult): Record<string, unknown> {
  const { origin, outcome, message, why, help, counterexample, measured } = result;
  return {
    ...originJson(origin),
    outcome,
    message: message ?? null,
    why: why ?? null,
    help: help ?? null,
    counterexample: counterexample === undefined ? null : counterexampleJson(policy, counterexample),
    ...(measured === undefined ? {} : { measured: measured.ways, notMeasured: measured.missing }),
  };
}

function counterexampleJson(
  policy: Policy,
  { packet, decision }: NonNullable<TestResult["counterexample"]>,
): Record<string, unknown> {
  const { source, destination, protocol, port, via } = packet;
  return {
    source: endJson(policy, source),
    destination: endJson(policy, destination),
    proto: protocolName(protocol),
    port: port ?? null,
    via: via === undefined ? null : originJson(via.origin),
    verdict: decision.verdict,
    default: decision.default,
    by: decision.by.map(originJson),
  };
}

function endJson(policy: Policy, { zone, address }: End): Record<string, unknown> {
  const container = zone === "container" ? endpointAt(policy, address)?.container.name : undefined;
  return { zone, address: formatAddress(address), ...(container === undefined ? {} : { container }) };
}

function originJson({ span, text }: Origin): Record<string, unknown> {
  return { text, file: span.file.name, ...span.file.position(span.start) };
}
