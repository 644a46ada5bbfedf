/** Lowers networks: properties checked, subnets and gateways assigned. */
import type { IccStatement, NetworkStatement, Statement } from "../ast/nodes.js";
import { type Address, formatAddress, parseAddress } from "../net/address.js";
import { formatPrefix, inPrefix, overlappingPrefixes, type Prefix, prefixOf } from "../net/prefix.js";
import { PrefixSet } from "../net/prefix-set.js";
import { bridgeName, defaultSubnet, firstAddress, poolSubnet, usable } from "./addresses.js";
import type { Span } from "../text/source.js";
import type { Lowering } from "./lowering.js";
import type { Network } from "./policy.js";

const DEVICE_NAME = /^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}$/;
/** Not file names, words of the sysctl tree, and the host's own loopback device. */
const NO_DEVICE_NAMES: readonly string[] = [".", "..", "all", "default", "lo"];

/** Prefixes whose addresses are no host's on a network (IANA's special-purpose registries). */
const SPECIAL: readonly Prefix[] = [
  { family: 4, base: 0, length: 8 },
  { family: 4, base: 0x7f000000, length: 8 },
  { family: 4, base: 0xe0000000, length: 3 },
  { family: 6, base: 0n, length: 96 },
  { family: 6, base: 0xffffn << 32n, length: 96 },
  { family: 6, base: 0xfe80n << 112n, length: 10 },
  { family: 6, base: 0xff00n << 112n, length: 8 },
];

/** Lowers every declared network, and `default` where `needsDefault` says that a container stands on it. */
export function lowerNetworks(low: Lowering, statements: readonly Statement[], needsDefault: boolean): Network[] {
  const declared = statements.filter((s): s is NetworkStatement => s.kind === "network");
  const first = new Set<NetworkStatement>();
  for (const s of declared) if (low.scope.names.get(s.name.text)?.statement === s) first.add(s);
  const mine = declared.filter((s) => first.has(s));
  const subnets = explicitSubnets(low, mine, needsDefault);
  const icc = statements.filter((s): s is IccStatement => s.kind === "icc");
  const networks = mine.map((s) => lowerNetwork(low, s, subnets, s.name.text === "default" ? icc : []));
  if (!mine.some((s) => s.name.text === "default")) {
    const setting = iccOf(low, icc);
    if (needsDefault) networks.push(implicitDefault(low, setting));
    else if (icc[0] !== undefined && !low.incomplete)
      low.diagnostics.warning("icc-without-effect", icc[0].span, "no container is on the default network", {
        why: "Outside a network's block, icc speaks of the network 'default'.",
        help: "say it inside the network: network NAME { icc off }",
      });
  }
  checkBridges(low, networks, mine);
  return networks;
}

/** Subnets that the text gives, by network; and those that are taken, which networks without one are placed around. */
interface Subnets {
  readonly given: ReadonlyMap<string, readonly Prefix[]>;
  readonly taken: PrefixSet;
}

function explicitSubnets(low: Lowering, declared: readonly NetworkStatement[], needsDefault: boolean): Subnets {
  const given = new Map<string, Prefix[]>();
  const taken = new PrefixSet();
  const seen: { prefix: Prefix; network: string; span: Span | undefined }[] = [];
  const take = (prefix: Prefix, network: string, span: Span | undefined): void => {
    taken.add(prefix);
    seen.push({ prefix, network, span });
  };
  const ofDefault = declared.find((network) => network.name.text === "default");
  if (ofDefault ? !ofDefault.properties.some((property) => property.kind === "subnet") : needsDefault)
    take(defaultSubnet(low.name), "default", ofDefault?.name.span);
  for (const network of declared) {
    const mine: Prefix[] = [];
    for (const property of network.properties) {
      if (property.kind !== "subnet") continue;
      const address = parseAddress(property.address);
      const prefix = address && prefixOf(address, property.length);
      if (address === undefined || prefix === undefined) {
        low.diagnostics.error("bad-prefix", property.span, `'${property.address}/${property.length}' is no subnet`, {
          why: "A subnet is an address and the length of its prefix: up to 32 bits for IPv4, 128 for IPv6.",
          help: "write it as ADDRESS/LENGTH, such as 172.17.0.0/16 or fd17::/64",
        });
        continue;
      }
      if (prefix.base !== address.value) {
        low.diagnostics.error("bad-prefix", property.span, `${property.address}/${property.length} has host bits set`, {
          why: "A subnet is written as its first address, so that it can't be mistaken for the gateway's.",
          help: `write ${formatPrefix(prefix)}, and 'gateway ${property.address}' if that is meant`,
        });
        continue;
      }
      if (mine.some((other) => other.family === prefix.family)) {
        low.diagnostics.error("duplicate-subnet", property.span, `a second IPv${prefix.family} subnet`, {
          why: "A network has at most one subnet of each family.",
          help: "take one away, or declare another network",
        });
        continue;
      }
      const clash = taken.overlaps(prefix)
        ? seen.find((other) => overlappingPrefixes(other.prefix, prefix))
        : undefined;
      if (clash !== undefined) {
        const message = `${formatPrefix(prefix)} overlaps ${formatPrefix(clash.prefix)} of network '${clash.network}'`;
        low.diagnostics.error("subnet-overlap", property.span, message, {
          why: "An address must lead to one network only.",
          help: "give the networks disjoint subnets",
          related: clash.span === undefined ? [] : [{ span: clash.span, message: "the other subnet" }],
        });
        continue;
      }
      const special = SPECIAL.find((other) => overlappingPrefixes(other, prefix));
      if (special !== undefined) {
        low.diagnostics.error("bad-subnet", property.span, `${formatPrefix(prefix)} can't be a network's subnet`, {
          why: `It has addresses of ${formatPrefix(special)}: loopback, link-local, multicast and IPv4-mapped addresses are no host's.`,
          help: "choose a private subnet, such as 172.20.0.0/16 or fd17::/64",
        });
        continue;
      }
      const [from, to] = usable(prefix);
      if (to - from < 1n) {
        low.diagnostics.error("subnet-small", property.span, `${formatPrefix(prefix)} has no room for a container`, {
          why: "The gateway takes one address, and each container one.",
          help: "choose a shorter prefix length",
        });
        continue;
      }
      mine.push(prefix);
      take(prefix, network.name.text, property.span);
    }
    given.set(network.name.text, mine);
  }
  return { given, taken };
}

function lowerNetwork(
  low: Lowering,
  statement: NetworkStatement,
  explicit: Subnets,
  outerIcc: readonly IccStatement[],
): Network {
  const name = statement.name.text;
  const origin = low.origins.of(statement);
  const draft = {
    driver: "bridge" as "bridge" | "macvlan",
    parent: undefined as string | undefined,
    internal: false,
    masquerade: true,
    mtu: undefined as number | undefined,
    bridge: bridgeName(low.name, name),
  };
  const seen = new Set<string>();
  for (const property of statement.properties) {
    const repeatable = property.kind === "subnet" || property.kind === "gateway" || property.kind === "icc";
    if (!repeatable && seen.has(property.kind)) {
      low.diagnostics.error("duplicate-property", property.span, `'${property.kind}' is given twice`, {
        why: "A network has one value of this property, and order never decides which.",
        help: "keep one of them",
      });
      continue;
    }
    seen.add(property.kind);
    if (property.kind === "driver") {
      draft.driver = property.driver.text === "macvlan" ? "macvlan" : "bridge";
      draft.parent = property.parent?.text;
      checkDriver(low, property);
    } else if (property.kind === "internal") draft.internal = true;
    else if (property.kind === "masquerade") draft.masquerade = property.on;
    else if (property.kind === "mtu") {
      draft.mtu = property.value.value;
      if (draft.mtu < 68 || draft.mtu > 65535)
        low.diagnostics.error("bad-mtu", property.value.span, `${draft.mtu} is no MTU`, {
          why: "No IP link carries less than 68 bytes in a packet, and no packet has more than 65535.",
          help: "an MTU is 68 to 65535 bytes, with IPv6 at least 1280",
        });
    } else if (property.kind === "bridge") {
      draft.bridge = property.name.text;
      if (!DEVICE_NAME.test(draft.bridge) || NO_DEVICE_NAMES.includes(draft.bridge))
        low.diagnostics.error("bad-device-name", property.name.span, `'${draft.bridge}' can't name a device`, {
          why: "A device's name has up to 15 letters, digits, '_', '.' and '-'; all, default and lo are taken.",
          help: "choose a shorter, plainer name such as br-front",
        });
    }
  }
  const subnets = subnetsOf(low, statement, explicit);
  const mtu = statement.properties.find((property) => property.kind === "mtu");
  if (mtu !== undefined && mtu.value.value < 1280 && subnets.some((s) => s.family === 6))
    low.diagnostics.error("bad-mtu", mtu.value.span, `IPv6 needs an MTU of at least 1280 bytes`, {
      why: "The kernel takes IPv6 off a device whose MTU is smaller.",
      help: "raise the mtu, or take the IPv6 subnet away",
    });
  const icc = iccOf(
    low,
    [...outerIcc, ...statement.properties.filter((p): p is IccStatement => p.kind === "icc")],
    name === "default" ? "" : `network ${name} `,
  );
  return { name, ...draft, subnets, gateways: gatewaysOf(low, statement, subnets), ...icc, origin };
}

function checkDriver(
  low: Lowering,
  property: Extract<NetworkStatement["properties"][number], { kind: "driver" }>,
): void {
  const { driver, parent } = property;
  if (driver.text !== "bridge" && driver.text !== "macvlan")
    low.diagnostics.error("unknown-driver", driver.span, `there is no driver '${driver.text}'`, {
      why: "The driver says how the containers of a network are connected; this version has two.",
      help: driver.text === "overlay" ? "overlay comes later; use 'bridge'" : "use 'bridge' or 'macvlan PARENT'",
    });
  if (driver.text === "macvlan" && parent === undefined)
    low.diagnostics.error("bad-driver", property.span, "macvlan needs the device that it stands on", {
      why: "A macvlan network shares the wire of one of the host's devices.",
      help: "write 'driver macvlan eth0'",
    });
  if (driver.text === "bridge" && parent !== undefined)
    low.diagnostics.error("bad-driver", parent.span, "the bridge driver takes no parent device", {
      why: "A bridge is a device of its own and stands on no other.",
      help: `to name the bridge itself, write 'bridge "${parent.text}"'`,
    });
}

function subnetsOf(low: Lowering, statement: NetworkStatement, explicit: Subnets): Prefix[] {
  const name = statement.name.text;
  const given = explicit.given.get(name) ?? [];
  if (given.length > 0) return [...given].sort((a, b) => a.family - b.family);
  if (name === "default") return [defaultSubnet(low.name)];
  if (statement.properties.some((property) => property.kind === "subnet")) return [defaultSubnet(low.name)];
  const found = poolSubnet(low.name, name, explicit.taken);
  if (found === undefined) {
    low.diagnostics.error("subnet-full", statement.name.span, "no free /24 is left in 10.200.0.0-10.247.255.255", {
      why: "A network without a subnet gets a /24 of this range; the other networks' subnets cover all of it.",
      help: "give this network a subnet",
    });
    return [defaultSubnet(low.name)];
  }
  if (found.moved)
    low.diagnostics.warning(
      "subnet-moved",
      statement.name.span,
      `'${name}' moves on to ${formatPrefix(found.prefix)}`,
      {
        why: "The subnet that its name gives is taken, so which one it has depends on the other networks.",
        help: `say it: subnet ${formatPrefix(found.prefix)}`,
      },
    );
  explicit.taken.add(found.prefix);
  return [found.prefix];
}

function gatewaysOf(low: Lowering, statement: NetworkStatement, subnets: readonly Prefix[]): Address[] {
  const gateways = subnets.map(firstAddress);
  const given = new Set<number>();
  for (const property of statement.properties) {
    if (property.kind !== "gateway") continue;
    const address = parseAddress(property.address.text);
    const at = address ? subnets.findIndex((subnet) => inPrefix(subnet, address)) : -1;
    const subnet = subnets[at];
    if (address === undefined || subnet === undefined) {
      low.diagnostics.error("bad-gateway", property.span, `${property.address.text} is in no subnet of this network`, {
        why: "A gateway is the host's own address on the network, so it lies inside a subnet.",
        help: `choose one of ${subnets.map(formatPrefix).join(" or ")}`,
      });
      continue;
    }
    const [from, to] = usable(subnet);
    if (BigInt(address.value) < from || BigInt(address.value) > to) {
      low.diagnostics.error("bad-gateway", property.span, `${property.address.text} can't be a host's address`, {
        why: "It is the subnet's own or its broadcast address.",
        help: `choose another, such as ${formatAddress(firstAddress(subnet))}`,
      });
      continue;
    }
    if (given.has(at))
      low.diagnostics.error("duplicate-property", property.span, `a second IPv${address.family} gateway`, {
        why: "A subnet has one gateway: the host's own address on it.",
        help: "keep one of them",
      });
    given.add(at);
    gateways[at] = address;
  }
  return gateways;
}

function iccOf(low: Lowering, settings: readonly IccStatement[], prefix = ""): Pick<Network, "icc" | "iccOrigin"> {
  const first = settings[0];
  if (first === undefined) return { icc: true, iccOrigin: undefined };
  const other = settings.find((setting) => setting.on !== first.on);
  if (other !== undefined)
    low.diagnostics.error("icc-contradiction", other.span, "icc is said to be both on and off for one network", {
      why: "Order never changes a verdict, so neither can win.",
      help: "keep one of the two",
      related: [{ span: first.span, message: `icc ${first.on ? "on" : "off"} is said here` }],
    });
  return { icc: first.on, iccOrigin: low.origins.of(first, prefix) };
}

function implicitDefault(low: Lowering, icc: Pick<Network, "icc" | "iccOrigin">): Network {
  const subnet = defaultSubnet(low.name);
  return {
    name: "default",
    driver: "bridge",
    parent: undefined,
    subnets: [subnet],
    gateways: [firstAddress(subnet)],
    ...icc,
    internal: false,
    masquerade: true,
    mtu: undefined,
    bridge: bridgeName(low.name, "default"),
    origin: undefined,
  };
}

function checkBridges(low: Lowering, networks: readonly Network[], declared: readonly NetworkStatement[]): void {
  const seen = new Map<string, Network>();
  const statements = new Map(declared.map((s) => [s.name.text, s]));
  for (const network of networks) {
    const other = seen.get(network.bridge);
    const statement = statements.get(network.name);
    const span = (statement?.properties.find((property) => property.kind === "bridge") ?? statement?.name)?.span;
    if (other !== undefined && span !== undefined)
      low.diagnostics.error("duplicate-bridge", span, `two networks want the device '${network.bridge}'`, {
        why: "Each network has a bridge of its own, or its containers would share a wire with another's.",
        help: "name their bridges differently",
        related: other.origin ? [{ span: other.origin.span, message: "the other network" }] : [],
      });
    seen.set(network.bridge, network);
  }
}
