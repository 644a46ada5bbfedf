/**
 * The proof: what a ruleset does with every packet against what the policy says of it.
 *
 * The ruleset is run over boxes of packets (boxes.ts), which ends in a partition of all packets of a zone, family and
 * protocol. Each part is cut wherever a statement or a default of the policy tells its packets apart, and the evaluator
 * is asked about one packet of each piece. So every packet is covered, and the work grows with what the ruleset and the
 * policy distinguish. Ends are cut at every boundary in either.
 */
import type { Box, Reading, RulePlace } from "../backend/nftables/box.js";
import { BoxInterpreter } from "../backend/nftables/boxes.js";
import type { Ruleset } from "../backend/nftables/ruleset.js";
import { Universe } from "../backend/nftables/universe.js";
import { ends } from "../ir/classes.js";
import { endpointAt, type End } from "../ir/evaluate.js";
import { ANY, anywhere } from "../ir/peers.js";
import type { Endpoint, PeerSet, Policy, Zone } from "../ir/policy.js";
import { type Address, type Family, FAMILIES, isLoopback, sameAddress, single } from "../net/address.js";
import { ICMP, PORTED, protocolIn } from "../net/ports.js";
import { Judge } from "./judge.js";
import type { Met } from "./altered.js";
import { type Difference, type Judged, numberOf } from "./pieces.js";

export type { Difference } from "./pieces.js";

export interface Proof {
  /** Parts into which all packets were cut and that were asked about. */
  readonly classes: number;
  /** One for each way in which verdicts differ, each with an example packet. */
  readonly differences: readonly Difference[];
  /** There may be more differences: those that were found were enough. */
  readonly cut: boolean;
}

/** 47 (GRE) stands for every protocol that the language has no word for. */
const OTHER = 47;

export interface ProofOptions {
  readonly reading?: Reading;
  /** The device by which packets from or to an address of the world come or go. */
  readonly deviceOf?: (address: Address) => string | undefined;
  /** What else may become of what meets the known conditions of a rule: where the policy says otherwise it is told as `perhaps`. */
  readonly suspect?: (place: RulePlace) => readonly Judged["verdict"][];
  /** Asked of packets that meet a suspect, what it opens that the policy denies. */
  readonly opening?: (place: RulePlace, met: Met) => Difference | undefined;
  /** After these milliseconds a proof that has failed looks for no further ways in which it fails. */
  readonly patience?: number;
  /** Look at packets to this host that nothing is published for, too. */
  readonly host?: boolean;
}

/** Boxes of one rule that are looked at as suspects, and differences after which it is looked at no further. */
const MOST = 1000;
const ENOUGH = 24;

/** `ruleset` is what the kernel has. Throws where the interpreter doesn't understand it. */
export function prove(policy: Policy, ruleset: Pick<Ruleset, "tables">, options: ProofOptions = {}): Proof {
  const suspects = new Map<unknown, Judged[]>();
  const observe = (by: RulePlace, box: Box): void => {
    const met = suspects.get(by.rule) ?? [];
    if (met.length >= MOST) return;
    for (const verdict of options.suspect?.(by) ?? []) met.push({ box, verdict, by, perhaps: true });
    if (met.length > 0) suspects.set(by.rule, met);
  };
  const interpreter = new BoxInterpreter(ruleset, options.reading, options.suspect && observe);
  const differences = new Map<string, Difference>();
  let classes = 0;
  let cut = false;
  const deadline = options.patience === undefined ? Infinity : performance.now() + options.patience;
  const enough = (): boolean => differences.size > 0 && performance.now() > deadline;
  for (const family of FAMILIES) {
    if (!policy.containers.some((c) => c.endpoints.some((e) => e.addresses.some((a) => a.family === family)))) continue;
    const all = endsOf(policy, family, ruleset);
    for (const entry of ["container", "world", "host"] as const) {
      const [sources, destinations] = [
        sourcesOf(all, entry),
        destinationsOf(policy, all, entry, options.host === true),
      ];
      for (const protocol of [...PORTED, protocolIn(family, ICMP), OTHER]) {
        const universe = new Universe(
          family,
          protocol,
          entry,
          sources.map((end) => ({ value: end.address.value, ...entryOf(policy, end, options) })),
          destinations.map((end) => ({ zone: end.zone, value: end.address.value, ...exitOf(policy, end, options) })),
        );
        const judge = new Judge(policy, universe, sources, destinations, (key, difference) => {
          if (!differences.has(key)) differences.set(key, difference);
        });
        suspects.clear();
        if (enough()) return { classes, differences: [...differences.values()], cut: true };
        interpreter.run(universe, (outcome) => {
          if (enough()) cut = true;
          else judge.judge(outcome);
        });
        for (const met of suspects.values()) {
          const before = differences.size;
          for (const suspect of met) if (differences.size < before + ENOUGH) judge.judge(suspect);
          for (const { by, box } of met) {
            if (by === undefined) continue;
            const key = `opened ${numberOf(by.rule)}`;
            if (differences.get(key)?.becomes !== undefined) continue;
            const opened = options.opening?.(by, { box, sources, destinations, protocol });
            if (opened !== undefined) differences.set(key, opened);
          }
        }
        classes += judge.pieces;
      }
    }
  }
  return { classes, differences: [...differences.values()], cut };
}

function sourcesOf(all: readonly End[], entry: Zone): readonly End[] {
  return all.filter((end) => end.zone === entry && (entry === "host" || !isLoopback(end.address)));
}

/** No packet to a loopback address comes from elsewhere, and what has no container at an end is nobody's business. */
function destinationsOf(policy: Policy, all: readonly End[], entry: Zone, host: boolean): readonly End[] {
  return all.filter(({ zone, address }) => {
    if (isLoopback(address) && (entry !== "host" || zone !== "host")) return false;
    if (entry === "container") return true;
    return zone === "container" || (zone === "host" && (host || policy.publishes.length > 0));
  });
}

/** An end for all addresses that the same intervals of the policy and of the ruleset cover. */
function endsOf(policy: Policy, family: Family, ruleset: Pick<Ruleset, "tables">): End[] {
  // A ruleset may speak of more addresses than a call takes arguments.
  const by: PeerSet[] = policy.rules.flatMap((rule) => [rule.from, rule.to]).concat(boundaries(family, ruleset));
  for (const { from, hostAddress } of policy.publishes) {
    if (from !== undefined) by.push(from);
    if (hostAddress !== undefined) by.push(anywhere(single(hostAddress)));
  }
  by.push(anywhere({ v4: [0x7f000000, 0x7fffffff], v6: [1n, 1n] }));
  return ends(policy, family, ANY, by, true);
}

/** Every interval of addresses that the ruleset speaks of. */
function boundaries(family: Family, { tables }: Pick<Ruleset, "tables">): PeerSet[] {
  const found = new Map<string, PeerSet>();
  const add = (part: unknown): void => {
    const [from, to] =
      typeof part === "object" && part !== null
        ? [(part as { from: unknown }).from, (part as { to: unknown }).to]
        : [part, part];
    if (typeof from !== (family === 4 ? "number" : "bigint")) return;
    const interval = [from, to];
    const set = family === 4 ? { v4: interval as number[], v6: [] } : { v4: [], v6: interval as bigint[] };
    found.set(`${from}-${to}`, anywhere(set));
  };
  const type = family === 4 ? "ipv4_addr" : "ipv6_addr";
  for (const { sets, chains } of tables) {
    for (const set of sets)
      set.type.forEach((one, i) => {
        if (one === type) for (const { key } of set.elements) add(key[i]);
      });
    for (const { rules } of chains)
      for (const { expressions } of rules)
        for (const e of expressions) {
          if (e.kind === "match" && /^(ct original |ct reply )?ip6? /.test(e.key)) add(e.value);
          if (e.kind === "among" && /^(ct original |ct reply )?ip6? /.test(e.key)) e.values.forEach(add);
        }
  }
  return [...found.values()];
}

/** Where packets of an end enter this host. */
function entryOf(policy: Policy, end: End, options: ProofOptions): { device: string | undefined; mac: string } {
  if (end.zone === "world") return { device: options.deviceOf?.(end.address) ?? "uplink", mac: "02:00:00:00:00:01" };
  if (end.zone === "host") return { device: undefined, mac: "00:00:00:00:00:00" };
  const endpoint = endpointOf(policy, end);
  return { device: endpoint.device, mac: endpoint.mac };
}

/** Where packets to an end leave it. */
function exitOf(policy: Policy, end: End, { deviceOf }: ProofOptions): { device?: string } {
  if (deviceOf === undefined || end.zone === "host") return {};
  const device = end.zone === "world" ? deviceOf(end.address) : endpointOf(policy, end).device;
  return device === undefined ? {} : { device };
}

function endpointOf(policy: Policy, { address }: End): Endpoint {
  const endpoint = endpointAt(policy, address)?.container.endpoints.find((e) =>
    e.addresses.some((a) => sameAddress(a, address)),
  );
  if (endpoint === undefined) throw new Error("a container's packet without an endpoint");
  return endpoint;
}
