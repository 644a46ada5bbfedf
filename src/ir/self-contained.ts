import type { Policy } from "./policy.js";

/**
 * Whether a rule more or less is nothing but a rule: where no container is declared, one may name a new container, and
 * a publish without a target means the container that rules lead to.
 */
export function isSelfContained({ containers, publishes }: Policy): boolean {
  const untargeted = publishes.some(({ origin: { text } }) => text.startsWith("publish ") && !/ -> \D/.test(text));
  return !untargeted && containers.every(({ origin }) => origin !== undefined);
}
