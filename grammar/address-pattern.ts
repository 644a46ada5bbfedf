/**
 * Where an address literal begins and ends.
 *
 * Regular expressions can't count, and telling `c1:22` from `c1::22` takes counting: an IPv6 literal has `::` or
 * seven colons (six before an IPv4 address at its end). What has four or more is nothing else, and read as one word.
 * Whether the value is right (octets, groups, prefix length) is checked in items.ts.
 */

/** No IPv6 literal is longer; the limit keeps the scanner linear on `a:a:a:…`. */
const LONGEST = 64;

const IPV4 = /\d+\.\d+\.\d+\.\d+(?:\/\d+|-\d+\.\d+\.\d+\.\d+)?(?![\w.]|-(?!>))/y;

const IPV4_RANGE = /\d+\.\d+\.\d+\.\d+-/y;
const IPV4_END = /\d+\.\d+\.\d+\.\d+(?![\w.]|-(?!>))/y;

/** Colons that no destination with its ports has. */
const MANY_COLONS = 4;

const COLON = 58;
const DOT = 46;
const SLASH = 47;
const MINUS = 45;

/** The literal at `offset`, in the shape that `RegExp.exec` returns. */
export function matchAddress(text: string, offset: number): [string] | null {
  let at = offset;
  let code = text.charCodeAt(at);
  while (isHex(code) && at - offset < LONGEST) code = text.charCodeAt(++at);
  if (code === DOT) {
    IPV4.lastIndex = offset;
    const found = IPV4.exec(text);
    return found === null ? mixedRange(text, offset) : [found[0]];
  }
  if (code !== COLON || (at === offset && text.charCodeAt(at + 1) !== COLON)) return null;
  const end = endOfIpv6(text, offset);
  return end === offset ? null : [text.slice(offset, endOfSuffix(text, end))];
}

/** `10.0.0.1-fd00::1`, which is one wrong word. */
function mixedRange(text: string, offset: number): [string] | null {
  IPV4_RANGE.lastIndex = offset;
  const [low] = IPV4_RANGE.exec(text) ?? [];
  if (low === undefined) return null;
  const start = offset + low.length;
  const end = endOfIpv6(text, start);
  return end === start ? null : [text.slice(offset, end)];
}

/** The end of the IPv6 address at `start`, or `start` when there is none. */
function endOfIpv6(text: string, start: number): number {
  let end = start;
  let colons = 0;
  let double = false;
  for (; end - start < LONGEST; end++) {
    const code = text.charCodeAt(end);
    if (code === COLON) {
      colons++;
      if (end > start && text.charCodeAt(end - 1) === COLON) double = true;
    } else if (code !== DOT && !isHex(code)) break;
  }
  // `[fd00::5]:…` without its brackets, before braces: `fd00::5:{22, 80}`. The last colon is not the address's.
  if (text.charCodeAt(end - 1) === COLON && text.charCodeAt(end - 2) !== COLON) {
    end--;
    colons--;
  }
  if (!double && colons < MANY_COLONS) return start;
  // Swallow what can't follow an address, so that the message shows the whole wrong word.
  if (text.charCodeAt(end) !== COLON) while (isWord(text.charCodeAt(end))) end++;
  return end;
}

/** Past `/64` or `-fd00::9` when one of them follows. */
function endOfSuffix(text: string, end: number): number {
  const code = text.charCodeAt(end);
  if (code === SLASH) {
    let at = end + 1;
    while (isDigit(text.charCodeAt(at))) at++;
    return at > end + 1 && !isWord(text.charCodeAt(at)) ? at : end;
  }
  if (code === MINUS) {
    const to = endOfIpv6(text, end + 1);
    if (to > end + 1) return to;
    IPV4_END.lastIndex = end + 1;
    return IPV4_END.test(text) ? IPV4_END.lastIndex : end;
  }
  return end;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isHex(code: number): boolean {
  return isDigit(code) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
}

function isWord(code: number): boolean {
  return isDigit(code) || (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}
