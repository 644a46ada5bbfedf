/** Addresses, CIDRs and ranges as sets of addresses. */
import type { Item } from "../ast/nodes.js";
import { type AddressSet, NO_ADDRESSES, parseAddress, single } from "../net/address.js";
import { prefixOf, prefixSet } from "../net/prefix.js";
import type { Code } from "../text/codes.js";
import type { Extra } from "../text/diagnostic.js";
import type { Span } from "../text/source.js";
import type { Lowering } from "./lowering.js";

/** The addresses of a literal; undefined (and reported) when it is none. */
export function addressesOf(low: Lowering, item: Exclude<Item, { kind: "name" | "port" }>): AddressSet | undefined {
  const bad = (code: Code, message: string, more: Extra): undefined => {
    low.diagnostics.error(code, item.span, message, more);
    return undefined;
  };
  if (item.kind === "range") {
    const from = parseAddress(item.from);
    const to = parseAddress(item.to);
    if (from === undefined || to === undefined)
      return bad("bad-address", "a range needs two addresses", {
        why: "A range is written as its first and its last address.",
        help: "write 10.0.0.1-10.0.0.9",
      });
    if (from.family === 4 && to.family === 4 && from.value <= to.value)
      return { v4: [from.value, to.value], v6: NO_ADDRESSES.v6 };
    if (from.family === 6 && to.family === 6 && from.value <= to.value)
      return { v4: NO_ADDRESSES.v4, v6: [from.value, to.value] };
    return bad("bad-range", `${item.from}-${item.to} is no range`, {
      why: "A range goes upwards from its first address to its last, both of one family.",
      help: "write the lower address first, and one range for each family",
    });
  }
  const text = item.kind === "cidr" ? item.address : item.text;
  const address = parseAddress(text);
  if (address === undefined)
    return bad("bad-address", `'${text}' is no address`, {
      why: "IPv4 addresses are four decimal numbers, IPv6 ones have '::' or seven colons.",
      help: "write it as 10.0.0.1 or fd00::1",
    });
  if (item.kind === "address") {
    if (!item.bracketed) warnOfName(low, item.text, item.span);
    return single(address);
  }
  const prefix = prefixOf(address, item.length);
  if (prefix === undefined)
    return bad("bad-prefix", `/${item.length} is too long for IPv${address.family}`, {
      why: "The length counts the bits that all addresses of the prefix share.",
      help: `use 0 to ${address.family === 4 ? 32 : 128}`,
    });
  if (prefix.base !== address.value)
    low.diagnostics.warning("prefix-host-bits", item.span, `${text}/${item.length} has host bits set`, {
      why: "The whole prefix is meant, whichever of its addresses is written.",
      help: "write the prefix's first address",
    });
  return prefixSet(prefix);
}

/** `c2::22`, where `c2` is declared: an address that may have been meant as the name and a port. */
function warnOfName(low: Lowering, text: string, span: Span): void {
  const [, name, port] = /^([a-f][\da-f]{0,3})::([1-9]\d{0,3})$/i.exec(text) ?? [];
  const declared = name === undefined ? undefined : low.scope.names.get(name);
  if (declared === undefined) return;
  low.diagnostics.warning("ipv6-port-ambiguous", span, `${text} is an address here, not '${name}' and port ${port}`, {
    why: `'::' makes it an IPv6 address, and there is a ${declared.kind} '${name}'; [${text}] would leave no doubt.`,
    help: `did you mean '${name}:${port}'?`,
  });
}
