/**
 * Records as they are written down: a line of JSON, and behind it the texts of the policy, as they are.
 *
 * Texts are nearly all of a record. To put those of 100,000 statements into JSON and back takes 30 ms, a tenth of the
 * apply that needs them; and who looks at a record finds the policy in it.
 */
import { isAscii } from "node:buffer";

export interface NamedText {
  readonly name: string;
  readonly text: string;
}

/** What a line of JSON says of a text: how many UTF-16 code units of what follows it is, or the text itself. */
type Place = { readonly name: string; readonly length: number } | NamedText;

/** Texts that were encoded last: the records of one apply hold the same. */
let encoded: { readonly texts: readonly string[]; readonly bytes: readonly Buffer[] } | undefined;

/** The record's bytes, in pieces that follow each other; the same whether it was just made or read back. */
export function recordBytes<T extends { readonly files: readonly NamedText[] }>(record: T): Buffer[] {
  const { files: named, ...rest } = record;
  const files = named.map(({ name, text }): Place => (isPlain(text) ? { name, length: text.length } : { name, text }));
  const texts = named.flatMap(({ text }) => (isPlain(text) ? [text] : []));
  const head = Buffer.from(`${JSON.stringify({ ...rest, files })}\n`);
  return [head, ...bytesOf(texts)];
}

function bytesOf(texts: readonly string[]): readonly Buffer[] {
  const isSame = encoded?.texts.length === texts.length && encoded.texts.every((text, i) => text === texts[i]);
  if (encoded === undefined || !isSame) encoded = { texts, bytes: texts.map((text) => Buffer.from(text)) };
  return encoded.bytes;
}

/** Half of a surrogate pair, which a program may pass to the library, has no bytes: JSON escapes it. */
function isPlain(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** The record with its texts. Throws where the bytes are none, or not all of one. */
export function readRecord<T extends { readonly files: readonly NamedText[] }>(bytes: Buffer): T {
  const whole = bytes.toString(isAscii(bytes) ? "latin1" : "utf8");
  const end = whole.indexOf("\n");
  const { files: places, ...rest } = JSON.parse(whole.slice(0, end)) as Omit<T, "files"> & {
    readonly files: readonly Place[];
  };
  let at = end + 1;
  const files = places.map((place): NamedText => {
    if ("text" in place) return place;
    return { name: place.name, text: whole.slice(at, (at += place.length)) };
  });
  if (at !== whole.length) throw new Error("it is cut off, or something is behind it");
  return { ...rest, files } as unknown as T;
}
