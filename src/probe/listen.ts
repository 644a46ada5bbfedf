/** The answering side of a prober. */
import { createSocket } from "node:dgram";
import { createServer, type Socket as Connection } from "node:net";
import { greeting, type Socket, type Unopened } from "./protocol.js";

/** Opens sockets that answer; returns those that couldn't be opened. They close with the process. */
export async function listen(name: string, sockets: readonly Socket[]): Promise<Unopened[]> {
  const results = await Promise.allSettled(
    sockets.map((socket) => (socket.proto === "tcp" ? listenTcp(name, socket) : listenUdp(name, socket))),
  );
  return results.flatMap((result, i) => {
    const socket = sockets[i] as Socket;
    return result.status === "fulfilled" ? [] : [{ socket, message: (result.reason as Error).message }];
  });
}

function listenTcp(name: string, { address, port }: Socket): Promise<void> {
  const server = createServer((connection) => greetTcp(name, connection));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, ipv6Only: address.includes(":"), backlog: 4096 }, () => resolve());
  });
}

/** Answers the first line. */
function greetTcp(name: string, connection: Connection): void {
  const peer = plain(connection.remoteAddress ?? "");
  let text = "";
  connection.on("error", () => undefined);
  connection.setTimeout(5000, () => connection.destroy());
  connection.on("data", (chunk) => {
    text += chunk.toString();
    const [nonce, rest] = text.split("\n", 2);
    if (rest !== undefined) connection.end(greeting(nonce ?? "", name, peer));
    else if (text.length > 200) connection.destroy();
  });
}

function listenUdp(name: string, { address, port }: Socket): Promise<void> {
  const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4", ipv6Only: address.includes(":") });
  socket.on("message", (message, from) => {
    const nonce = message.toString().split("\n", 1)[0] ?? "";
    socket.send(greeting(nonce, name, plain(from.address)), from.port, from.address, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeListener("error", reject);
      // An ICMP error about an answer that nobody waited for.
      socket.on("error", () => undefined);
      resolve();
    });
  });
}

/** Without the zone of a link-local address. */
function plain(address: string): string {
  return address.replace(/%.*/, "");
}
