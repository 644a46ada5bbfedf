/**
 * Warnings about what a valid policy says in vain: rules that can never decide a packet, publishes that a deny hides,
 * rules on `host` that mean a published port.
 */
import type { Diagnostics } from "../text/diagnostic.js";
import { isEmptySet } from "../net/address.js";
import { protocolName } from "../net/ports.js";
import { advise } from "./advice.js";
import { hiddenPublishes } from "./hidden-publishes.js";
import { reportIdleRules } from "./idle-rules.js";
import type { Policy } from "./policy.js";
import { Published } from "./published.js";

/** Above this many rules only `full` asks of each whether it decides anything. */
const MANY_RULES = 500;
/** And above this many nobody does: a file that a program wrote is not waited half a minute for. */
const MOST_RULES = 50_000;

export interface LintOptions {
  /** Everything, however long the policy is, and what is only worth knowing: for `check`. */
  readonly full?: boolean;
}

export function lint(policy: Policy, diagnostics: Diagnostics, { full = false }: LintOptions = {}): void {
  hiddenPublishes(policy, diagnostics);
  const reported = hostRules(policy, diagnostics);
  if (policy.ruleList.length <= (full ? MOST_RULES : MANY_RULES)) reportIdleRules(policy, diagnostics, reported);
  if (full) advise(policy, diagnostics);
}

/** Reports rules on `host` that mean a published port: they say nothing about it, as the endpoint is the container. Returns their positions. */
function hostRules(policy: Policy, diagnostics: Diagnostics): Set<number> {
  const reported = new Set<number>();
  if (policy.publishes.length === 0) return reported;
  const published = new Published(policy.publishes);
  const rules = policy.ruleList.pick(
    (_, to, isPorted) => isPorted && (typeof to === "number" ? published.isOn(to) : !isEmptySet(to.host)),
  );
  for (const rule of rules) {
    const publish = published.meant(rule);
    if (publish === undefined) continue;
    reported.add(rule.origin.index);
    const port = `${publish.hostPorts[0]}/${protocolName(publish.protocol)}`;
    const name = publish.targets[0]?.container ?? "the container";
    diagnostics.warning(
      "host-rule-on-published",
      rule.origin.span,
      `port ${port} of the host is published, so this says nothing about it`,
      {
        why: "Rules speak of endpoints after translation: the packet's endpoint is the container.",
        help: `speak of the container: ${rule.verb} … -> ${name}:${publish.port}`,
        related: [{ span: publish.origin.span, message: "published here" }],
      },
    );
  }
  return reported;
}
