/** The plan: a policy as the contents of the dataplane's maps. A pure function of the policy. */
import {
  addressOf,
  gatewayOf,
  isInternal,
  networkNamed,
  type Origin,
  type Policy,
  type Publish,
  subnetOf,
} from "../../ir/policy.js";
import { ownAddresses } from "../../ir/own.js";
import { type Address, FAMILIES, type Family } from "../../net/address.js";
import { bounds } from "../../net/prefix.js";
import { addressIn, Classes, LANES, rangesOf } from "./classes.js";
import { planDiverted } from "./diverted.js";
import { ExactRows } from "./exact.js";
import { Statements } from "./statements.js";
import type { Goal, Maps, Member, Own, Published, Translation } from "./maps.js";

export function plan(policy: Policy): Maps {
  const own = ownAddresses(policy.containers);
  const classes = new Classes();
  const exact = new ExactRows(policy.ruleList);
  for (const family of FAMILIES) {
    const mine = rangesOf(own, family);
    if (mine.length === 0) continue;
    const rest = exact.add(family, mine);
    for (const lane of LANES) classes.addLane(lane, family, rest, mine);
  }
  const { published, goals } = planPublished(policy, classes);
  return {
    policy: policy.name,
    statements: new Statements(policy),
    devices: policy.containers.flatMap(({ endpoints, origin }, container) =>
      endpoints.map(({ device, mac }) => ({ device, mac, container: container + 1, from: list(origin) })),
    ),
    own: planOwn(policy),
    members: planMembers(policy),
    exact,
    near: classes.near,
    far: classes.far,
    ports: classes.profiles.rows,
    published,
    goals,
    translation: planTranslation(policy),
  };
}

const list = (origin: Origin | undefined): readonly Origin[] => (origin === undefined ? [] : [origin]);

function planOwn(policy: Policy): Own[] {
  return policy.containers.flatMap((container, i) =>
    container.endpoints.flatMap(({ addresses, network }) => {
      const on = networkNamed(policy, network);
      return addresses.map((address) => ({
        address,
        container: i + 1,
        network: policy.networks.indexOf(on) + 1,
        icc: on.icc,
        confined: isInternal(policy, container),
        inside: on.internal,
        from: list(container.origin),
      }));
    }),
  );
}

function planMembers(policy: Policy): Member[] {
  return policy.containers.flatMap(({ endpoints }, i) =>
    endpoints.map(({ network }) => ({
      container: i + 1,
      network: policy.networks.indexOf(networkNamed(policy, network)) + 1,
    })),
  );
}

function planPublished(policy: Policy, classes: Classes): { published: Published[]; goals: Goal[] } {
  const published: Published[] = [];
  const goals: Goal[] = [];
  const numbers = new Map<string, number>();
  const goalOf = (publish: Publish, family: Family): number | undefined => {
    const addresses = publish.targets.flatMap((target) => target.addresses.filter((a) => a.family === family));
    if (addresses.length === 0) return undefined;
    const key = `${family} ${addresses.map(({ value }) => value).join(" ")}`;
    let goal = numbers.get(key);
    if (goal === undefined) {
      goal = numbers.size + 1;
      numbers.set(key, goal);
      for (const address of addresses) goals.push({ goal, address });
    }
    return goal;
  };
  for (const publish of policy.publishes) {
    const { from, origin, hostAddress: host, protocol, hostPorts, port: first } = publish;
    for (const family of publish.families) {
      const goal = goalOf(publish, family);
      if (goal === undefined) continue;
      const sources = {
        container: from === undefined ? 0 : classes.addSources(from.container, family, origin),
        host: from === undefined ? 0 : classes.addSources(from.host, family, origin),
        world: from === undefined ? 0 : classes.addSources(from.world, family, origin),
      };
      for (let port = hostPorts[0]; port <= hostPorts[1]; port++)
        published.push({ host, family, protocol, port, to: first + port - hostPorts[0], goal, sources, from: origin });
    }
  }
  return { published, goals };
}

function planTranslation(policy: Policy): Translation {
  const masquerade: Address[] = [];
  const self: (readonly [Address, Address])[] = [];
  for (const container of policy.containers) {
    const addresses = container.endpoints.flatMap((endpoint) => endpoint.addresses);
    for (const a of addresses) for (const b of addresses) if (a.family === b.family) self.push([a, b]);
    if (isInternal(policy, container)) continue;
    for (const endpoint of container.endpoints)
      if (networkNamed(policy, endpoint.network).masquerade)
        masquerade.push(...FAMILIES.flatMap((family) => addressOf(endpoint, family) ?? []));
  }
  const gateways = policy.networks.flatMap((network) =>
    FAMILIES.flatMap((family) => {
      const subnet = subnetOf(network, family);
      const gateway = gatewayOf(network, family);
      if (subnet === undefined || gateway === undefined) return [];
      const [first, last] = bounds(subnet);
      return [{ first: addressIn(family, first), last: addressIn(family, last), gateway }];
    }),
  );
  return { masquerade, self, gateways, diverted: planDiverted(policy) };
}
