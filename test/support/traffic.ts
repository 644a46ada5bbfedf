/** A lab's long-lived flows: who asks, who serves, and whether they hear each other. */
import type { Host, Place } from "../kernel/lab.js";
import { until } from "../security/place.js";
import { Streams } from "./streams.js";

/** One end asks, the other serves; each sends when told, whether the other has or not. */
export interface Flow {
  readonly name: string;
  readonly client: Streams;
  readonly server: Streams;
  /** Names of the ends there. */
  readonly ends: { readonly client: string; readonly server: string };
}

/** A lab's long-lived traffic. */
export class Traffic {
  private readonly host: Host;
  private readonly places = new Map<Place, Streams>();
  private count = 0;

  constructor(host: Host) {
    this.host = host;
  }

  async in(place: Place): Promise<Streams> {
    const known = this.places.get(place);
    if (known !== undefined) return known;
    const streams = await Streams.start(this.host, place);
    this.places.set(place, streams);
    return streams;
  }

  /** Opens a flow of its own to `port` of `address`, which `to` serves on `inner`. */
  async open(
    protocol: "tcp" | "udp",
    from: Place,
    to: Place,
    address: string,
    port: number,
    inner = port,
  ): Promise<Flow> {
    const [client, server] = [await this.in(from), await this.in(to)];
    const id = ++this.count;
    const ends = { client: `client ${id}`, server: `server ${id}` };
    const family = address.includes(":") ? 6 : 4;
    if (protocol === "tcp") {
      await server.accept(ends.server, inner);
      await client.connect(ends.client, address, port);
    } else {
      await server.datagrams(ends.server, family, { port: inner });
      await client.datagrams(ends.client, family, { address, toPort: port });
    }
    const short = (place: Place) => (place === undefined ? "host" : (place.split("/").pop() ?? ""));
    const flow = { name: `${protocol} ${short(from)} -> ${address} ${port}`, client, server, ends };
    await alive([flow]);
    return flow;
  }
}

/** Asserts that both ends of these hear each other, the server's first word unasked. */
export async function alive(flows: readonly Flow[]): Promise<void> {
  for (const { name, client, server, ends } of flows) {
    // A datagram socket learns from the first whom to answer.
    const heard = (await server.look(ends.server)).received;
    await client.send(ends.client);
    await until(`${name}: the server hears the client`, async () => (await server.look(ends.server)).received > heard);
    const before = (await client.look(ends.client)).received;
    await server.send(ends.server);
    await until(`${name}: the client hears the server`, async () => (await client.look(ends.client)).received > before);
  }
}
