/**
 * The least that an edit of one element takes here: the same two messages as an update's commit sends, encoded beforehand, to
 * a set of as many elements in a namespace of its own, and the kernel's acknowledgement.
 */
import type { Set } from "../src/backend/nftables/ruleset.js";
import { encodeElements, encodeSingle } from "../src/backend/nftables/wire/elements.js";
import { Batch } from "../src/backend/nftables/wire/encode.js";
import { addressOf, another, statement, type Tuple, tuples } from "../src/measure/workload.js";
import { parseAddress } from "../src/net/address.js";
import { Encoder } from "../src/system/netlink/encoder.js";
import { NetlinkSocket, PROTOCOL } from "../src/system/netlink/socket.js";
import { createNetns, removeNetns } from "../src/system/netns.js";

const PATH = "/run/tsnet-bench-limit";
const TABLE = { family: "inet", name: "limit" } as const;
const TYPE: Set["type"] = ["ipv4_addr", "ipv4_addr", "inet_proto", "inet_service"];
const TCP = 6;

const numberOf = (address: string): number => parseAddress(address)?.value as number;

const keyOf = ({ source, container, port }: Tuple): number[] => [
  numberOf(source),
  numberOf(addressOf(container)),
  TCP,
  port,
];

export class Limit {
  private readonly socket = new NetlinkSocket(PROTOCOL.NETFILTER, PATH);
  private readonly edits: readonly [Encoder, Encoder];
  private count = 0;

  private constructor(all: readonly Tuple[]) {
    // The first edit takes away what is there.
    const elements = [...all, another(1)].map((tuple) => {
      const text = statement(tuple);
      return { key: keyOf(tuple), from: [{ index: 0, id: text, text, span: undefined as never }] };
    });
    const set: Set = { name: "allow", type: TYPE, interval: false, elements, comment: "" };
    const first = new Batch();
    first.begin();
    first.addTable(TABLE);
    first.addSet(TABLE, set);
    first.elements("add", TABLE, set.name, encodeElements(set));
    first.end();
    this.socket.commit(first.encoder);
    const [a, b] = [another(1), another(2)];
    this.edits = [editOf(a, b), editOf(b, a)];
  }

  static async begin(count: number): Promise<Limit> {
    await createNetns(PATH);
    return new Limit(tuples(count));
  }

  /** How long each of so many edits takes, in microseconds. */
  block(edits: number): number[] {
    const times: number[] = [];
    for (let i = 0; i < edits; i++) {
      const edit = this.edits[this.count++ % 2] as Encoder;
      const started = performance.now();
      this.socket.commit(edit);
      times.push((performance.now() - started) * 1000);
    }
    return times;
  }

  async end(): Promise<void> {
    this.socket.close();
    await removeNetns(PATH);
  }
}

/** One element less and one more, as an update has them. */
function editOf(remove: Tuple, add: Tuple): Encoder {
  const batch = new Batch(new Encoder(1 << 12));
  const to = new Encoder(1 << 10);
  encodeSingle(to, TYPE, keyOf(remove), undefined);
  const between = to.length;
  encodeSingle(to, TYPE, keyOf(add), statement(add));
  batch.begin();
  batch.elements("delete", TABLE, "allow", { bytes: to.bytes, offsets: [0, between] });
  batch.elements("add", TABLE, "allow", { bytes: to.bytes, offsets: [between, to.length] });
  batch.end();
  return batch.encoder;
}
