/** Addresses of this machine. */
import { networkInterfaces } from "node:os";

/** Texts of the addresses of interfaces that are up. */
export function addresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address);
}

/** Texts of the addresses of interfaces that are up, without those that are for the link or the machine alone. */
export function globalAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid, address }) => !internal && !(scopeid ?? 0) && !address.startsWith("169.254."))
    .map(({ address }) => address);
}
