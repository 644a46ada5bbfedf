/** In which order lets that are made of each other are worked out. */
import type { Lowering } from "./lowering.js";

/**
 * Lets that a let is made of and that are still to be worked out, the innermost first: one by one, for each inside the
 * one before would be a recursion as deep as their chain. Empty where there is a circle, of which whoever goes round tells.
 */
export function letsBelow(low: Lowering, name: string): string[] {
  const order: string[] = [];
  const state = new Map<string, "open" | "done">();
  const stack = [name];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    if (state.has(top)) {
      stack.pop();
      if (state.get(top) === "open" && top !== name) order.push(top);
      state.set(top, "done");
      continue;
    }
    state.set(top, "open");
    for (const inner of unknownLetsIn(low, top)) {
      if (state.get(inner) === "open") return [];
      if (!state.has(inner)) stack.push(inner);
    }
  }
  return order;
}

function unknownLetsIn(low: Lowering, name: string): string[] {
  const declared = low.scope.names.get(name);
  if (declared?.kind !== "let") return [];
  const names = declared.statement.value.items.flatMap((item) => (item.kind === "name" ? [item.name.text] : []));
  return names.filter((one) => !low.lets.has(one) && low.scope.names.get(one)?.kind === "let");
}
