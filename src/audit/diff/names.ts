/** The names that two policies have for ends and services: what boxes are described with. */
import { intersectSet } from "../../net/address.js";
import type { PortSet } from "../../net/ports.js";
import { hasAddress } from "../../net/address.js";
import type { PeerSet, Policy } from "../../ir/policy.js";
import { formatName } from "../../ast/format.js";
import type { Axes } from "./axes.js";
import { rangeTexts } from "./range-text.js";
import { EMPTY_GROUP, type Group, joined } from "./group.js";

export interface Named {
  readonly text: string;
  readonly group: Group;
}

export interface Names {
  /** Of equally good ones the first is taken: built-in names, containers, networks, lets, addresses. */
  readonly ends: readonly Named[];
  readonly ports: readonly { readonly text: string; readonly ports: PortSet }[];
}

/** What a name means is what the newer policy says; then the older's containers, and networks that are gone whole. */
export function namesOf(before: Policy, after: Policy, axes: Pick<Axes, "places" | "outside" | "literals">): Names {
  const { places, outside, literals } = axes;
  const host: Group = { ...EMPTY_GROUP, host: outside.host };
  const world: Group = { ...EMPTY_GROUP, world: outside.world };
  const ends: Named[] = [
    { text: "any", group: joined({ ...EMPTY_GROUP, places: new Set(places) }, joined(host, world)) },
    { text: "host", group: host },
    { text: "world", group: world },
  ];
  const ports: { text: string; ports: PortSet }[] = [];
  const taken = new Set<string>();
  const add = (name: string, group: Group): void => {
    if (taken.has(name)) return;
    taken.add(name);
    ends.push({ text: formatName(name), group });
  };
  for (const kind of ["containers", "networks", "lets"] as const)
    for (const [i, policy] of [
      [1, after],
      [0, before],
    ] as const) {
      const known = (test: (place: (typeof places)[number]) => boolean): Group => ({
        ...EMPTY_GROUP,
        places: new Set(places.filter(test)),
      });
      if (kind === "containers")
        for (const { name, endpoints } of policy.containers)
          if (endpoints.length > 0)
            add(
              name,
              known(({ container }) => container === name),
            );
      if (kind === "networks")
        for (const { name } of policy.networks) {
          const on = known(
            (place) => place.in[i]?.container.endpoints.some(({ network }) => network === name) ?? false,
          );
          // Of the older policy only what is gone as a whole: anything else would mix what two policies say.
          if (i === 1 || [...on.places].every((place) => place.in[1] === undefined)) add(name, on);
        }
      if (kind === "lets")
        for (const [name, value] of policy.lets)
          if (value.kind === "ports") ports.push({ text: formatName(name), ports: value.ports });
          else if (i === 1) add(name, groupOfPeers(value.peers.set, i, { places, outside }));
    }
  for (const set of literals) {
    const [text = ""] = rangeTexts(set);
    const inside = places.filter((place) =>
      place.in.some((one) => one !== undefined && hasAddress(set, one.end.address)),
    );
    // An address means whoever has it, in each policy: a container that has moved may be in it and out of it.
    if (inside.some((place) => place.in.some((one) => one !== undefined && !hasAddress(set, one.end.address))))
      continue;
    ends.push({
      text,
      group: {
        places: new Set(inside),
        host: intersectSet(set, outside.host),
        world: intersectSet(set, outside.world),
      },
    });
  }
  return { ends, ports };
}

function groupOfPeers(set: PeerSet, policy: number, { places, outside }: Pick<Axes, "places" | "outside">): Group {
  return {
    places: new Set(
      places.filter((place) => {
        const inside = place.in[policy];
        return inside !== undefined && hasAddress(set.container, inside.end.address);
      }),
    ),
    host: intersectSet(set.host, outside.host),
    world: intersectSet(set.world, outside.world),
  };
}
