/** The backends by name, each loaded when it is needed: start-up is part of the latency. */
import type { Backend, BackendName } from "./backend.js";

const LOADERS: Readonly<Partial<Record<BackendName, () => Promise<Backend>>>> = {
  nft: async () => (await import("./nftables/backend.js")).nftables,
  iptables: async () => (await import("./iptables/backend.js")).iptables,
  ebpf: async () => (await import("./ebpf/backend.js")).ebpf,
};

/** Those that can be applied with, the default first. */
export const APPLICABLE = Object.keys(LOADERS) as readonly BackendName[];

export async function backendNamed(name: BackendName): Promise<Backend> {
  const load = LOADERS[name];
  if (load === undefined) throw new Error(`there is no backend '${name}' to apply with`);
  return load();
}

export function allBackends(): Promise<Backend[]> {
  return Promise.all(APPLICABLE.map(backendNamed));
}
