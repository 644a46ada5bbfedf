/** Tells packets apart that the kernel gives the same id: it makes ids of where a packet is in memory. */
import type { TraceEvent } from "./trace-events.js";

/** A packet on its way, as far as events have told. */
interface Pass {
  readonly id: string;
  /** Base chains that it has come to. */
  readonly chains: Set<string>;
  /** Hooks that it has left, and where it is now: of routed packets, and of each other family by itself. */
  readonly left: Set<string>;
  readonly at: Map<string, string>;
}

/** Families whose chains hang on the same hooks. */
const ROUTED: ReadonlySet<string> = new Set(["inet", "ip", "ip6"]);

/** Gives every packet an id of its own. */
export class Passes {
  private readonly hookOf: (chain: string) => string | undefined;
  private readonly passes = new Map<string, Pass>();
  private count = 0;

  /** `hookOf`: of a base chain, `FAMILY TABLE CHAIN`. */
  constructor(hookOf: (chain: string) => string | undefined) {
    this.hookOf = hookOf;
  }

  /**
   * The event with its packet's own id. A packet comes to each base chain once, and not to a hook that it has left:
   * on the loopback device too, where it goes from output by postrouting and prerouting to input.
   */
  tell(event: TraceEvent): TraceEvent {
    let pass = this.passes.get(event.id);
    const begins = event.about.kind === "packet";
    const chain = `${event.family} ${event.table} ${event.chain}`;
    const stack = ROUTED.has(event.family) ? "routed" : event.family;
    const hook = `${stack} ${this.hookOf(chain) ?? ""}`;
    if (pass === undefined || (begins && (pass.chains.has(chain) || pass.left.has(hook)))) {
      pass = { id: `${event.id}.${this.count++}`, chains: new Set(), left: new Set(), at: new Map() };
      this.passes.set(event.id, pass);
    }
    if (begins) {
      const before = pass.at.get(stack);
      if (before !== undefined && before !== hook) pass.left.add(before);
      pass.at.set(stack, hook);
      pass.chains.add(chain);
    }
    return { ...event, id: pass.id };
  }

  /** The packet has come to its end: what has its kernel's id from now on is another. */
  end(id: string): void {
    const [kernels = ""] = id.split(".");
    if (this.passes.get(kernels)?.id === id) this.passes.delete(kernels);
  }
}
