/** Addresses between text and bytes, by the libc: so the text is what every other tool prints. */
import { type SystemCalls, systemCalls, unavailable } from "./ffi.js";
import { AF } from "./rtnetlink.js";

export interface RawAddress {
  /** AF_INET or AF_INET6. */
  readonly family: number;
  /** 4 or 16. */
  readonly bytes: Buffer;
}

const scratch = Buffer.alloc(64);

function calls(): SystemCalls {
  const found = systemCalls();
  if (found === undefined) throw new Error(unavailable());
  return found;
}

/** Undefined when `text` is no address. */
export function parseRaw(text: string): RawAddress | undefined {
  const family = text.includes(":") ? AF.INET6 : AF.INET;
  const bytes = Buffer.alloc(family === AF.INET ? 4 : 16);
  return calls().inet_pton(family, Buffer.from(`${text}\0`), bytes) === 1 ? { family, bytes } : undefined;
}

/** The bytes from `start` to `end`. */
export function formatRaw(bytes: Buffer, start: number, end: number): string {
  if (end - start === 4) return `${bytes[start]}.${bytes[start + 1]}.${bytes[start + 2]}.${bytes[start + 3]}`;
  if (end - start !== 16) throw new Error(`no address has ${end - start} bytes`);
  calls().inet_ntop(AF.INET6, bytes.subarray(start, end), scratch, scratch.length);
  return scratch.toString("latin1", 0, scratch.indexOf(0));
}

/** `02:42:…`, of any length. Undefined when it isn't one. */
export function parseMac(text: string): Buffer | undefined {
  return /^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(text) ? Buffer.from(text.replaceAll(":", ""), "hex") : undefined;
}

export function formatMac(bytes: Buffer, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += (at === start ? "" : ":") + HEX[bytes[at] as number];
  return text;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
