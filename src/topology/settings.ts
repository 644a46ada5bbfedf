/** The sysctls of our devices. Per device only: `all` and `default` are the host's. */
import type { Sysctl } from "./topology.js";

/** Which families an endpoint has an address of. */
export interface Has {
  readonly v4: boolean;
  readonly v6: boolean;
}

/** RFC 8200: on a device with a smaller MTU the kernel has no IPv6, and none of its sysctls. */
const SMALLEST6 = 1280;

/** Whether the kernel has IPv6 on a device with this MTU; undefined is the kernel's own. */
export function carries6(mtu: number | undefined): boolean {
  return mtu === undefined || mtu >= SMALLEST6;
}

function sysctl(path: string, value: number, optional = false): Sysctl {
  return { path, value: String(value), optional };
}

/** A device with IPv6 but without a link-local address: the only sources are the addresses that we gave. */
function with6(device: string): Sysctl[] {
  const conf = `ipv6/conf/${device}`;
  return [sysctl(`${conf}/addr_gen_mode`, 1), sysctl(`${conf}/accept_ra`, 0), sysctl(`${conf}/disable_ipv6`, 0)];
}

/** Optional because a kernel without IPv6 has it off anyway. */
function without6(device: string, mtu: number | undefined): Sysctl[] {
  return carries6(mtu) ? [sysctl(`ipv6/conf/${device}/disable_ipv6`, 1, true)] : [];
}

export function bridgeSettings(device: string, v6: boolean, mtu: number | undefined): Sysctl[] {
  return v6 ? with6(device) : without6(device, mtu);
}

/**
 * The host end of an endpoint. `published`: something leads here from 127.0.0.1.
 *
 * IPv6 `forwarding` is left alone: writing it on any device makes the kernel forget the default routes that the host
 * learnt from router advertisements (rt6_purge_dflt_routers). force_forwarding has no such effect.
 */
export function hostSettings(device: string, has: Has, published: boolean, mtu: number | undefined): Sysctl[] {
  const v4 = `ipv4/conf/${device}`;
  const v6 = `ipv6/conf/${device}`;
  return [
    sysctl(`${v4}/forwarding`, has.v4 ? 1 : 0),
    // Loose: a container with several endpoints may answer on another than it was asked on.
    sysctl(`${v4}/rp_filter`, 2),
    sysctl(`${v4}/send_redirects`, 0),
    sysctl(`${v4}/accept_redirects`, 0),
    // The reply to a connection to 127.0.0.1 is translated back as it arrives here. The rules drop whatever else
    // arrives with such an address.
    sysctl(`${v4}/route_localnet`, published ? 1 : 0),
    ...(has.v6
      ? [...with6(device), sysctl(`${v6}/accept_redirects`, 0), sysctl(`${v6}/force_forwarding`, 1, true)]
      : without6(device, mtu)),
  ];
}

/** The other end, inside the sandbox. */
export function insideSettings(device: string, has: Has, mtu: number | undefined): Sysctl[] {
  return [sysctl(`ipv4/conf/${device}/rp_filter`, 2), ...(has.v6 ? with6(device) : without6(device, mtu))];
}

/** Every sysctl that we may set on an endpoint's host end. */
export function endpointSettings(device: string): string[] {
  const all = [...hostSettings(device, { v4: true, v6: true }, true, undefined), ...without6(device, undefined)];
  return [...new Set(all.map(({ path }) => path))];
}

/** What opens something: written only after the rules are in, while its opposite is written before. */
export function loosens({ path, value }: Sysctl): boolean {
  return path.endsWith("/route_localnet") && value === "1";
}
