/** `tsnet doctor` */
import { release } from "node:os";
import { plan } from "../backend/nftables/plan.js";
import { toText } from "../backend/nftables/text.js";
import { compile } from "../ir/compile.js";
import { type Feature, type FeatureName, probeAll } from "../system/features.js";
import { unavailable } from "../system/netlink/ffi.js";
import { readSysctl } from "../system/sysctl.js";
import { systemdRuns } from "../system/systemd.js";
import { isInstalled } from "../system/tools.js";
import { usesNetlink } from "../system/transport.js";
import { VERSION } from "../system/version.js";
import { triesRules } from "../system/try-rules.js";
import { EXIT } from "./exit.js";
import { print, printJson, shown } from "./output.js";

/** What lacks without it: `apply` and `try` those commands, `more` something beside. */
type Need = "apply" | "try" | "more";

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly needs: Need;
  readonly what: string;
  readonly mend: string;
}

/** A policy that makes use of every kind of rule that there is. */
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

const NEEDS: Readonly<Record<FeatureName, Need>> = {
  root: "more",
  net_admin: "apply",
  ip: "apply",
  nft: "apply",
  "util-linux": "apply",
  nf_tables: "apply",
  user_namespaces: "more",
  conntrack: "more",
  ipv6: "more",
  force_forwarding: "more",
  br_netfilter: "more",
};

export async function doctor(options: { json?: boolean }): Promise<void> {
  const probed = await probeAll(Object.keys(NEEDS) as FeatureName[]);
  const found = (name: FeatureName): boolean => probed.find((feature) => feature.name === name)?.ok === true;
  const asked = found("net_admin") || found("user_namespaces");
  const features = [
    ...probed.filter((feature) => asked || feature.name !== "nf_tables").flatMap(findingOf),
    ...(asked && found("nft") && found("util-linux") ? [await rulesFinding(found("net_admin"))] : []),
    ...others(),
  ];
  const lacks = (need: Need, but?: string): boolean =>
    features.some(({ ok, needs, name }) => !ok && needs === need && name !== but);
  const hostCan = !lacks("apply", "net_admin");
  const can = {
    check: true,
    try: hostCan && asked,
    apply: hostCan && found("net_admin"),
  };
  const machine = {
    version: VERSION,
    kernel: release(),
    node: process.version,
    transport: usesNetlink() ? "netlink" : "nft",
  };
  if (options.json) printJson({ ...machine, can, features });
  else report(machine, can, features, asked);
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
  return [{ name, ok, needs: name === "conntrack" && !usesNetlink() ? "apply" : NEEDS[name], what, mend }];
}

async function rulesFinding(privileged: boolean): Promise<Finding> {
  const refusal = await triesRules(toText(plan(compile(SAMPLE).policy)), privileged);
  return {
    name: "rules",
    ok: refusal === undefined,
    needs: "apply",
    what: refusal === undefined ? "the kernel takes every kind of rule" : `the kernel refuses rules: ${refusal}`,
    mend:
      refusal === undefined
        ? ""
        : "load the modules nft_ct, nft_fib_inet, nft_nat, nft_masq, nft_reject_inet and nft_log, or use a newer kernel",
  };
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
  asked: boolean,
): void {
  print(`tsnet ${machine.version}, Linux ${shown(machine.kernel)}, Node ${machine.node}\n`);
  for (const { ok, needs, what, mend } of features) {
    const mark = ok ? "ok      " : needs === "more" ? "lacks   " : "NEEDS   ";
    print(`  ${mark}${shown(what)}`);
    if (!ok && mend !== "") print(`          ${shown(mend)}`);
  }
  if (!asked) print("          whether the kernel takes the rules can be asked by root only: sudo tsnet doctor");
  const words = (["check", "try", "apply"] as const).map((name) => `${name} ${can[name] ? "yes" : "no"}`);
  print(`\nworks here, as this user: ${words.join(", ")}`);
}
