/**
 * The canonical text of a policy.
 *
 * Formatting never changes a meaning, keeps comments and the order of everything, and is a fixed point: formatted text
 * formats to itself. What comments and blank lines become is in layout.ts.
 */
import type {
  ContainerProperty,
  ContainerStatement,
  Item,
  List,
  Log,
  Name,
  NetworkProperty,
  NetworkStatement,
  Peers,
  PublishStatement,
  Statement,
} from "./nodes.js";
import { Layout } from "./layout.js";
import { PlainPublish } from "./plain-publish.js";
import { PlainRule } from "./plain-rule.js";
import type { Tree } from "./tree.js";

/** The canonical text of a whole file. The tree must be of a text without syntax errors, or what is broken is lost. */
export function format(tree: Tree): string {
  const layout = new Layout(tree);
  layout.lines(tree.statements, (statement) => {
    if (statement.kind === "network" || statement.kind === "container") block(layout, statement);
    else layout.line(formatStatement(statement), statement.span);
  });
  return layout.end();
}

function block(layout: Layout, statement: NetworkStatement | ContainerStatement): void {
  layout.open(`${formatStatement(statement)} {`, statement.span);
  layout.lines<NetworkProperty | ContainerProperty>(statement.properties, (property) => {
    layout.line(formatProperty(property), property.span);
  });
  layout.close(statement.span);
}

/** The canonical text of a statement on one line; of a network or container without its block. */
export function formatStatement(statement: Statement): string {
  switch (statement.kind) {
    case "policy":
    case "network":
    case "container":
      return `${statement.kind} ${name(statement.name)}`;
    case "include":
      return `include ${quote(statement.path)}`;
    case "let":
      return `let ${name(statement.name)} = ${list(statement.value)}`;
    case "rule":
      if (statement instanceof PlainRule) return statement.text;
      return `${statement.verb} ${flow(statement)}${statement.log === undefined ? "" : ` ${log(statement.log)}`}`;
    case "assert":
      return `assert ${statement.verb} ${flow(statement)}`;
    case "share":
      return `share ${quote(statement.path)} ${list(statement.containers)}`;
    case "icc":
    case "publish":
    case "link":
      return formatProperty(statement);
  }
}

/**
 * What a statement says, its block included, on one line: equal for two that mean the same by the same words, in whatever
 * order the properties of a block stand. The first of several networks is the default route's, so theirs stays.
 */
export function formatWhole(statement: Statement): string {
  const head = formatStatement(statement);
  if (statement.kind !== "network" && statement.kind !== "container") return head;
  const networks: string[] = [];
  const others: string[] = [];
  for (const property of statement.properties)
    (property.kind === "endpoint" ? networks : others).push(formatProperty(property));
  const all = [...networks, ...others.sort()];
  return all.length === 0 ? `${head} { }` : `${head} { ${all.join("; ")} }`;
}

/** The canonical text of a property of a network's or container's block. */
export function formatProperty(property: NetworkProperty | ContainerProperty): string {
  switch (property.kind) {
    case "driver":
      return `driver ${name(property.driver)}${property.parent === undefined ? "" : ` ${name(property.parent)}`}`;
    case "subnet":
      return `subnet ${property.address}/${property.length}`;
    case "gateway":
      return `gateway ${property.address.text}`;
    case "icc":
    case "masquerade":
      return `${property.kind} ${property.on ? "on" : "off"}`;
    case "internal":
      return "internal";
    case "mtu":
    case "pid":
      return `${property.kind} ${property.value.value}`;
    case "bridge":
      return `bridge ${name(property.name)}`;
    case "endpoint": {
      const ips = property.ips.map((ip) => ` ip ${ip.text}`);
      const macs = property.macs.map((mac) => ` mac ${mac.text}`);
      return `network ${name(property.network)}${ips.join("")}${macs.join("")}`;
    }
    case "expose":
      return `expose ${list(property.ports)}`;
    case "env":
      return `env ${name(property.key)}=${envValue(property.value)}`;
    case "mode":
      return `mode ${property.mode.text}${property.other === undefined ? "" : `:${name(property.other)}`}`;
    case "netns":
      return `netns ${quote(property.path)}`;
    case "publish":
      return property instanceof PlainPublish ? property.text : publish(property);
    case "link": {
      const from = property.from === undefined ? "" : `${name(property.from)} -> `;
      return `link ${from}${name(property.target)}${property.alias === undefined ? "" : ` as ${name(property.alias)}`}`;
    }
  }
}

/** Peers as a policy writes them, such as `any except {a, b}`. */
export function formatPeers(peers: Peers): string {
  return peers.except === undefined ? list(peers.include) : `${list(peers.include)} except ${list(peers.except)}`;
}

const BARE = /^[A-Za-z_](?:[\w.-]*\w)?$/;
const BARE_VALUE = /^(?:[^ \t\r\n,;#{}"][^ \t\r\n,;#{}]*)?$/;

/** A name, quoted only when it must be. */
export function formatName(text: string): string {
  return BARE.test(text) ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function name(node: Name): string {
  return formatName(node.text);
}

function quote(node: Name): string {
  return `"${node.text.replace(/[\\"]/g, "\\$&")}"`;
}

function envValue(node: Name): string {
  return BARE_VALUE.test(node.text) ? node.text : quote(node);
}

function flow(rule: { readonly from: Peers; readonly to: Peers; readonly ports: List | undefined }): string {
  const from = formatPeers(rule.from);
  if (rule.ports === undefined) return `${from} -> ${formatPeers(rule.to)}`;
  const { include, except } = rule.to;
  const to = except === undefined ? beforePorts(include) : `${list(include)} except ${beforePorts(except)}`;
  return `${from} -> ${to}:${list(rule.ports)}`;
}

/** A list that a ':' follows: the colons of IPv6 must be kept apart from it. */
function beforePorts(peers: List): string {
  const [first] = peers.items;
  if (!peers.braced && first?.kind === "address" && first.text.includes(":")) return `[${first.text}]`;
  if (!peers.braced && first?.kind === "range" && first.to.includes(":")) return `{${item(first)}}`;
  return list(peers);
}

function list(node: List): string {
  const items = node.items.map((each) => item(each)).join(", ");
  return node.braced ? `{${items}}` : items;
}

function item(node: Item, keepTcp = false): string {
  switch (node.kind) {
    case "name":
      return name(node.name);
    case "address":
      return node.bracketed ? `[${node.text}]` : node.text;
    case "cidr":
      return `${node.address}/${node.length}`;
    case "range":
      return `${node.from}-${node.to}`;
    case "port": {
      const port = node.from === node.to ? String(node.from) : `${node.from}-${node.to}`;
      const protocol = node.protocol?.text;
      return protocol === undefined || (protocol === "tcp" && !keepTcp) ? port : `${port}/${protocol}`;
    }
  }
}

function log(node: Log): string {
  const prefix = node.prefix === undefined ? "" : ` ${quote(node.prefix)}`;
  const limit = node.limit === undefined ? "" : ` limit ${node.limit.count}/${node.limit.per}`;
  return `log${prefix}${limit}`;
}

function publish(node: PublishStatement): string {
  const { host, target, port, from } = node;
  let text = "publish";
  if (host === undefined) {
    text += " all";
  } else {
    const { address } = host;
    if (address !== undefined) text += ` ${address.text.includes(":") ? `[${address.text}]` : address.text}:`;
    else text += " ";
    // `all` would mean every port; and `/tcp` says something when the other side may say another protocol.
    if (host.port.kind === "name" && host.port.name.text === "all" && address === undefined) text += '"all"';
    else text += item(host.port, port !== undefined && !saysTcp(port));
  }
  const inside = port === undefined ? "" : item(port, host !== undefined && !saysTcp(host.port));
  if (target !== undefined) text += ` -> ${list(target)}${port === undefined ? "" : `:${inside}`}`;
  else if (port !== undefined) text += ` -> ${inside}`;
  return from === undefined ? text : `${text} from ${formatPeers(from)}`;
}

function saysTcp(port: Item): boolean {
  return port.kind === "port" && (port.protocol === undefined || port.protocol.text === "tcp");
}
