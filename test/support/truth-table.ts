/**
 * The truth table of a policy, measured with real packets on one backend after the other, in the same network.
 *
 * A cell is one packet that opens something: source, destination, protocol and port. Before any of the policy's rules
 * are in force the same probes are sent with everything allowed, and a cell counts as blocked only where its probe
 * passed then. Runs on a lab's host, through `host.call`.
 */
import type { BackendName } from "../../src/backend/backend.js";
import { evaluate } from "../../src/ir/evaluate.js";
import type { Policy, Zone } from "../../src/ir/policy.js";
import { type Address, formatAddress } from "../../src/net/address.js";
import { SCTP } from "../../src/net/ports.js";
import { type Cell, planCells } from "../../src/probe/cells.js";
import { compare } from "../../src/probe/compare.js";
import type { Answer } from "../../src/probe/protocol.js";
import { isPublished } from "../../src/probe/errands.js";
import { HOST, WORLD } from "../../src/probe/ends.js";
import { type Place, planPlace } from "../../src/probe/place.js";
import { unnamedPorts } from "../../src/probe/services.js";
import { buildWorld, WORLD_PATH } from "../../src/probe/world.js";
import { ipBatch } from "../../src/system/ip.js";
import { removeNetns } from "../../src/system/netns.js";
import { planTopology } from "../../src/topology/plan.js";
import { applyPolicy } from "../../src/transaction/apply.js";
import { removePolicy } from "../../src/transaction/remove.js";
import { Prober, type Socket } from "./prober.js";
import { compiled, opened } from "./topologies.js";

/**
 * Protocols without ports that nobody uses, one for each time that all cells are asked: what was opened before with
 * another policy in force would make the other direction a reply. Cells name the first.
 */
const PORTLESS = [230, 231, 232, 233] as const;
/** Milliseconds to wait for what should be answered, and for what should not. */
const ANSWERED = 4000;
const SILENT = 250;

export interface Table {
  /** Cells of which the same probe passed with everything allowed, and those that should be blocked among them. */
  readonly cells: number;
  readonly blocked: number;
  /** Cells whose probe didn't pass with everything allowed: they prove nothing. */
  readonly unproven: readonly string[];
  /** Cells that fared otherwise on a backend than the evaluator says. */
  readonly differences: readonly string[];
  /** Seconds for each step. */
  readonly times: Readonly<Record<string, number>>;
}

export async function measureTable(text: string, backends: readonly BackendName[]): Promise<Table> {
  const wanted = compiled(text);
  const { policy } = wanted;
  const place = planPlace(policy);
  const cells = cellsOf(policy, place);
  const prober = new Prober();
  const times: Record<string, number> = {};
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    times[name] = (performance.now() - started) / 1000;
    return result;
  };
  try {
    await step("world", () => buildWorld(place));
    await step("apply open", () => applyPolicy(compiled(opened(text)), { backend: "nft" }));
    const { early, late } = socketsOf(policy, cells);
    prober.places(placesOf(policy));
    prober.listen([...early, ...late]);
    const everywhere = cells.map((cell) => ({ cell, expected: "allow" as const }));
    const free = await step("ask open", () => ask(prober, everywhere, PORTLESS[0]));
    const proven = cells.map((cell, i) => (free[i] ?? []).every(({ outcome }) => outcome === "open") || cell);
    const tried = cells.filter((_, i) => proven[i] === true);
    const differences: string[] = [];
    for (const [turn, backend] of backends.entries()) {
      prober.close(late);
      await step(`apply ${backend}`, () => applyPolicy(wanted, { backend }));
      prober.listen(late);
      const answers = await step(`ask ${backend}`, () =>
        ask(
          prober,
          tried.map((cell) => ({ cell, expected: cell.expected === "mixed" ? "allow" : cell.expected })),
          PORTLESS[turn + 1] ?? PORTLESS[0],
        ),
      );
      tried.forEach((cell, i) => {
        const result = compare(cell, { answers: answers[i] ?? [] });
        if (!result.agrees)
          differences.push(
            `${backend}: ${words(cell)}: policy ${cell.expected}, kernel ${result.measured} ${result.remark ?? ""}`,
          );
      });
    }
    return {
      cells: tried.length,
      blocked: tried.filter(({ expected }) => expected !== "allow").length,
      unproven: proven.flatMap((cell) => (cell === true ? [] : words(cell))),
      differences,
      times,
    };
  } finally {
    await prober.end();
    await step("remove", () => removePolicy(policy.name));
    await ipBatch(undefined, [["link", "delete", "dev", "uplink"]]);
    await removeNetns(WORLD_PATH);
  }
}

/** Without the lab's own uplink, whose place the policy's world takes. */
export async function clearWay(): Promise<void> {
  await ipBatch(undefined, [["link", "delete", "dev", "up0"]]);
}

// Cells --------------------------------------------------------------------------------------------------------------

/** Those of `try`, and for each two ends a protocol without ports and a port of SCTP that nobody names. */
function cellsOf(policy: Policy, place: Place): Cell[] {
  const { cells } = planCells(policy, place);
  const direct = cells.filter(({ proto, via }) => proto === "icmp" && via === undefined);
  const port = unnamedPorts(policy).get(SCTP);
  const more = direct.flatMap((cell) => [
    // Masqueraded without ports, the second container to the same address has no way back.
    ...(cell.to === WORLD ? [] : [decided(policy, cell, PORTLESS[0], undefined)]),
    ...(port === undefined ? [] : [decided(policy, cell, SCTP, port)]),
  ]);
  return [...cells, ...more];
}

function decided(policy: Policy, cell: Cell, protocol: number, port: number | undefined): Cell {
  const end = (name: string, address: Address) => ({ zone: zoneOf(name), address });
  const source = end(cell.from, cell.source);
  const destination = end(cell.to, cell.destination);
  const decision = evaluate(policy, { source, destination, protocol, port });
  const targets = cell.targets.map((target) => ({ ...target, port }));
  const proto = protocol === SCTP ? "sctp" : String(protocol);
  return { ...cell, proto, port, targets, decisions: [decision], expected: decision.verdict as Cell["expected"] };
}

function zoneOf(name: string): Zone {
  return name === HOST || name === WORLD ? name : "container";
}

function words({ from, to, source, destination, proto, port }: Cell): string {
  const where = `${formatAddress(source)} -> ${formatAddress(destination)}`;
  return `${from} -> ${to}:${port ?? ""}/${proto} (${where})`;
}

// Probes -------------------------------------------------------------------------------------------------------------

function placesOf(policy: Policy): Map<string, string | undefined> {
  const inside = planTopology(policy).sandboxes.map(({ container, path }) => [container, path] as const);
  return new Map([[HOST, undefined], [WORLD, WORLD_PATH], ...inside]);
}

/** What answers; `late` is what would hold a published port of the host while a policy is applied. */
function socketsOf(policy: Policy, cells: readonly Cell[]): { early: Socket[]; late: Socket[] } {
  const all = new Map<string, Socket & { published: boolean }>();
  for (const { proto, targets } of cells) {
    if (proto === "icmp") continue;
    for (const { name, address, port = 0 } of targets) {
      const own = formatAddress(address);
      const wild = address.family === 4 ? "0.0.0.0" : "::";
      const published = name === HOST && isPublished(policy, { proto, port });
      for (const number of proto === String(PORTLESS[0]) ? PORTLESS.map(String) : [proto]) {
        const socket = { place: name, proto: number, address: proto === "tcp" ? wild : own, port };
        all.set(JSON.stringify(socket), { ...socket, published });
      }
    }
  }
  const sockets = [...all.values()];
  return { early: sockets.filter(({ published }) => !published), late: sockets.filter(({ published }) => published) };
}

interface Asked {
  readonly cell: Cell;
  /** What is asked in one go, in this order. */
  readonly expected: "deny" | "reject" | "allow";
}

/**
 * What is blocked goes first: of a protocol without ports an allowed packet would make the other direction a reply. And
 * nobody is busy answering while others wait for silence.
 */
async function ask(prober: Prober, asked: readonly Asked[], portless: number): Promise<Answer[][]> {
  const out = asked.map(() => [] as Answer[]);
  for (const turn of ["deny", "reject", "allow"] as const) {
    const part = asked.flatMap(({ cell, expected }, index) =>
      // Connections that are spread over containers come to each of them in turn.
      turn === expected ? Array.from({ length: cell.targets.length }, () => ({ index, cell })) : [],
    );
    const questions = part.map(({ cell }, id) => ({
      id,
      place: cell.from,
      proto: cell.proto === String(PORTLESS[0]) ? String(portless) : cell.proto,
      source: formatAddress(cell.source),
      target: formatAddress(cell.destination),
      port: cell.port ?? 0,
    }));
    for (const answer of await prober.ask(questions, turn === "deny" ? SILENT : ANSWERED)) {
      const index = part[answer.id]?.index ?? 0;
      out[index]?.push(answer);
    }
  }
  return out;
}
