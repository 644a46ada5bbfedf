/** A policy of N lines as people write them, so that nothing is tuned to one shape. */
import { draws } from "../src/measure/workload.js";

/** For whoever reads the figures. */
export const MIX =
  "The mix: of each 100 lines 1 publishes a port; the rest are in equal parts exact allows, denies of an address, denies of " +
  "a /24, UDP allows between containers with a log, allows between groups for three ports, allows of a named group, and " +
  "rejects of an address range; two networks, one of both families, with ten containers each.";

export function mixed(count: number): string {
  const draw = draws(7);
  const lines = ["network n { subnet 10.199.0.0/24 }", "network m { subnet 10.200.0.0/24; subnet fd42::/64 }"];
  for (let k = 0; k < 10; k++) lines.push(`container c${k} { network n }`, `container d${k} { network m; expose 80 }`);
  lines.push("let web = {80, 443}", "let office = {203.0.113.0/24, 198.51.100.7}");
  const one = (): string => `${draw(2) === 0 ? "c" : "d"}${draw(10)}`;
  const prefix = (): string => `${11 + draw(80)}.${draw(256)}.${draw(256)}`;
  const address = (): string => `${prefix()}.${1 + draw(254)}`;
  const port = (): number => 1 + draw(65535);
  const kinds = [
    (): string => `allow ${address()} -> ${one()}:${port()}`,
    (): string => `deny ${address()} -> ${one()}`,
    (): string => `deny ${one()} -> ${prefix()}.0/24`,
    (): string => `allow ${one()} -> ${one()}:${port()}/udp log "x"`,
    (): string => `allow {${address()}, ${address()}} -> {${one()}, ${one()}}:{22, web}`,
    (): string => `allow office -> ${one()}:${port()}`,
    (): string => {
      const base = prefix();
      return `reject ${base}.1-${base}.${2 + draw(200)} -> ${one()}:${port()}`;
    },
  ];
  for (let i = 0; i < count; i++)
    lines.push(
      i % 100 === 99
        ? `publish ${1 + (i % 65_535)} -> ${one()}:${port()}`
        : (kinds[draw(kinds.length)] as () => string)(),
    );
  return `${lines.join("\n")}\n`;
}
