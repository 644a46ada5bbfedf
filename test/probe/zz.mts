import { readFileSync } from "node:fs";
import { compileFiles } from "/work/main/src/compile.js";
import { readText } from "/work/main/src/cli/input.js";
import { SourceFile } from "/work/main/src/text/source.js";
import { planPlace } from "/work/main/src/probe/place.js";
import { planCells } from "/work/main/src/probe/cells.js";
import { formatAddress } from "/work/main/src/net/address.js";
for (const f of process.argv.slice(2)) {
  const c = compileFiles([new SourceFile(f, readFileSync(f,"utf8"))], readText);
  if (c.failed) { console.log(f, c.diagnostics.map(d=>d.message)); continue; }
  const t=performance.now();
  const place = planPlace(c.policy);
  const r = planCells(c.policy, place);
  console.log(f, r.cells.length, "left", r.left, place.world.map(formatAddress).join(" "), (performance.now()-t).toFixed(1),"ms");
  if (process.env.V) for (const x of r.cells) console.log("  ", x.from, formatAddress(x.source), "->", x.to, formatAddress(x.destination), x.port, x.proto, x.expected, x.via ? "via "+x.targets.map(t=>t.name) : "");
}
