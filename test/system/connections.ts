/** What a test has a lab's host do with its connections. Called by name through `host.call`. */
import { type Connection, deleteConnection, listConnections } from "../../src/system/conntrack.js";
import { chooseTransport, type Transport } from "../../src/system/transport.js";

export const CONNECTIONS = import.meta.url;

/** Of both families, in an order of their own. */
export async function listAll(transport: Transport): Promise<Connection[]> {
  chooseTransport(transport);
  const all = await listConnections([4, 6]);
  return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Deletes the connections of a protocol, twice, and returns how many there were. */
export async function deleteAll(transport: Transport, protocol: number): Promise<number> {
  const doomed = (await listAll(transport)).filter((connection) => connection.protocol === protocol);
  for (const connection of [...doomed, ...doomed]) await deleteConnection(connection);
  return doomed.length;
}
