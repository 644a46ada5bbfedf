/**
 * A process that sends and receives on its own, for traffic that nobody asks for: data from a server's side, datagrams
 * without an answer, streams that run while something else happens. Started in a place; takes one JSON question a
 * connection on a socket file and gives one JSON answer. Plain JavaScript, so that it starts in 40 ms.
 */
import dgram from "node:dgram";
import net from "node:net";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";

/** By name: what can send, and what it has received (datagrams, or chunks that end in a newline). */
const ends = new Map();

const operations = {
  /** Accepts TCP connections; `send` writes to all of them. */
  accept({ name, port }) {
    const sockets = new Set();
    const end = { received: 0, sent: 0, closed: 0, send: (text) => sockets.forEach((socket) => socket.write(text)) };
    const server = net.createServer((socket) => {
      sockets.add(socket);
      attach(socket, end);
      socket.on("close", () => sockets.delete(socket));
    });
    ends.set(name, end);
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: "::" }, () => resolve(undefined));
    });
  },
  connect({ name, address, port, from, fromPort }) {
    const socket = net.connect({ host: address, port, localAddress: from, localPort: fromPort });
    const end = { received: 0, sent: 0, closed: 0, send: (text) => socket.write(text) };
    ends.set(name, end);
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        attach(socket, end);
        resolve(undefined);
      });
    });
  },
  /** A datagram socket; `send` goes to `address` and `port`, or to whoever was heard last. */
  datagrams({ name, family, port, address, toPort }) {
    const socket = dgram.createSocket({ type: `udp${family}`, ipv6Only: family === 6 });
    const to = { address, port: toPort };
    const end = { received: 0, sent: 0, closed: 0, last: "" };
    end.send = (text) => to.address !== undefined && socket.send(text, to.port, to.address, () => undefined);
    socket.on("message", (data, from) => {
      end.received++;
      end.last = String(data);
      if (address === undefined) Object.assign(to, { address: from.address, port: from.port });
    });
    socket.on("error", () => undefined);
    ends.set(name, end);
    return new Promise((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port ?? 0, () => resolve(socket.address().port));
    });
  },
  send({ name, text }) {
    const end = ends.get(name);
    end.sent++;
    end.send(`${text ?? "x"}\n`);
  },
  /** Sends every `every` milliseconds until `stop`, which answers how often. */
  start({ name, every }) {
    const end = ends.get(name);
    end.timer = setInterval(() => {
      end.sent++;
      end.send("x\n");
    }, every);
  },
  stop({ name }) {
    clearInterval(ends.get(name).timer);
    return ends.get(name).sent;
  },
  look({ name }) {
    const { received, sent, closed, last } = ends.get(name);
    return { received, sent, closed, last };
  },
};

function attach(socket, end) {
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  socket.on("data", (data) => {
    end.last = String(data);
    for (const byte of data) if (byte === 10) end.received++;
  });
  socket.on("close", () => end.closed++);
}

net
  .createServer((socket) => {
    socket.once("data", (data) => {
      const { op, ...args } = JSON.parse(String(data));
      Promise.resolve()
        .then(() => operations[op](args))
        .then(
          (result) => socket.end(JSON.stringify({ result })),
          (error) => socket.end(JSON.stringify({ error: String(error.stack ?? error) })),
        );
    });
  })
  .listen(process.argv[2], () => process.stdout.write("ready\n"));
