/**
 * Where an address literal begins and ends.
 *
 * Regular expressions can't count, and telling `c1:22` from `c1::22` takes counting: an IPv6 literal has `::` or
 * exactly seven colons. Whether the value is right (octets, groups, prefix length) is checked in items.ts.
 */

/** No IPv6 literal is longer; the limit keeps the scanner linear on `a:a:a:…`. */
const LONGEST = 64;

const IPV4 = /\d+\.\d+\.\d+\.\d+(?:\/\d+|-\d+\.\d+\.\d+\.\d+)?(?![\w.]|-(?!>))/y;

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
    return found === null ? null : [found[0]];
  }
  if (code !== COLON || (at === offset && text.charCodeAt(at + 1) !== COLON)) return null;
  const end = endOfIpv6(text, offset);
  return end === offset ? null : [text.slice(offset, endOfSuffix(text, end))];
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
  if (!double && colons !== 7) return start;
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
    return to > end + 1 ? to : end;
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
