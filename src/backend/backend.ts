/**
 * What a backend is to the transaction: a way from a policy to rules in the kernel and back.
 *
 * Everything here is all or nothing for whoever reads the rules, and fails closed for packets under way where a backend
 * can't do better. A backend knows the policy's own rules only; devices, forwarding and records are the transaction's.
 */
import type { PlainPublish } from "../ast/plain-publish.js";
import type { PlainRules } from "../ast/plain-rules.js";
import type { Origin, Policy, Zone } from "../ir/policy.js";
import type { Connection } from "../system/conntrack.js";
import type { Ending } from "../system/ending.js";
import type { Inexpressible } from "./inexpressible.js";

export const BACKENDS = ["nft", "iptables", "ebpf"] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Backend {
  readonly name: BackendName;
  /** Its rules go with the devices that they hang on, and can be put in force only where those are. */
  readonly hangsOnDevices?: boolean;
  /** An approach in a hurry may commit what no packet meets yet: it would be left behind by a process that is killed. */
  readonly beginsAhead?: boolean;
  /** The first statement that it can't carry out exactly. Pure. */
  inexpressible(policy: Policy): Inexpressible | undefined;
  /** Throws `MissingTool` or `Refused`: what this host lacks for it, and how to get it. */
  require(): Promise<void>;
  /** Throws `MissingTool` where what it made couldn't be taken away here: what carries a policy can't be switched then. */
  requireRemoval(): Promise<void>;
  /** What it needs of this host to carry a policy, tried by that policy's own rules in namespaces that end with it. */
  probe(policy: Policy, place: ProbePlace): Promise<Part[]>;
  /**
   * Plans a policy, and finds how the plan stands in the kernel. Changes nothing. `known` is what was remembered of the
   * policy's last commit through this backend.
   */
  approach(policy: Policy, known: Committed | undefined, source?: Source): Promise<Approach>;
  /** Single edits of a policy that is live by this backend; undefined where every edit is an apply. */
  edits?(policy: Policy): Edits | undefined;
  /**
   * Stops the packets of flows, both ways, for their time. Those stopped before go on where `anew` and not named. `doomed`
   * are connections that are cut: a backend that knows connections by itself forgets them.
   */
  stop(policy: Policy, flows: readonly StoppedFlow[], anew: boolean, doomed?: readonly Connection[]): Promise<void>;
  /** Another backend carries the policy too, and it alone from now on: what is taken away piece by piece does no harm then. */
  handOver?(policy: string): Promise<void>;
  /**
   * Takes away what it made of a policy, by name alone; returns what it was, a phrase each. `recorded`: it is on record
   * that what has our names is ours. Changes nothing, and needs no tool, where nothing is there.
   */
  remove(policy: string, recorded: boolean): Promise<string[]>;
  /** Takes away what killed commands left lying about. Only for who holds the lock. */
  tidy(): void;
  /** Lets go of what was begun since others would follow; see `Source`. */
  rest?(): void;
}

/** Where a backend is tried. */
export interface ProbePlace {
  /** False: in a user namespace. */
  readonly privileged: boolean;
  /** What is on record of the policy's last commit through this backend. */
  readonly known?: Committed | undefined;
  /** Tell of everything, where an answer needs only what comes first. */
  readonly all?: boolean;
}

/** One thing that a backend needs of a host, or could make use of. */
export interface Part {
  readonly name: string;
  readonly ok: boolean;
  /** Whether the backend can't carry a policy without it. */
  readonly needed: boolean;
  /** What was found, in a sentence without a full stop. */
  readonly what: string;
  /** How to get it; empty when it is there. */
  readonly mend: string;
}

/** What is remembered of what was committed, to tell without reading whether it still stands. */
export interface Committed {
  /** Of the rules as they were sent; of another kind for each backend and transport. */
  readonly digest: string;
  /** The kernel's, after the commit; undefined where it tells nothing. */
  readonly generation: number | undefined;
}

/** How a plan stands in the kernel, and the way there. */
export interface Approach {
  readonly standing: "absent" | "equal" | "different";
  /** What has a name that the plan needs, and is somebody else's. */
  readonly conflict: { readonly message: string; readonly mend: string } | undefined;
  readonly now: Committed;
  /** Objects that are to be added or deleted; what is replaced as a whole counts as one. */
  readonly objects: number;
  /** Whether the change allows more and nothing less: then no connection is to be cut. */
  readonly loosens: boolean;
  /** Where the change is known element by element: packets that lose an allow or get a deny. */
  readonly tightened?: readonly Covered[] | undefined;
  /** What `commit` would do, a phrase. */
  describe(): string;
  /** Has the kernel check the rules, changing nothing. Throws `Refused`. */
  check(): Promise<void>;
  /**
   * Makes the kernel match. All or nothing; throws `Refused`. Objects that were changed are counted. `meanwhile` is called
   * where a tool is waited for, if one is: for what takes time and changes nothing. `standing` is asked, perhaps more than
   * once, by a backend that knows connections by what it has seen of them itself, where it hasn't carried the policy.
   */
  commit(
    meanwhile?: () => void,
    standing?: () => Promise<readonly Standing[]>,
  ): Promise<Committed & { readonly operations: number }>;
  /**
   * Reads back what was committed; returns the generation at which it was so, undefined where nothing was read. Throws
   * `Refused` where it isn't as it should be.
   */
  verify(): Promise<number | undefined> | number | undefined;
  /** What would change, object by object; `before` is what was committed last, by whose plan what goes away is named. */
  list(before: Policy | undefined): ObjectChange[];
  /** Ends what was begun for the commit, where none comes; else nothing. Throws `Leftover`. */
  abandon?(): Promise<void>;
}

/** What else is known of a plan, which spares reading what the kernel has. */
export interface Source {
  /** What is found will be committed, most likely: what takes long and changes nothing may begin. Then see `abandon`. */
  readonly hurry?: boolean;
  /** Others will follow by this process, through a handle: what spares reading for them may begin. */
  readonly again?: boolean;
  /** Ends tools under way up to what `verify` reads, when the process is told to end. */
  readonly ending?: Ending | undefined;
  /** The policy's texts, as names and digests: a plan is a function of them. */
  readonly texts: readonly string[];
  /** What was committed last: its texts, and what differs where that is plain rules only. */
  readonly last?:
    | {
        readonly texts: readonly string[];
        readonly edit: { readonly removed: PlainRules; readonly added: PlainRules };
      }
    | undefined;
}

/** A table, a set, a chain, a rule or an element; of another backend, what is its like. */
export interface ObjectChange {
  readonly verb: "add" | "change" | "remove";
  /** As `compile` and its source map print it: `inet tsnet-shop allow-port4 { … }`. */
  readonly object: string;
  /** Statements that it comes from. */
  readonly from: readonly Origin[];
}

/** A connection that connection tracking knows and the policy allows. */
export interface Standing {
  readonly connection: Connection;
  /** Where it comes from, and where it goes once it is translated. */
  readonly from: Zone;
  readonly to: Zone;
  /** Where it was sent to. */
  readonly asked: Zone;
  /** Whether one of the policy's own publishes has translated it. */
  readonly published: boolean;
}

/** Packets from one address to another, as they are between the translations. */
export interface Covered {
  /** Addresses as integers. Undefined: from anywhere. */
  readonly source: number | bigint | undefined;
  readonly destination: number | bigint;
  /** 0: any. */
  readonly protocol: number;
  readonly port: number;
}

/** A way for plain rules and publishes to come and go without planning the whole policy. */
export interface Edits {
  /** What an edit comes to; undefined where the whole policy must be planned, be it to say what is wrong. */
  change(removed: PlainRules, added: PlainRules): Edit | undefined;
  /** The same of publishes. Whoever else may hold a host port isn't asked. Absent where every publish is an apply. */
  publishes?(removed: readonly PlainPublish[], added: readonly PlainPublish[]): Edit | undefined;
  /**
   * Commits it if nobody has changed anything since `generation`; returns the generation after it. Throws `Changed`, or
   * `Refused`: no packet is let through then that wasn't before, and the whole policy must be applied.
   */
  commit(edit: Edit, generation: number): number;
  /** Notes what was committed. */
  note(edit: Edit): void;
  /** Nobody edits for a while: hears of what others do from this generation on, up to the next commit. */
  listen?(generation: number): void;
}

export interface Edit {
  /** Packets that lose an allow or get a deny: their connections may be denied now. */
  readonly tightened: readonly Covered[];
  /** Objects that are added or deleted. */
  readonly operations: number;
  /** Where they are: `the ruleset inet tsnet-shop`. */
  readonly place: string;
}

/** A flow whose packets are stopped, until when (milliseconds since 1970). */
export interface StoppedFlow {
  readonly connection: Connection;
  readonly until: number;
}
