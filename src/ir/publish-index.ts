/** Finds the publishes that matter to packets of a query, without asking each of all. */
import { single } from "../net/address.js";
import { portSet } from "../net/ports.js";
import type { Query } from "./classes.js";
import { OverlapIndex } from "./overlap-index.js";
import { ANY, HOST, inContainers, NOBODY } from "./peers.js";
import { addressesIn } from "./own.js";
import { insidePorts, type Publish } from "./policy.js";

/** A publish as who may be asked for it: this host at its host ports, or its containers at theirs. */
type Asked = Query & { readonly at: number };

export class PublishIndex {
  private readonly publishes: readonly Publish[];
  /** Made when somebody asks. */
  private asked: OverlapIndex<Asked> | undefined;

  constructor(publishes: readonly Publish[]) {
    this.publishes = publishes;
  }

  /**
   * Those through which a packet may come to a destination of the query, and those that lead packets to it elsewhere; in
   * the policy's order.
   */
  concerning({ to, ports }: Pick<Query, "to" | "ports">): Publish[] {
    if (this.publishes.length === 0) return [];
    this.asked ??= new OverlapIndex(this.publishes.flatMap(waysOf));
    const found = new Set(this.asked.overlapping({ from: ANY, to, ports }).map(({ at }) => at));
    return [...found].sort((a, b) => a - b).map((at) => this.publishes[at] as Publish);
  }
}

function waysOf(publish: Publish, at: number): Asked[] {
  const { hostAddress, protocol, hostPorts, targets } = publish;
  const host = hostAddress === undefined ? HOST : { ...NOBODY, host: single(hostAddress) };
  return [
    { at, from: ANY, to: inContainers(addressesIn(targets)), ports: portSet(protocol, insidePorts(publish)) },
    { at, from: ANY, to: host, ports: portSet(protocol, hostPorts) },
  ];
}
