/** What the parts of lowering share. */
import type { Diagnostics } from "../text/diagnostic.js";
import type { Span } from "../text/source.js";
import type { Origins } from "./origins.js";
import type { Container, Network } from "./policy.js";
import type { Scope } from "./scope.js";
import type { Peers, Value } from "./values.js";

export interface Lowering {
  /** The policy's name. */
  readonly name: string;
  readonly diagnostics: Diagnostics;
  readonly scope: Scope;
  readonly origins: Origins;
  /** Whether statements are missing because they didn't parse: what seems to lack something may not. */
  readonly incomplete: boolean;
  /** A place to report what has none of its own. */
  readonly anywhere: Span;
  /** Filled once containers are lowered; empty before. */
  readonly containers: Map<string, Container>;
  readonly networks: Map<string, Network>;
  /** Containers that are on internal networks only. Filled with `containers`. */
  readonly confined: Set<string>;
  /** Memo of what names stand for. */
  readonly peers: Map<string, Peers | undefined>;
  readonly lets: Map<string, Value | "busy" | "bad">;
}
