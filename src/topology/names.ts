/**
 * Names made from a policy's names: where things of ours are on disk, and the marks on our devices.
 *
 * A policy's names may hold any character. On disk and in a device's alias each byte outside [A-Za-z0-9_.-] is
 * percent-encoded, so that `/` separates and nothing climbs; what is too long ends in `~` and a hash.
 */
import { hashText } from "../net/hash.js";

/** Namespaces of our own: `NETNS_ROOT/POLICY/CONTAINER`. */
export const NETNS_ROOT = "/run/tsnet/netns";
/** What else belongs to a container: `POLICIES_ROOT/POLICY/CONTAINER/hosts`. */
export const POLICIES_ROOT = "/run/tsnet/policies";
/** What containers share: `SHARES_ROOT/POLICY/PATH`. For root alone, since a share is seen in its sandboxes and nowhere else. */
export const SHARES_ROOT = "/run/tsnet/shares";

const MARK = "tsnet:";
/** A file name may have 255 bytes, and an alias all in all. */
const FILE_LIMIT = 200;
const MARK_LIMIT = 60;

/** One name as one path component of at most `limit` bytes; two names have the same only if their hashes collide. */
export function component(name: string, limit: number = FILE_LIMIT): string {
  const text = /^[A-Za-z0-9_.-]*$/.test(name) ? name : escaped(name);
  if (text === "" || text === "." || text === "..") return `~${hashText(12, name)}`;
  return text.length <= limit ? text : `${text.slice(0, limit - 13)}~${hashText(12, name)}`;
}

function escaped(name: string): string {
  let text = "";
  for (const byte of new TextEncoder().encode(name)) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9_.-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

export function policyNetnsDirectory(policy: string): string {
  return `${NETNS_ROOT}/${component(policy)}`;
}

export function netnsPath(policy: string, container: string): string {
  return `${policyNetnsDirectory(policy)}/${component(container)}`;
}

export function policyDirectory(policy: string): string {
  return `${POLICIES_ROOT}/${component(policy)}`;
}

export function hostsPath(policy: string, container: string): string {
  return `${policyDirectory(policy)}/${component(container)}/hosts`;
}

export function policySharesDirectory(policy: string): string {
  return `${SHARES_ROOT}/${component(policy)}`;
}

/** The directory behind a share; `path`: where sandboxes see it. */
export function shareDirectory(policy: string, path: string): string {
  return `${policySharesDirectory(policy)}/${component(path)}`;
}

/** What the alias of each of a policy's devices starts with. */
export function policyMark(policy: string): string {
  return `${MARK}${component(policy, MARK_LIMIT)}/`;
}

export function bridgeMark(policy: string, network: string): string {
  return policyMark(policy) + component(network, MARK_LIMIT);
}

export function endpointMark(policy: string, network: string, container: string): string {
  return `${bridgeMark(policy, network)}/${component(container, MARK_LIMIT)}`;
}

/** The policy, network and container that a mark names, unless cut; undefined for other aliases. */
export function parseMark(
  alias: string,
): { policy: string; network: string; container: string | undefined } | undefined {
  if (!alias.startsWith(MARK)) return undefined;
  const [policy, network, container, ...more] = alias.slice(MARK.length).split("/").map(readable);
  if (policy === undefined || network === undefined || more.length > 0) return undefined;
  return { policy, network, container };
}

/** A path component or part of a mark as the name it was made from; a cut one stays as it is. */
export function readable(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const BRIDGE_PREFIX = "tsb-";

/** Groups of devices from here on are ours; what is in one was to be deleted by a command that was killed. */
export const CONDEMNED = 1_000_000;
