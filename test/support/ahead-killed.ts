/** A process that is killed when everything but the last words is on its way to iptables-restore. */
import { readFileSync } from "node:fs";
import { approach } from "../../src/backend/iptables/apply.js";
import { compile } from "../../src/ir/compile.js";
import { observe } from "../../src/system/attempt.js";

observe((what) => {
  if (what.startsWith("last words")) process.kill(process.pid, "SIGKILL");
});
void approach(compile(readFileSync(0, "utf8")).policy, undefined, { hurry: true }).then((next) => next.commit());
