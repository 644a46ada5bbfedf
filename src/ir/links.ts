/** Lowers `link` (Docker's `--link`). */
import type { LinkStatement } from "../ast/nodes.js";
import type { AddressSet } from "../net/address.js";
import { NO_ADDRESSES, single, unionSet } from "../net/address.js";
import type { Lowering } from "./lowering.js";
import { inContainers } from "./peers.js";
import type { Container, Link, Rule } from "./policy.js";
import { BUILT_IN } from "./scope.js";

export interface LinkSource {
  readonly statement: LinkStatement;
  readonly block: string | undefined;
}

/** Names that may stand in a hosts file as one word. */
const ALIAS = /^[^\s#\p{Cc}]+$/u;

/** How the variables of a link begin, as Docker names them. */
export function variablesOf(alias: string): string {
  return alias.toUpperCase().replaceAll("-", "_");
}

/** A link, and the allow that it is. */
export function lowerLinks(low: Lowering, sources: readonly LinkSource[]): { links: Link[]; rules: Rule[] } {
  const links: Link[] = [];
  const rules: Rule[] = [];
  const aliases = new Map<string, Link>();
  /** By the beginning of their variables. */
  const prefixes = new Map<string, Link>();
  for (const { statement, block } of sources) {
    const from =
      block === undefined ? endOf(low, statement.from as LinkStatement["target"]) : low.containers.get(block);
    const target = endOf(low, statement.target);
    if (from === undefined || target === undefined) continue;
    if (!hasNetwork(low, from, statement) || !hasNetwork(low, target, statement)) continue;
    const origin = low.origins.of(statement, block === undefined ? "" : `container ${block} `);
    const alias = statement.alias?.text ?? target.name;
    const link: Link = { from: from.name, target: target.name, alias, origin };
    if (from === target) {
      low.diagnostics.error("link-self", statement.span, `'${from.name}' can't be linked to itself`, {
        why: "A container reaches itself anyway, and no packet of that leaves it.",
        help: "name another container",
      });
      continue;
    }
    if (!ALIAS.test(alias)) {
      low.diagnostics.error(
        "bad-alias",
        (statement.alias ?? statement.target).span,
        `'${alias}' can't stand in a hosts file`,
        {
          why: "The alias becomes a name in /etc/hosts, where spaces separate names and '#' starts a comment.",
          help: "use a word without spaces or '#': link app -> db as database",
        },
      );
      continue;
    }
    const key = `${from.name}\0${alias}`;
    const other = aliases.get(key);
    if (other !== undefined && other.target !== target.name) {
      low.diagnostics.error(
        "duplicate-alias",
        statement.span,
        `'${from.name}' knows another container as '${alias}' already`,
        {
          why: "A name in /etc/hosts leads to one address, and order never decides which.",
          help: "choose another alias: link app -> db as database",
          related: [{ span: other.origin.span, message: "the other link" }],
        },
      );
      continue;
    }
    if (other !== undefined) continue;
    const names = `${from.name}\0${variablesOf(alias)}`;
    const alike = prefixes.get(names);
    if (alike !== undefined && alike.target !== target.name)
      low.diagnostics.warning(
        "alias-variables",
        (statement.alias ?? statement.target).span,
        `'${alias}' and '${alike.alias}' give the same variables, ${variablesOf(alias)}_…`,
        {
          why: "Variables have the alias in capitals, with '_' for '-': those of one link would stand for both.",
          help: "choose an alias that differs in more: link app -> db as database",
          related: [{ span: alike.origin.span, message: "the other link" }],
        },
      );
    prefixes.set(names, link);
    aliases.set(key, link);
    links.push(link);
    if (!target.expose.all && target.expose.protocols.size === 0) {
      low.diagnostics.warning(
        "link-exposes-nothing",
        statement.span,
        `'${target.name}' exposes no port, so this link allows nothing`,
        {
          why: "A link lets its container reach what the target exposes, and nothing else.",
          help: `say what it serves: container ${target.name} { expose 5432 }`,
        },
      );
      continue;
    }
    rules.push({
      verb: "allow",
      from: inContainers(addresses(from)),
      to: inContainers(addresses(target)),
      ports: target.expose,
      log: undefined,
      origin,
    });
  }
  return { links, rules };
}

function addresses(container: Container): AddressSet {
  let set = NO_ADDRESSES;
  for (const endpoint of container.endpoints)
    for (const address of endpoint.addresses) set = unionSet(set, single(address));
  return set;
}

function endOf(low: Lowering, name: LinkStatement["target"]): Container | undefined {
  if ((BUILT_IN as readonly string[]).includes(name.text)) {
    low.diagnostics.error("not-a-container", name.span, `'${name.text}' is no container, and only these are linked`, {
      why: "A link lets one container reach another, and names it in a hosts file.",
      help: "name a container; rules speak of world, host and any: allow c1 -> world",
    });
    return undefined;
  }
  const declared = low.scope.lookUp(name, "container");
  if (declared === undefined) return undefined;
  if (declared.kind !== "container") {
    low.diagnostics.error(
      "not-a-container",
      name.span,
      `'${name.text}' is a ${declared.kind}, and only containers are linked`,
      {
        why: "A link lets one container reach another; a network or a let may stand for several.",
        help: "name a container",
      },
    );
    return undefined;
  }
  return low.containers.get(declared.name);
}

function hasNetwork(low: Lowering, container: Container, statement: LinkStatement): boolean {
  if (container.endpoints.length > 0) return true;
  low.diagnostics.error(
    "link-without-network",
    statement.span,
    `'${container.name}' has no network of its own to link`,
    {
      why: "What uses the host's stack, another container's or none can't link or be linked to.",
      help:
        container.sandbox.kind === "container"
          ? `link '${container.sandbox.other}', whose sandbox it shares`
          : "give it a network, or take the link away",
    },
  );
  return false;
}
