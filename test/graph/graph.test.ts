/** What the graph says of every pair, held against the evaluator; and what is alike. */
import fc from "../support/property.js";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { buildGraph } from "../../src/graph/build.js";
import type { Case, Graph } from "../../src/graph/model.js";
import { decodeRows, encodeRows } from "../../src/graph/page-data.js";
import { packetClasses } from "../../src/ir/classes.js";
import { compile } from "../../src/ir/compile.js";
import { DEFAULTS, type Decision, endpointAt, evaluate, type Packet } from "../../src/ir/evaluate.js";
import { ANY } from "../../src/ir/peers.js";
import type { Policy } from "../../src/ir/policy.js";
import { ALL_PORTS } from "../../src/net/ports.js";
import { statements } from "../support/random-policy.js";

const test = suite("graph");

function graphOf(text: string): Graph {
  const compiled = compile(text);
  assert.equal(
    compiled.diagnostics.filter(({ severity }) => severity === "error"),
    [],
  );
  return buildGraph(compiled);
}

/** The label of the flow between two ends. */
function said({ groups, matrix, flows }: Graph, from: string, to: string): string {
  const of = (name: string) => groups.findIndex(({ names }) => names.includes(name));
  const flow = flows[matrix[of(from)]?.[of(to)] ?? -1];
  return flow === undefined ? "-" : flow.label || (flow.refusal ?? "");
}

test("flows in a few words", () => {
  const graph = graphOf(`
    icc off
    container a { }
    container b { publish 127.0.0.1:8080 -> 80 }
    container c { publish 9000-9001 -> 90-91 from 192.0.2.0/24 }
    allow a -> b:{22, 53/udp, icmp}
    allow a -> c
    deny a -> c:{443, 8000-8010}
    reject b -> a
    deny c -> world except 203.0.113.0/24
    allow 198.51.100.0/24 -> a:22
  `);
  assert.is(said(graph, "a", "b"), "22, 53/udp, icmp");
  assert.is(said(graph, "a", "c"), "all but 443, 8000-8010");
  assert.is(said(graph, "b", "a"), "reject");
  assert.is(said(graph, "c", "a"), "");
  assert.is(said(graph, "c", "world"), "all*");
  assert.is(said(graph, "world", "a"), "22*");
  assert.is(said(graph, "world", "b"), "");
  assert.is(said(graph, "world", "c"), ":9000-9001*");
  assert.is(said(graph, "host", "b"), "all");
  assert.is(said(graph, "host", "world"), "-");
  assert.is(said(graph, "a", "a"), "-");
});

test("containers that nothing tells apart are one group, and no others", () => {
  const graph = graphOf(
    "icc off\nlet web = {w1, w2, w3}\nallow web -> db:5432\nallow ops -> w3:22\nallow 10.83.0.0/16 -> db:53",
  );
  assert.equal(
    graph.groups.map(({ names }) => names.join()),
    ["w1,w2", "w3", "db", "ops", "host", "world"],
  );
  assert.is(said(graph, "w1", "db"), "53, 5432");
});

test("names that look like others stay apart", () => {
  const graph = graphOf(
    'network "a,b" { }\nnetwork a { }\nnetwork b { }\ncontainer x { network "a,b" }\ncontainer y { network a; network b }',
  );
  assert.is(graph.groups.length, 4);
});

test("containers without a network of their own are named with what they are", () => {
  const graph = graphOf(
    "container a { }\ncontainer h { mode host }\ncontainer n { mode none }\ncontainer s { mode container:a }",
  );
  assert.equal(
    graph.others.map(({ name }) => name),
    ["h", "n", "s"],
  );
});

test("rows of the matrix survive their shorter form", () => {
  const matrix = [
    [-1, 3, 3, 3],
    [0, 1, 2, 2],
    [-1, 3, 3, 3],
  ];
  const encoded = encodeRows(matrix);
  assert.equal(encoded.rows, [
    [-1, 1, 3, 3],
    [0, 1, 1, 1, 2, 2],
  ]);
  assert.equal(
    decodeRows(encoded).map((row) => [...row]),
    matrix,
  );
});

/** Whether a case has a packet's services; of a published port the host's port counts. */
function serves({ ports, via }: Case, packet: Packet): boolean {
  const wire = packet.protocol === 58 ? 1 : packet.protocol;
  const shift = packet.via === undefined ? 0 : packet.via.hostPorts[0] - packet.via.port;
  const port = packet.port === undefined ? 0 : packet.port + shift;
  if ((via === undefined) !== (packet.via === undefined) || via?.statement !== packet.via?.origin.index) return false;
  return ports.some(([protocol, low, high]) => protocol === wire && port >= low && port <= high);
}

function agrees(one: Case, { verdict, by, default: name }: Decision): boolean {
  const words = name === null ? undefined : DEFAULTS[name as keyof typeof DEFAULTS];
  return one.verdict === verdict && one.default === words && one.by.join() === by.map(({ index }) => index).join();
}

/** A packet of which the graph says something else than the evaluator. */
function differing(policy: Policy, graph: Graph): string | undefined {
  const groupOf = (end: Packet["source"]) => {
    const name = end.zone === "container" ? (endpointAt(policy, end.address)?.container.name ?? "") : end.zone;
    return { name, group: graph.groups.findIndex(({ zone, names }) => zone === end.zone && names.includes(name)) };
  };
  for (const packet of packetClasses(policy, { from: ANY, to: ANY, ports: ALL_PORTS }).packets) {
    const [from, to] = [groupOf(packet.source), groupOf(packet.destination)];
    const index = from.name === to.name ? graph.self[from.group] : graph.matrix[from.group]?.[to.group];
    const cases = (graph.flows[index ?? -1]?.cases ?? []).filter((one) => serves(one, packet));
    const decision = evaluate(policy, packet);
    const whole = cases.filter((one) => one.from === undefined && one.to === undefined);
    const right = cases.some((one) => agrees(one, decision)) && whole.every((one) => agrees(one, decision));
    if (!right)
      return `${from.name} -> ${to.name} ${packet.protocol}/${packet.port}: ${decision.verdict}, but ${JSON.stringify(cases)}`;
  }
  return undefined;
}

test("every packet of every class is said what the evaluator says", () => {
  let looked = 0;
  fc.assert(
    fc.property(statements, (lines) => {
      const text = lines.join("\n");
      const compiled = compile(text);
      if (compiled.failed) return;
      looked++;
      assert.is(differing(compiled.policy, buildGraph(compiled)), undefined, text);
    }),
    { numRuns: Number(process.env["GRAPH_RUNS"] ?? 250), seed: 7 },
  );
  assert.ok(looked > 40, `${looked} policies without errors`);
});

test.run();
