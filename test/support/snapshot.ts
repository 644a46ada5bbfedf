/** Runs on a lab's host: all that an apply may touch, as text that compares. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A part of the machine: its name, and its state. */
export type Snapshot = Readonly<Record<string, string>>;

/** Numbers that the kernel gives in the order of making, and what changes by itself. */
const VOLATILE = new Set([
  ...["operstate", "tentative", "state"],
  ...["handle", "ifindex", "link_index", "metainfo", "stats", "stats64", "packets", "bytes", "link_netnsid", "expires"],
  ...["valid_life_time", "preferred_life_time", "used", "age", "group_fwd_mask_str", "timer", "min_mtu", "max_mtu"],
  ...["hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "lladdr_stale"],
]);

/** What the kernel notices soon after: a bridge without ports has no carrier, an address is nobody else's. */
const EVENTUAL = new Set(["LOWER_UP", "NO-CARRIER", "RUNNING", "linkdown"]);

function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((one) => !EVENTUAL.has(one as string)).map(tidy);
  if (typeof value !== "object" || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (VOLATILE.has(key) || key.endsWith("_timer")) continue;
    const tidied = tidy(inner);
    // Elements of sets come in an order of the kernel's own.
    out[key] = key === "elem" && Array.isArray(tidied) ? sorted(tidied) : tidied;
  }
  return out;
}

const sorted = (list: readonly unknown[]): string[] => list.map((one) => JSON.stringify(one)).sort();

function read(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "pipe"] });
}

function json(command: string, args: readonly string[]): string {
  const text = read(command, args).trim();
  const list = tidy(text === "" ? [] : JSON.parse(text));
  return Array.isArray(list) ? sorted(list).join("\n") : JSON.stringify(list);
}

const IP = [
  ["link"],
  ["address"],
  ["route", "show", "table", "all"],
  ["-6", "route", "show", "table", "all"],
  ["neigh", "show", "nud", "permanent"],
  ["neigh", "show", "proxy"],
  ["-6", "neigh", "show", "proxy"],
];

function stack(netns: string | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  const enter = netns === undefined ? [] : ["nsenter", `--net=${netns}`, "--"];
  const [program = "ip", ...before] = [...enter, "ip", "-j", "-d"];
  for (const words of IP) out[`${netns ?? "host"} ip ${words.join(" ")}`] = json(program, [...before, ...words]);
  const shell =
    "cd /proc/sys/net && find ipv4/conf ipv6/conf ipv4/ip_forward ipv4/neigh ipv6/neigh -type f | sort | xargs grep -s '' | grep -v -e stable_secret";
  const [shellProgram = "sh", ...shellBefore] = [...enter, "sh"];
  out[`${netns ?? "host"} sysctls`] = read(shellProgram, [...shellBefore, "-c", shell]);
  return out;
}

/** Every file below a directory: namespaces by their kind, others by their text without times and numbers of processes. */
function files(root: string): string {
  const lines: string[] = [];
  const walk = (path: string): void => {
    for (const name of readdirSync(path).sort()) {
      const inner = join(path, name);
      const stat = statSync(inner);
      if (stat.isDirectory()) {
        lines.push(`${inner}/`);
        walk(inner);
      } else if (inner.includes("/netns/")) lines.push(`${inner} namespace`);
      else if (inner.includes("/tsnet/bpf/")) lines.push(`${inner} pinned`);
      else
        lines.push(
          `${inner} ${(stat.mode & 0o777).toString(8)} ${readFileSync(inner, "utf8").replace(/"(at|committed)":("[^"]*"|\{[^}]*\}),?/g, "")}`,
        );
    }
  };
  if (existsSync(root)) walk(root);
  return lines.join("\n");
}

/** Objects of tables come in the order of their handles; the rules of a chain keep theirs. */
function rules(): string {
  const listed = JSON.parse(read("nft", ["-j", "list", "ruleset"])) as { nftables: Record<string, unknown>[] };
  const others: string[] = [];
  const chains = new Map<string, string[]>();
  for (const object of listed.nftables) {
    const line = JSON.stringify(tidy(object));
    const rule = object["rule"] as Record<string, string> | undefined;
    if (rule === undefined) others.push(line);
    else {
      const chain = `${rule["family"]} ${rule["table"]} ${rule["chain"]}`;
      chains.set(chain, [...(chains.get(chain) ?? []), line]);
    }
  }
  return [...others.sort(), ...[...chains].sort().flatMap(([, lines]) => lines)].join("\n");
}

interface MapElement {
  readonly key: readonly string[];
  readonly value: readonly string[];
}

/** The maps in force of the eBPF dataplane; of devices, which go by their indices, the number. */
function dataplane(): string {
  const root = "/run/tsnet/bpf";
  if (!existsSync(root)) return "";
  const dump = (...which: string[]): MapElement[] =>
    JSON.parse(read("bpftool", ["-j", "map", "dump", ...which])) as MapElement[];
  const number = (bytes: readonly string[]): number => bytes.reduceRight((sum, byte) => sum * 256 + Number(byte), 0);
  const lines: string[] = [];
  // The file system's own files end in .debug; a folder of ours without programs is what a killed command left.
  const folders = readdirSync(root).filter((name) => existsSync(join(root, name, "maps/active")));
  for (const folder of folders.sort()) {
    const pinned = (map: string): MapElement[] => dump("pinned", join(root, folder, "maps", map));
    const slot = number(pinned("active")[0]?.value ?? []) & 1;
    for (const map of ["devices", "owns", "members", "exacts", "nears", "fars", "profiles", "ways", "goals"]) {
      const inner = pinned(map).find(({ key }) => number(key) === slot);
      const elements = inner === undefined ? [] : dump("id", String(number(inner.value)));
      lines.push(`${folder} ${map} ${elements.length}`);
      if (map === "devices") continue;
      lines.push(...elements.map(({ key, value }) => `${map} ${key.join("")} ${value.join("")}`).sort());
    }
  }
  return lines.join("\n");
}

/** `history`: what is kept of earlier applies too. */
export function snapshot(history: boolean): Snapshot {
  const root = "/run/tsnet/netns";
  const namespaces = existsSync(root)
    ? readdirSync(root).flatMap((policy) => readdirSync(join(root, policy)).map((name) => join(root, policy, name)))
    : [];
  return {
    rules: rules(),
    dataplane: dataplane(),
    ...stack(undefined),
    ...Object.assign({}, ...namespaces.sort().map(stack)),
    files: files("/run/tsnet"),
    ...(history ? { history: files("/var/lib/tsnet") } : {}),
  };
}

/** The parts that differ, each with the first lines that do. */
export function compare(a: Snapshot, b: Snapshot): string[] {
  const out: string[] = [];
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (a[key] === b[key]) continue;
    const left = (a[key] ?? "(absent)").split("\n");
    const right = (b[key] ?? "(absent)").split("\n");
    const only = (x: readonly string[], y: readonly string[]): string[] => x.filter((line) => !y.includes(line));
    const [was, is] = [only(left, right), only(right, left)];
    let at = 0;
    while (at < (was[0]?.length ?? 0) && was[0]?.[at] === is[0]?.[at]) at++;
    const shown = (lines: readonly string[]): string => lines[0]?.slice(Math.max(0, at - 60), at + 60) ?? "nothing";
    out.push(`${key}: ${was.length} lines were …${shown(was)}…, ${is.length} are …${shown(is)}…`);
  }
  return out;
}
