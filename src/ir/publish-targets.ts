/** Whom a `publish` leads to: the containers that it names, its block's, or the policy's only server. */
import type { LinkStatement, List, Name, PublishStatement, RuleStatement, Statement } from "../ast/nodes.js";
import type { Address } from "../net/address.js";
import type { Span } from "../text/source.js";
import type { Lowering } from "./lowering.js";
import { addressOf, type Container, type PublishTarget } from "./policy.js";
import { letValue } from "./values.js";

/** A publish statement and the container in whose block it stands, if any. */
export interface PublishSource {
  readonly statement: PublishStatement;
  readonly block: string | undefined;
}

/** The containers that a publish leads to; undefined (and reported) when something else is meant. */
export function targetsOf(
  low: Lowering,
  { statement, block }: PublishSource,
  statements: () => readonly Statement[],
): Container[] | undefined {
  const names =
    statement.target !== undefined
      ? containersNamed(low, statement.target)
      : [{ name: block ?? onlyServer(low, statement.span, statements), span: statement.span }];
  const out: Container[] = [];
  for (const { name, span } of names ?? [{ name: undefined, span: statement.span }]) {
    const container = name === undefined ? undefined : low.containers.get(name);
    if (container === undefined) return undefined;
    if (block !== undefined && name !== block) {
      low.diagnostics.error("publish-elsewhere", span, `this publishes '${name}' from the block of '${block}'`, {
        why: "Inside a container's block the target of a publish is that container.",
        help: `leave the target out, or move the statement into the block of '${name}'`,
      });
      return undefined;
    }
    if (container.endpoints.length === 0) {
      low.diagnostics.error("publish-without-network", span, `'${name}' has no network of its own to publish`, {
        why: "What uses the host's stack, another container's or none can't publish ports.",
        help:
          container.sandbox.kind === "container"
            ? `publish from '${container.sandbox.other}', whose sandbox it shares`
            : "give it a network, or take the publish away",
      });
      return undefined;
    }
    if (container.endpoints.every((endpoint) => low.networks.get(endpoint.network)?.internal)) {
      low.diagnostics.error("internal-reach", span, `'${name}' is on internal networks only, so it can't publish`, {
        why: "Nothing outside reaches a container of an internal network.",
        help: `put '${name}' on another network too, or take 'internal' away`,
      });
      return undefined;
    }
    if (!out.includes(container)) out.push(container);
  }
  return out;
}

/** The containers that a list names, lets followed; undefined (and reported) when something else is named. */
export function containersNamed(low: Lowering, list: List): { name: string; span: Span }[] | undefined {
  const out: { name: string; span: Span }[] = [];
  for (const item of list.items) {
    const found = item.kind === "name" ? containersOf(low, item.name) : undefined;
    if (found === undefined) {
      if (item.kind !== "name")
        low.diagnostics.error("not-a-container", item.span, "only a container can stand here", {
          why: "A publish or share leads into sandboxes, and an address or a port has none.",
          help: "name a container of this policy",
        });
      return undefined;
    }
    out.push(...found.map((name) => ({ name, span: item.span })));
  }
  return out;
}

function containersOf(low: Lowering, name: Name): string[] | undefined {
  const declared = ["host", "world", "any"].includes(name.text) ? "builtin" : low.scope.lookUp(name, "container");
  if (declared === undefined) return undefined;
  if (declared !== "builtin" && declared.kind === "container") return [declared.name];
  if (declared !== "builtin" && declared.kind === "let") {
    const value = letValue(low, declared.name, name.span);
    if (value === undefined) return undefined;
    const plain =
      value.kind === "peers" && value.peers.containers.length > 0 && !value.peers.host && !value.peers.world;
    if (plain) return [...value.peers.containers];
  }
  low.diagnostics.error("not-a-container", name.span, `'${name.text}' is not a container`, {
    why: "A publish or share leads into sandboxes: containers have them, and lets can name several.",
    help: "name a container of this policy, or a let of containers",
  });
  return undefined;
}

const serversOf = new WeakMap<Lowering, ReadonlySet<string>>();

/** The containers that some allow or link names as its destination. */
function serversAmong(low: Lowering, statements: () => readonly Statement[]): ReadonlySet<string> {
  const known = serversOf.get(low);
  if (known !== undefined) return known;
  const servers = new Set<string>();
  const add = (list: List): void => {
    for (const item of list.items) {
      if (item.kind !== "name") continue;
      const declared = low.scope.names.get(item.name.text);
      if (declared?.kind === "container") servers.add(declared.name);
      if (declared?.kind === "let") {
        const value = letValue(low, declared.name, item.span);
        if (value?.kind === "peers") for (const name of value.peers.containers) servers.add(name);
      }
    }
  };
  for (const statement of statements()) {
    if (statement.kind === "rule" && (statement as RuleStatement).verb === "allow") add(statement.to.include);
    if (statement.kind === "link") servers.add((statement as LinkStatement).target.text);
    if (statement.kind === "container")
      for (const property of statement.properties) if (property.kind === "link") servers.add(property.target.text);
  }
  serversOf.set(low, servers);
  return servers;
}

/** The one container that is a server. */
function onlyServer(low: Lowering, span: Span, statements: () => readonly Statement[]): string | undefined {
  const servers = serversAmong(low, statements);
  const [only, another] = [...servers];
  if (only === undefined ? low.incomplete : another === undefined) return only;
  const help =
    only === undefined
      ? "say which container: publish 49153 -> NAME:8080"
      : `say which of ${[...servers].map((name) => `'${name}'`).join(", ")}: publish 49153 -> ${only}:8080`;
  low.diagnostics.error(
    "publish-without-target",
    span,
    only === undefined ? "no container is a server here" : "several containers are servers here",
    {
      why: "Without a target, a publish means the one container that some allow or link names as its destination.",
      help,
    },
  );
  return undefined;
}

export function targetAddresses(low: Lowering, container: Container): PublishTarget {
  const addresses: Address[] = [];
  for (const family of [4, 6] as const)
    for (const endpoint of container.endpoints) {
      if (low.networks.get(endpoint.network)?.internal) continue;
      const address = addressOf(endpoint, family);
      if (address !== undefined && !addresses.some((other) => other.family === family)) addresses.push(address);
    }
  return { container: container.name, addresses };
}
