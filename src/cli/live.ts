/** Finds live policies, containers and networks by the names that people give. */
import type { Container, Network, Policy } from "../ir/policy.js";
import { allApplied, type Applied, recompile } from "../transaction/state.js";
import { EXIT, Failure } from "./exit.js";
import { shown } from "./output.js";

export interface Live {
  readonly applied: Applied;
  readonly policy: Policy;
}

export function livePolicies(): Live[] {
  return allApplied().map((applied) => ({ applied, policy: recompile(applied).policy }));
}

/** The live policy of a name, or the only one. Exit 2 when there are several, or none of that name; 3 when there is none. */
export function oneLive(name: string | undefined): Live {
  const all = livePolicies();
  const names = shown(all.map(({ policy }) => policy.name).join(", "));
  const [found, another] = name === undefined ? all : all.filter(({ policy }) => policy.name === name);
  if (another !== undefined)
    throw new Failure(EXIT.usage, `several policies are live: ${names}`, "say which: --policy NAME");
  if (found !== undefined) return found;
  if (all.length === 0)
    throw new Failure(EXIT.system, "no policy is live here", "tsnet compile FILE --apply makes one live");
  throw new Failure(EXIT.usage, `the policy '${shown(name ?? "")}' isn't live here`, `live are: ${names}`);
}

export type Found =
  | { readonly policy: Policy; readonly kind: "container"; readonly container: Container }
  | { readonly policy: Policy; readonly kind: "network"; readonly network: Network };

/** Containers as they can be asked for in place of a name that nothing has: of the policy that it names, or of all. */
function containersOf(all: readonly Live[], name: string): string[] {
  const meant = all.filter(({ policy }) => name.startsWith(`${policy.name}/`) && policy.containers.length > 0);
  const among = meant.length > 0 ? meant : all;
  const named = among.flatMap(({ policy }) => policy.containers.map((container) => ({ policy, container })));
  const policies = new Map<string, number>();
  for (const { container } of named) policies.set(container.name, (policies.get(container.name) ?? 0) + 1);
  return named.map(({ policy, container }) =>
    meant.length > 0 || (policies.get(container.name) ?? 0) > 1 ? `${policy.name}/${container.name}` : container.name,
  );
}

/** What `NAME` or `POLICY/NAME` may mean among the live policies. */
function meant(all: readonly Live[], name: string): Found[] {
  const found: Found[] = [];
  for (const { policy } of all) {
    const prefix = `${policy.name}/`;
    for (const wanted of new Set([name, name.startsWith(prefix) ? name.slice(prefix.length) : name])) {
      const container = policy.containers.find((one) => one.name === wanted);
      if (container !== undefined) found.push({ policy, kind: "container", container });
      const network = policy.networks.find((one) => one.name === wanted);
      if (network !== undefined) found.push({ policy, kind: "network", network });
    }
  }
  return found;
}

/** Whether a live container, or several, can be meant by `NAME` or `POLICY/NAME`. */
export function isLive(name: string): boolean {
  return meant(livePolicies(), name).some(({ kind }) => kind === "container");
}

/** What `NAME` or `POLICY/NAME` means among the live policies; exit 2 when nothing, or several. */
export function findLive(name: string): Found {
  const all = livePolicies();
  const [first, second, ...more] = meant(all, name);
  if (first === undefined) {
    const names = containersOf(all, name);
    const known = names.length === 0 ? "nothing is live here" : `live are: ${names.slice(0, 20).join(", ")}`;
    throw new Failure(EXIT.usage, `no live container or network is called '${name}'`, known);
  }
  if (second !== undefined) {
    const choices = [first, second, ...more].map((one) => `${one.policy.name}/${name}`).join(", ");
    throw new Failure(EXIT.usage, `'${name}' is in several live policies`, `say which: ${choices}`);
  }
  return first;
}
