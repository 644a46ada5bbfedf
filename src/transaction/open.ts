/** An open handle: applies policies and single statements. */
import { type Compiled, compiledFrom } from "../ir/compile.js";
import type { Policy } from "../ir/policy.js";
import { chooseTransport, type Transport } from "../system/transport.js";
import { applyPolicy, type ApplyResult } from "./apply.js";
import { finishOverdue } from "./revert.js";
import { edit, PolicyError, type Update } from "./update.js";

export interface OpenOptions {
  /** Only `nft` so far. */
  readonly backend?: "nft";
  /** How the kernel is spoken to, by the whole process; `auto` is netlink where it loads. */
  readonly transport?: Transport;
}

export interface Net {
  /** Makes the kernel match the policy, all or nothing. Throws `PolicyError`, `Inexpressible` or `Obstacle`. */
  apply(policy: Policy): Promise<ApplyResult>;
  /** Applies the last applied policy with statements added and removed: exactly what applying the edited file does. */
  update(update: Update): Promise<ApplyResult>;
  close(): Promise<void>;
}

export async function open(options: OpenOptions = {}): Promise<Net> {
  if (options.backend !== undefined && options.backend !== "nft")
    throw new Error(`there is no backend '${options.backend as string}'`);
  if (options.transport !== undefined) chooseTransport(options.transport);
  let current: Compiled | undefined;
  let closed = false;
  const apply = async (compiled: Compiled): Promise<ApplyResult> => {
    if (closed) throw new Error("this handle is closed");
    await finishOverdue();
    const result = await applyPolicy(compiled, { purpose: { kind: "apply", quick: true } });
    current = compiled;
    return result;
  };
  return {
    async apply(policy) {
      const compiled = compiledFrom(policy);
      if (compiled.failed) throw new PolicyError(compiled.diagnostics);
      return apply(compiled);
    },
    async update(update) {
      if (current === undefined) throw new Error("nothing is applied yet through this handle");
      return apply(edit(current, update));
    },
    async close() {
      closed = true;
    },
  };
}
