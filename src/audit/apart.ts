/** What the defaults of a policy tell apart among the ends of a universe. For judge.ts. */
import { type End, endpointAt } from "../ir/evaluate.js";
import { isInternal, type Policy } from "../ir/policy.js";
import { both, hull, indexSet, type IndexSet, joined, without } from "../net/index-set.js";
import { Intervals } from "../net/intervals.js";

/** Sources and destinations between which one default holds, if any does. */
interface Part {
  readonly sources: IndexSet;
  readonly destinations: IndexSet;
}

/** A network's addresses among the destinations, and who of the sources is on it. */
interface Common {
  readonly on: IndexSet;
  readonly members: IndexSet;
}

export class Apart {
  /** Containers that reach neither the world nor the host nor a published port. */
  private readonly confined: IndexSet;
  private readonly containers: IndexSet;
  /** Addresses of containers that the world doesn't reach. */
  private readonly internal: IndexSet;
  private readonly common: readonly Common[];
  /** Places in `common` by the members, and by the addresses. */
  private readonly byMember = new Intervals();
  private readonly byAddress = new Intervals();

  constructor(policy: Policy, sources: readonly End[], destinations: readonly End[]) {
    const found = {
      confined: [] as number[],
      containers: [] as number[],
      internal: [] as number[],
      members: new Map<string, number[]>(),
      on: new Map<string, number[]>(),
    };
    const put = (lists: Map<string, number[]>, name: string, place: number): void => {
      const list = lists.get(name);
      if (list === undefined) lists.set(name, [place]);
      else list.push(place);
    };
    const endpointOf = ({ zone, address }: End): ReturnType<typeof endpointAt> =>
      zone === "container" ? endpointAt(policy, address) : undefined;
    sources.forEach((end, i) => {
      const container = endpointOf(end)?.container;
      if (container === undefined) return;
      if (isInternal(policy, container)) found.confined.push(i);
      for (const name of new Set(container.endpoints.map(({ network }) => network))) put(found.members, name, i);
    });
    destinations.forEach((end, i) => {
      const network = endpointOf(end)?.network;
      if (network === undefined) return;
      found.containers.push(i);
      if (network.internal) found.internal.push(i);
      put(found.on, network.name, i);
    });
    this.confined = indexSet(found.confined);
    this.containers = indexSet(found.containers);
    this.internal = indexSet(found.internal);
    this.common = [...found.members].flatMap(([name, members]) => {
      const on = found.on.get(name);
      return on === undefined ? [] : [{ on: indexSet(on), members: indexSet(members) }];
    });
    this.common.forEach(({ members, on }, i) => {
      this.byMember.add(hull(members), i);
      this.byAddress.add(hull(on), i);
    });
    this.byMember.build();
    this.byAddress.build();
  }

  /** Sources that fare alike on the way through a publish. `admits`: those that it is for; undefined: all. */
  *through(sources: IndexSet, admits: IndexSet | undefined): Generator<IndexSet> {
    for (const half of halves(sources, this.confined))
      if (admits === undefined) yield half;
      else yield* halves(half, admits);
  }

  /** Cuts what goes directly from sources to destinations. */
  *direct({ sources, destinations }: Part): Generator<Part> {
    const out = without(destinations, this.containers);
    if (out !== undefined)
      for (const half of halves(sources, this.confined)) yield { sources: half, destinations: out };
    const inside = both(destinations, this.containers);
    if (inside === undefined) return;
    const met: IndexSet[] = [];
    const [from, to] = [hull(sources), hull(inside)];
    const near = new Set<number>();
    if (this.byMember.count(from) < this.byAddress.count(to)) this.byMember.collect(from, near);
    else this.byAddress.collect(to, near);
    for (const i of near) {
      const { on, members } = this.common[i] as Common;
      const [here, there] = [both(sources, members), both(inside, on)];
      if (here === undefined || there === undefined) continue;
      met.push(there);
      yield { sources: here, destinations: there };
      const others = without(sources, members);
      if (others !== undefined) yield { sources: others, destinations: there };
    }
    const apart = without(inside, joined(met));
    if (apart !== undefined) for (const half of halves(apart, this.internal)) yield { sources, destinations: half };
  }
}

/** What is in a set, and what isn't: those of the two that are something. */
function* halves(all: IndexSet, set: IndexSet): Generator<IndexSet> {
  const [inside, outside] = [both(all, set), without(all, set)];
  if (inside !== undefined) yield inside;
  if (outside !== undefined) yield outside;
}
