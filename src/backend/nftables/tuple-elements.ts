/** Tuples as elements, for who wants objects: the kernel gets its messages from the columns. */
import type { Value } from "../shape/lanes.js";
import type { Tuples } from "../shape/tuples.js";
import type { Element, Part } from "./ruleset.js";

const made = new WeakMap<Tuples, readonly Element[]>();

/** The elements of a set whose key has `parts` parts; made once. */
export function elementsOf(tuples: Tuples, parts: number): readonly Element[] {
  const known = made.get(tuples);
  if (known !== undefined) return known;
  const { sources, destinations, protocols, ports, origins } = tuples;
  const elements = Array.from({ length: tuples.length }, (_, i): Element => {
    const key: Part[] = [sources[i] as Value, destinations[i] as Value, protocols[i] as number, ports[i] as number];
    return { key: key.slice(0, parts), from: tuples.originsOf(i).map((index) => origins.at(index)) };
  });
  made.set(tuples, elements);
  return elements;
}
