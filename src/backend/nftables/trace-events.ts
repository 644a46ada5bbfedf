/** Reads what `nft -a monitor trace` says, a line an event (nft(8), MONITOR). Pure. */
import { type Address, parseAddress } from "../../net/address.js";

/** A packet as it enters a base chain. */
export interface TracedPacket {
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly mac: string | undefined;
  readonly source: Address;
  readonly destination: Address;
  /** IP protocol number; undefined where nft names one that we don't know. */
  readonly protocol: number | undefined;
  readonly port: number | undefined;
  readonly sourcePort: number | undefined;
  /** nft's words: `syn`, `syn,ack`. */
  readonly flags: string | undefined;
  readonly icmpType: string | undefined;
}

export interface TraceEvent {
  /** The packet's, the same at every hook; the kernel gives it to a later packet again (trace-passes.ts). */
  readonly id: string;
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly about:
    | { readonly kind: "packet"; readonly packet: TracedPacket | undefined }
    | { readonly kind: "rule"; readonly rule: string; readonly handle: number | undefined; readonly verdict: string }
    /** The end of a base chain, or of one that returns. */
    | { readonly kind: "policy" | "return"; readonly verdict: string };
}

const LINE = /^trace id ([0-9a-f]+) (\w+) (\S+) (\S+) (packet:|rule|policy|verdict|unknown) ?(.*)$/;

/** Undefined for anything that is no event. */
export function readTraceLine(line: string): TraceEvent | undefined {
  const [, id, family, table, chain, kind, rest = ""] = LINE.exec(line.trim()) ?? [];
  if (id === undefined || family === undefined || table === undefined || chain === undefined) return undefined;
  const common = { id, family, table, chain };
  switch (kind) {
    case "packet:":
      return { ...common, about: { kind: "packet", packet: readPacket(rest) } };
    case "rule": {
      const found = /^(.*?)(?: # handle (\d+))? \(verdict ([^()]*)\)$/.exec(rest);
      const [, rule = rest, handle, verdict = "continue"] = found ?? [];
      return {
        ...common,
        about: { kind: "rule", rule, handle: handle === undefined ? undefined : Number(handle), verdict },
      };
    }
    case "policy":
      return { ...common, about: { kind: "policy", verdict: rest.trim() } };
    default:
      return { ...common, about: { kind: "return", verdict: rest.trim() } };
  }
}

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  sctp: 132,
};

/** The lowest bits of TCP's flags, in their order. */
const FLAGS = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];

/** nft 1.0.6 writes several flags as a number, unless they are those of a handshake. */
function flagWords(text: string | undefined): string | undefined {
  if (text === undefined || !/^0x[0-9a-f]+$/.test(text)) return text;
  return FLAGS.filter((_, bit) => (Number(text) & (1 << bit)) !== 0).join(",");
}

function readPacket(text: string): TracedPacket | undefined {
  const word = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
  const number = (pattern: RegExp): number | undefined => {
    const found = word(pattern);
    return found === undefined ? undefined : Number(found);
  };
  const source = parseAddress(word(/\bip6? saddr (\S+)/) ?? "");
  const destination = parseAddress(word(/\bip6? daddr (\S+)/) ?? "");
  if (source === undefined || destination === undefined) return undefined;
  const protocol = word(/\bip protocol (\S+)/) ?? word(/\bip6 nexthdr (\S+)/) ?? "";
  return {
    input: word(/\biif "([^"]*)"/),
    output: word(/\boif "([^"]*)"/),
    mac: word(/\bether saddr (\S+)/),
    source,
    destination,
    protocol: /^\d+$/.test(protocol) ? Number(protocol) : PROTOCOLS[protocol],
    port: number(/\b(?:tcp|udp|sctp|th) dport (\d+)/),
    sourcePort: number(/\b(?:tcp|udp|sctp|th) sport (\d+)/),
    flags: flagWords(word(/\btcp flags == (\S+)/)),
    icmpType: word(/\bicmp(?:v6)? type (\S+)/),
  };
}
