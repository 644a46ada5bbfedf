/**
 * Warnings about what a valid policy says in vain: rules that can never decide a packet, publishes that a deny hides,
 * rules on `host` that mean a published port.
 */
import type { Diagnostics } from "../text/diagnostic.js";
import { type Address, hasAddress, isEmptySet, isLoopback } from "../net/address.js";
import { overlapsPorts, portSet, protocolName } from "../net/ports.js";
import { familiar, packetClasses } from "./classes.js";
import { advise } from "./advice.js";
import { evaluate } from "./evaluate.js";
import { hostsOf } from "./hosts.js";
import { reportIdleRules } from "./idle-rules.js";
import { addressesIn, ownAddresses } from "./own.js";
import { ANY, hasPeer, inContainers, overlapsPeers } from "./peers.js";
import { insidePorts, type Policy, type Publish, type Rule } from "./policy.js";
import { Published } from "./published.js";
import { RuleIndex } from "./rule-index.js";

/** Above this many rules only `full` asks of each whether it decides anything. */
const MANY_RULES = 500;
/** And above this many nobody does: a file that a program wrote is not waited half a minute for. */
const MOST_RULES = 50_000;

export interface LintOptions {
  /** Everything, however long the policy is, and what is only worth knowing: for `check`. */
  readonly full?: boolean;
}

export function lint(policy: Policy, diagnostics: Diagnostics, { full = false }: LintOptions = {}): void {
  hiddenPublishes(policy, diagnostics);
  const reported = hostRules(policy, diagnostics);
  if (policy.ruleList.length <= (full ? MOST_RULES : MANY_RULES)) reportIdleRules(policy, diagnostics, reported);
  if (full) advise(policy, diagnostics);
}

// Publishes ----------------------------------------------------------------------------------------------------------

/** A publish is hidden when every packet that would come through it is denied or rejected. */
function hiddenPublishes(policy: Policy, diagnostics: Diagnostics): void {
  if (policy.publishes.length === 0) return;
  const blocking = policy.ruleList.pick((verb) => verb !== "allow");
  if (blocking.length === 0) return;
  const blockers = new RuleIndex(blocking, policy);
  let everyone: RuleIndex | undefined;
  const reported = new Set<unknown>();
  for (const publish of policy.publishes) {
    if (reported.has(publish.origin)) continue;
    const ports = portSet(publish.protocol, insidePorts(publish));
    const to = inContainers(addressesIn(publish.targets));
    const addresses = publish.targets.flatMap((target) => target.addresses);
    const near = blockers.to(addresses);
    if (!near.some((rule) => overlapsPorts(rule.ports, ports) && overlapsPeers(rule.to, to))) continue;
    if (isOpenToWorld(policy, publish, near)) continue;
    everyone ??= new RuleIndex(policy.rules, policy);
    const among = everyone.to(addresses);
    const options = { among, through: [publish] };
    const { packets, rules } = packetClasses(policy, { from: publish.from ?? ANY, to, ports }, options);
    let world = false;
    let open = false;
    let denied: Rule["origin"] | undefined;
    for (const packet of packets) {
      if (packet.via !== publish) continue;
      const decision = evaluate(policy, packet, rules);
      if (decision.verdict === "allow") {
        open = true;
        if (packet.source.zone === "world") world = true;
      } else if (packet.source.zone === "world") denied ??= decision.by[0];
    }
    if (open && (world || denied === undefined)) continue;
    reported.add(publish.origin);
    const whom = open ? "the world" : "everybody";
    diagnostics.warning("publish-hidden", publish.origin.span, `a deny hides this published port from ${whom}`, {
      why: "Rules speak of endpoints after translation, so a deny on the container also holds for the host's port.",
      help: "narrow the deny, or take the publish away",
      related: denied === undefined ? [] : [{ span: denied.span, message: "hides it" }],
    });
  }
}

/** Whether an address that people know gets through what blocks: then no class of packets need be asked. */
function isOpenToWorld(policy: Policy, publish: Publish, blocking: readonly Rule[]): boolean {
  const { hostAddress, families, protocol, port, from, targets } = publish;
  if (hostAddress !== undefined && isLoopback(hostAddress)) return false;
  const own = ownAddresses(policy.containers);
  const isSource = (address: Address): boolean =>
    !hasAddress(own, address) &&
    !hasAddress(hostsOf(policy).certain, address) &&
    (from === undefined || hasPeer(from, "world", address));
  return targets.some(({ addresses }) =>
    addresses.some(
      (address) =>
        families.includes(address.family) &&
        familiar("world", address.family).some((value) => {
          const source = { zone: "world", address: { family: address.family, value } as Address } as const;
          if (!isSource(source.address)) return false;
          const packet = { source, destination: { zone: "container", address }, protocol, port, via: publish } as const;
          return evaluate(policy, packet, blocking).verdict === "allow";
        }),
    ),
  );
}

/** Reports rules on `host` that mean a published port: they say nothing about it, as the endpoint is the container. Returns their positions. */
function hostRules(policy: Policy, diagnostics: Diagnostics): Set<number> {
  const reported = new Set<number>();
  if (policy.publishes.length === 0) return reported;
  const published = new Published(policy.publishes);
  const rules = policy.ruleList.pick(
    (_, to, isPorted) => isPorted && (typeof to === "number" ? published.isOn(to) : !isEmptySet(to.host)),
  );
  for (const rule of rules) {
    const publish = published.meant(rule);
    if (publish === undefined) continue;
    reported.add(rule.origin.index);
    const port = `${publish.hostPorts[0]}/${protocolName(publish.protocol)}`;
    const name = publish.targets[0]?.container ?? "the container";
    diagnostics.warning(
      "host-rule-on-published",
      rule.origin.span,
      `port ${port} of the host is published, so this says nothing about it`,
      {
        why: "Rules speak of endpoints after translation: the packet's endpoint is the container.",
        help: `speak of the container: ${rule.verb} … -> ${name}:${publish.port}`,
        related: [{ span: publish.origin.span, message: "published here" }],
      },
    );
  }
  return reported;
}
