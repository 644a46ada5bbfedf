import { coldInWorld } from "./iptables.js";
const s = await coldInWorld(Number(process.argv[2]), Number(process.argv[3]));
for (const f of s.figures) console.log(f.name, JSON.stringify(f)); console.log(JSON.stringify(s.ratios));
