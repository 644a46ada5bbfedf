/** Addresses as a policy writes them. */
import { type AddressSet, type Family, formatValue } from "../../net/address.js";
import { prefixLength } from "../../net/prefix.js";
import type { Ranges } from "../../net/ranges.js";

/** One text for each interval: an address, a CIDR or a range. */
export function rangeTexts({ v4, v6 }: AddressSet): string[] {
  return [...texts(4, v4), ...texts(6, v6)];
}

function texts(family: Family, ranges: Ranges<number | bigint>): string[] {
  const out: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) {
    const [low, high] = [ranges[i] as number, ranges[i + 1] as number];
    const length = prefixLength(family, low, high);
    const first = formatValue(family, low);
    out.push(
      low === high ? first : length === undefined ? `${first}-${formatValue(family, high)}` : `${first}/${length}`,
    );
  }
  return out;
}
