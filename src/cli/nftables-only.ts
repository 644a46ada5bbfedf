/** Commands that read nftables' objects, where another backend carries a policy: refused, never answered with nothing. */
import { backendOf, readApplied } from "../transaction/state.js";
import { EXIT, Failure } from "./exit.js";
import { shown } from "./output.js";

/** `doing`: the command. Exit 3 where the policy is live by another backend. */
export function requireNftables(policy: string, doing: string): void {
  const applied = readApplied(policy);
  const carrier = applied === undefined ? "nft" : backendOf(applied);
  if (carrier !== "nft")
    throw new Failure(
      EXIT.system,
      `${shown(policy)} is live by ${carrier}, and ${doing} reads nftables' rules only, so far`,
      "tsnet test FILE --policy-file POLICY --live asks with real packets",
    );
}
