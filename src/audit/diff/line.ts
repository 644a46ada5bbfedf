/** The classes of one side of packets, by what decides of them beside the rules. */
import { FAMILIES, type Family } from "../../net/address.js";
import type { End } from "../../ir/evaluate.js";
import type { Class } from "./axes.js";
import { isPossible } from "./outcome.js";

/** One axis of ends: what of a class decides, beside the rules, how its packets fare. */
export class Line {
  readonly classes: readonly Class[];
  /** Of each class: equal for those of one nature, with packets in the same families. */
  readonly natures: readonly number[];
  readonly members: readonly (readonly number[])[];
  /** In each family, the container that all of a class is of, if it is one. */
  readonly alone: readonly (readonly [four: string | undefined, six: string | undefined])[];

  constructor(classes: readonly Class[]) {
    this.classes = classes;
    const known = new Map<string, number>();
    const members: number[][] = [];
    this.natures = classes.map((one, i) => {
      const key = `${FAMILIES.filter((family) => hasFamily(one, family)).join("")} ${one.nature}`;
      let id = known.get(key);
      if (id === undefined) known.set(key, (id = members.push([]) - 1));
      members[id]?.push(i);
      return id;
    });
    this.members = members;
    this.alone = classes.map(({ places }) => {
      const [four, six] = FAMILIES.map((family) => {
        const names = new Set(places.filter((one) => one.family === family).map(({ container }) => container));
        return names.size === 1 ? [...names][0] : undefined;
      });
      return [four, six] as const;
    });
  }

  isOutside(i: number): boolean {
    return this.classes[i]?.places.length === 0;
  }

  has(i: number, family: Family): boolean {
    const one = this.classes[i];
    return one !== undefined && hasFamily(one, family);
  }

  isHost(i: number): boolean {
    return this.classes[i]?.pieces[0]?.zone === "host";
  }
}

function hasFamily({ places, pieces }: Class, family: Family): boolean {
  return places.some((one) => one.family === family) || pieces.some((one) => one.family === family);
}

/** In each policy, undefined where it hasn't both. */
export type Ends = readonly (readonly [source: End, destination: End] | undefined)[];

/** Ends that stand for two classes in a family; undefined where no packet is between them. */
export function endsIn(family: Family, source: Class, destination: Class): Ends | undefined {
  return someEnds(family, source, destination, false);
}

/** @param toSelf whether two ends of one container will do, though what is between them stays in its sandbox */
export function someEnds(family: Family, source: Class, destination: Class, toSelf: boolean): Ends | undefined {
  const of = (one: { readonly family: Family }): boolean => one.family === family;
  const [from, to] = [source.pieces.find(of)?.end, destination.pieces.find(of)?.end];
  for (const one of source.places.length > 0 ? source.places.filter(of) : [undefined])
    for (const other of destination.places.length > 0 ? destination.places.filter(of) : [undefined]) {
      if (!toSelf && one !== undefined && one.container === other?.container) continue;
      const ends = [0, 1].map((i) => {
        const pair = [one?.in[i]?.end ?? from, other?.in[i]?.end ?? to] as const;
        return pair[0] === undefined || pair[1] === undefined ? undefined : ([pair[0], pair[1]] as const);
      });
      const some = ends[1] ?? ends[0];
      if (some === undefined || !isPossible({ source: some[0], destination: some[1] })) return undefined;
      return ends;
    }
  return undefined;
}
