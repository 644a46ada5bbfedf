/** `tsnet doctor` */
import { accessSync, constants, existsSync } from "node:fs";
import { release } from "node:os";
import { type BackendName } from "../backend/backend.js";
import { type Feature, type FeatureName, probeAll } from "../system/features.js";
import { unavailable } from "../system/netlink/ffi.js";
import { readSysctl } from "../system/sysctl.js";
import { systemdRuns } from "../system/systemd.js";
import { isInstalled } from "../system/tools.js";
import { usesNetlink } from "../system/transport.js";
import { VERSION } from "../system/version.js";
import { type BackendReport, backendsLine, probeBackends, unprobedBackends } from "./doctor-backends.js";
import { EXIT } from "./exit.js";
import { print, printJson, shown } from "./output.js";

/** What lacks without it: `apply` and `try` those commands, a backend's name that backend, `more` something beside. */
type Need = "apply" | "try" | BackendName | "more";

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly needs: Need;
  readonly what: string;
  readonly mend: string;
}

/** What belongs to one backend is asked by that. */
const NEEDS: Readonly<Record<Exclude<FeatureName, "nft" | "nf_tables">, Need>> = {
  root: "more",
  net_admin: "apply",
  ip: "apply",
  "util-linux": "apply",
  user_namespaces: "more",
  conntrack: "more",
  ipv6: "more",
  force_forwarding: "more",
  br_netfilter: "more",
};

/** What `try` has in its own namespaces. */
const BROUGHT = ["net_admin", "record"];

export async function doctor(options: { json?: boolean }): Promise<void> {
  const probed = await probeAll(Object.keys(NEEDS) as FeatureName[]);
  const found = (name: FeatureName): boolean => probed.find((feature) => feature.name === name)?.ok === true;
  const asked = (found("net_admin") || found("user_namespaces")) && found("util-linux");
  const backends = asked ? await probeBackends(found("net_admin")) : unprobedBackends();
  const works = backends.filter((backend) => backend.works !== false).map(({ name }) => name);
  const kept = record();
  // Who may not apply has no business there.
  const features = [...probed.flatMap(findingOf), ...(found("net_admin") ? [kept] : []), ...others()];
  const lacks = features.some(({ ok, needs, name }) => !ok && needs === "apply" && !BROUGHT.includes(name));
  const hostCan = !lacks && works.length > 0;
  const can = {
    check: true,
    try: hostCan && asked,
    apply: hostCan && found("net_admin") && kept.ok,
  };
  const machine = {
    version: VERSION,
    kernel: release(),
    node: process.version,
    transport: usesNetlink() ? "netlink" : "nft",
  };
  if (options.json)
    printJson({
      ...machine,
      can,
      backends: Object.fromEntries(backends.map(({ name, works }) => [name, works ?? null])),
      features: [...features, ...backends.flatMap(({ findings }) => findings)],
    });
  else report(machine, can, features, backends);
  process.exitCode = hostCan ? EXIT.done : EXIT.system;
}

/** br_netfilter is said only where it is loaded: nobody needs it. */
function findingOf(feature: Feature): Finding[] {
  const { name, ok, what, mend } = feature;
  if (name === "br_netfilter" && !ok) return [];
  // The capability says it all.
  if (name === "root") return [];
  // Needed only where the kernel isn't spoken to directly.
  if (name === "conntrack" && usesNetlink() && !ok) return [];
  const needs = name === "conntrack" && !usesNetlink() ? "apply" : NEEDS[name as keyof typeof NEEDS];
  return [{ name, ok, needs, what, mend }];
}

/** Whether what is live can be recorded. */
function record(): Finding {
  const place = existsSync("/run/tsnet") ? "/run/tsnet" : "/run";
  const about = { name: "record", needs: "apply" } as const;
  try {
    accessSync(place, constants.W_OK);
    return { ...about, ok: true, what: "what is live can be recorded below /run/tsnet", mend: "" };
  } catch {
    const mend = `make ${place} writable (read-only file systems: mount -o remount,rw /run)`;
    return { ...about, ok: false, what: `what is live can't be recorded: ${place} is not writable`, mend };
  }
}

function others(): Finding[] {
  const out: Finding[] = [];
  const say = (name: string, ok: boolean, yes: string, no: string, mend: string): void =>
    void out.push({ name, ok, needs: "more", what: ok ? yes : no, mend: ok ? "" : mend });
  const reason = unavailable();
  say(
    "netlink",
    reason === undefined,
    usesNetlink()
      ? "the kernel is spoken to by netlink"
      : "the kernel could be spoken to by netlink, but TSNET_TRANSPORT has chosen nft",
    `the kernel is spoken to by nft and ip, which is slower: ${reason}`,
    "npm install koffi, beside tsnet",
  );
  say(
    "ping",
    isInstalled("ping"),
    "ping is installed, for the echoes of try",
    "try can't send echoes: ping is not installed",
    "apt-get install iputils-ping",
  );
  say(
    "systemd",
    systemdRuns(),
    "systemd runs: `tsnet install` restores policies at boot",
    "systemd doesn't run here, so nothing restores policies at boot by itself",
    "`tsnet install --print` shows what to run at boot",
  );
  const forwards = (["ipv4/ip_forward", "ipv6/conf/all/forwarding"] as const).filter(
    (path) => readSysctl(path) === "1",
  );
  out.push({
    name: "forwarding",
    ok: true,
    needs: "more",
    what:
      forwards.length === 0
        ? "this host doesn't forward; tsnet turns it on for its own devices alone"
        : `this host forwards already (${forwards.join(", ")}); tsnet leaves that as it is`,
    mend: "",
  });
  return out;
}

// Output -------------------------------------------------------------------------------------------------------------

function report(
  machine: { readonly version: string; readonly kernel: string; readonly node: string },
  can: Readonly<Record<string, boolean>>,
  features: readonly Finding[],
  backends: readonly BackendReport[],
): void {
  print(`tsnet ${machine.version}, Linux ${shown(machine.kernel)}, Node ${machine.node}\n`);
  features.forEach(printFinding);
  for (const { name, findings } of backends) {
    print(`\nbackend ${name}`);
    findings.forEach(printFinding);
  }
  if (backends.some(({ works }) => works === undefined))
    print("          whether the kernel takes the rules can be asked by root only: sudo tsnet doctor");
  const words = (["check", "try", "apply"] as const).map((name) => `${name} ${can[name] ? "yes" : "no"}`);
  print(`\n${backendsLine(backends)}\nworks here, as this user: ${words.join(", ")}`);
}

function printFinding({ ok, needs, what, mend }: Finding): void {
  const mark = ok ? "ok      " : needs === "more" ? "lacks   " : "NEEDS   ";
  print(`  ${mark}${shown(what)}`);
  if (!ok && mend !== "") print(`          ${shown(mend)}`);
}
