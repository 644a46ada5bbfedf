import { lab } from "/work/main/test/kernel/lab.ts";
import { makePolicy } from "/work/main/test/topology/policies.ts";
import { STEPS } from "/work/main/test/topology/steps.ts";
const n = Number(process.argv[2] ?? 10);
const v6 = process.argv[3] !== "4";
const p = makePolicy({ networks: [{ name: "front", subnets: ["10.84.0.0/16", ...(v6 ? ["fd84:1::/64"] : [])] }],
 containers: Array.from({ length: n }, (_, i) => ({ name: `c${i}`, on: [["front", `10.84.1.${i + 2}`, ...(v6 ? [`fd84:1::${i + 2}`] : [])] as [string, ...string[]]] })) });
await lab(async (h) => {
  for (let k = 0; k < 4; k++) {
    const a: any = await h.call(STEPS, "apply", p);
    console.log("cold", a.timings, Object.values(a.timings as number[]).reduce((x: any, y: any) => x + y));
    for (let j = 0; j < 3; j++) { const b: any = await h.call(STEPS, "apply", p); console.log("again", b.changes.length, b.timings); }
    const t = performance.now(); await h.call(STEPS, "remove", "tsnet"); console.log("remove", performance.now() - t);
  }
});
