/** The small table that has the kernel trace the packets of a query: nothing else is in it, and it decides nothing. Pure. */
import type { Query } from "../../ir/classes.js";
import { ownAddresses } from "../../ir/own.js";
import type { Policy, Zone } from "../../ir/policy.js";
import { type AddressSet, type Family, FAMILIES, formatValue, V4, V6 } from "../../net/address.js";
import { type PortSet, protocolIn, protocolName } from "../../net/ports.js";
import { type Domain, intersect, type Ranges } from "../../net/ranges.js";

type Value = number | bigint;

/** Before every chain that could decide a packet; connection tracking hasn't seen it yet either. */
const PRIORITY = -450;

/** Packets a second that each rule traces at most: the kernel tells every step of each. */
export const RATE = 100;

const CHAINS: Readonly<Record<Zone, string>> = { container: "in", world: "in", host: "out" };

/** Rules that mark what a query asks for, as it is sent: before translation. None where it can't meet a packet. */
export function traceRules(policy: Policy, query: Query, table: string): string[] {
  const own = ownAddresses(policy.containers);
  const out = [
    `add chain inet ${table} in { type filter hook prerouting priority ${PRIORITY}; policy accept; }`,
    `add chain inet ${table} out { type filter hook output priority ${PRIORITY}; policy accept; }`,
  ];
  for (const family of FAMILIES)
    for (const from of ["container", "host", "world"] as const)
      for (const to of ["container", "host", "world"] as const) {
        if (from !== "container" && to === "world") continue;
        const source = end(family, "saddr", from, of(query.from[from], family), of(own, family));
        const destination = end(family, "daddr", to, of(query.to[to], family), of(own, family));
        if (source === undefined || destination === undefined) continue;
        for (const service of services(family, query.ports))
          out.push(
            `add rule inet ${table} ${CHAINS[from]} ${[
              `meta nfproto ipv${family}`,
              ...(from === "world" ? ['iifname != "lo"'] : []),
              ...source,
              ...destination,
              ...service,
            ].join(" ")} limit rate ${RATE}/second burst ${RATE} packets meta nftrace set 1`,
          );
      }
  return out;
}

function of(set: AddressSet, family: Family): Ranges<Value> {
  return family === 4 ? set.v4 : set.v6;
}

/** What makes an address one of a zone's and of the query's; undefined where none can be. */
function end(
  family: Family,
  field: "saddr" | "daddr",
  zone: Zone,
  asked: Ranges<Value>,
  own: Ranges<Value>,
): string[] | undefined {
  const key = `${family === 4 ? "ip" : "ip6"} ${field}`;
  if (zone === "container") {
    const mine = intersect(asked, own);
    return mine.length === 0 ? undefined : [`${key} ${list(family, mine)}`];
  }
  if (asked.length === 0) return undefined;
  const { min, max } = (family === 4 ? V4 : V6) as Domain<Value>;
  const all = asked.length === 2 && asked[0] === min && asked[1] === max;
  const named = all ? [] : [`${key} ${list(family, asked)}`];
  // What goes to many at once is heard here.
  const local = field === "daddr" ? "{ local, broadcast, multicast }" : "local";
  if (zone === "host") return [...named, `fib ${field} type ${local}`];
  const foreign = own.length === 0 ? [] : [`${key} != ${list(family, own)}`];
  return [...named, ...foreign, `fib ${field} type != ${local}`];
}

function list(family: Family, ranges: Ranges<Value>): string {
  const parts: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const [low, high] = [ranges[i] as Value, ranges[i + 1] as Value];
    parts.push(low === high ? formatValue(family, low) : `${formatValue(family, low)}-${formatValue(family, high)}`);
  }
  return `{ ${parts.join(", ")} }`;
}

/** One match for each protocol; none for all of them. */
function services(family: Family, ports: PortSet): string[][] {
  if (ports.all) return [[]];
  return [...ports.protocols].map(([number, set]) => {
    const protocol = protocolIn(family, number);
    if (set === null) return [`meta l4proto ${protocol}`];
    const parts: string[] = [];
    for (let i = 0; i < set.length; i += 2) parts.push(set[i] === set[i + 1] ? `${set[i]}` : `${set[i]}-${set[i + 1]}`);
    return [`${protocolName(protocol)} dport { ${parts.join(", ")} }`];
  });
}
