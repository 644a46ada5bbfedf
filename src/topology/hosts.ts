/**
 * The text of a sandbox's /etc/hosts, as a Docker engine writes it: six fixed lines, the links, the container itself.
 */
import { type Container, containerNamed, type Endpoint, type Policy } from "../ir/policy.js";
import { formatAddress } from "../net/address.js";

const HEAD = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

export function hostsFile(policy: Policy, container: Container): string {
  const lines: string[] = [];
  for (const link of policy.links) {
    if (link.from !== container.name) continue;
    const endpoint = endpointFor(container, containerNamed(policy, link.target));
    if (endpoint === undefined) continue;
    const words = [word(link.alias)];
    if (link.target !== link.alias) words.push(word(link.target));
    for (const address of endpoint.addresses) lines.push(`${formatAddress(address)}\t${words.join(" ")}`);
  }
  for (const endpoint of container.endpoints) {
    for (const address of endpoint.addresses) lines.push(`${formatAddress(address)}\t${word(container.name)}`);
  }
  return HEAD + lines.map((line) => `${line}\n`).join("");
}

/** The target's endpoint on a network that the linker is on too, else its first. */
export function endpointFor(from: Container, target: Container): Endpoint | undefined {
  const shared = new Set(from.endpoints.map((endpoint) => endpoint.network));
  return target.endpoints.find((endpoint) => shared.has(endpoint.network)) ?? target.endpoints[0];
}

/** A quoted name may hold blanks, `#` or a newline, which would be another entry: each becomes `_`. */
function word(name: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is meant
  return name.replace(/[\s#\u0000-\u001f\u007f-\u009f]/gu, "_");
}
