/** Which variant of iptables a lab's host has for its usual one. Called there, before anything asks. */
import { mkdirSync, symlinkSync } from "node:fs";

export function usual(variant: "nft" | "legacy"): void {
  const folder = `/run/lab/iptables-${variant}`;
  mkdirSync(folder, { recursive: true });
  for (const name of ["iptables", "ip6tables"])
    for (const verb of ["", "-save", "-restore"])
      symlinkSync(`/usr/sbin/xtables-${variant}-multi`, `${folder}/${name}${verb}`);
  process.env["PATH"] = `${folder}:${process.env["PATH"] ?? ""}`;
}
