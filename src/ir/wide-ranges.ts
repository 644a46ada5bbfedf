/** CIDRs in what allows that cover more than people tend to think of. */
import type { Item, List, Peers, Statement } from "../ast/nodes.js";
import type { Tree } from "../ast/tree.js";
import { parseAddress } from "../net/address.js";
import { bounds, formatPrefix, prefixOf, type Prefix } from "../net/prefix.js";
import type { Diagnostics } from "../text/diagnostic.js";
import type { Network, Policy } from "./policy.js";

/** Nobody has more than this: the largest blocks that IANA assigned (/8), and regional registries get (/12), and some. */
const WIDEST = { 4: 8, 6: 12 } as const;

/** What the text says more widely than it may mean; information only. */
export function adviseOnText(trees: readonly Tree[], policy: Policy, diagnostics: Diagnostics): void {
  const statements = trees.flatMap((tree) => tree.statements);
  const lets = new Map(statements.flatMap((one) => (one.kind === "let" ? [[one.name.text, one.value] as const] : [])));
  const seen = new Set<Item | string>();
  const look = (first: List): void => {
    // Lets may be made of lets, as deep as they like.
    const lists = [first];
    for (let list = lists.pop(); list !== undefined; list = lists.pop())
      for (const item of list.items) {
        if (item.kind === "name") {
          const value = lets.get(item.name.text);
          if (value === undefined || seen.has(item.name.text)) continue;
          seen.add(item.name.text);
          lists.push(value);
        } else if (item.kind === "cidr" && !seen.has(item)) {
          seen.add(item);
          report(item, policy, diagnostics);
        }
      }
  };
  for (const statement of statements) for (const peers of admitting(statement)) look(peers.include);
}

/** The peers by which a statement allows something. */
function admitting(statement: Statement): Peers[] {
  if (statement.kind === "rule" && statement.verb === "allow") return [statement.from, statement.to];
  if (statement.kind === "publish" && statement.from !== undefined) return [statement.from];
  if (statement.kind !== "container") return [];
  return statement.properties.flatMap((one) => (one.kind === "publish" && one.from !== undefined ? [one.from] : []));
}

function report(item: Extract<Item, { kind: "cidr" }>, policy: Policy, diagnostics: Diagnostics): void {
  const address = parseAddress(item.address);
  const prefix = address && prefixOf(address, item.length);
  if (prefix === undefined) return;
  const text = formatPrefix(prefix);
  const why = "An address or CIDR means these addresses whoever has them: containers and this host included.";
  if (prefix.length < WIDEST[prefix.family])
    return diagnostics.info(
      "wide-range",
      item.span,
      `${text} is ${share(prefix)} of all IPv${prefix.family} addresses`,
      {
        why,
        help: "say 'world' for everything outside, or the networks that you mean",
      },
    );
  const inside = policy.networks.filter((network) => network.subnets.some((subnet) => isWithin(subnet, prefix)));
  const inhabited = inside.filter((network) => hasContainers(policy, network));
  if (inhabited.length === 0) return;
  const names = inhabited.map(({ name }) => `'${name}'`).join(" and ");
  diagnostics.info("wide-range", item.span, `${text} covers the containers of ${names} too`, {
    why,
    help: "right if you mean them; else take them away: 'except'",
  });
}

function share({ length }: Prefix): string {
  return length === 0 ? "all" : `1/${2 ** length}`;
}

function isWithin(inner: Prefix, outer: Prefix): boolean {
  if (inner.family !== outer.family || inner.length <= outer.length) return false;
  const [low, high] = bounds(outer);
  return inner.base >= low && inner.base <= high;
}

function hasContainers({ containers }: Policy, { name }: Network): boolean {
  return containers.some(({ endpoints }) => endpoints.some(({ network }) => network === name));
}
