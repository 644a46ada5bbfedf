/**
 * The abstract syntax tree: what the text says, before any name is looked up.
 *
 * Every node has the span of its text. The parser builds nodes only from well-formed statements; a statement with a
 * syntax error is left out of the tree and stands in the diagnostics instead.
 */
import type { Span } from "../text/source.js";

/** A bare or quoted word. `text` is unescaped. */
export interface Name {
  readonly text: string;
  readonly quoted: boolean;
  readonly span: Span;
}

/** A literal as written (already known to be lexically an address, prefix or MAC); lowering checks its value. */
export interface Literal {
  readonly text: string;
  readonly span: Span;
}

export interface NumberLiteral {
  readonly value: number;
  readonly span: Span;
}

// Values: peers and ports --------------------------------------------------------------------------------------------

/** An item of a value list. Which of the kinds are allowed depends on where the list stands. */
export type Item =
  | { readonly kind: "name"; readonly name: Name; readonly span: Span }
  /** A single address, `bracketed` when written `[fd00::5]`. */
  | { readonly kind: "address"; readonly text: string; readonly bracketed: boolean; readonly span: Span }
  /** `10.0.0.0/8` */
  | { readonly kind: "cidr"; readonly address: string; readonly length: number; readonly span: Span }
  /** `10.0.0.1-10.0.0.9` */
  | { readonly kind: "range"; readonly from: string; readonly to: string; readonly span: Span }
  /** `22`, `22/tcp`, `8000-8010/udp`; `protocol` as written, undefined when left out. */
  | {
      readonly kind: "port";
      readonly from: number;
      readonly to: number;
      readonly protocol: Name | undefined;
      readonly span: Span;
    };

export interface List {
  readonly items: readonly Item[];
  readonly braced: boolean;
  readonly span: Span;
}

/** One side of a rule: peers, and what `except` takes away from them. */
export interface Peers {
  readonly include: List;
  readonly except: List | undefined;
  readonly span: Span;
}

export interface Limit {
  readonly count: number;
  readonly per: "second" | "minute" | "hour" | "day";
  readonly span: Span;
}

export interface Log {
  readonly prefix: Name | undefined;
  readonly limit: Limit | undefined;
  readonly span: Span;
}

// Statements ---------------------------------------------------------------------------------------------------------

export interface PolicyStatement {
  readonly kind: "policy";
  readonly name: Name;
  readonly span: Span;
}

export interface IncludeStatement {
  readonly kind: "include";
  readonly path: Name;
  readonly span: Span;
}

export interface LetStatement {
  readonly kind: "let";
  readonly name: Name;
  readonly value: List;
  readonly span: Span;
}

export interface IccStatement {
  readonly kind: "icc";
  readonly on: boolean;
  readonly span: Span;
}

export type Verb = "allow" | "deny" | "reject";

export interface RuleStatement {
  readonly kind: "rule";
  readonly verb: Verb;
  readonly from: Peers;
  readonly to: Peers;
  /** Undefined: every protocol. */
  readonly ports: List | undefined;
  readonly log: Log | undefined;
  readonly span: Span;
}

export interface AssertStatement {
  readonly kind: "assert";
  readonly verb: "allow" | "deny";
  readonly from: Peers;
  readonly to: Peers;
  readonly ports: List | undefined;
  readonly span: Span;
}

/**
 * `publish [ADDRESS:]PORTS -> TARGET[:PORTS] [from PEERS]`, or `publish all -> TARGET`.
 *
 * `target` is undefined when left out (the only server, or the container in whose block it stands); `port` is the
 * container side, undefined when it equals the host side. Ranges are `from`–`to`, inclusive.
 */
export interface PublishStatement {
  readonly kind: "publish";
  /** Undefined for `publish all`. */
  readonly host: PublishHost | undefined;
  readonly target: List | undefined;
  readonly port: Item | undefined;
  readonly from: Peers | undefined;
  readonly span: Span;
}

export interface PublishHost {
  readonly address: { readonly text: string; readonly span: Span } | undefined;
  /** A `port` item, or a `name` item that is a let of one port or range. */
  readonly port: Item;
  readonly span: Span;
}

/** `from` is undefined inside a container's block. */
export interface LinkStatement {
  readonly kind: "link";
  readonly from: Name | undefined;
  readonly target: Name;
  readonly alias: Name | undefined;
  readonly span: Span;
}

export interface ShareStatement {
  readonly kind: "share";
  readonly path: Name;
  readonly containers: List;
  readonly span: Span;
}

export type NetworkProperty =
  | { readonly kind: "driver"; readonly driver: Name; readonly parent: Name | undefined; readonly span: Span }
  | { readonly kind: "subnet"; readonly address: string; readonly length: number; readonly span: Span }
  | { readonly kind: "gateway"; readonly address: Literal; readonly span: Span }
  | IccStatement
  | { readonly kind: "internal"; readonly span: Span }
  | { readonly kind: "masquerade"; readonly on: boolean; readonly span: Span }
  | { readonly kind: "mtu"; readonly value: NumberLiteral; readonly span: Span }
  | { readonly kind: "bridge"; readonly name: Name; readonly span: Span };

export interface NetworkStatement {
  readonly kind: "network";
  readonly name: Name;
  readonly properties: readonly NetworkProperty[];
  readonly span: Span;
}

export type ContainerProperty =
  /** `network front ip 172.17.0.5 ip fd17::5 mac 02:42:ac:11:00:05` */
  | {
      readonly kind: "endpoint";
      readonly network: Name;
      readonly ips: readonly Literal[];
      readonly macs: readonly Literal[];
      readonly span: Span;
    }
  | { readonly kind: "expose"; readonly ports: List; readonly span: Span }
  | { readonly kind: "env"; readonly key: Name; readonly value: Name; readonly span: Span }
  /** `mode host`, `mode none`, `mode container:OTHER` (then `other` is set). */
  | { readonly kind: "mode"; readonly mode: Name; readonly other: Name | undefined; readonly span: Span }
  | { readonly kind: "netns"; readonly path: Name; readonly span: Span }
  | { readonly kind: "pid"; readonly value: NumberLiteral; readonly span: Span }
  | PublishStatement
  | LinkStatement;

export interface ContainerStatement {
  readonly kind: "container";
  readonly name: Name;
  readonly properties: readonly ContainerProperty[];
  readonly span: Span;
}

export type Statement =
  | PolicyStatement
  | IncludeStatement
  | LetStatement
  | NetworkStatement
  | ContainerStatement
  | IccStatement
  | RuleStatement
  | PublishStatement
  | LinkStatement
  | ShareStatement
  | AssertStatement;

/** A comment, `#` included, without the line end; the formatter keeps them. */
export interface Comment {
  readonly text: string;
  readonly span: Span;
}
