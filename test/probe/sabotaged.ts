/**
 * A trial that applies one policy and holds the packets against another: `sabotaged.ts APPLIED SAID`, started inside
 * namespaces of its own. Prints a line of JSON for each cell that differs.
 */
import { compile } from "../../src/ir/compile.js";
import { hideHost } from "../../src/probe/arena.js";
import { planCells } from "../../src/probe/cells.js";
import { planPlace } from "../../src/probe/place.js";
import { cellJson, differs } from "../../src/probe/summary.js";
import { runTrial } from "../../src/probe/trial.js";
import { buildWorld } from "../../src/probe/world.js";

const [applied = "", said = ""] = process.argv.slice(2).map((text) => compile(text));
if (applied === "" || said === "" || applied.failed || said.failed) throw new Error("two policies are needed");
const place = planPlace(said.policy);
await hideHost();
await buildWorld(place);
const { cells } = planCells(said.policy, place);
const results = await runTrial(applied, "nft", cells, () => undefined);
for (const result of results) if (differs(result)) console.log(JSON.stringify(cellJson(result)));
