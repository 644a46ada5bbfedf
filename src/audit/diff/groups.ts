/** Groups by the classes that they are of, one object for equal ones: many boxes have the same ends. */
import type { Family } from "../../net/address.js";
import type { Class } from "./axes.js";
import { type Group, groupOf } from "./group.js";

export interface Grouped {
  readonly group: Group;
  readonly families: ReadonlySet<Family>;
}

export class Groups {
  private readonly classes: readonly Class[];
  private readonly known = new Map<number, { readonly indices: readonly number[]; readonly grouped: Grouped }[]>();

  constructor(classes: readonly Class[]) {
    this.classes = classes;
  }

  /** The group of these classes. */
  of(indices: readonly number[]): Grouped {
    const hash = hashOf(indices);
    let list = this.known.get(hash);
    if (list === undefined) this.known.set(hash, (list = []));
    let found = list.find((one) => isSame(one.indices, indices));
    if (found === undefined) {
      const classes = indices.map((i) => this.classes[i] as Class);
      const families = new Set<Family>();
      for (const { places, pieces } of classes) for (const { family } of [...places, ...pieces]) families.add(family);
      found = { indices, grouped: { group: groupOf(classes), families } };
      list.push(found);
    }
    return found.grouped;
  }
}

/** FNV-1a, a number at a time. */
function hashOf(list: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const one of list) hash = Math.imul(hash ^ one, 0x01000193);
  return hash;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a === b || (a.length === b.length && a.every((one, i) => one === b[i]));
}
