/**
 * Lowering: trees to IR. Names are declared first, then networks, containers and their addresses, then everything that
 * speaks of them, so that the order of statements means nothing.
 */
import type { ContainerStatement, Item, PolicyStatement, Statement } from "../ast/nodes.js";
import { FIELDS, KIND, NAMED_DESTINATION, NAMED_SOURCE, type PlainRules } from "../ast/plain-rules.js";
import { DESTINATION, SOURCE } from "../ast/plain-rules.js";
import type { Tree } from "../ast/tree.js";
import type { Diagnostics } from "../text/diagnostic.js";
import { SourceFile } from "../text/source.js";
import { lowerContainers, needsDefault } from "./containers.js";
import { type LinkSource, lowerLinks } from "./links.js";
import type { Lowering } from "./lowering.js";
import { lowerNetworks } from "./networks.js";
import { Origins } from "./origins.js";
import { ownAddresses } from "./own.js";
import { type Assertion, isInternal, type Policy, type Rule, type Share } from "./policy.js";
import type { PublishSource } from "./publish-targets.js";
import { lowerPublishes } from "./publishes.js";
import { PlainLowering } from "./plain.js";
import { Reach } from "./reach.js";
import { RuleList, type RuleRun } from "./rule-list.js";
import { lowerAssertion, lowerRule } from "./rules.js";
import { PROTOCOLS } from "../net/ports.js";
import { checkName, Scope } from "./scope.js";
import { checkShares, lowerShare } from "./shares.js";
import { letValue, type Value } from "./values.js";

/**
 * Lowers the trees of one policy, includes already replaced by their statements.
 *
 * Always returns a policy; it is meaningful only when `diagnostics` has no error afterwards.
 */
export function lower(trees: readonly Tree[], diagnostics: Diagnostics): Policy {
  const statements = trees.flatMap((tree) => tree.others);
  const name = policyName(statements, diagnostics);
  const scope = new Scope(statements, diagnostics);
  const low: Lowering = {
    name,
    diagnostics,
    scope,
    origins: new Origins(),
    incomplete: diagnostics.hasErrors,
    anywhere: { file: trees[0]?.file ?? new SourceFile("-", ""), start: 0, end: 0 },
    containers: new Map(),
    networks: new Map(),
    confined: new Set(),
    peers: new Map(),
    lets: new Map(),
  };
  if (scope.implicit) mention(scope, trees);
  const networks = lowerNetworks(low, statements, needsDefault(low));
  for (const network of networks) low.networks.set(network.name, network);
  for (const container of lowerContainers(low, networks)) low.containers.set(container.name, container);
  const containers = [...low.containers.values()];
  if (networks.some((network) => network.internal))
    for (const container of containers) if (isInternal({ networks }, container)) low.confined.add(container.name);
  const reach = new Reach(ownAddresses(containers));
  const assertions: Assertion[] = [];
  const shares: Share[] = [];
  const publishes: PublishSource[] = [];
  const links: LinkSource[] = [];
  for (const statement of statements) {
    if (statement.kind === "assert") push(assertions, lowerAssertion(low, statement, reach));
    else if (statement.kind === "share") push(shares, lowerShare(low, statement));
    else if (statement.kind === "publish") publishes.push({ statement, block: undefined });
    else if (statement.kind === "link") links.push({ statement, block: undefined });
    else if (statement.kind === "container" && scope.names.get(statement.name.text)?.statement === statement)
      collectBlock(statement, publishes, links);
    else if (statement.kind === "let") letValue(low, statement.name.text, statement.span);
  }
  checkShares(low, shares);
  const lowered = lowerLinks(low, links);
  const published = lowerPublishes(low, publishes, () => trees.flatMap((tree) => tree.statements));
  const parts: (Rule | RuleRun)[] = [];
  for (const tree of trees) {
    const plain = new PlainLowering(low, tree.plain, reach);
    tree.walk(
      (statement) => {
        if (statement.kind === "rule") push(parts, lowerRule(low, statement, reach, published));
      },
      (first, end) => plain.lower(first, end, published, parts),
    );
  }
  const ruleList = new RuleList([...parts, ...lowered.rules], low.origins);
  const policy: Policy = {
    name,
    networks,
    containers,
    ruleList,
    get rules() {
      return ruleList.rules;
    },
    publishes: published,
    links: lowered.links,
    shares,
    assertions,
    lets: new Map([...low.lets].filter((entry): entry is [string, Value] => typeof entry[1] === "object")),
    get origins() {
      return low.origins.list;
    },
  };
  if (!low.incomplete) reportUnused(low, statements);
  return policy;
}

function push<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item);
}

function policyName(statements: readonly Statement[], diagnostics: Diagnostics): string {
  const named = statements.filter((s): s is PolicyStatement => s.kind === "policy");
  const [first, second] = named;
  if (first !== undefined && second !== undefined)
    diagnostics.error("duplicate-policy", second.span, "the policy is named twice", {
      why: "All files of one run are one policy, and it owns its kernel objects by its name.",
      help: "keep one of the names",
      related: [{ span: first.span, message: "named here" }],
    });
  if (first !== undefined) checkName(first.name, diagnostics);
  return first?.name.text ?? "tsnet";
}

/** Where nothing is declared, every name that can be a container is one, in the order of first mention. */
function mention(scope: Scope, trees: readonly Tree[]): void {
  const peers = (list: { items: readonly { kind: string; name?: { text: string } }[] } | undefined): void => {
    for (const item of list?.items ?? [])
      if (item.kind === "name" && item.name !== undefined) scope.lookUp(item.name as never, "container", true);
  };
  let lets: ReadonlySet<string> | undefined;
  const other = (statement: Statement): void => {
    if (statement.kind === "rule" || statement.kind === "assert") {
      for (const side of [statement.from, statement.to]) {
        peers(side.include);
        peers(side.except);
      }
    } else if (statement.kind === "publish") {
      peers(statement.target);
      peers(statement.from?.include);
      peers(statement.from?.except);
    } else if (statement.kind === "link") {
      if (statement.from) scope.lookUp(statement.from, "container", true);
      scope.lookUp(statement.target, "container", true);
    } else if (statement.kind === "share") peers(statement.containers);
    else if (statement.kind === "let") {
      lets ??= letsOfPorts(scope);
      const known = lets;
      if (!statement.value.items.some((item) => isOfPorts(item, known))) peers(statement.value);
    }
  };
  for (const tree of trees) {
    const { plain } = tree;
    const seen = new Set<number>();
    tree.walk(other, (first, end) => {
      for (let row = first; row < end; row++)
        for (const side of ["from", "to"] as const) {
          const name = nameIn(plain, row, side);
          if (name === undefined || seen.has(name)) continue;
          seen.add(name);
          peers(plain.at(row)[side].include);
        }
    });
  }
}

/** The number of the name that stands at a side of a plain rule; undefined for an address. */
function nameIn({ rows }: PlainRules, row: number, side: "from" | "to"): number | undefined {
  const at = row * FIELDS;
  const named = side === "from" ? NAMED_SOURCE : NAMED_DESTINATION;
  if (((rows[at + KIND] as number) & named) === 0) return undefined;
  return rows[at + (side === "from" ? SOURCE : DESTINATION)];
}

/** Whether an item is a port, a protocol or one of these lets of them. */
function isOfPorts(item: Item, lets: ReadonlySet<string>): boolean {
  if (item.kind !== "name") return item.kind === "port";
  return PROTOCOLS.has(item.name.text) || lets.has(item.name.text);
}

/** Lets with a port, a protocol or a let of them among their items: what they name must not declare containers. */
function letsOfPorts(scope: Scope): ReadonlySet<string> {
  const found = new Set<string>();
  const users = new Map<string, string[]>();
  for (const declared of scope.names.values()) {
    if (declared.kind !== "let") continue;
    for (const item of declared.statement.value.items)
      if (isOfPorts(item, found)) found.add(declared.name);
      else if (item.kind === "name") {
        const list = users.get(item.name.text);
        if (list === undefined) users.set(item.name.text, [declared.name]);
        else list.push(declared.name);
      }
  }
  // What is added is walked too.
  for (const name of found) for (const user of users.get(name) ?? []) found.add(user);
  return found;
}

function collectBlock(statement: ContainerStatement, publishes: PublishSource[], links: LinkSource[]): void {
  for (const property of statement.properties) {
    if (property.kind === "publish") publishes.push({ statement: property, block: statement.name.text });
    if (property.kind === "link") links.push({ statement: property, block: statement.name.text });
  }
}

function reportUnused(low: Lowering, statements: readonly Statement[]): void {
  for (const statement of statements) {
    if (statement.kind !== "let" && statement.kind !== "network") continue;
    if (low.scope.used.has(statement.name.text)) continue;
    // A name that couldn't be declared was reported already.
    if (low.scope.names.get(statement.name.text)?.statement !== statement) continue;
    if (statement.name.text === "default" && low.scope.containers().length > 0) continue;
    const { text, span } = statement.name;
    if (statement.kind === "let")
      low.diagnostics.warning("unused-let", span, `nothing uses the let '${text}'`, {
        why: "A let only names a value; without a statement that uses the name it says nothing.",
        help: "use it in a rule, or delete it",
      });
    else
      low.diagnostics.warning("unused-network", span, `nothing uses the network '${text}'`, {
        why: "A network without a container carries nothing, and no rule names it.",
        help: `connect a container: network ${text}`,
      });
  }
}
