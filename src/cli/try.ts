/** `tsnet try`: the outer program looks at the policy and the machine; the inner one (see arena.ts) does the work. */
import { readlinkSync } from "node:fs";
import { type Compiled, compileFiles } from "../ir/compile.js";
import { type Cells, planCells } from "../probe/cells.js";
import * as arena from "../probe/arena.js";
import type { Result } from "../probe/compare.js";
import { endLeftovers } from "../probe/leftovers.js";
import { renderMatrix, summaryLines } from "../probe/matrix.js";
import { type Place, planPlace } from "../probe/place.js";
import { unnamedPorts } from "../probe/services.js";
import { cellJson, count } from "../probe/summary.js";
import { runCommand, runTrial, withStandIns } from "../probe/trial.js";
import { unmeasured as withoutMeasurement } from "../probe/unmeasured.js";
import { buildWorld } from "../probe/world.js";
import { probeAll } from "../system/features.js";
import type { BackendName } from "../backend/backend.js";
import { type Asked, AUTO, type Choice, reasonsOf } from "../backend/choice.js";
import { Inexpressible } from "../backend/inexpressible.js";
import { plural } from "../text/display.js";
import { SourceFile } from "../text/source.js";
import { inexpressible } from "../transaction/apply.js";
import { chooseBackend, NoBackend } from "../transaction/choose.js";
import { choiceJson, noteChoice } from "./chosen.js";
import { EXIT, Failure } from "./exit.js";
import { failInexpressible } from "./inexpressible.js";
import { compileOrFail } from "./input.js";
import { note, print, printExactly, printJson, shown, wantsColour } from "./output.js";
import { standardOutput } from "./sink.js";
import { ticker } from "./ticker.js";

export interface TryOptions {
  readonly backend?: Asked;
  readonly json?: boolean;
}

/** What the outer program tells the inner one. */
interface Orders {
  readonly files: readonly { readonly name: string; readonly text: string }[];
  readonly roots: readonly string[];
  readonly command: readonly string[];
  readonly json: boolean;
  readonly backend: BackendName;
  /** How it was chosen, where this host was to decide; as programs read it. */
  readonly chosen: Record<string, unknown> | undefined;
  /** The host's mount namespace. */
  readonly outside: string;
}

export async function tryPolicy(files: string[], command: readonly string[], options: TryOptions): Promise<void> {
  const ordered = arena.orders();
  if (ordered !== undefined) return inside((await ordered) as Orders);
  const json = options.json === true;
  const compiled = compileOrFail(files, json);
  const unfit = inexpressible(compiled.policy);
  if (unfit !== undefined) failInexpressible(unfit, json);
  const asked = options.backend ?? "nft";
  const lacking = await lacks(asked);
  if (lacking.length > 0) return unmeasured(compiled, lacking, command, json);
  // BPF programs are the host's: in a user namespace the kernel takes none.
  const plain = asked === "ebpf" || asked === AUTO;
  const way = await arena.waysIn(plain);
  if (way === undefined) return unmeasured(compiled, await lacksNamespaces(), command, json);
  if (asked === "ebpf" && way.includes("--user"))
    return unmeasured(compiled, [{ what: "eBPF needs root on the host", mend: "run it as root" }], command, json);
  const choice = asked === AUTO ? await chosenFor(compiled, way, command, json) : undefined;
  noteChoice(choice);
  const backend = asked === AUTO ? (choice as Choice).backend : asked;
  const chosen = choice && choiceJson(choice);
  process.exitCode = await outside(compiled, way, { command, json, backend, chosen });
}

/** What can carry the policy in the namespaces to come. */
async function chosenFor(
  compiled: Compiled,
  way: readonly string[],
  command: readonly string[],
  json: boolean,
): Promise<Choice> {
  try {
    return await chooseBackend(compiled.policy, { privileged: !way.includes("--user") });
  } catch (error) {
    if (error instanceof Inexpressible) failInexpressible(error, json);
    if (!(error instanceof NoBackend)) throw error;
    const lacking = error.candidates.flatMap((candidate) =>
      reasonsOf(candidate).map(({ what, mend }) => ({ what: `${candidate.backend}: ${what}`, mend })),
    );
    return unmeasured(compiled, lacking, command, json);
  }
}

// Outside ------------------------------------------------------------------------------------------------------------

type Wishes = Pick<Orders, "command" | "json" | "backend" | "chosen">;

async function outside(compiled: Compiled, way: readonly string[], wishes: Wishes): Promise<number> {
  const orders: Orders = {
    files: compiled.files.map(({ name, text }) => ({ name, text })),
    roots: compiled.roots,
    ...wishes,
    outside: readlinkSync("/proc/self/ns/mnt"),
  };
  return arena.attend(arena.enter(way, ["try", "-"], orders));
}

interface Lack {
  readonly what: string;
  readonly mend: string;
}

async function lacks(asked: Asked): Promise<Lack[]> {
  const nft = asked === "nft" || asked === "ebpf" ? (["nft"] as const) : [];
  const tools = await probeAll(["ip", ...nft, "util-linux"]);
  return tools.filter((feature) => !feature.ok).map(({ what, mend }) => ({ what, mend }));
}

async function lacksNamespaces(): Promise<Lack[]> {
  const [feature] = await probeAll(["user_namespaces"]);
  const what = feature?.ok === false ? feature.what : "namespaces can't be made here, not even as root";
  return [{ what, mend: `${feature?.ok === false ? `${feature.mend}; or ` : ""}run it as root` }];
}

/** As far as it goes without the machine: what the policy says, with nothing measured beside it. */
function unmeasured(compiled: Compiled, lacking: readonly Lack[], command: readonly string[], json: boolean): never {
  if (command.length === 0) {
    const { policy } = compiled;
    const place = planPlace(policy);
    const cells = planCells(policy, place);
    const remark = lacking.map(({ what }) => what).join("; ");
    const results = cells.cells.map((cell) => withoutMeasurement(cell, remark));
    report(compiled, place, cells, results, json);
  }
  const [first, ...others] = lacking;
  const more = others.map(({ what, mend }) => `\n       also: ${what} (${mend})`).join("");
  const verb = command.length === 0 ? "nothing was measured" : "the command was not run";
  throw new Failure(EXIT.system, `${verb}: ${first?.what}${more}`, first?.mend);
}

// Inside -------------------------------------------------------------------------------------------------------------

async function inside({ files, roots, command, json, backend, chosen, outside }: Orders): Promise<void> {
  // The outer program is gone: so is the reason for all this.
  process.once("disconnect", () => {
    endLeftovers(outside);
    process.exit(EXIT.system);
  });
  try {
    const compiled = recompile(files, roots);
    const place = planPlace(compiled.policy);
    await prepare(compiled, place, command, json);
    const stand = await withStandIns(compiled);
    if (stand.replaced.length > 0 && !json)
      note(`tsnet: a throwaway sandbox stands for what ${stand.replaced.join(", ")} would adopt`);
    if (command.length > 0) process.exitCode = await live(stand.compiled, backend, command, outside);
    else await probe(stand.compiled, backend, place, json, chosen);
  } finally {
    process.removeAllListeners("disconnect");
    arena.finish();
  }
}

function recompile(files: Orders["files"], roots: readonly string[]): Compiled {
  const texts = new Map(files.map(({ name, text }) => [name, text]));
  const given = [...new Set(roots)].map((name) => new SourceFile(name, texts.get(name) ?? ""));
  return compileFiles(given, (path) => {
    const text = texts.get(path);
    if (text === undefined) throw new Error("it was not handed over");
    return text;
  });
}

async function prepare(compiled: Compiled, place: Place, command: readonly string[], json: boolean): Promise<void> {
  try {
    await arena.hideHost();
    await buildWorld(place);
  } catch (error) {
    const { message } = error as Error;
    unmeasured(
      compiled,
      [{ what: `the throwaway host can't be made: ${message}`, mend: "run it as root" }],
      command,
      json,
    );
  }
}

async function live(
  compiled: Compiled,
  backend: BackendName,
  command: readonly string[],
  outside: string,
): Promise<number> {
  const running = await runCommand(compiled, backend, command);
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => running.kill(signal));
  try {
    return await running.ended;
  } finally {
    endLeftovers(outside);
  }
}

async function probe(
  compiled: Compiled,
  backend: BackendName,
  place: Place,
  json: boolean,
  chosen: Orders["chosen"],
): Promise<void> {
  process.once("SIGINT", () => process.exit(130));
  const cells = planCells(compiled.policy, place);
  const { progress, done } = ticker();
  let results: Result[];
  try {
    results = await runTrial(compiled, backend, cells.cells, progress);
  } finally {
    done();
  }
  report(compiled, place, cells, results, json, chosen);
  const unproven = results.filter((result) => result.unproven).length;
  if (count(results).differing > 0) process.exitCode = EXIT.differs;
  else if (unproven > 0)
    throw new Failure(
      EXIT.system,
      `${plural(unproven, "probe")} ${unproven === 1 ? "proves" : "prove"} nothing: see above`,
    );
}

function report(
  { policy }: Compiled,
  place: Place,
  { cells, left, represented }: Cells,
  results: readonly Result[],
  json: boolean,
  chosen?: Orders["chosen"],
): void {
  if (json) return printJson({ cells: results.map(cellJson), ...(chosen === undefined ? {} : { chosen }) });
  if (cells.length === 0)
    return print(`${shown(policy.name)}: no container has a network, so there is nothing to probe`);
  const color = wantsColour(standardOutput);
  printExactly(renderMatrix(results, { color, unnamed: unnamedPorts(policy) }));
  print(`\n${summaryLines(results, { left, represented, ranges: place.left }).join("\n")}`);
}
