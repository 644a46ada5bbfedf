/** Mutated policy texts: what editors, merges and slips make of good ones. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** A small generator (mulberry32), so that a seed gives the same texts everywhere. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

export function corpus(directory = "policies"): string[] {
  return readdirSync(directory).flatMap((name): string[] => {
    const path = join(directory, name);
    if (statSync(path).isDirectory()) return corpus(path);
    return name.endsWith(".tsnet") ? [readFileSync(path, "utf8")] : [];
  });
}

const SNIPPETS = [
  ...["{", "}", '"', "\\", ",", ";", "\n", "#", "->", ":", "::", "/", "-", "[", "]", "=", "\0", "\u{1F600}", "\r", "é"],
  ...["except", "any", "world", "host", "all", "from", "log", "limit 5/second", "icmp", "tcp", "0.0.0.0/0", "::/0"],
  ...["4294967296", "65536", "-1", "1e9", "255.255.255.255", "10.0.0.0/33", "fd00::5:22", "0x10", "a".repeat(300)],
  ...[
    "container x { }",
    "network x { }",
    "let x = x",
    "publish all",
    "publish 1-65535 -> c1",
    "allow any -> any",
    "assert allow any -> any",
  ],
];

/** One mutated text. */
export function mutate(texts: readonly string[], draw: (below: number) => number): string {
  let text = texts[draw(texts.length)] as string;
  for (let n = 1 + draw(6); n > 0; n--) {
    const at = draw(text.length + 1);
    const length = draw(12);
    switch (draw(7)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + length);
        break;
      case 1:
        text = text.slice(0, at) + (SNIPPETS[draw(SNIPPETS.length)] as string) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(draw(256)) + text.slice(at + 1);
        break;
      case 3: {
        const other = texts[draw(texts.length)] as string;
        const from = draw(other.length + 1);
        text = text.slice(0, at) + other.slice(from, from + draw(200)) + text.slice(at);
        break;
      }
      case 4:
        text += text.slice(at, at + length * 10);
        break;
      case 5: {
        const lines = text.split("\n");
        const [a, b] = [draw(lines.length), draw(lines.length)];
        [lines[a], lines[b]] = [lines[b] as string, lines[a] as string];
        text = lines.join("\n");
        break;
      }
      default:
        text = text.slice(0, at) + text.slice(at).replace(/\d+/, String(draw(70000)));
    }
  }
  return text;
}
