/** The problems that are found once the text parses: by lowering, assertions, lint, and by who asks. */
import { type Entry, entry } from "./entry.js";

export const semanticCodes = () =>
  ({
    // Files and names
    "include-unreadable": entry(
      "error",
      "An included file that can't be read",
      "The path of an include is relative to the file that it stands in, and leads to a regular file in UTF-8.",
    ),
    "include-cycle": entry(
      "error",
      "An include that leads back to itself",
      "Includes form no circle; what two files need stands in a third one.",
    ),
    "duplicate-policy": entry(
      "error",
      "The policy is named twice",
      "All files of one run are one policy with one name.",
    ),
    "bad-name": entry("error", "A name that can't be seen", "Names are not empty and have visible characters only."),
    "bad-subnet": entry(
      "error",
      "A subnet whose addresses no container can have",
      "Loopback, link-local, multicast, IPv4-mapped and unspecified addresses are no host's on a network.",
    ),
    "publish-elsewhere": entry(
      "error",
      "A publish of another container in a container's block",
      "Inside a container's block the target of a publish is that container.",
    ),
    "duplicate-name": entry(
      "error",
      "A name is declared twice",
      "Containers, networks and lets share one space of names, so that a rule can mean only one of them.",
    ),
    "reserved-name": entry(
      "error",
      "A name that the language uses",
      "host, world, any, tcp, udp, sctp and icmp mean the same in every policy; default is a network.",
    ),
    "unknown-name": entry(
      "error",
      "A name that nothing declares",
      "Names may be used freely only in a policy that declares no container at all.",
    ),
    "unknown-port": entry(
      "error",
      "A word that is no port",
      "The language knows no service names: a word stands for ports only where a let says so.",
    ),
    "unknown-protocol": entry("error", "No protocol has this name", "The protocols are tcp, udp, sctp and icmp."),
    "unused-let": entry(
      "warning",
      "A let that nothing uses",
      "Without a statement that uses its name, a let says nothing.",
    ),
    "unused-network": entry(
      "warning",
      "A network that nothing uses",
      "A network without a container carries nothing, and no rule names it.",
    ),

    // Values
    "let-mixed": entry("error", "A let of peers and ports", "A let names either peers or ports."),
    "let-cycle": entry("error", "A let that is made of itself", "A let's value can't contain the let itself."),
    "ports-as-peers": entry("error", "Ports where peers stand", "Ports follow the destination behind a ':'."),
    "peers-as-ports": entry(
      "error",
      "Peers where ports stand",
      "Behind a ':' stand numbers, ranges, protocols and lets of these.",
    ),
    "port-of-icmp": entry("error", "A port of ICMP", "Only TCP, UDP and SCTP have ports; 'icmp' stands alone."),
    "port-missing": entry(
      "error",
      "A protocol where a port is needed",
      "A container exposes single ports: PORT/PROTOCOL.",
    ),
    "empty-peers": entry("error", "An 'except' that leaves nobody over", "A statement about nobody decides nothing."),
    "prefix-host-bits": entry(
      "warning",
      "A CIDR with host bits set",
      "The whole prefix is meant, whichever of its addresses is written.",
    ),

    // Rules
    "peer-without-network": entry(
      "error",
      "A rule that names a container without a network",
      "A container on 'mode none' has a loopback device only, so no packet can be its.",
    ),
    "rule-without-container": entry(
      "error",
      "A rule that no packet of a container can match",
      "A rule or assertion covers only packets with a container of this policy at one end.",
    ),
    "rule-of-two-families": entry(
      "warning",
      "A rule whose sides have no IP family in common",
      "Packets go from IPv4 to IPv4 and from IPv6 to IPv6, so this rule can never decide one.",
    ),
    "rule-reads-wider": entry(
      "warning",
      "A rule whose text reads wider than it is",
      "The text could match packets between the host and the world too, which no policy touches.",
    ),
    "rule-shadowed": entry(
      "warning",
      "A rule that can never decide a packet",
      "Stronger or wider statements decide every packet that it covers; order doesn't matter.",
    ),
    "rule-without-packet": entry(
      "warning",
      "A rule that covers no packet on its way through the host",
      "Containers that share a sandbox, and a container with itself, talk on their own loopback device.",
    ),
    "rule-already-default": entry(
      "warning",
      "A rule that says what already holds",
      "Without the rule, a default gives every packet that it covers the same verdict.",
    ),
    "host-rule-on-published": entry(
      "warning",
      "A rule on the host that means a published port",
      "Rules speak of endpoints after translation: the endpoint of a packet to a published port is the container.",
    ),
    "internal-reach": entry(
      "error",
      "A statement that an internal network can never let through",
      "Containers whose networks are all internal reach neither the world nor the host, and publish nothing.",
    ),
    "internal-partly": entry(
      "warning",
      "A statement that an internal network lets through in part only",
      "What a container whose networks are all internal may not reach, no allow opens.",
    ),
    "bad-log-prefix": entry(
      "error",
      "A prefix that the kernel's log can't take",
      "A prefix is at most 120 bytes long and has neither quotes, backslashes, '$' nor control characters.",
    ),
    "assertion-failed": entry(
      "error",
      "An assertion that doesn't hold",
      "Assertions are checked for every packet that they cover; the message names one that contradicts.",
    ),

    // Networks
    "icc-contradiction": entry(
      "error",
      "icc both on and off for one network",
      "Order never changes a verdict, so neither can win.",
    ),
    "icc-without-effect": entry(
      "warning",
      "icc for a default network without a container",
      "Outside a network's block, icc speaks of the network 'default'.",
    ),
    "duplicate-subnet": entry("error", "Two subnets of one family", "A network has at most one subnet of each family."),
    "subnet-overlap": entry("error", "Subnets that overlap", "An address must lead to one network only."),
    "subnet-small": entry(
      "error",
      "A subnet without room",
      "The gateway takes one address of the subnet, and each container another.",
    ),
    "subnet-full": entry(
      "error",
      "No free subnet or address is left",
      "What the text doesn't give is taken from a range, which has an end.",
    ),
    "subnet-moved": entry(
      "warning",
      "A subnet that depends on other networks",
      "The subnet that the network's name gives is taken, so the next free one is used.",
    ),
    "bad-gateway": entry(
      "error",
      "A gateway outside its subnet, or at its edge",
      "A gateway is the host's own address on the network.",
    ),
    "bad-mtu": entry(
      "error",
      "An MTU that no device can have",
      "An MTU is 68 to 65535 bytes, with IPv6 at least 1280.",
    ),
    "bad-driver": entry(
      "error",
      "A driver without its parent, or with one that it doesn't take",
      "macvlan stands on a device of the host; a bridge stands on none.",
    ),
    "bad-device-name": entry(
      "error",
      "A bridge name that the kernel doesn't take",
      "A device's name has up to 15 letters, digits, '_', '.' and '-'; all, default and lo are taken.",
    ),
    "duplicate-bridge": entry("error", "Two networks with one bridge", "Each network has a bridge of its own."),
    "duplicate-property": entry(
      "error",
      "A property given twice",
      "A property has one value, and order never decides which.",
    ),

    // Containers
    "address-outside": entry(
      "error",
      "An address outside the subnets",
      "An endpoint has an address inside a subnet of its network.",
    ),
    "address-taken": entry(
      "error",
      "An address that is in use",
      "On one network an address leads to one container or the gateway.",
    ),
    "address-moved": entry(
      "warning",
      "An address that depends on other containers",
      "The address that the container's name gives is taken, so the next free one is used.",
    ),
    "duplicate-address": entry("error", "Two addresses of one family", "An endpoint has one address of each family."),
    "duplicate-endpoint": entry(
      "error",
      "Two endpoints on one network",
      "A container has at most one endpoint on a network.",
    ),
    "bad-mac": entry(
      "error",
      "A MAC address that no device can have",
      "A device's address is no multicast address, and not all zeros.",
    ),
    "duplicate-mode": entry(
      "error",
      "Two of mode, netns and pid",
      "A container has one sandbox: its own, the host's, another's, none, or an adopted one.",
    ),
    "mode-network": entry(
      "error",
      "A network beside a mode",
      "With 'mode' a container uses the host's stack, another container's, or none.",
    ),
    "mode-shared": entry(
      "error",
      "A shared sandbox that isn't one",
      "What uses the host's stack, another container's or none has nothing to share.",
    ),
    "bad-path": entry(
      "error",
      "A path that can't be used",
      "Paths of sandboxes and shares begin with '/', and a share hides nothing that commands need.",
    ),
    "bad-pid": entry("error", "A process id that is none", "A process id is a number from 1 upwards."),
    "duplicate-env": entry(
      "error",
      "A variable with two values",
      "A variable has one value, and order never decides which.",
    ),

    // Publish, link
    "publish-without-target": entry(
      "error",
      "A publish without a target, and no only server",
      "Without a target, a publish means the one container that some allow or link names as its destination.",
    ),
    "publish-without-network": entry(
      "error",
      "A publish of what has no network of its own",
      "What uses the host's stack, another container's or none can't publish ports.",
    ),
    "publish-overlap": entry(
      "error",
      "A host port published twice",
      "A packet to the host's port must lead to one place; all host addresses overlap each of them.",
    ),
    "publish-ports": entry(
      "error",
      "Ranges of different lengths",
      "Each host port leads to the port at the same place of the other range.",
    ),
    "publish-protocol": entry(
      "error",
      "Two protocols on two sides",
      "A packet keeps its protocol on the way through the host's port.",
    ),
    "publish-family": entry(
      "error",
      "A host address of a family that the container doesn't have",
      "tsnet doesn't translate between IPv4 and IPv6.",
    ),
    "publish-address": entry(
      "error",
      "A publish on an address that no host has",
      "A publish listens on an address of this host: no multicast or broadcast address.",
    ),
    "publish-full": entry(
      "error",
      "No host port is left",
      "'publish all' takes the host ports from 49153 upwards that nothing publishes by number.",
    ),
    "publish-nothing": entry(
      "warning",
      "A 'publish all' of a container that exposes nothing",
      "'publish all' publishes the ports that a container exposes.",
    ),
    "publish-hidden": entry(
      "warning",
      "A deny that closes a published port",
      "A deny on the container also holds for the host's port that leads to it.",
    ),
    "link-self": entry("error", "A container linked to itself", "A link joins two containers."),
    "link-without-network": entry(
      "error",
      "A link with what has no network of its own",
      "What uses the host's stack, another container's or none can't link or be linked to.",
    ),
    "link-exposes-nothing": entry(
      "warning",
      "A link to a container that exposes nothing",
      "A link lets its container reach what the target exposes, and nothing else.",
    ),
    "bad-alias": entry(
      "error",
      "An alias that is no word",
      "The alias becomes a name in /etc/hosts, where spaces separate names and '#' starts a comment.",
    ),
    "duplicate-alias": entry("error", "An alias for two containers", "A name in /etc/hosts leads to one address."),
    "alias-variables": entry(
      "warning",
      "Two aliases whose variables are the same",
      "Variables have the alias in capitals, with '_' for '-': those of one link would stand for both.",
    ),
  }) satisfies Record<string, Entry>;

export type SemanticCode = keyof ReturnType<typeof semanticCodes>;
