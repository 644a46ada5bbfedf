/** What each backend needs of this host, for `tsnet doctor`: tried with a policy that makes use of every kind of rule. */
import type { BackendName } from "../backend/backend.js";
import { lacks } from "../backend/choice.js";
import { allBackends, APPLICABLE } from "../backend/registry.js";
import { compile } from "../ir/compile.js";
import { isInstalled } from "../system/tools.js";
import type { Finding } from "./doctor.js";

const SAMPLE = `network n { subnet 10.9.0.0/24; subnet fd09::/64; icc off }
network i { subnet 10.9.1.0/24; internal }
container a { network n }
container b { network n; network i }
container c { network i }
allow a -> b:{22, 8000-8010/udp, icmp} log "ssh" limit 5/second
reject {a, b} -> 192.0.2.0/24
deny a -> world except 198.51.100.0/24
publish 49153 -> b:8080 from 10.0.0.0/8
publish 80 -> {a, b}:8080`;

export interface BackendReport {
  readonly name: BackendName;
  /** Whether it can carry policies here; undefined where that can't be asked by this user. */
  readonly works: boolean | undefined;
  readonly findings: readonly Finding[];
}

/** `privileged`: no user namespace is needed to try them. */
export async function probeBackends(privileged: boolean): Promise<BackendReport[]> {
  const { policy } = compile(SAMPLE);
  const backends = await allBackends();
  return Promise.all(
    backends.map(async (backend): Promise<BackendReport> => {
      const parts = await backend.probe(policy, { privileged, all: true });
      const findings = parts.map(({ name, ok, needed, what, mend }): Finding => ({
        name,
        ok,
        needs: needed ? backend.name : "more",
        what,
        mend,
      }));
      return { name: backend.name, works: lacks({ parts }).length === 0, findings };
    }),
  );
}

/** What can be told where nothing can be tried: whether the tool is there. */
export function unprobedBackends(): BackendReport[] {
  const tools = {
    nft: ["nft", "nftables"],
    iptables: ["iptables-restore", "iptables"],
    ebpf: ["bpftool", "bpftool"],
  } as const;
  return APPLICABLE.map((name): BackendReport => {
    const [tool, debian] = tools[name];
    const ok = isInstalled(tool);
    const what = `${tool} is ${ok ? "" : "not "}installed`;
    const finding = { name: tool, ok, needs: name, what, mend: ok ? "" : `apt-get install ${debian}` };
    return { name, works: ok ? undefined : false, findings: [finding] };
  });
}

/** `backends that can apply here: nft, iptables; not: ebpf` */
export function backendsLine(reports: readonly BackendReport[]): string {
  const names = (works: boolean | undefined): string =>
    reports.flatMap((report) => (report.works === works ? [report.name] : [])).join(", ");
  const said = [
    ["can apply here", names(true)],
    ["can't", names(false)],
    ["can't be tried by this user", names(undefined)],
  ].flatMap(([words, list]) => (list === "" ? [] : [`${words}: ${list}`]));
  return `backends that ${said.join("; that ")}`;
}
