/** The plan of an endpoint as it is, read off the kernel: undoing a change makes it again from this. Pure. */
import { ROUTE_PROTOCOL } from "./lines.js";
import { neighboursOn, routesOn } from "./by-device.js";
import { asPlan } from "./mend.js";
import { parseMark } from "./names.js";
import type { Actual, ActualSandbox } from "./actual.js";
import { endpointSettings, insideSettings } from "./settings.js";
import type { Stack, StackLink } from "./stack.js";
import type { EndpointPlan, Sysctl } from "./topology.js";

/** `link` is the host end. Undefined when its other end is in no namespace that was read. */
export function recallEndpoint(link: StackLink, actual: Actual): { endpoint: EndpointPlan; netns: string } | undefined {
  const found = otherEnd(link, actual);
  if (found === undefined) return undefined;
  const { sandbox, stack, inside } = found;
  const mark = parseMark(link.alias ?? "");
  const endpoint: EndpointPlan = {
    network: mark?.network ?? "",
    device: link.name,
    alias: link.alias ?? "",
    hostMac: link.mac ?? "",
    mtu: link.mtu,
    hostAddresses: ownAddresses(link),
    hostRoutes: ownRoutes(link.name, actual.host),
    hostNeighbours: neighboursOn(actual.host, link.name),
    hostSysctls: values(endpointSettings(link.name), actual.sysctls),
    inside: {
      device: inside.name,
      mac: inside.mac ?? "",
      addresses: ownAddresses(inside),
      routes: ownRoutes(inside.name, stack),
      neighbours: neighboursOn(stack, inside.name),
      // Those inside are rarely read; what they were can be told from the addresses.
      sysctls: insideSettings(
        inside.name,
        { v4: true, v6: inside.addresses.some(({ family }) => family === 6) },
        link.mtu,
      ),
    },
  };
  return { endpoint, netns: sandbox.path };
}

function otherEnd(
  link: StackLink,
  actual: Actual,
): { sandbox: ActualSandbox; stack: Stack; inside: StackLink } | undefined {
  for (const sandbox of actual.sandboxes.values()) {
    const { stack } = sandbox;
    const inside = [...(stack?.links.values() ?? [])].find((l) => l.index === link.peer && l.peer === link.index);
    if (stack !== undefined && inside !== undefined) return { sandbox, stack, inside };
  }
  return undefined;
}

function ownAddresses(link: StackLink): string[] {
  return link.addresses.filter((a) => !a.linkLocal).map(({ address }) => address);
}

/** In the order in which they can be made: a route through a gateway needs the route to the gateway first. */
function ownRoutes(device: string, stack: Stack) {
  const own = routesOn(stack, device).filter((route) => route.protocol === ROUTE_PROTOCOL);
  return own.map(asPlan).sort((a, b) => Number(a.via !== undefined) - Number(b.via !== undefined));
}

function values(paths: readonly string[], actual: ReadonlyMap<string, string>): Sysctl[] {
  return paths.flatMap((path) => {
    const value = actual.get(path);
    return value === undefined ? [] : [{ path, value, optional: true }];
  });
}
