/** The hidden command behind shell completion: names of what is live, one a line. */
import { livePolicies } from "./live.js";
import { printExactly } from "./output.js";

/** Says nothing where nothing can be read: a shell that completes has no place for a complaint. */
export function names(of: string): void {
  let all;
  try {
    all = livePolicies().map(({ policy }) => policy);
  } catch {
    return;
  }
  const found =
    of === "policies"
      ? all.map(({ name }) => name)
      : all.flatMap((policy) => {
          const own = [...policy.containers, ...(of === "all" ? policy.networks : [])].map(({ name }) => name);
          const taken = (name: string): boolean =>
            all.some((other) => other !== policy && other.containers.some((container) => container.name === name));
          return own.map((name) => (taken(name) ? `${policy.name}/${name}` : name));
        });
  // What a shell would take for more than a word isn't offered.
  const plain = [...new Set(found)].filter((name) => /^[\w./-]+$/.test(name));
  if (plain.length > 0) printExactly(plain.join("\n"));
}
