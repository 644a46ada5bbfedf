/** What differs between the network that a policy describes and the one that is there. Pure. */
import type { Policy } from "../ir/policy.js";
import { formatAddress } from "../net/address.js";
import type { Actual } from "../topology/actual.js";
import { differ } from "../topology/difference.js";
import type { Topology } from "../topology/topology.js";
import type { Change } from "../topology/work.js";
import { behindContainer, behindNetwork, originAt } from "./statement.js";
import type { Drift } from "./report.js";

/** One drift for each thing that an apply would mend, and for each that is in its way. */
export function networkDrift(policy: Policy, topology: Topology, actual: Actual): Drift[] {
  const { changes, conflicts } = differ(topology, actual);
  const blocked = conflicts.map(({ object, message, mend, from }): Drift => {
    const origin = originAt(policy, from) ?? policy.origins[0];
    const effect = "packets may take another way than the policy's, or none";
    return { object, origin, message, effect, byHand: { mend, first: true } };
  });
  const inTheWay = new Set(conflicts.map(({ object }) => object.split(" ")[1]));
  return [
    ...blocked,
    ...strangersPorts(policy, topology, actual),
    ...changes.filter((change) => !isBlocked(change, inTheWay)).flatMap((change) => changeDrift(policy, change)),
  ];
}

/** Our bridges have no ports: what is one stands on the network's gateway unasked. */
function strangersPorts(policy: Policy, { bridges }: Topology, { host }: Actual): Drift[] {
  return bridges.flatMap((bridge) =>
    [...host.links.values()]
      .filter(({ master }) => master === bridge.device)
      .map(({ name }) => ({
        object: `device ${name}`,
        origin: behindNetwork(policy, bridge.network),
        message: `${name} is a port of ${bridge.device}, the bridge of network ${bridge.network}`,
        effect: `what is behind ${name} reaches the gateway as if it were on the network`,
        byHand: { mend: `ip link set dev ${name} nomaster`, first: false },
      })),
  );
}

function isBlocked({ verb, text }: Change, inTheWay: ReadonlySet<string | undefined>): boolean {
  return verb === "add" && text.split(/[\s,()]+/).some((word) => inTheWay.has(word));
}

function changeDrift(policy: Policy, change: Change): Drift[] {
  const { object, from, verb, text } = change;
  const [kind = "", name = ""] = [object.slice(0, object.indexOf(" ")), object.slice(object.indexOf(" ") + 1)];
  const container = kind === "container" ? policy.containers.find((one) => one.name === name) : undefined;
  const origin =
    originAt(policy, from) ??
    (container !== undefined
      ? behindContainer(policy, container)
      : kind === "network"
        ? behindNetwork(policy, name)
        : undefined);
  if (verb === "remove")
    return [{ object, origin: undefined, message: gone(text), effect: `the policy has no such ${kind}` }];
  if (change.what !== undefined)
    return change.what.map((phrase) => ({
      object: subject(phrase, object),
      origin,
      message: phrase,
      effect: effect(phrase, object),
    }));
  if (text.startsWith("write ")) {
    const path = text.slice("write ".length);
    const who = container?.endpoints[0]?.addresses[0];
    const where = who === undefined ? "" : ` (${formatAddress(who)})`;
    return [
      {
        object: `hosts file ${path}`,
        origin,
        message: `${path} isn't as it was written`,
        effect: `names mean other addresses, or none, in ${object}${where}`,
      },
    ];
  }
  // `add eth0 on n, 10.0.0.2/24 (tsv-…)`, `add namespace …`, `add bridge …`
  const what = text.replace(/^add /, "");
  return [
    { object: what.replace(/,.* \(/, " ("), origin, message: `${what} is missing`, effect: missing(what, object) },
  ];
}

const gone = (text: string): string => `${text.replace(/^remove /, "")} is there`;

/** The object that a phrase of mend.ts is about. */
function subject(phrase: string, object: string): string {
  const sysctl = /^(ipv[46]\/\S+) is /.exec(phrase)?.[1];
  if (sysctl !== undefined) return `sysctl net/${sysctl} of ${object}`;
  const route = /^the route (\S+) on (\S+)/.exec(phrase);
  if (route !== null) return `route ${route[1]} on ${route[2]} of ${object}`;
  const neighbour = /^the neighbour (\S+) on (\S+)/.exec(phrase);
  if (neighbour !== null) return `neighbour ${neighbour[1]} on ${neighbour[2]} of ${object}`;
  const address = /^(\S+) (?:lost|lacks|has) (\S+)/.exec(phrase);
  if (address !== null) return `address ${address[2]} of ${address[1]}, ${object}`;
  const device = /(?:MAC|MTU) of (\S+) is|^(\S+) (?:is down|is not|is a port|was to)/.exec(phrase);
  const name = device?.[1] ?? device?.[2];
  return name === undefined ? object : `device ${name} of ${object}`;
}

function missing(what: string, object: string): string {
  if (what.startsWith("namespace")) return `${object} has no network, and nobody reaches it`;
  if (what.startsWith("directory")) return `no command finds ${object} in its sandbox`;
  if (what.startsWith("bridge")) return `${object} has no gateway: its containers reach nobody through this host`;
  return `no packet gets to ${object} or from it on that network`;
}

/** What becomes of packets, by the phrases of mend.ts. */
const EFFECTS: readonly (readonly [RegExp, (object: string) => string])[] = [
  [
    /is a port of/,
    (object) => `frames of ${object} are bridged to others past every rule, instead of being routed through them`,
  ],
  [/is down/, (object) => `no packet gets to ${object} or from it there`],
  [/forwarding is 0/, (object) => `packets of ${object} aren't forwarded: it reaches nobody beyond this host`],
  [/forwarding is 1/, (object) => `packets of ${object} are forwarded in a family that it has no address of`],
  [/rp_filter is/, (object) => `packets of ${object} that arrive on another device than the way back are dropped`],
  [/send_redirects is/, (object) => `this host may tell ${object} to go around it`],
  [/accept_redirects is/, () => "redirects of others can change where this host sends packets"],
  [/route_localnet is 1/, (object) => `packets for 127.0.0.0/8 from ${object} are routed; only the rules drop them`],
  [/route_localnet is 0/, (object) => `what is published on 127.0.0.1 doesn't reach ${object}`],
  [/accept_ra is/, () => "router advertisements can change addresses and routes there"],
  [/addr_gen_mode is/, () => "the kernel gives the device an address that no rule knows, whose packets are dropped"],
  [/disable_ipv6 is 1/, (object) => `${object} has no IPv6 there`],
  [/disable_ipv6 is 0/, () => "the device has IPv6 that the policy says nothing of; the rules drop it"],
  [
    /^its MAC|MAC of/,
    (object) => `frames of ${object} don't bear the addresses that the rules and neighbours know, and are dropped`,
  ],
  [/MTU of/, (object) => `packets to or from ${object} may be too large for it, or cut smaller than need be`],
  [/was to be deleted/, () => "the next removal takes the device away"],
  [/lost|lacks/, (object) => `packets to that address don't reach ${object}, or get no answer`],
  [/besides|its address was/, () => "packets are sent from, or answered for, an address that no statement knows"],
  [/route .* is missing/, (object) => `packets of ${object} have no way there, or take another`],
  [/route .* is an old one/, () => "packets take a way that no statement asks for"],
  [
    /neighbour .* is missing/,
    (object) => `${object} is asked for by ARP or neighbour discovery, which others can answer`,
  ],
  [/is not in its namespace|is not its other end/, (object) => `no packet gets to ${object} or from it there`],
];

function effect(phrase: string, object: string): string {
  return EFFECTS.find(([pattern]) => pattern.test(phrase))?.[1](object) ?? `packets of ${object} may take another way`;
}
