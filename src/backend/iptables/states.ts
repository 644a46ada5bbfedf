/** What stands of a policy in both families, as the tools print it. */
import { type Family, FAMILIES } from "../../net/address.js";
import type { Ending } from "../../system/ending.js";
import { MissingTool } from "../../system/run.js";
import { hasLegacyTables } from "../../system/xtables.js";
import { Refused } from "../refused.js";
import { type Chains, hasChains, readChains } from "./kernel.js";
import { prefixOf } from "./names.js";
import { readState, type State } from "./standing.js";
import { beginSave, readingTime, tool, type Variant } from "./tools.js";

/** Per family, IPv4 first. */
export type Both<T> = readonly [T, T];

export interface Looking {
  /** The tool must be there: what carries the policy. Else nothing of the policy's is there where it isn't installed. */
  readonly needed?: boolean;
  readonly ending?: Ending | undefined;
  /** What nf_tables told of the policy's chains, where it was asked already. */
  readonly chains?: Chains | undefined;
}

/** Throws `MissingTool`, and `Refused` where the tool fails, or says nothing of what is there. */
export async function statesOf(policy: string, variant: Variant, looking: Looking = {}): Promise<Both<State>> {
  const [v4, v6] = await each(FAMILIES.map(async (family) => (await beginState(policy, variant, family, looking))()));
  return [v4 as State, v6 as State];
}

/** Starts the tool; what it returns waits for its answer, and throws as `statesOf` does. */
export async function beginState(
  policy: string,
  variant: Variant,
  family: Family,
  { needed = false, ending, chains }: Looking,
): Promise<() => Promise<State>> {
  // Before the tool begins, since more may be on its way there.
  const there = variant === "nft" ? (chains ?? readChains(prefixOf(policy))) : undefined;
  const end = await beginSave(variant, family, readingTime(variant, there?.all), ending);
  // Of the policy where that is told, else of anybody.
  const isThere = (): boolean =>
    variant === "nft" ? there !== undefined && hasChains(there, family) : hasLegacyTables(family) === true;
  return async () => {
    const text = await end();
    const command = (): Promise<string> => tool(variant, family, "save");
    if (text === undefined) {
      if (needed || (variant === "nft" && isThere())) throw new MissingTool(await command());
    } else if (!/^\*/m.test(text) && isThere())
      throw new Refused(
        `${await command()} prints no rules, though the kernel has some: what it says can't be relied on`,
        `see what runs as ${await command()} here, and apply again`,
      );
    return readState(text ?? "", policy);
  };
}

/** Waits for each, whatever becomes of the others; throws the first failure. */
export async function each<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
