/** Routes and neighbours of one device, found without a look at those of a thousand others. */
import type { Stack, StackRoute } from "./stack.js";
import type { NeighbourPlan } from "./topology.js";

interface Index {
  readonly routes: ReadonlyMap<string | undefined, readonly StackRoute[]>;
  readonly neighbours: ReadonlyMap<string | undefined, readonly NeighbourPlan[]>;
}

/** Made once for each reading. */
const indices = new WeakMap<Stack, Index>();

export function routesOn(stack: Stack, device: string): readonly StackRoute[] {
  return indexOf(stack).routes.get(device) ?? [];
}

export function neighboursOn(stack: Stack, device: string): readonly NeighbourPlan[] {
  return indexOf(stack).neighbours.get(device) ?? [];
}

function indexOf(stack: Stack): Index {
  const known = indices.get(stack);
  if (known !== undefined) return known;
  const made = { routes: byDevice(stack.routes), neighbours: byDevice(stack.neighbours) };
  indices.set(stack, made);
  return made;
}

function byDevice<T extends { readonly device: string | undefined }>(list: readonly T[]): Map<string | undefined, T[]> {
  const found = new Map<string | undefined, T[]>();
  for (const each of list) {
    const others = found.get(each.device);
    if (others === undefined) found.set(each.device, [each]);
    else others.push(each);
  }
  return found;
}
