/** The environment that a link gives, in the names that Docker's `--link` uses. */
import { formatAddress } from "../net/address.js";
import { protocolName } from "../net/ports.js";
import { variablesOf } from "../ir/links.js";
import { containerNamed, type Container, type Link, type Policy } from "../ir/policy.js";
import { endpointFor } from "./hosts.js";

/** A range of ports this long or longer gives variables for its first port only: an environment has a limited size. */
const LONG_RANGE = 256;

/** Variables of a container: its own `env`, and what each of its links adds. */
export function variables(policy: Policy, container: Container): Record<string, string> {
  const out: Record<string, string> = Object.fromEntries(container.env);
  for (const link of policy.links) if (link.from === container.name) Object.assign(out, linkVariables(policy, link));
  return out;
}

function linkVariables(policy: Policy, link: Link): Record<string, string> {
  const target = containerNamed(policy, link.target);
  const address = endpointFor(containerNamed(policy, link.from), target)?.addresses[0];
  const prefix = variablesOf(link.alias);
  const out: Record<string, string> = { [`${prefix}_NAME`]: `/${link.from}/${link.alias}` };
  for (const [key, value] of target.env) out[`${prefix}_ENV_${key}`] = value;
  if (address === undefined) return out;
  const host = address.family === 4 ? formatAddress(address) : `[${formatAddress(address)}]`;
  exposed(target).forEach(({ port, protocol }, i) => {
    const url = `${protocol}://${host}:${port}`;
    if (i === 0) out[`${prefix}_PORT`] = url;
    const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
    out[name] = url;
    out[`${name}_ADDR`] = formatAddress(address);
    out[`${name}_PORT`] = String(port);
    out[`${name}_PROTO`] = protocol;
  });
  return out;
}

/** Exposed ports, lowest first; TCP before UDP of the same number. */
export function exposed(container: Container): { port: number; protocol: string }[] {
  if (container.expose.all) return [];
  const out: { port: number; number: number }[] = [];
  for (const [number, ports] of container.expose.protocols)
    for (let i = 0; ports !== null && i < ports.length; i += 2) {
      const from = ports[i] as number;
      const to = (ports[i + 1] as number) - from >= LONG_RANGE ? from : (ports[i + 1] as number);
      for (let port = from; port <= to; port++) out.push({ port, number });
    }
  out.sort((a, b) => a.port - b.port || a.number - b.number);
  return out.map(({ port, number }) => ({ port, protocol: protocolName(number) }));
}
