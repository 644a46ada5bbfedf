/** The grammar of what stands inside the blocks of networks and containers. */
import type { Token } from "./token.js";
import type { ContainerProperty, Item, Literal, NetworkProperty } from "../src/ast/nodes.js";
import { requireNoGap, requireWord } from "./checks.js";
import { ConnectionGrammar } from "./connections.js";
import { addressOf, envOf, nameOf, numberOf, spanOf } from "./items.js";
import { SyntaxProblem } from "./problem.js";
import * as T from "./tokens.js";
import { PORTS, RECORDED } from "./values.js";

export abstract class PropertyGrammar extends ConnectionGrammar {
  // Networks ---------------------------------------------------------------------------------------------------------

  protected readonly networkProperty = this.RULE("networkProperty", (): NetworkProperty =>
    this.OR<NetworkProperty>([
      { ALT: () => this.SUBRULE(this.driver) },
      { ALT: () => this.SUBRULE(this.subnet) },
      { ALT: () => this.SUBRULE(this.gateway) },
      { ALT: () => this.SUBRULE(this.icc) },
      { ALT: () => this.internal() },
      { ALT: () => this.SUBRULE(this.masquerade) },
      { ALT: () => this.SUBRULE(this.mtu) },
      { ALT: () => this.SUBRULE(this.bridge) },
    ]),
  );

  private readonly driver = this.RULE("driver", (): NetworkProperty => {
    const first = this.CONSUME(T.Driver);
    const driver = this.nameNode(this.CONSUME(T.AnyName));
    const parent = this.OPTION(() => this.nameNode(this.CONSUME2(T.AnyName)));
    if (this.RECORDING_PHASE) return RECORDED;
    requireWord("driver", "unknown-driver", driver.text, driver.span);
    return { kind: "driver", driver, parent, span: this.since(first) };
  });

  private readonly subnet = this.RULE("subnet", (): NetworkProperty => {
    const first = this.CONSUME(T.Subnet);
    const item = this.addressItem(this.CONSUME(T.Address));
    if (this.RECORDING_PHASE) return RECORDED;
    if (item.kind === "cidr") {
      return { kind: "subnet", address: item.address, length: item.length, span: this.since(first) };
    }
    throw new SyntaxProblem("not-a-prefix", item.span, "a subnet needs a prefix length", {
      why: "a subnet is an address and the number of bits that its addresses share",
      help: "put the length behind the address, as in 172.17.0.0/16",
    });
  });

  private readonly gateway = this.RULE("gateway", (): NetworkProperty => {
    const first = this.CONSUME(T.Gateway);
    const address = this.plainAddress(this.CONSUME(T.Address));
    return this.RECORDING_PHASE ? RECORDED : { kind: "gateway", address, span: this.since(first) };
  });

  private internal(): NetworkProperty {
    const first = this.CONSUME(T.Internal);
    return { kind: "internal", span: this.since(first) };
  }

  private readonly masquerade = this.RULE("masquerade", (): NetworkProperty => {
    const first = this.CONSUME(T.Masquerade);
    const on = this.SUBRULE(this.onOff);
    return { kind: "masquerade", on, span: this.since(first) };
  });

  private readonly mtu = this.RULE("mtu", (): NetworkProperty => {
    const first = this.CONSUME(T.Mtu);
    const number = this.CONSUME(T.NumberWord);
    if (this.RECORDING_PHASE) return RECORDED;
    return { kind: "mtu", value: numberOf(this.file, number, "mtu"), span: this.since(first) };
  });

  private readonly bridge = this.RULE("bridge", (): NetworkProperty => {
    const first = this.CONSUME(T.Bridge);
    const name = this.nameNode(this.CONSUME(T.AnyName));
    return { kind: "bridge", name, span: this.since(first) };
  });

  /** One address, and neither a CIDR nor a range. */
  private plainAddress(token: Token): Literal {
    if (this.RECORDING_PHASE) return RECORDED;
    const item = addressOf(this.file, token);
    if (item.kind === "address") return { text: item.text, span: item.span };
    const text = item.kind === "cidr" ? item.address : (item as Item & { kind: "range" }).from;
    throw new SyntaxProblem("not-an-address", item.span, `${token.image} is more than one address`, {
      why: item.kind === "cidr" ? "the prefix length belongs to the network's subnet" : "one address is meant here",
      help: `leave one address, such as ${text}`,
      mends: [{ start: token.startOffset, end: token.startOffset + token.image.length, text }],
    });
  }

  // Containers -------------------------------------------------------------------------------------------------------

  protected readonly containerProperty = this.RULE("containerProperty", (): ContainerProperty =>
    this.OR<ContainerProperty>([
      { ALT: () => this.SUBRULE(this.endpoint) },
      { ALT: () => this.SUBRULE(this.expose) },
      { ALT: () => this.env() },
      { ALT: () => this.SUBRULE(this.publish) },
      { ALT: () => this.SUBRULE(this.link, { ARGS: [true] }) },
      { ALT: () => this.SUBRULE(this.mode) },
      { ALT: () => this.SUBRULE(this.netns) },
      { ALT: () => this.SUBRULE(this.pid) },
    ]),
  );

  private readonly endpoint = this.RULE("endpoint", (): ContainerProperty => {
    const first = this.CONSUME(T.Network);
    const network = this.nameNode(this.CONSUME(T.AnyName));
    const ips: Literal[] = [];
    const macs: Literal[] = [];
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(T.Ip);
            ips.push(this.plainAddress(this.CONSUME(T.Address)));
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.MacWord);
            const token = this.CONSUME(T.Mac);
            if (!this.RECORDING_PHASE) macs.push({ text: token.image, span: spanOf(this.file, token) });
          },
        },
      ]);
    });
    return { kind: "endpoint", network, ips, macs, span: this.since(first) };
  });

  private readonly expose = this.RULE("expose", (): ContainerProperty => {
    const first = this.CONSUME(T.Expose);
    const ports = this.SUBRULE(this.list, PORTS);
    return { kind: "expose", ports, span: this.since(first) };
  });

  private env(): ContainerProperty {
    const token = this.CONSUME(T.EnvEntry);
    return this.RECORDING_PHASE ? RECORDED : envOf(this.file, token);
  }

  private readonly mode = this.RULE("mode", (): ContainerProperty => {
    const first = this.CONSUME(T.Mode);
    const word = this.CONSUME(T.Name);
    const other = this.OPTION(() => {
      const colon = this.CONSUME(T.Colon);
      const name = this.CONSUME2(T.AnyName);
      if (!this.RECORDING_PHASE) requireNoGap(this.file, word, colon, name);
      return this.nameNode(name);
    });
    if (this.RECORDING_PHASE) return RECORDED;
    const mode = nameOf(this.file, word);
    requireWord("mode", "unknown-mode", mode.text, mode.span);
    if ((mode.text === "container") !== (other !== undefined)) {
      throw new SyntaxProblem(
        "unknown-mode",
        this.since(word),
        other === undefined ? "'mode container' needs the other container" : `'mode ${mode.text}' takes no name`,
        {
          why: "only 'mode container' refers to another container, and shares that one's sandbox",
          help: other === undefined ? "name it behind a ':', as in mode container:c1" : `write mode ${mode.text}`,
        },
      );
    }
    return { kind: "mode", mode, other, span: this.since(first) };
  });

  private readonly netns = this.RULE("netns", (): ContainerProperty => {
    const first = this.CONSUME(T.Netns);
    const path = this.nameNode(this.CONSUME(T.Quoted));
    return { kind: "netns", path, span: this.since(first) };
  });

  private readonly pid = this.RULE("pid", (): ContainerProperty => {
    const first = this.CONSUME(T.Pid);
    const number = this.CONSUME(T.NumberWord);
    if (this.RECORDING_PHASE) return RECORDED;
    return { kind: "pid", value: numberOf(this.file, number, "process id"), span: this.since(first) };
  });
}
