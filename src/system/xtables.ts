/** The kernel's older tables of iptables, which exist once a rule was put there; asking iptables-legacy would make them. */
import { existsSync, readFileSync } from "node:fs";

/**
 * Whether there are any. Undefined where it can't be told: in a network namespace that came with its user namespace the
 * file belongs to nobody there.
 */
export function hasLegacyTables(family: 4 | 6): boolean | undefined {
  const file = `/proc/net/ip${family === 4 ? "" : "6"}_tables_names`;
  if (!existsSync(file)) return false;
  try {
    return readFileSync(file, "utf8").trim() !== "";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return undefined;
    throw error;
  }
}
