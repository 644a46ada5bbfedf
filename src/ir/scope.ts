/**
 * Names in scope while lowering: containers, networks and lets share one space of names.
 *
 * A policy that declares no container may use names freely; then looking a name up declares it.
 */
import type { ContainerStatement, LetStatement, Name, NetworkStatement, Statement } from "../ast/nodes.js";
import { PROTOCOLS } from "../net/ports.js";
import type { Diagnostics } from "../text/diagnostic.js";
import type { Span } from "../text/source.js";
import { suggest } from "../text/suggest.js";

export type Declared =
  | { readonly kind: "container"; readonly name: string; readonly statement: ContainerStatement | undefined }
  | { readonly kind: "network"; readonly name: string; readonly statement: NetworkStatement | undefined }
  | { readonly kind: "let"; readonly name: string; readonly statement: LetStatement };

export const BUILT_IN = ["host", "world", "any"] as const;

const RESERVED = new Set<string>([...BUILT_IN, ...PROTOCOLS.keys()]);

/** V8 takes milliseconds to compile a class of Unicode's: names that need it are rare. */
const PLAIN = /^[ -~]+$/;

/** A name must be seen for what it is: not empty, and without characters that no terminal shows. */
export function checkName(name: Name, diagnostics: Diagnostics): boolean {
  if (PLAIN.test(name.text) || (name.text !== "" && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(name.text))) return true;
  const message = name.text === "" ? "a name can't be empty" : "this name has characters that can't be seen";
  diagnostics.error("bad-name", name.span, message, {
    why: "Names are shown in listings, in the comments of the kernel's objects and in hosts files.",
    help: "use visible characters",
  });
  return false;
}

/** Whether a container, network or let may have this name. */
export function checkDeclared(name: Name, kind: Declared["kind"], diagnostics: Diagnostics): boolean {
  if (!checkName(name, diagnostics)) return false;
  if (RESERVED.has(name.text)) {
    diagnostics.error("reserved-name", name.span, `'${name.text}' can't be declared: the language uses it`, {
      why: "host, world and any are peers of every policy; tcp, udp, sctp and icmp are protocols.",
      help: `choose another name, such as '${name.text}1'`,
    });
    return false;
  }
  if (name.text === "default" && kind !== "network") {
    diagnostics.error("reserved-name", name.span, `'default' is the name of the default network`, {
      why: "The network 'default' exists in every policy; containers, networks and lets share one space of names.",
      help: "choose another name",
    });
    return false;
  }
  return true;
}

export class Scope {
  readonly names = new Map<string, Declared>();
  /** Names that some statement mentions: what is never mentioned is reported as unused. */
  readonly used = new Set<string>();
  readonly implicit: boolean;
  /** Names that can't be, reported once. */
  private readonly bad = new Set<string>();
  private readonly diagnostics: Diagnostics;

  /** `closed`: names are those given, and none is declared by being mentioned. */
  constructor(statements: readonly Statement[], diagnostics: Diagnostics, closed = false) {
    this.diagnostics = diagnostics;
    this.implicit = !closed && !statements.some((statement) => statement.kind === "container");
    for (const statement of statements) {
      if (statement.kind === "container" || statement.kind === "network" || statement.kind === "let")
        this.declare(statement);
    }
    if (!this.names.has("default"))
      this.names.set("default", { kind: "network", name: "default", statement: undefined });
  }

  private declare(statement: ContainerStatement | NetworkStatement | LetStatement): void {
    const { name, kind } = statement;
    if (!checkDeclared(name, kind, this.diagnostics)) return;
    const first = this.names.get(name.text);
    if (first !== undefined) {
      this.diagnostics.error("duplicate-name", name.span, `'${name.text}' is declared twice`, {
        why: "Containers, networks and lets share one space of names, so that a rule can mean only one of them.",
        help: "give one of them another name",
        related: first.statement ? [{ span: first.statement.name.span, message: `first declared here` }] : [],
      });
      return;
    }
    this.names.set(name.text, { kind, name: name.text, statement } as Declared);
  }

  /** What a name stands for; undefined (with a diagnostic) when it stands for nothing. */
  lookUp(name: Name, wanted: string, silent = false): Declared | undefined {
    this.used.add(name.text);
    const found = this.names.get(name.text);
    if (found !== undefined) return found;
    if (this.implicit && !RESERVED.has(name.text)) {
      if (this.bad.has(name.text) || !checkName(name, this.diagnostics)) {
        this.bad.add(name.text);
        return undefined;
      }
      const declared: Declared = { kind: "container", name: name.text, statement: undefined };
      this.names.set(name.text, declared);
      return declared;
    }
    if (!silent) this.unknown(name.text, name.span, wanted);
    return undefined;
  }

  /** Reports a name that nothing declares. */
  unknown(text: string, span: Span, wanted: string): void {
    const isNarrow = wanted === "container" || wanted === "network";
    const near = suggest(text, [...this.names.keys(), ...(isNarrow ? [] : BUILT_IN)]);
    const declare = `declare it: ${wanted === "network" ? "network" : "container"} ${text} { }`;
    this.diagnostics.error("unknown-name", span, `no ${wanted} is called '${text}'`, {
      why: RESERVED.has(text)
        ? `The language uses '${text}', so none can have this name.`
        : wanted === "network"
          ? "Of all networks only 'default' is there without being declared."
          : "Once one container is declared, every name must be.",
      help: RESERVED.has(text)
        ? `name a ${wanted} of this policy`
        : near === undefined
          ? declare
          : `did you mean '${near}'?`,
    });
  }

  /** Names of containers in the order of declaration or, where nothing is declared, of first mention. */
  containers(): Declared[] {
    return [...this.names.values()].filter((declared) => declared.kind === "container");
  }
}
