/** Asks this host which backend can carry a policy, and no more of it than the answer needs. */
import type { BackendName } from "../backend/backend.js";
import { type Candidate, canCarry, type Choice, choose, orderOf, reasonText } from "../backend/choice.js";
import { APPLICABLE, backendNamed } from "../backend/registry.js";
import type { Policy } from "../ir/policy.js";
import { Obstacle } from "./obstacle.js";
import { type Applied, backendOf } from "./state.js";

export interface ChooseOptions {
  /** What is on record of the policy. */
  readonly applied?: Applied | undefined;
  /** False: it is to be carried in a user namespace. */
  readonly privileged?: boolean;
}

/** None of the backends can carry a policy here. */
export class NoBackend extends Obstacle {
  readonly candidates: readonly Candidate[];

  constructor(candidates: readonly Candidate[]) {
    const lines = candidates.map((candidate) => `\n       ${reasonText(candidate)}`).join("");
    super(`no backend can carry the policy here:${lines}`, undefined);
    this.candidates = candidates;
  }
}

/**
 * One after the other, until one can. Changes nothing. Throws `NoBackend` where none can, or the
 * first `Inexpressible` where each refuses a statement.
 */
export async function chooseBackend(policy: Policy, options: ChooseOptions = {}): Promise<Choice> {
  const { applied, privileged = true } = options;
  const carrier = applied && backendOf(applied);
  const candidates: Candidate[] = [];
  for (const name of orderOf(APPLICABLE, carrier)) {
    const candidate = await ask(name, policy, { privileged, known: name === carrier ? applied?.committed : undefined });
    candidates.push(candidate);
    if (canCarry(candidate)) break;
  }
  const choice = choose(candidates, carrier);
  if (choice !== undefined) return choice;
  const [first, ...others] = candidates.map(({ refuses }) => refuses);
  if (first !== undefined && others.every((refuses) => refuses !== undefined)) throw first;
  throw new NoBackend(candidates);
}

async function ask(
  name: BackendName,
  policy: Policy,
  place: { readonly privileged: boolean; readonly known: Applied["committed"] | undefined },
): Promise<Candidate> {
  const backend = await backendNamed(name);
  const refuses = backend.inexpressible(policy);
  return { backend: name, refuses, parts: refuses === undefined ? await backend.probe(policy, place) : [] };
}
