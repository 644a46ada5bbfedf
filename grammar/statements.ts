/** The grammar of statements. */
import type { Token } from "./token.js";
import type {
  AssertStatement,
  ContainerProperty,
  ContainerStatement,
  IncludeStatement,
  LetStatement,
  List,
  NetworkProperty,
  NetworkStatement,
  Peers,
  PolicyStatement,
  RuleStatement,
  ShareStatement,
  Statement,
  Verb,
} from "../src/ast/nodes.js";
import { requireBrackets, warnOfLet, warnOfPorts } from "./checks.js";
import { is } from "./place.js";
import { PropertyGrammar } from "./properties.js";
import * as T from "./tokens.js";
import { ANY, NAMES, RECORDED } from "./values.js";

const AT_TOP = { ARGS: [false] as [boolean] };

export abstract class StatementGrammar extends PropertyGrammar {
  /** What `repeat` does outside the recording: the same, with recovery after each property. */
  protected abstract block<P>(open: Token, property: () => P): P[];

  /** Whether no block follows where one should, which is reported. */
  protected abstract lacksBlock(): boolean;

  /** What `policy` does outside the recording. */
  protected abstract everyStatement(statement: () => Statement): void;

  protected readonly statement = this.RULE("statement", (): Statement =>
    this.OR<Statement>([
      { ALT: () => this.SUBRULE(this.policy) },
      { ALT: () => this.SUBRULE(this.include) },
      { ALT: () => this.SUBRULE(this.let) },
      { ALT: () => this.SUBRULE(this.network) },
      { ALT: () => this.SUBRULE(this.container) },
      { ALT: () => this.SUBRULE(this.icc) },
      { ALT: () => this.SUBRULE(this.rule) },
      { ALT: () => this.SUBRULE(this.publish) },
      { ALT: () => this.SUBRULE(this.link, AT_TOP) },
      { ALT: () => this.SUBRULE(this.share) },
      { ALT: () => this.SUBRULE(this.assertion) },
    ]),
  );

  private readonly policy = this.RULE("policy", (): PolicyStatement => {
    const first = this.CONSUME(T.Policy);
    const name = this.nameNode(this.CONSUME(T.AnyName));
    return { kind: "policy", name, span: this.since(first) };
  });

  private readonly include = this.RULE("include", (): IncludeStatement => {
    const first = this.CONSUME(T.Include);
    const path = this.nameNode(this.CONSUME(T.Quoted));
    return { kind: "include", path, span: this.since(first) };
  });

  private readonly let = this.RULE("let", (): LetStatement => {
    const first = this.CONSUME(T.Let);
    const name = this.nameNode(this.CONSUME(T.AnyName));
    this.CONSUME(T.Equals);
    const value = this.SUBRULE(this.list, ANY);
    if (!this.RECORDING_PHASE && !is(this.LA(1), T.Slash, T.Unknown)) warnOfLet(name, value, this.diagnostics);
    return { kind: "let", name, value, span: this.since(first) };
  });

  private readonly rule = this.RULE("rule", (): RuleStatement => {
    const first = this.LA(1);
    this.OR([
      { ALT: () => this.CONSUME(T.Allow) },
      { ALT: () => this.CONSUME(T.Deny) },
      { ALT: () => this.CONSUME(T.Reject) },
    ]);
    const from = this.SUBRULE(this.peers);
    this.CONSUME(T.Arrow);
    const to = this.SUBRULE2(this.peers);
    const ports = this.OPTION(() => this.portsOf(to));
    if (ports === undefined && !this.RECORDING_PHASE) this.warnAt(to);
    const log = this.OPTION2(() => this.SUBRULE(this.log));
    return { kind: "rule", verb: first.image as Verb, from, to, ports, log, span: this.since(first) };
  });

  private readonly assertion = this.RULE("assertion", (): AssertStatement => {
    const first = this.CONSUME(T.Assert);
    const verb = this.OR([{ ALT: () => this.CONSUME(T.Allow) }, { ALT: () => this.CONSUME(T.Deny) }]);
    const from = this.SUBRULE(this.peers);
    this.CONSUME(T.Arrow);
    const to = this.SUBRULE2(this.peers);
    const ports = this.OPTION(() => this.portsOf(to));
    if (ports === undefined && !this.RECORDING_PHASE) this.warnAt(to);
    return { kind: "assert", verb: verb.image as "allow" | "deny", from, to, ports, span: this.since(first) };
  });

  private warnAt(to: Peers): void {
    // Else more of it was meant as a port: `fd00::5:22/tcp`, `fd00::5:22-23`.
    if (!is(this.LA(1), T.Slash, T.Unknown)) warnOfPorts(to, this.diagnostics);
  }

  private portsOf(to: Peers): List {
    if (!this.RECORDING_PHASE) requireBrackets(to);
    return this.SUBRULE(this.ports);
  }

  private readonly share = this.RULE("share", (): ShareStatement => {
    const first = this.CONSUME(T.Share);
    const path = this.nameNode(this.CONSUME(T.Quoted));
    const containers = this.SUBRULE(this.list, NAMES);
    return { kind: "share", path, containers, span: this.since(first) };
  });

  private readonly network = this.RULE("network", (): NetworkStatement => {
    const first = this.CONSUME(T.Network);
    const name = this.nameNode(this.CONSUME(T.AnyName));
    const properties = this.repeat<NetworkProperty>(() => this.SUBRULE(this.networkProperty));
    return { kind: "network", name, properties, span: this.since(first) };
  });

  private readonly container = this.RULE("container", (): ContainerStatement => {
    const first = this.CONSUME(T.Container);
    const name = this.nameNode(this.CONSUME(T.AnyName));
    const properties = this.repeat<ContainerProperty>(() => this.SUBRULE(this.containerProperty));
    return { kind: "container", name, properties, span: this.since(first) };
  });

  /** A block: properties and separators in braces. */
  private repeat<P>(property: () => P): P[] {
    if (!this.RECORDING_PHASE && this.lacksBlock()) return [];
    const open = this.CONSUME(T.BlockOpen);
    if (!this.RECORDING_PHASE) return this.block(open, property);
    this.MANY(() => {
      this.OR<unknown>([{ ALT: () => this.CONSUME(T.Separator) }, { ALT: property }]);
    });
    this.CONSUME(T.BlockClose);
    return RECORDED;
  }

  /** The policy's statements, or at least those of one chunk. */
  protected readonly wholePolicy = this.RULE("wholePolicy", () => {
    if (!this.RECORDING_PHASE) return this.everyStatement(() => this.SUBRULE(this.statement));
    this.MANY(() => {
      this.OR<unknown>([{ ALT: () => this.CONSUME(T.Separator) }, { ALT: () => this.SUBRULE(this.statement) }]);
    });
  });
}
