/** What an apply would change on this machine. Changes nothing and waits for nobody: it takes no lock. */
import type { ObjectChange } from "../backend/backend.js";
import type { Asked, Choice } from "../backend/choice.js";
import { compile, type Compiled } from "../ir/compile.js";
import type { Policy } from "../ir/policy.js";
import { formatName } from "../ast/format.js";
import { type Changed, lackingForwarding } from "../topology/forwarding.js";
import { GUARD_TABLE } from "../topology/guard.js";
import type { Change } from "../topology/work.js";
import { inexpressible } from "./apply.js";
import { requireSystem } from "./ready.js";
import { survey } from "./survey.js";

export interface Preview {
  /** What is on record as applied, or in force without a record; an empty policy where nothing is. */
  readonly before: Policy;
  /** ISO 8601, UTC; undefined where the policy isn't live. */
  readonly appliedAt: string | undefined;
  /** How the backend was chosen, where this host was to decide. */
  readonly choice: Choice | undefined;
  /** Whether another backend is to carry the policy from then on. */
  readonly switches: boolean;
  /** Tables, sets, chains, rules and elements. */
  readonly objects: readonly ObjectChange[];
  /** Devices, addresses, routes, namespaces and files. */
  readonly topology: readonly Change[];
  /** Of the host, for forwarding. */
  readonly sysctls: readonly Changed[];
}

export function changesAnything({ objects, topology, sysctls }: Preview): boolean {
  return objects.length + topology.length + sysctls.length > 0;
}

/** Throws what an apply would throw before it changes anything: `Inexpressible`, `Obstacle`, `MissingTool`. */
export async function preview(compiled: Compiled, backend?: Asked): Promise<Preview> {
  const obstacle = inexpressible(compiled.policy);
  if (obstacle !== undefined) throw obstacle;
  await requireSystem();
  const found = await survey(compiled, { whole: true, backend });
  const { topology, applied, before, choice, former, rules, difference } = found;
  const switches = former.length > 0;
  // A plan for another backend tells nothing of this one's objects.
  const listed = rules?.list(switches ? undefined : before?.policy) ?? [];
  const moved: ObjectChange = {
    verb: "change",
    object: `what the backend ${found.backend.name} carries, which somebody else has changed or got ahead of`,
    from: [],
  };
  const { sysctls, guard } = await lackingForwarding(topology.forwards);
  const isMoved = listed.length === 0 && rules !== undefined && rules.standing !== "equal";
  const would: Preview = {
    before: before?.policy ?? compile(`policy ${formatName(compiled.policy.name)}`).policy,
    appliedAt: applied?.at,
    choice,
    switches,
    objects: [
      ...(isMoved ? [moved] : listed),
      ...former.map(({ name }): ObjectChange => ({
        verb: "remove",
        object: `what the backend ${name} carries`,
        from: [],
      })),
      ...(guard === undefined ? [] : [{ verb: guard, object: `table inet ${GUARD_TABLE}`, from: [] }]),
    ],
    topology: difference.changes,
    sysctls,
  };
  // All of it is there, and only its record is gone: no packet's verdict differs.
  return applied === undefined && !changesAnything(would) ? { ...would, before: compiled.policy } : would;
}
