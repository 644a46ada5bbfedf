/** Whether the eBPF dataplane can carry a policy here: built, taken by the kernel, and with its table of translations. */
import { existsSync } from "node:fs";
import type { Policy } from "../../ir/policy.js";
import { mayUse } from "../../system/bpf/calls.js";
import { PINNED } from "../../system/bpf/filesystem.js";
import { triesPrograms } from "../../system/bpf/try-programs.js";
import { systemCalls, unavailable } from "../../system/netlink/ffi.js";
import { isInstalled } from "../../system/tools.js";
import { triesRules } from "../../system/try-rules.js";
import type { Part, ProbePlace } from "../backend.js";
import { BTF, BUILD, objectFile } from "./object.js";
import { plan } from "./plan.js";
import { replaceText, translationText } from "./translation.js";

const NEWER = "use Linux 6.6 or newer, with CONFIG_NET_XGRESS and CONFIG_DEBUG_INFO_BTF";

/** In the order in which one needs the other; an answer needs what comes up to the first that isn't there. */
export async function probe(policy: Policy, place: ProbePlace): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const part of probes(policy, place)) {
    parts.push(part);
    if (!part.ok && place.all !== true) break;
  }
  return parts;
}

async function* probes(policy: Policy, { privileged }: ProbePlace): AsyncGenerator<Part> {
  const object = objectFile();
  yield part("dataplane", object !== undefined, {
    yes: "the eBPF dataplane is built",
    no: "the eBPF dataplane isn't built: clang was missing at set-up",
    mend: BUILD,
  });
  const loader = isInstalled("bpftool");
  yield part("bpftool", loader, {
    yes: "bpftool is installed, which loads the dataplane",
    no: "bpftool is not installed",
    mend: "apt-get install bpftool",
  });
  const calls = systemCalls() !== undefined;
  yield part("system calls", calls, {
    yes: "system calls can be made, for eBPF's maps",
    no: `eBPF needs system calls: ${unavailable() ?? ""}`,
    mend: "npm ci --include=optional",
  });
  const types = existsSync(BTF);
  yield part("btf", types, {
    yes: "the kernel tells of its types (BTF)",
    no: "this kernel has no type information (BTF)",
    mend: "use a kernel with CONFIG_DEBUG_INFO_BTF",
  });
  const allowed = calls ? mayUse() : undefined;
  if (allowed !== undefined)
    yield part("bpf", privileged && allowed.ok, {
      yes: "bpf(2) is allowed",
      no: `bpf(2) isn't allowed: ${allowed.ok ? "programs are the host's, not a namespace's" : allowed.why.message}`,
      mend: "run it as root on the host, outside a user namespace and with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN",
    });
  if (allowed?.ok === true)
    yield part("tcx", allowed.tcx, {
      yes: "programs can be hung on devices by TCX links",
      no: "this kernel has no TCX links, by which programs hang on devices",
      mend: NEWER,
    });
  if (allowed?.ok === true && privileged && object !== undefined && loader && types) yield* loading(object);
  if (isInstalled("nft")) {
    const text = replaceText(policy.name, translationText(plan(policy)));
    const refusal = await triesRules(text, privileged);
    yield part("translation", refusal === undefined, {
      yes: "nft takes the table by which published ports and sources are translated",
      no: `nft's table of translations, which eBPF needs too, is refused: ${refusal ?? ""}`,
      mend: "load the modules nft_ct, nft_fib_inet, nft_nat and nft_masq, or use a newer kernel",
    });
  } else
    yield part("translation", false, {
      yes: "",
      no: "nft is not installed, which makes eBPF's table of translations",
      mend: "apt-get install nftables",
    });
}

async function* loading(object: string): AsyncGenerator<Part> {
  const refused = await triesPrograms(object);
  yield part("bpffs", refused?.at !== "mount", {
    yes: `a bpf file system can be mounted, as an apply does on ${PINNED}`,
    no: `a bpf file system can't be mounted: ${refused?.why ?? ""}`,
    mend: "use a kernel with CONFIG_BPF_SYSCALL, and run it where mounts are allowed (CAP_SYS_ADMIN)",
  });
  if (refused?.at !== "mount")
    yield part("programs", refused === undefined, {
      yes: "the kernel takes the eBPF programs, their maps and the kernel functions that they call",
      no: `the kernel doesn't take the eBPF programs: ${refused?.why ?? ""}`,
      mend: NEWER,
    });
}

function part(
  name: string,
  ok: boolean,
  { yes, no, mend }: { readonly yes: string; readonly no: string; readonly mend: string },
): Part {
  return { name, ok, needed: true, what: ok ? yes : no, mend: ok ? "" : mend };
}
