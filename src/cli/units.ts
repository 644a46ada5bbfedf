/**
 * The systemd units that `tsnet install` writes. Pure.
 *
 * tsnet.service restores what is confirmed before the network comes up. Where that fails there are no devices, no rules
 * and no sandboxes of the policy: nothing is published, and no container has a way in or out. The host's own network
 * comes up all the same.
 *
 * It comes after whatever loads the host's own rules, since that may begin with a flush, and goes along when nftables is
 * started again or reloaded. udev must have given the devices their final names, which the guard of forwarding is about.
 * tsnet-uplinks.service runs once more when the network is up: devices that came later forward too then.
 */

/** What stands first in each unit; a file without it is somebody else's. */
export const MARKER = "# Written by `tsnet install`; `tsnet install --remove` takes it away.";

export interface Unit {
  readonly name: string;
  readonly text: string;
}

/** `command`: the program and its words, with absolute paths. Throws for a path that no unit can name. */
export function units(command: readonly string[]): Unit[] {
  const line = command.map(quoted).join(" ");
  const mounts = ["/var/lib/tsnet", ...command.filter((word) => word.startsWith("/"))].map(quoted).join(" ");
  return [
    {
      name: "tsnet.service",
      text: `${MARKER}
[Unit]
Description=Container network policies of tsnet
DefaultDependencies=no
RequiresMountsFor=${mounts}
Wants=network-pre.target systemd-udevd.service
Before=network-pre.target shutdown.target
After=local-fs.target systemd-modules-load.service systemd-sysctl.service systemd-udev-trigger.service
After=nftables.service netfilter-persistent.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=-udevadm settle --timeout=30
ExecStart=${line}
ExecReload=${line}
TimeoutStartSec=180

[Install]
WantedBy=multi-user.target nftables.service
`,
    },
    {
      name: "tsnet-uplinks.service",
      text: `${MARKER}
[Unit]
Description=Container network policies of tsnet, for devices that came up late
RequiresMountsFor=${mounts}
After=tsnet.service network.target network-online.target

[Service]
Type=oneshot
ExecStart=${line}
TimeoutStartSec=180

[Install]
WantedBy=multi-user.target
`,
    },
  ];
}

/** A word of a command line as systemd reads it: `%` and `$` have a meaning even in quotes. */
export function quoted(word: string): string {
  if (/[\n\r\0]/.test(word)) throw new Error(`no unit can name the path ${JSON.stringify(word)}`);
  const text = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
